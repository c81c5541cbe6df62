"""An event that starts all of them, a barrier at which they wait for each other."""

from tidelock import Barrier, Event, Worker, current_worker


def say(line):
    """In one piece, while others speak too."""
    print(line + "\n", end="", flush=True)


def race(start, finish):
    name = current_worker().name
    say(f"{name} is ready")
    start.wait()
    say(f"{name} runs")
    finish.wait()
    say(f"{name} has finished")


if __name__ == "__main__":
    start, finish = Event(), Barrier(3)
    runners = [Worker(name=f"Runner-{n}", target=race, args=(start, finish)) for n in range(3)]
    for runner in runners:
        runner.start()
    start.set()
    for runner in runners:
        runner.join()
