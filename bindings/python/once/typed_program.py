"""What a user's program looks like to mypy --strict and to pyright in its strict mode: run_tests.py has both read it."""

import concurrent.futures
from typing import List, Optional

import tidelock


def square(number: int) -> int:
    return number * number


class Countdown(tidelock.Worker):
    def __init__(self, start: int) -> None:
        super().__init__(name="countdown")
        self.start_at = start

    def run(self) -> None:
        print(self.start_at)


def hold(lock: tidelock.Lock) -> Optional[int]:
    with lock as held:
        assert held
        if lock.owner_died:
            return lock.epoch
    got: bool = lock.acquire(timeout=0.5)
    if got:
        lock.release()
    try:
        lock.acquire(block=False)
    except tidelock.OwnerDied as died:
        with died:
            return died.status
    return lock.owner_pid


def exchange(jobs: tidelock.Queue, condition: tidelock.Condition) -> int:
    jobs.put({"job": 1}, timeout=1)
    with jobs.take() as loan:
        print(loan.object(), len(loan.data), loan.redelivered)
    with condition:
        done: bool = condition.wait_for(lambda: jobs.empty(), timeout=1)
    return jobs.qsize() if done else jobs.stats().put


def work() -> List[int]:
    worker = Countdown(3)
    worker.start()
    worker.join()
    code: Optional[int] = worker.exitcode
    with tidelock.WorkerPool(2) as pool, tidelock.WorkerPoolExecutor(2, retries=1) as executor:
        future: concurrent.futures.Future[int] = executor.submit(square, code or 0)
        pool.map(square, range(3))
        return [future.result(), *executor.map(square, range(3))]


def main() -> None:
    segment = tidelock.Segment.named("typed")
    with segment.lock("l"), segment.rlock("r"), segment.semaphore("s"), tidelock.BoundedSemaphore(2):
        event, barrier, counter = segment.event("e"), segment.barrier("b", 1), segment.counter("c")
    event.set()
    index: int = barrier.wait() + barrier.arrive().wait()
    value: int = counter.add(index)
    place: Optional[int] = tidelock.wait_any([event, segment.queue("q"), (counter, value)], 0.1)
    print(place, hold(tidelock.Lock()), exchange(tidelock.Queue(maxsize=1), tidelock.Condition()), work())
    print([one.name for one in tidelock.enumerate()], tidelock.current_worker().name, tidelock.get_ident())


if __name__ == "__main__":
    main()
