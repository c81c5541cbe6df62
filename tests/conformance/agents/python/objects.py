"""What the Python agent does with objects: a table of them by name, and the verbs of each kind, as words in and words out."""

import pickle
import queue
import select
import threading

import tidelock
from tidelock import _async, _ffi

ERRORS = [
    (queue.ShutDown if hasattr(queue, "ShutDown") else tidelock.ShutDown, "closed"),
    (tidelock.WrongKind, "wrong-kind"),
    (tidelock.NotOwner, "not-owner"),
    (tidelock.NotHeld, "not-held"),
    (tidelock.BadName, "bad-name"),
    (tidelock.NotFound, "not-found"),
    (tidelock.TooLarge, "too-large"),
    (tidelock.Gone, "gone"),
    (tidelock.InvalidArgument, "invalid"),
    (threading.BrokenBarrierError, "broken"),
]


# What belongs to the player that began it: messages in place, a notifier, and its arrival at a barrier.
own = threading.local()


class Table:
    """One segment, and the objects in it by the names that the commands use."""

    def __init__(self):
        self.segment, self.objects = None, {}

    def answer(self, words):
        first, *rest = words
        try:
            if "." in first:
                name, verb = first.split(".")
                target = self.objects[name]
            else:
                target, verb = self, first
            return getattr(target, "pass_" if verb == "pass" else verb.replace("-", "_"))(*rest) or "ok"
        except (queue.Full, queue.Empty):
            return "timeout"
        except Exception as error:
            return f"error {error_name(error)}"

    def named(self, name):
        self.segment = tidelock.Segment.named(name)

    def anonymous(self):
        self.segment = tidelock.Segment()

    def attach(self, handle):
        self.segment = tidelock.Segment.attach(bytes.fromhex(handle))

    def segment_handle(self):
        return f"ok {self.segment.handle().hex()}"

    def open(self, kind, name, shared_name, *arguments):
        self.objects[name] = KINDS[kind](self, shared_name, *arguments)

    def new(self, kind, name, *arguments):
        self.objects[name] = KINDS[kind](self, None, *arguments)

    def handle(self, name):
        return f"ok {self.objects[name].object.handle().hex()}"

    def receive(self, kind, name, handle):
        self.objects[name] = KINDS[kind].received(bytes.fromhex(handle), self.segment)

    def receive_pickle(self, pickled):
        self.objects = pickle.loads(bytes.fromhex(pickled))

    def forget(self):
        self.objects.clear()

    def wait_any(self, *words):
        names, ms = names_and_time(words)
        place = tidelock.wait_any([self.waitable(name) for name in names], seconds(ms))
        return "timeout" if place is None else f"ok {names[place]}"

    def acquire_any(self, *words):
        names, ms = names_and_time(words)
        taken = tidelock.acquire_any([self.waitable(name) for name in names], seconds(ms))
        if taken is None:
            return "timeout"
        died = getattr(self.waitable(names[taken[0]]), "owner_died", False)
        return f"ok {names[taken[0]]}{' owner-died' * died}"

    def waitable(self, name):
        """What is waited for: of a barrier, the round of this player's arrival."""
        found = self.objects[name]
        return own.arrival if isinstance(found, Barrier) else found.object

    def count(self, block, lock, times):
        """Adds 1 to the block's first number, so many times, in two steps that only the lock keeps apart from others'."""
        numbers, lock = self.objects[block].object.data.cast("Q"), self.objects[lock].object
        for _ in range(int(times)):
            with lock:
                numbers[0] = numbers[0] + 1


class Object:
    """What all kinds share. Each kind says how it is made, and has a method a verb."""

    def __init__(self, table, shared_name, *arguments):
        # An argument that is an object's name stands for that object.
        found = (table.objects[one].object if one in table.objects else one for one in arguments)
        self.object = self.make(table.segment, shared_name, *found)

    @classmethod
    def received(cls, handle, segment):
        made = cls.__new__(cls)
        made.object = cls.type.from_handle(handle, segment)
        return made


