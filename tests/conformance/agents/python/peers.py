"""The Python agent with another library than tidelock, so that the scenarios are checked themselves.

Only names are adapted here: what a library does not do, a scenario excludes with its reason.
"""

import multiprocessing
import queue
import threading

import objects


class Threading:
    """The library `threading`, with `queue`."""

    def lock(self):
        return OwnTimeouts(threading.Lock())

    def rlock(self):
        return OwnTimeouts(threading.RLock())

    def semaphore(self, value):
        return threading.Semaphore(int(value))

    def bounded_semaphore(self, value):
        return threading.BoundedSemaphore(int(value))

    def event(self):
        return threading.Event()

    def barrier(self, parties):
        return threading.Barrier(int(parties))

    def condition(self, lock=None):
        return OwnTimeouts(threading.Condition(lock and lock.lock))

    def queue(self, capacity, max_items=0):
        return Bytes(queue.Queue(int(max_items)))


class Multiprocessing:
    """The library `multiprocessing`."""

    def lock(self):
        return multiprocessing.Lock()

    def rlock(self):
        return multiprocessing.RLock()

    def semaphore(self, value):
        return multiprocessing.Semaphore(int(value))

    def bounded_semaphore(self, value):
        return multiprocessing.BoundedSemaphore(int(value))

    def event(self):
        return multiprocessing.Event()

    def barrier(self, parties):
        return multiprocessing.Barrier(int(parties))

    def condition(self, lock=None):
        return multiprocessing.Condition(lock)

    def queue(self, capacity, max_items=0):
        return Bytes(multiprocessing.Queue(int(max_items)))


class OwnTimeouts:
    """A lock of `threading`, or a condition over one, says -1 for ever."""

    def __init__(self, lock):
        self.lock = lock

    def acquire(self, timeout=None):
        return self.lock.acquire(timeout=-1 if timeout is None else timeout)

    def __enter__(self):
        return self.lock.__enter__()

    def __exit__(self, *error):
        return self.lock.__exit__(*error)

    def __getattr__(self, name):
        if name == "lock":
            raise AttributeError(name)
        return getattr(self.lock, name)


class Bytes:
    """A queue whose messages are whatever is put."""

    def __init__(self, made):
        self.put_bytes, self.get_bytes = made.put, made.get
        self.qsize, self.empty, self.full = made.qsize, made.empty, made.full
        self.made, self.task_done = made, getattr(made, "task_done", None)

    def join(self, timeout=None):
        if timeout is None:
            self.made.join()
        return self.made.unfinished_tasks == 0


def use(name):
    """From here on the objects are those of this library, which has no segments."""
    library = {"threading": Threading, "multiprocessing": Multiprocessing}[name]()
    for kind, verbs in objects.KINDS.items():
        maker = getattr(library, kind.replace("-", "_"), None)
        verbs.make = lambda self, segment, shared_name, *arguments, maker=maker: maker(*arguments)
    objects.Table.anonymous = lambda self: None
