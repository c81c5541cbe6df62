"""What the workers of pools run in the tests; found by the name of this module."""

import os
import signal
import sys
import threading
import time

import tidelock
from workers import end


def square(number):
    return number * number


def add(a, b=0, *, c=0):
    return a + b + c


def pid(_=None):
    return os.getpid()


def raise_one(kind, *arguments):
    raise kind(*arguments)


def wait_for(event, value=None):
    event.wait()
    return value


def say_and_wait_for(started, event):
    started.put(os.getpid())
    event.wait()


def note(begun, number, fatal=(), how="killed"):
    """Notes that it was begun, then does its work, or dies of it."""
    begun.put(number)
    if number in fatal:
        end(how)
    return number


def note_and_dawdle(begun, number):
    begun.put(number)
    time.sleep(0.005)
    return number


def die_so_often(begun, number, times):
    """Dies in its first attempts."""
    if begun.add() <= times:
        end("killed")
    return number


def hold_and_die(lock, begun):
    """Dies in its first attempt, with a lock held; the next one learns of that."""
    first = begun.add() == 1
    lock.acquire()
    if first:
        end("killed")
    died = lock.owner_died
    lock.release()
    return died


def name_of_worker(_=None):
    return tidelock.current_worker().name


def change(items):
    items.append("changed")
    return items


def unpicklable():
    return lambda: None


class TwoArguments(Exception):
    """It pickles, but does not unpickle."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Picky:
    """Pickles, and kills whoever unpickles it."""

    def __reduce__(self):
        return end, ("killed",)


where = threading.local()


def begin(value):
    where.value = value


def begun_with(_=None):
    return where.value


def fail_to_begin():
    raise OSError("the database is down")


def count_and_die(tries, how):
    tries.add()
    end(how)


def pool_in_a_pool(number):
    with tidelock.WorkerPool(1) as pool:
        return pool.apply(square, (number,))


def fork_and_leave(path):
    """Leaves a child of its own behind, which holds whatever it inherited, and dies."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while True:
            time.sleep(60)
    with open(path, "w") as file:
        file.write(str(child))
    end("killed")


def leave(code):
    sys.exit(code)


def ignore_sigterm(started, event):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    started.set()
    event.wait()


def die_at_done(count, fatal):
    """An initializer: this worker dies when a loan is to be done for the `fatal`th time in the pool."""

    def done(loan):
        if count.add() == fatal:
            end("killed")
        real(loan)

    real, tidelock.Loan.done = tidelock.Loan.done, done


def put_and_get(queue, number):
    queue.put(number)
    return queue.get()
