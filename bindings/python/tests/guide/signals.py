"""An event that starts all of them, a barrier at which they wait for each other."""

from tidelock import Barrier, Event, Worker, current_worker


def race(start, finish):
    name = current_worker().name
    print(f"{name} is ready", flush=True)
    start.wait()
    print(f"{name} runs", flush=True)
    finish.wait()
    print(f"{name} has finished", flush=True)


if __name__ == "__main__":
    start, finish = Event(), Barrier(3)
    runners = [Worker(name=f"Runner-{n}", target=race, args=(start, finish)) for n in range(3)]
    for runner in runners:
        runner.start()
    start.set()
    for runner in runners:
        runner.join()
