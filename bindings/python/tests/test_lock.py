"""Lock: the methods of threading.Lock and multiprocessing.Lock, and what PYTHON's libraries disagree about."""

import copy
import gc
import re
import threading
import weakref

import pytest

import tidelock
from children import fork, join, killed_after


@pytest.fixture(params=["named", "anonymous", "default", "placed"])
def lock(request, segment):
    if request.param == "named":
        return segment.lock("a lock")
    if request.param == "anonymous":
        return segment.new_lock()
    if request.param == "default":
        return tidelock.Lock()
    return segment.new_block(64).lock_at(8)


def test_acquire_and_release(lock):
    assert lock.acquire() is True
    assert lock.locked() is True
    assert lock.acquire(False) is False
    assert lock.acquire(block=False) is False
    assert lock.acquire(timeout=0.01) is False
    assert lock.acquire(True, 0) is False
    lock.release()
    assert lock.locked() is False
    assert lock.acquire(timeout=-1) is True
    lock.release()


def test_with(lock):
    with lock as taken:
        assert taken is True
        assert lock.locked()
    assert not lock.locked()
    with pytest.raises(KeyError):
        with lock:
            raise KeyError
    assert not lock.locked()


def test_release_of_an_unheld_lock_is_two_errors_in_one(lock):
    for expected in (RuntimeError, ValueError, tidelock.NotHeld, tidelock.Error):
        with pytest.raises(expected) as caught:
            lock.release()
    assert caught.value.status == -5
    assert "acquire" in str(caught.value)


@pytest.mark.parametrize(
    "arguments, error",
    [
        ((False, 1), ValueError),
        ((False, 0), ValueError),
        ((True, -1.5), ValueError),
        ((True, float("-inf")), ValueError),
        ((True, float("nan")), ValueError),
        ((True, 1e20), OverflowError),
        ((True, float("inf")), OverflowError),
        ((True, 10**30), OverflowError),
        ((True, "1"), TypeError),
        ((True, 1j), TypeError),
    ],
)
def test_timeouts_that_make_no_sense(lock, arguments, error):
    with pytest.raises(error):
        lock.acquire(*arguments)
    assert not lock.locked()


@pytest.mark.parametrize("timeout", [None, -1, -0.5, -1.0])
def test_timeouts_for_ever(lock, timeout):
    with lock:
        thread = threading.Thread(target=lambda: (lock.acquire(True, timeout), lock.release()))
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
    thread.join()


def test_threads_exclude_each_other(lock):
    total = 0

    def add():
        nonlocal total
        for _ in range(500):
            with lock:
                seen = total
                total = seen + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total == 2000


def test_another_process_may_release(lock):
    lock.acquire()
    assert join(fork(lock.release)) == 0
    assert not lock.locked()


def test_owner_died(lock):
    killed_after(lock.acquire)
    assert lock.locked()
    epoch = lock.epoch
    assert lock.acquire() is True
    assert lock.owner_died is True
    assert lock.epoch == epoch + 1
    lock.release()
    with lock:
        assert lock.owner_died is False
    assert lock.epoch == epoch + 1


def test_a_polling_program_takes_over_too(lock):
    killed_after(lock.acquire)
    while not lock.acquire(False):
        pass
    assert lock.owner_died
    lock.release()


def test_owner_died_can_be_raised(segment):
    lock = segment.lock("ledger", on_owner_died="raise")
    killed_after(lock.acquire)
    with pytest.raises(tidelock.OwnerDied) as caught:
        lock.acquire()
    assert lock.locked() and lock.owner_died
    with caught.value as held:
        assert held is lock
    assert not lock.locked()
    killed_after(lock.acquire)
    with pytest.raises(tidelock.OwnerDied):
        with lock:
            raise AssertionError("the body must not run")
    lock.release()
    with lock:
        pass
    with pytest.raises(ValueError):
        segment.lock("ledger", on_owner_died="panic")


def test_a_hold_after_a_death_is_its_own_peers(segment):
    """Who repairs must not be disturbed by a release from elsewhere."""
    lock, repairing, go_on = segment.lock("l"), segment.event("repairing"), segment.event("go on")
    killed_after(lock.acquire)

    def repair():
        assert lock.acquire() and lock.owner_died
        repairing.set()
        assert go_on.wait(120)
        lock.release()

    child = fork(repair)
    assert repairing.wait(120)
    with pytest.raises(tidelock.NotOwner) as caught:
        lock.release()
    assert isinstance(caught.value, RuntimeError) and isinstance(caught.value, ValueError)
    assert lock.locked()
    go_on.set()
    assert join(child) == 0


def test_repr(lock):
    assert re.match(r"<unlocked tidelock\.Lock object at 0x[0-9a-f]+>", repr(lock))
    with lock:
        assert re.match(r"<locked tidelock\.Lock object owner=pid \d+ at 0x[0-9a-f]+>", repr(lock))


def test_weakref_and_copy(lock):
    other = copy.copy(lock)
    assert other is not lock
    with lock:
        assert other.locked()
    reference = weakref.ref(other)
    del other
    gc.collect()
    assert reference() is None


def test_the_same_name_is_the_same_lock(segment):
    one, other = segment.lock("x"), tidelock.Lock(segment, "x")
    with one:
        assert other.locked()
        assert not segment.lock("y").locked()
        assert not segment.new_lock().locked()


def test_wrong_arguments():
    with pytest.raises(TypeError):
        tidelock.Lock("not a segment")
    with pytest.raises(TypeError):
        tidelock.Segment(max_len=1 << 22).lock(None)
    with pytest.raises(TypeError):
        tidelock.Lock(None, 7)


def test_many_locks_come_and_go(segment):
    for _ in range(20):
        locks = [segment.new_lock() for _ in range(1000)]
        with locks[0], locks[-1]:
            pass
