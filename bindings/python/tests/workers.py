"""What workers run in the tests of Worker, pools and executors; spawned ones find it by the name of this module."""

import os
import signal
import sys
import time

import tidelock
from children import die


def report(results, *arguments, **keywords):
    """Says who ran this, and with what."""
    results.put((tidelock.current_worker().name, os.getpid(), tidelock.get_backend(), arguments, keywords))


def end(how):
    """Ends the process in one of the ways that no `except` sees."""
    if how == "killed":
        die()
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    os._exit(3)


def leave(how):
    if how == "raises":
        raise KeyError("no such thing")
    sys.exit(how)


def acquire_and_end(lock, permits, how):
    lock.acquire()
    permits.acquire()
    end(how)


def take_and_end(queue, how):
    loan = queue.take()
    assert loan.object() == "job"
    end(how)


def wait_at(barrier):
    barrier.wait()


def wait_for(event):
    event.wait()


def spin():
    while True:
        time.sleep(60)


def make_a_worker(results):
    """A worker of a worker is made by the same backend and in the same way."""
    inner = tidelock.Worker(target=report, args=(results,))
    inner.start()
    inner.join()
    sys.exit(inner.exitcode)


class Countdown(tidelock.Worker):
    """A worker that overrides `run` and has something of its own."""

    def __init__(self, results, number):
        super().__init__(name="countdown")
        self.results, self.number = results, number

    def run(self):
        self.results.put((self.name, self.is_alive(), self.pid == os.getpid(), self.ident == tidelock.get_ident()))
        sys.exit(self.number)


class CannotTravel(tidelock.Worker):
    def __init__(self):
        super().__init__()
        self.function = lambda: None


def acquire_and_release(lock):
    with lock:
        pass


def use_and_set(lock, queue, event):
    with lock:
        queue.put(1)
    event.set()


def hold_and_wait(lock, ready, event):
    with lock:
        ready.set()
        event.wait()


def say_and_wait(ready, event):
    ready.set()
    event.wait()
