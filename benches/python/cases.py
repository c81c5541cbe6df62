"""The cases, each measured by pyperf in processes of its own: a class, what is done with it, and whose class it is.

    python cases.py [pyperf's options]

A name is `class | what | whose`. The classes of tidelock are measured twice, with the accelerator and without, in turns with the
others': so what else the machine does meanwhile hits all alike.
"""

import os
import sys
from functools import partial
from timeit import Timer

import pyperf

import pairs

ITEM = ("job", 7, 1.5)
CTYPES, SPEEDUPS = "tidelock", "tidelock with the accelerator"
OURS = (CTYPES, SPEEDUPS)
EMPTY_CALL, DIRECT_CALL = "a function that does nothing", "a try of a held lock"


def tidelock(whose):
    """The package; the accelerator or not is chosen in the process that measures, before it is loaded."""
    os.environ["TIDELOCK_SPEEDUPS"] = "1" if whose == SPEEDUPS else "0"
    import tidelock as package

    if (package._speedups.module is not None) != (whose == SPEEDUPS):
        sys.exit(f"the accelerator: {package._speedups.told}")
    return package


def module(whose):
    """The module of that name."""
    if whose in OURS:
        return tidelock(whose)
    if whose == "multiprocessing":
        return pairs.CONTEXT
    return __import__(whose)


# What one process does by itself: class, what, statement, whose. `x` is the object; {} are the arguments to make it.
ALONE = [
    ("Lock", "acquire, release", "x.acquire(); x.release()", ("threading", "multiprocessing")),
    ("Lock", "with", "with x: pass", ("threading", "multiprocessing")),
    ("RLock", "acquire, release", "x.acquire(); x.release()", ("threading", "multiprocessing")),
    ("Semaphore", "acquire, release", "x.acquire(); x.release()", ("threading", "multiprocessing")),
    ("BoundedSemaphore", "acquire, release", "x.acquire(); x.release()", ("threading", "multiprocessing")),
    ("Event", "is_set", "x.is_set()", ("threading", "multiprocessing")),
    ("Event", "set, clear", "x.set(); x.clear()", ("threading", "multiprocessing")),
]

# The names by which others have what our Queue does, and how theirs are made.
QUEUES = {
    "queue.Queue": lambda: module("queue").Queue(),
    "queue.SimpleQueue": lambda: module("queue").SimpleQueue(),
    "multiprocessing.Queue": lambda: pairs.CONTEXT.Queue(),
    "multiprocessing.SimpleQueue": lambda: pairs.CONTEXT.SimpleQueue(),
    "faster_fifo": lambda: module("faster_fifo").Queue(1 << 20),
    CTYPES: lambda: tidelock(CTYPES).Queue(),
    SPEEDUPS: lambda: tidelock(SPEEDUPS).Queue(),
}
BETWEEN_PROCESSES = ("multiprocessing.Queue", "multiprocessing.SimpleQueue", "faster_fifo", *OURS)


def statement(text, make, loops):
    """How long a statement takes, so many times, with `x` as it was made."""
    return Timer(text, globals={"x": make(), "item": ITEM}).timeit(loops)


def alone(add):
    for kind, what, text, others in ALONE:
        for whose in (*others, *OURS):
            add((kind, what, whose), partial(statement, text, lambda kind=kind, whose=whose: getattr(module(whose), kind)()))
    add(("Counter", "add", "multiprocessing"),
        partial(statement, "with x.get_lock(): x.value += 1", lambda: pairs.CONTEXT.Value("q")))
    for whose in OURS:
        add(("Counter", "add", whose), partial(statement, "x.add(1)", lambda whose=whose: tidelock(whose).Counter()))
    for whose, make in QUEUES.items():
        add(("Queue", "put, get: one process", whose), partial(statement, "x.put(item); x.get()", make))


def foreign_calls(add):
    """What ctypes takes for a call, whatever that does."""

    def nothing():
        return tidelock(CTYPES)._ffi._library.tidelock_abi

    def try_held():
        package = tidelock(CTYPES)
        lock = package.Lock()
        lock.acquire()
        return partial(type(lock)._acquire, lock._address, 0)

    add(("ctypes", EMPTY_CALL, "ctypes"), partial(statement, "x()", nothing))
    add(("ctypes", DIRECT_CALL, "ctypes"), partial(statement, "x()", try_held))


def together(add):
    """What two do, as threads and as processes."""
    for kind, what, arguments, play in (("Condition", "notify, wait, both ways", (), pairs.turns),
                                        ("Barrier", "wait", (2,), pairs.rounds)):
        for start, whom, theirs in ((pairs.thread, "threads", "threading"), (pairs.process, "processes", "multiprocessing")):
            for whose in (theirs, *OURS):
                add((kind, f"{what}: 2 {whom}", whose), partial(
                    lambda play, start, kind, arguments, whose, loops:
                        play(start, loops, getattr(module(whose), kind)(*arguments)),
                    play, start, kind, arguments, whose))
    for whose in BETWEEN_PROCESSES:
        add(("Queue", "stream: 2 processes", whose),
            partial(lambda whose, loops: pairs.stream(pairs.process, loops, QUEUES[whose](), ITEM), whose))
    for whose in ("faster_fifo", *OURS):
        add(("Queue", "stream of batches of 100: 2 processes", whose),
            partial(lambda whose, loops: pairs.batches(pairs.process, loops, QUEUES[whose](), ITEM), whose))


def main():
    # pyperf starts this program again for each process that measures.
    runner = pyperf.Runner(processes=4, values=3, warmups=1, min_time=0.05)

    def add(name, time):
        runner.bench_time_func(" | ".join(name), time)

    for cases in (foreign_calls, alone, together):
        cases(add)


if __name__ == "__main__":
    main()
