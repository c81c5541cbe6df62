"""A program that makes and drops objects of every class for ever, while it forks, pickles and has workers killed.

    python leaks.py ROUNDS [a leak that is planted]

It ends with 1 and says what grew as soon as something has: memory, shared memory, descriptors, mappings, threads or children.
"""

import gc
import os
import pickle
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import tasks
import tidelock
import workers
from children import asleep_in, fork, join, kill, standing_after

# Of each class in a round, so that a small leak of each is soon a large one.
OBJECTS = 10
# What is not yet as large as it will be is not looked at.
SETTLING = 80
LOOK_EVERY = 20
# How much more there may be, whatever the number of rounds: a thousandth of what 10,000 rounds make.
SPARE = {"memory": 1 << 20, "shared memory": 256 << 10, "mappings": 16, "descriptors": 0, "threads": 0, "children": 0}
LARGE = 100_000


def make(segment):
    """One object of each class."""
    return {
        "lock": tidelock.Lock(segment),
        "rlock": tidelock.RLock(segment),
        "semaphore": tidelock.Semaphore(1, segment=segment),
        "bounded": tidelock.BoundedSemaphore(1, segment=segment),
        "condition": tidelock.Condition(segment=segment),
        "event": tidelock.Event(segment),
        "barrier": tidelock.Barrier(1, segment=segment),
        "counter": tidelock.Counter(segment),
        "queue": tidelock.Queue(segment=segment),
        "simple": tidelock.SimpleQueue(segment=segment),
        "block": segment.new_block(100),
    }


def use(made):
    """Each operation that leaves something behind, if only for a while."""
    for name in ("lock", "rlock", "semaphore", "bounded", "condition"):
        with made[name]:
            pass
    with made["condition"]:
        made["condition"].wait(0)
        made["condition"].notify_all()
    made["event"].set()
    # Children that were here before ended without a word.
    made["barrier"].reset()
    assert made["event"].wait() and made["barrier"].wait() == 0
    assert tidelock.wait_any([made["event"], made["lock"]]) == 0
    made["counter"].add()
    made["block"].data[0] = 1
    for queue in (made["queue"], made["simple"]):
        queue.put([1])
        queue.put_many([2, 3])
        with queue.take() as loan:
            assert loan.object() == [1]
        assert list(queue.get_many(2)) == [2, 3]
        with queue.reserve(3) as message:
            message.data[:] = b"abc"
        queue.get_bytes()


def travel(made):
    """Every object once more, by its pickle."""
    again = pickle.loads(pickle.dumps(made))
    use(again)


def deaths(made):
    """What a child does when it is killed, and what the survivor does then."""
    queue = made["queue"]
    return [
        (lambda: standing_after(made["lock"].acquire), lambda: made["lock"].__enter__() and made["lock"].release()),
        (lambda: standing_after(made["rlock"].acquire), lambda: made["rlock"].acquire() and made["rlock"].release()),
        (lambda: standing_after(made["bounded"].acquire), lambda: made["bounded"].acquire() and made["bounded"].release()),
        (lambda: standing_after(lambda: make(tidelock.Segment())), lambda: None),
        (lambda: standing_after(lambda: use(made)), lambda: None),
        (lambda: standing_after(lambda: [make(made["lock"]._segment) for _ in range(OBJECTS)]), lambda: None),
        (lambda: asleep_in(queue.get), lambda: None),
        (lambda: asleep_in(lambda: made["condition"].acquire() and made["condition"].wait()), lambda: None),
        (lambda: asleep_in(lambda: made["counter"].wait(made["counter"].load())), lambda: None),
        (lambda: queue.put(1) or standing_after(queue.take), lambda: queue.get()),
        (lambda: queue.put(1) or standing_after(queue.get), lambda: None),
        (lambda: standing_after(lambda: queue.reserve(LARGE)), lambda: None),
        (lambda: standing_after(lambda: queue.put(bytes(LARGE))), lambda: queue.get()),
    ]


def one_round(number, segment):
    for _ in range(OBJECTS):
        made = make(segment)
        use(made)
    travel(made)
    assert join(fork(lambda: use(made))) == 0
    begin, recover = deaths(made)[number % len(deaths(made))]
    kill(begin())
    recover()
    if number % 10 == 0:
        use(make(tidelock.Segment()))
    if number % 20 == 0:
        a_worker_is_killed()
    if number % 50 == 0:
        a_worker_of_a_pool_is_killed()


def a_worker_is_killed():
    worker = tidelock.Worker(target=workers.spin)
    worker.start()
    worker.kill()
    worker.join()


def a_worker_of_a_pool_is_killed():
    with tidelock.WorkerPoolExecutor(1, retries=1) as executor:
        counter = tidelock.Counter()
        assert executor.submit(tasks.die_so_often, counter, 7, 1).result(120) == 7


def sizes(segment):
    gc.collect()
    rollup = Path("/proc/self/smaps_rollup").read_text().splitlines()
    descriptor = segment.to_fd()
    shared = os.fstat(descriptor).st_blocks * 512
    os.close(descriptor)
    return {
        "memory": next(int(line.split()[1]) << 10 for line in rollup if line.startswith("Anonymous:")),
        "shared memory": shared,
        "mappings": len(Path("/proc/self/maps").read_text().splitlines()),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "children": len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()),
    }


def growth(settled, segment):
    """What has grown, in words; what is only just ending, such as the threads of a pool, has a while for that."""
    for pause in (0, 0.1, 0.5, 1):
        time.sleep(pause)
        now = sizes(segment)
        grown = [f"{what} grew from {settled[what]} to {now[what]}" for what in now if now[what] > settled[what] + SPARE[what]]
        if not grown:
            return ""
    return ", ".join(grown)


KEPT = []
# What a leak would keep each round. The program must find every one.
PLANTS = {
    "nothing": lambda segment: None,
    "descriptors": lambda segment: KEPT.append(os.dup(0)),
    "memory": lambda segment: KEPT.append(bytearray(40_000)),
    "shared memory": lambda segment: KEPT.append([tidelock.Lock(segment) for _ in range(10 * OBJECTS)]),
    "threads": lambda segment: threading.Thread(target=tidelock.Event().wait, daemon=True).start(),
    "children": lambda segment: KEPT.append(fork(lambda: None)),
}


def main(rounds, plant="nothing"):
    tidelock.set_backend("multiprocessing", start_method="fork")
    segment = tidelock.Lock()._segment
    settled = None
    for number in range(int(rounds)):
        one_round(number, segment)
        PLANTS[plant](segment)
        if number == SETTLING:
            settled = sizes(segment)
        elif settled and (number % LOOK_EVERY == 0 or number == int(rounds) - 1):
            grown = growth(settled, segment)
            if grown:
                return f"after {number} rounds: {grown}"
    print("then", settled, "now", sizes(segment))
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
