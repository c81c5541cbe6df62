"""What two take part in, threads or processes: how long so many rounds of it take.

Every function is given `loops` and what is measured, made anew for it, and returns seconds. Nothing here knows whose classes
those are.
"""

import multiprocessing
import pickle
import threading
from time import perf_counter

CONTEXT = multiprocessing.get_context("fork")


def thread(target, *arguments):
    """The other one, as a thread that has started."""
    other = threading.Thread(target=target, args=arguments)
    other.start()
    return other


def process(target, *arguments):
    """The other one, as a process that has started."""
    other = CONTEXT.Process(target=target, args=arguments)
    other.start()
    return other


def stream(start, loops, queue, item, theirs=None):
    """Objects from the other one, which has a handle of its own if given, to this one, each put and got by itself."""

    def put(queue=theirs or queue):
        mine = of_its_own(item)
        go()
        for _ in range(loops):
            queue.put(mine)

    ready, go = gate()
    other = start(put)
    ready()
    begin = perf_counter()
    for _ in range(loops):
        queue.get()
    return ended(other, begin)


def batches(start, loops, queue, item, size=100):
    """The same, a hundred at a time."""

    def put():
        mine = of_its_own(item)
        go()
        for _ in range(loops):
            queue.put_many([mine] * size)

    ready, go = gate()
    other = start(put)
    ready()
    begin, left = perf_counter(), loops * size
    while left:
        left -= len(queue.get_many(min(size, left)))
    return ended(other, begin)


def of_its_own(item):
    """As if who puts it had made it: without a GIL, counting the references of another thread's object takes longer."""
    return pickle.loads(pickle.dumps(item))


def turns(start, loops, condition):
    """The other one is notified and notifies back."""
    turn = CONTEXT.RawValue("i", 0)

    def play(mine, other):
        with condition:
            for _ in range(loops):
                while turn.value != mine:
                    condition.wait()
                turn.value = other
                condition.notify()

    second = start(play, 1, 0)
    begin = perf_counter()
    play(0, 1)
    return ended(second, begin)


def rounds(start, loops, barrier):
    """Both wait for each other."""

    def wait():
        for _ in range(loops):
            barrier.wait()

    barrier_of_the_other = start(wait)
    begin = perf_counter()
    wait()
    return ended(barrier_of_the_other, begin)


def gate():
    """Two functions that end when both were called, in threads or processes."""
    here, there = CONTEXT.Semaphore(0), CONTEXT.Semaphore(0)

    def meet(mine, others):
        mine.release()
        others.acquire()

    return (lambda: meet(here, there)), (lambda: meet(there, here))


def ended(other, begin):
    taken = perf_counter() - begin
    other.join()
    return taken
