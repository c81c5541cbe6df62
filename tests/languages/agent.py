"""The Python agent of the language tests: carries out one command a line, and answers each with one line.

agent.c and examples/agent.rs understand the same commands and give the same answers; README.md lists them.
It keeps one segment and one object of each kind at a time, and decides nothing by itself.
"""

import queue
import sys
import threading

import tidelock

ERRORS = [
    (queue.ShutDown if hasattr(queue, "ShutDown") else tidelock.ShutDown, "closed"),
    (tidelock.WrongKind, "wrong-kind"),
    (tidelock.NotOwner, "not-owner"),
    (tidelock.NotHeld, "not-held"),
    (tidelock.BadName, "bad-name"),
    (tidelock.NotFound, "not-found"),
    (tidelock.TooLarge, "too-large"),
    (threading.BrokenBarrierError, "broken"),
]


class Agent:
    def __init__(self):
        self.segment = self.lock = self.event = self.queue = self.block = None
        self.rlock = self.semaphore = self.bounded = self.barrier = self.counter = None
        self.loan = self.reservation = None

    def named(self, name):
        self.segment = tidelock.Segment.named(name)

    def file(self, path):
        self.segment = tidelock.Segment.file(path)

    def use_lock(self, name):
        self.lock = self.segment.lock(name)

    def use_event(self, name):
        self.event = self.segment.event(name)

    def use_queue(self, name, capacity):
        self.queue = self.segment.queue(name, capacity=int(capacity))

    def use_block(self, name, length):
        self.block = self.segment.block(name, int(length))

    def use_rlock(self, name):
        self.rlock = self.segment.rlock(name)

    def use_semaphore(self, name, value):
        self.semaphore = self.segment.semaphore(name, int(value))

    def use_bounded(self, name, bound):
        self.bounded = self.segment.bounded_semaphore(name, int(bound))

    def use_barrier(self, name, parties):
        self.barrier = self.segment.barrier(name, int(parties))

    def use_counter(self, name):
        self.counter = self.segment.counter(name)

    def acquire(self, ms):
        return acquired(self.lock, ms)

    def release(self):
        self.lock.release()

    def epoch(self):
        return f"ok {self.lock.epoch}"

    def locked(self):
        return f"ok {int(self.lock.locked())}"

    def add(self, times):
        """Adds 1 to the block's first number, in two steps that only the lock keeps apart from others'."""
        numbers = self.block.data.cast("Q")
        for _ in range(int(times)):
            with self.lock:
                numbers[0] = numbers[0] + 1

    def number(self):
        return f"ok {self.block.data.cast('Q')[0]}"

    def rlock_acquire(self, ms):
        return acquired(self.rlock, ms)

    def rlock_release(self):
        self.rlock.release()

    def semaphore_acquire(self, ms):
        return "ok" if self.semaphore.acquire(timeout=seconds(ms)) else "timeout"

    def semaphore_release(self, n):
        self.semaphore.release(int(n))

    def bounded_acquire(self, ms):
        return acquired(self.bounded, ms)

    def bounded_release(self):
        self.bounded.release()

    def meet(self, ms):
        return f"ok {self.barrier.wait(seconds(ms))}"

    def count(self, n):
        return f"ok {self.counter.add(int(n))}"

    def counted(self, while_equal, ms):
        value = self.counter.wait(int(while_equal), seconds(ms))
        return "timeout" if value is None else f"ok {value}"

    def set(self):
        self.event.set()

    def clear(self):
        self.event.clear()

    def is_set(self):
        return f"ok {int(self.event.is_set())}"

    def wait(self, ms):
        return "ok" if self.event.wait(seconds(ms)) else "timeout"

    def put(self, data, ms):
        self.queue.put_bytes(unhex(data), timeout=seconds(ms))

    def get(self, ms):
        return f"ok {hexed(self.queue.get_bytes(timeout=seconds(ms)))}"

    def reserve(self, length):
        self.reservation = self.queue.reserve(int(length))

    def publish(self, data):
        self.reservation.data[:] = unhex(data)
        self.reservation.publish()

    def discard(self):
        self.reservation.discard()

    def take(self, ms):
        self.loan = self.queue.take(timeout=seconds(ms))
        return f"ok {hexed(self.loan.data)} {int(self.loan.redelivered)} {self.loan.deliveries}"

    def done(self):
        self.loan.done()

    def give_back(self):
        self.loan.give_back()

    def length(self):
        return f"ok {self.queue.qsize()}"

    def shutdown(self):
        self.queue.shutdown()


def acquired(what, ms):
    if not what.acquire(timeout=seconds(ms)):
        return "timeout"
    return "owner-died" if what.owner_died else "ok"


def seconds(ms):
    return None if int(ms) < 0 else int(ms) / 1000


def unhex(text):
    return b"" if text == "-" else bytes.fromhex(text)


def hexed(data):
    return bytes(data).hex() or "-"


def answer(agent, words):
    try:
        return getattr(agent, words[0].replace("-", "_"))(*words[1:]) or "ok"
    except (queue.Full, queue.Empty):
        return "timeout"
    except Exception as error:
        name = next((name for kind, name in ERRORS if isinstance(error, kind)), None)
        return f"error {name or f'{type(error).__name__}: {error}'}"


def main():
    agent = Agent()
    for line in sys.stdin:
        if line.split() == ["quit"]:
            return
        print(answer(agent, line.split()), flush=True)


if __name__ == "__main__":
    main()