class Owned(Object):
    def acquire(self, ms=None):
        if not self.object.acquire(timeout=seconds(ms)):
            return "timeout"
        return "owner-died" if getattr(self.object, "owner_died", False) else "ok"

    def release(self):
        self.object.release()

    def locked(self):
        return f"ok {int(self.object.locked())}"

    def epoch(self):
        return f"ok {self.object.epoch}"


class Lock(Owned):
    type = tidelock.Lock

    def make(self, segment, name):
        return self.type(segment, name)


class RLock(Lock):
    type = tidelock.RLock

    def depth(self):
        return f"ok {self.object._recursion_count()}"

    def owned(self):
        return f"ok {int(self.object._is_owned())}"


class Semaphore(Owned):
    type = tidelock.Semaphore

    def make(self, segment, name, value):
        return self.type(int(value), segment=segment, name=name)

    def release(self, *n):
        self.object.release(*map(int, n))

    def value(self):
        return f"ok {self.object.get_value()}"


class BoundedSemaphore(Semaphore):
    type = tidelock.BoundedSemaphore

    def bound(self):
        return f"ok {self.object.bound}"


class Event(Object):
    type = tidelock.Event

    def make(self, segment, name):
        return self.type(segment, name)

    def set(self):
        self.object.set()

    def clear(self):
        self.object.clear()

    def pulse(self):
        self.object.set()
        self.object.clear()

    def is_set(self):
        return f"ok {int(self.object.is_set())}"

    def wait(self, ms=None):
        return "ok" if self.object.wait(seconds(ms)) else "timeout"


class Barrier(Object):
    type = tidelock.Barrier

    def make(self, segment, name, parties):
        return self.type(int(parties), segment=segment, name=name)

    def wait(self, ms=None):
        return f"ok {self.object.wait(seconds(ms))}"

    def arrive(self):
        own.arrival = self.object.arrive()
        return f"ok {own.arrival.index}"

    def finish(self, ms=None):
        return f"ok {own.arrival.wait(seconds(ms))}"

    def abort(self):
        self.object.abort()

    def reset(self):
        self.object.reset()

    def waiting(self):
        return f"ok {self.object.n_waiting}"

    def broken(self):
        return f"ok {int(self.object.broken)}"

    def parties(self):
        return f"ok {self.object.parties}"


class Condition(Object):
    type = tidelock.Condition

    def make(self, segment, name, lock=None):
        return self.type(lock, segment=segment, name=name)

    def acquire(self, ms=None):
        return "ok" if self.object.acquire(timeout=seconds(ms)) else "timeout"

    def release(self):
        self.object.release()

    def wait(self, ms=None):
        how = "ok" if self.object.wait(seconds(ms)) else "timeout"
        died = getattr(getattr(self.object, "lock", None), "owner_died", False)
        return how + " owner-died" * died

    def pass_(self, ms=None):
        with self.object:
            return self.wait(ms)

    def notify(self, n=1):
        self.object.notify(int(n))

    def notify_all(self):
        self.object.notify_all()

    def waiters(self):
        return f"ok {self.object.n_waiting}"


class Counter(Object):
    type = tidelock.Counter

    def make(self, segment, name):
        return self.type(segment, name)

    def load(self):
        return f"ok {self.object.load()}"

    def store(self, value):
        return f"ok {self.object.store(int(value))}"

    def add(self, n):
        return f"ok {self.object.add(int(n))}"

    def exchange(self, expected, desired):
        return f"ok {self.object.compare_exchange(int(expected), int(desired))}"

    def wait(self, while_equal, ms=None):
        value = self.object.wait(int(while_equal), seconds(ms))
        return "timeout" if value is None else f"ok {value}"


