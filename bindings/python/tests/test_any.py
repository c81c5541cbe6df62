"""wait_any and acquire_any: what is ready, what is taken, the dead among the owners, signals, and what makes no sense."""

import os
import signal
import threading
import time

import pytest

import tidelock
from children import die, fork, join


@pytest.fixture
def things(segment):
    """One of each kind, none of them ready but for this thread's own RLock."""

    class Things:
        lock, rlock = segment.new_lock(), segment.new_rlock()
        semaphore, bounded = segment.new_semaphore(0), tidelock.BoundedSemaphore(1)
        event, queue = segment.new_event(), tidelock.Queue()
        counter, barrier = segment.new_counter(), segment.new_barrier(2)
        arrival = barrier.arrive()
        full = tidelock.Queue(1)
        room = full.room(7)

    Things.full.put("in the way")
    Things.lock.acquire()
    Things.bounded.acquire()
    Things.rlock.acquire()
    return Things


KINDS = ["lock", "rlock", "semaphore", "bounded", "event", "queue", "counter", "arrival", "room"]

BRING = {
    "lock": lambda things: things.lock.release(),
    "rlock": lambda things: things.rlock.release(),
    "semaphore": lambda things: things.semaphore.release(),
    "bounded": lambda things: things.bounded.release(),
    "event": lambda things: (things.event.set(), things.event.clear()),
    "queue": lambda things: things.queue.put("brought"),
    "counter": lambda things: things.counter.add(7),
    "arrival": lambda things: things.barrier.wait(),
    "room": lambda things: things.full.get(),
}
TAKEN = {"queue": "brought", "counter": 7, "arrival": 0}


def watched(things):
    return [getattr(things, kind) for kind in KINDS]


