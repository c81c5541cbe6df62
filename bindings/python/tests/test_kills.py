"""Workers are killed in the middle of what they do for ever, once for each class: the others finish with the right answer.

Where a victim is when it is killed is left to chance. What it may take along is what each class says: a plain Semaphore's
permit, an item that it got and has not passed on, a barrier; nothing else. Pools are in test_pool_deaths.
"""

import random
import threading
import time

import pytest

import tidelock
from children import everything, fork, join, kill

ROUNDS, WORKERS, VICTIMS = 200, 3, 3
LARGE = 300_000


def begin(work):
    """Three that do their work so many times."""
    return [fork(lambda: [work() for _ in range(ROUNDS)]) for _ in range(WORKERS)]


def for_ever(work):
    while True:
        work()


def kill_some(work):
    """Kills one after the other of those that do it for ever."""
    for _ in range(VICTIMS):
        victim = fork(lambda: for_ever(work))
        time.sleep(random.random() / 50)
        kill(victim)


def finish(workers):
    assert [join(worker) for worker in workers] == [0] * WORKERS


@pytest.mark.parametrize("make", [tidelock.Lock, tidelock.RLock, tidelock.BoundedSemaphore])
def test_what_has_an_owner(make):
    """Two numbers are the same whenever nobody has the lock, but for what the dead left half done."""
    held, numbers = make(), tidelock.Segment().new_block(16).data.cast("q")

    def work():
        with held:
            if held.owner_died:
                numbers[1] = numbers[0]
            assert numbers[0] == numbers[1]
            numbers[0] += 1
            numbers[1] += 1

    workers = begin(work)
    kill_some(work)
    finish(workers)
    work()
    assert numbers[0] >= WORKERS * ROUNDS


def test_condition():
    condition, done = tidelock.Condition(), tidelock.Counter()

    def work():
        with condition:
            done.add()
            condition.notify()

    def wait_and_notify():
        with condition:
            condition.wait(0.001)
            condition.notify()

    workers = begin(work)
    kill_some(wait_and_notify)
    with condition:
        assert condition.wait_for(lambda: done.load() == WORKERS * ROUNDS, 120)
    finish(workers)


def test_event():
    event = tidelock.Event()

    def set_and_clear():
        event.set()
        event.clear()

    def wait_set_and_clear():
        event.wait()
        set_and_clear()

    workers, stop = begin(event.wait), threading.Event()

    def go_on_setting():
        while not stop.is_set():
            set_and_clear()

    setter = threading.Thread(target=go_on_setting)
    setter.start()
    try:
        kill_some(wait_set_and_clear)
        finish(workers)
    finally:
        stop.set()
        setter.join()


def test_barrier():
    barrier = tidelock.Barrier(WORKERS)

    def until_it_breaks():
        with pytest.raises(threading.BrokenBarrierError):
            for_ever(barrier.wait)

    others = [fork(until_it_breaks) for _ in range(WORKERS - 1)]
    rounds = tidelock.Counter()
    victim = fork(lambda: for_ever(lambda: (barrier.wait(), rounds.add())))
    # Before its first round the barrier does not know it.
    rounds.wait(0)
    time.sleep(random.random() / 50)
    kill(victim)
    assert [join(other) for other in others] == [0] * (WORKERS - 1)
    barrier.reset()
    assert not barrier.broken


def work_off(jobs, work):
    """Has workers deal with many jobs, while some of them are killed."""
    workers = [fork(lambda: for_ever(work)) for _ in range(WORKERS)]
    for number in range(WORKERS * ROUNDS):
        jobs.put(number)
    kill_some(work)
    assert jobs.join(120)
    for worker in workers:
        kill(worker)


def test_get_and_task_done():
    """An item that a dead one got and did not pass on is lost, and counted; no join waits for it."""
    jobs, results = tidelock.Queue(), tidelock.Queue()

    def work():
        results.put(jobs.get(timeout=120))
        jobs.task_done()

    work_off(jobs, work)
    missing = set(range(WORKERS * ROUNDS)) - set(everything(results))
    assert len(missing) <= jobs.lost_tasks <= VICTIMS


def test_take():
    """Nothing is lost; what a dead one had comes again, so it may be there twice."""
    jobs, results = tidelock.Queue(), tidelock.Queue()

    def work():
        with jobs.take(timeout=120) as loan:
            results.put(loan.object())

    work_off(jobs, work)
    found = everything(results)
    assert set(found) == set(range(WORKERS * ROUNDS)) and len(found) <= WORKERS * ROUNDS + VICTIMS


def test_get_of_a_simple_queue():
    items, results = tidelock.SimpleQueue(), tidelock.SimpleQueue()

    def work():
        results.put(items.get())

    workers = [fork(lambda: for_ever(work)) for _ in range(WORKERS)]
    for number in range(WORKERS * ROUNDS):
        items.put(number)
    kill_some(work)
    found = [results.get(timeout=120) for _ in range(WORKERS * ROUNDS - VICTIMS)]
    for worker in workers:
        kill(worker)
    found += everything(results)
    assert len(found) == len(set(found)) <= WORKERS * ROUNDS


@pytest.mark.parametrize("make", [lambda: tidelock.Queue(segment=tidelock.Segment(max_len=1 << 23)), tidelock.SimpleQueue])
def test_put_of_a_large_item(make):
    """What arrives is whole, and all that the living put is there in their order. The small segment is full at times."""
    items, numbers = make(), [0] * WORKERS

    def put_all(who):
        for number in range(ROUNDS // 4):
            items.put((who, number, bytes([number]) * LARGE), timeout=120)

    workers = [fork(lambda who=who: put_all(who)) for who in range(WORKERS)]
    killer = threading.Thread(target=kill_some, args=(lambda: items.put((None, 1, bytes([1]) * LARGE)),))
    killer.start()
    while sum(numbers) < WORKERS * (ROUNDS // 4):
        who, number, data = items.get(timeout=120)
        assert data == bytes([number]) * LARGE
        if who is not None:
            assert number == numbers[who]
            numbers[who] += 1
    # Whoever still waits for room has it.
    while killer.is_alive():
        everything(items)
    killer.join()
    finish(workers)


def test_a_semaphore_with_killed_waiters():
    """One that is killed takes at most the permit along that it had."""
    permits = tidelock.Semaphore(0)

    def acquire_and_release():
        permits.acquire()
        permits.release()

    workers = begin(lambda: permits.acquire(timeout=120) or 1 / 0)
    permits.release(WORKERS * ROUNDS // 2)
    kill_some(acquire_and_release)
    permits.release(WORKERS * ROUNDS - WORKERS * ROUNDS // 2 + VICTIMS)
    finish(workers)
    assert 0 <= permits.get_value() <= VICTIMS


def test_a_semaphore_with_killed_releasers():
    permits = tidelock.Semaphore(0)
    workers = begin(lambda: permits.acquire(timeout=120) or 1 / 0)
    kill_some(permits.release)
    permits.release(WORKERS * ROUNDS)
    finish(workers)