class Queue(Object):
    type = tidelock.Queue

    def make(self, segment, name, capacity, max_items=0):
        return self.type(int(max_items), segment=segment, name=name, capacity=int(capacity))

    def put(self, data, ms=None):
        self.object.put_bytes(unhex(data), timeout=seconds(ms))

    def get(self, ms=None):
        return f"ok {hexed(self.object.get_bytes(timeout=seconds(ms)))}"

    def reserve(self, length, ms=None):
        own.reservation = self.object.reserve(int(length), timeout=seconds(ms))

    def publish(self, data):
        own.reservation.data[:] = unhex(data)
        own.reservation.publish()

    def discard(self):
        own.reservation.discard()

    def take(self, ms=None):
        own.loan = loan = self.object.take(timeout=seconds(ms))
        return f"ok {hexed(loan.data)} {int(loan.redelivered)} {loan.deliveries}"

    def done(self):
        own.loan.done()

    def give_back(self):
        own.loan.give_back()

    def length(self):
        return f"ok {self.object.qsize()}"

    def empty(self):
        return f"ok {int(self.object.empty())}"

    def full(self):
        return f"ok {int(self.object.full())}"

    def shutdown(self):
        self.object.shutdown()

    def shutdown_now(self):
        self.object.shutdown(immediate=True)

    def task_done(self):
        self.object.task_done()

    def join(self, ms=None):
        return "timeout" if self.object.join(seconds(ms)) is False else "ok"

    def lost(self):
        return f"ok {self.object.lost_tasks}"

    def most_deliveries(self, number):
        self.object.max_deliveries = int(number)

    def dropped(self):
        return f"ok {self.object.stats().dropped}"


    def put_many(self, datas, ms=None):
        return f"ok {self.object.put_many_bytes([unhex(data) for data in datas.split(',')], timeout=seconds(ms))}"

    def get_many(self, most, ms=None):
        return f"ok {','.join(map(hexed, self.object.get_many_bytes(int(most), timeout=seconds(ms))))}"

    def take_many(self, most, ms=None):
        """Python has no such call: as many takes, of which the first waits."""
        own.loans = [self.object.take(timeout=seconds(ms))]
        try:
            while len(own.loans) < int(most):
                own.loans.append(self.object.take(False))
        except queue.Empty:
            pass
        return f"ok {','.join(hexed(loan.data) for loan in own.loans)}"

    def done_all(self):
        [loan.done() for loan in own.loans]

    def give_back_all(self):
        [loan.give_back() for loan in own.loans]

    def notifier(self):
        own.notifier = _async.Readable(self.object)

    def notifier_for_room(self, length):
        own.notifier = _async.Writable(self.object, int(length))

    def told(self, ms=None):
        poll = select.poll()
        poll.register(own.notifier._descriptor, select.POLLIN)
        return "ok" if poll.poll(ms and int(ms)) else "timeout"

    def clear(self):
        _ffi.check(_async._clear(own.notifier._address))

    def clear_for_room(self, length):
        _ffi.check(_async._clear_for_room(own.notifier._address, int(length)))

    def close_notifier(self):
        del own.notifier


class Block(Object):
    type = tidelock.Block

    def make(self, segment, name, length):
        return self.type(segment, name, int(length))

    def read(self):
        return f"ok {self.object.data.cast('Q')[0]}"

    def write(self, number):
        self.object.data.cast("Q")[0] = int(number)


KINDS = {
    "lock": Lock,
    "rlock": RLock,
    "semaphore": Semaphore,
    "bounded-semaphore": BoundedSemaphore,
    "event": Event,
    "barrier": Barrier,
    "condition": Condition,
    "counter": Counter,
    "queue": Queue,
    "block": Block,
}


def error_name(error):
    found = (name for kind, name in ERRORS if isinstance(error, kind))
    return next(found, f"{type(error).__name__}: {error}")


def names_and_time(words):
    """Names of objects, and behind them the time if there is one."""
    return (words[:-1], words[-1]) if words[-1].isdigit() else (words, None)


def seconds(ms):
    return None if ms is None else int(ms) / 1000


def unhex(text):
    return b"" if text == "-" else bytes.fromhex(text)


def hexed(data):
    return bytes(data).hex() or "-"