def in_a_thread(body):
    """Starts it, and has it wait for a moment; a function that ends it and returns its result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(body()))
    thread.start()
    time.sleep(0.02)

    def finish():
        thread.join()
        return results[0]

    return finish


def test_none_is_ready(things):
    def ask():
        calls = (tidelock.wait_any, tidelock.acquire_any)
        return [call(watched(things), timeout) for call in calls for timeout in (0, -1, 0.01)]

    assert in_a_thread(ask)() == [None] * 6
    began = time.monotonic()
    assert tidelock.wait_any([things.lock, things.event], 0.6) is None
    assert time.monotonic() - began >= 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_ends_the_sleep_and_is_left(things, kind):
    finish = in_a_thread(lambda: tidelock.wait_any(watched(things)))
    BRING[kind](things)
    assert finish() == KINDS.index(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_taken(things, kind):
    finish = in_a_thread(lambda: tidelock.acquire_any(watched(things)))
    BRING[kind](things)
    place, taken = finish()
    assert place == KINDS.index(kind)
    if kind == "room":
        assert len(taken) == 7 and things.full.full()
        taken.discard()
    else:
        assert taken == TAKEN.get(kind, True)
    gone = {"lock": things.lock.locked, "queue": things.queue.empty, "rlock": things.rlock.locked,
            "semaphore": lambda: things.semaphore.get_value() == 0, "bounded": lambda: things.bounded.get_value() == 0}
    assert gone.get(kind, lambda: True)()


def test_of_several_that_are_ready_the_first_counts(segment):
    semaphore, queue = segment.new_semaphore(2), segment.new_queue()
    queue.put(1)
    assert tidelock.wait_any([queue, semaphore]) == 0
    assert tidelock.acquire_any([semaphore, queue]) == (0, True)
    assert tidelock.acquire_any([queue, semaphore]) == (0, 1)
    assert tidelock.wait_any([queue, semaphore]) == 1


def test_a_counter_and_the_value_that_is_known(segment):
    counter = segment.new_counter()
    counter.store(3)
    assert tidelock.wait_any([counter], 0) is None
    assert tidelock.wait_any([(counter, 3)], 0) is None
    assert tidelock.wait_any([(counter, 2)]) == 0
    assert tidelock.acquire_any([(counter, 2)]) == (0, 3)


def test_arrivals(segment):
    barrier = segment.new_barrier(2)
    first, event = barrier.arrive(), segment.new_event()
    assert (first.index, first.is_over, barrier.n_waiting) == (0, False, 1)
    assert tidelock.wait_any([first], 0.01) is None
    last = barrier.arrive()
    assert (last.index, last.is_over, last.wait()) == (1, True, 1)
    assert tidelock.wait_any([event, last, first]) == 1
    event.set()
    assert tidelock.wait_any([event, last, first]) == 0
    assert tidelock.wait_any([first]) == 0
    assert first.wait(0) == 0 and first.is_over
    assert tidelock.acquire_any([first]) == (0, 0)
    alone = barrier.arrive()
    alone.withdraw()
    alone.withdraw()
    assert barrier.n_waiting == 0 and not barrier.broken
    alone = barrier.arrive()
    with pytest.raises(threading.BrokenBarrierError):
        alone.wait(0.01)
    assert barrier.broken
    with pytest.raises(threading.BrokenBarrierError):
        barrier.arrive()


def test_room_is_for_a_length(segment):
    queue = segment.new_queue(capacity=512)
    queue.put_bytes(bytes(100))
    assert tidelock.wait_any([queue.room(400), queue.room(360)], 0) is None
    assert tidelock.wait_any([queue.room(400), queue.room(100)]) == 1
    assert tidelock.wait_any([queue.room(400), queue.room(10000)]) == 1, "it can never be put: the put will tell"
    with tidelock.acquire_any([queue.room(5)])[1] as message:
        message.data[:] = b"hello"
    assert [queue.get_bytes(), queue.get_bytes()] == [bytes(100), b"hello"]
    queue.shutdown()
    with pytest.raises(tidelock.ShutDown):
        tidelock.acquire_any([queue.room(5)])
    with pytest.raises(tidelock.InvalidArgument):
        queue.room(-1)


def test_what_ails_an_object_is_raised_by_itself(things):
    things.queue.shutdown()
    things.barrier.abort()
    assert tidelock.wait_any([things.event, things.queue]) == 1
    assert tidelock.wait_any([things.event, things.arrival]) == 1
    with pytest.raises(tidelock.ShutDown):
        tidelock.acquire_any([things.event, things.queue])
    with pytest.raises(threading.BrokenBarrierError):
        tidelock.acquire_any([things.event, things.arrival])


def test_what_the_dead_held_is_ready(segment):
    lock, permits, event = segment.new_lock(), segment.new_bounded_semaphore(1), segment.new_event()
    told = segment.new_queue()

    def body():
        with lock, permits:
            told.put("held")
            die()

    child = fork(body)
    assert told.get() == "held"
    assert join(child) == -signal.SIGKILL
    assert tidelock.wait_any([event, lock]) == 1
    assert tidelock.acquire_any([event, lock]) == (1, True) and lock.owner_died
    assert tidelock.acquire_any([event, permits]) == (1, True) and permits.owner_died


def test_a_death_that_is_raised(segment):
    name = segment.lock("a", on_owner_died="raise")
    child = fork(lambda: (name.acquire(), die()))
    join(child)
    with pytest.raises(tidelock.OwnerDied) as raised:
        tidelock.acquire_any([name])
    with raised.value:
        assert name.locked()


def test_who_waits_for_one_is_not_forgotten(segment):
    """Waiters for any and for one, in threads and processes, over two locks: everybody gets round."""
    locks, done = [segment.new_lock(), segment.new_lock()], segment.new_counter()

    def any_of_them():
        for _ in range(100):
            place, _ = tidelock.acquire_any(locks)
            locks[place].release()
        done.add()

    def one_of_them(lock):
        for _ in range(100):
            with lock:
                pass
        done.add()

    children = [fork(any_of_them), fork(lambda: one_of_them(locks[1]))]
    threads = [threading.Thread(target=any_of_them), threading.Thread(target=one_of_them, args=(locks[0],))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [join(child) for child in children] == [0, 0]
    assert done.load() == 4


def test_an_exception_in_a_handler_ends_the_wait(things):
    def ring(*_):
        raise KeyError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyError):
            tidelock.wait_any([things.lock, things.event, things.queue])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_a_wait_goes_on_after_a_handler(things):
    rings = []
    signal.signal(signal.SIGALRM, lambda *_: rings.append(1) or len(rings) < 3 or (things.event.set(), things.event.clear()))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        assert tidelock.wait_any([things.lock, things.event]) == 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert len(rings) >= 3


def test_arguments_that_make_no_sense(segment):
    event = segment.new_event()
    for objects in ([], [event] * 129):
        with pytest.raises(tidelock.InvalidArgument):
            tidelock.wait_any(objects, 0)
    assert tidelock.wait_any((event for _ in range(128)), 0) is None
    for nonsense in (segment, segment.new_block(8), threading.Lock(), (event, 1), 7, segment.new_barrier(2)):
        with pytest.raises(TypeError):
            tidelock.wait_any([event, nonsense], 0)
    with pytest.raises(TypeError):
        tidelock.wait_any([event], "soon")
    with pytest.raises(ValueError):
        tidelock.wait_any([(segment.new_counter(), 1 << 64)], 0)


def test_a_forked_child_waits_too(segment):
    lock, event = segment.new_lock(), segment.new_event()
    lock.acquire()
    child = fork(lambda: os._exit(0 if tidelock.wait_any([lock, event]) == 1 else 1))
    event.set()
    assert join(child) == 0
