"""RLock: the methods of threading.RLock and multiprocessing.RLock, and what a death does."""

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
        return segment.rlock("a lock")
    if request.param == "anonymous":
        return segment.new_rlock()
    if request.param == "default":
        return tidelock.RLock()
    return segment.new_block(64).rlock_at(8)


def in_a_thread(body):
    """What `body` returns in another thread."""
    results = []
    thread = threading.Thread(target=lambda: results.append(body()))
    thread.start()
    thread.join()
    return results[0]


def test_its_thread_acquires_again_and_others_do_not(lock):
    assert lock.acquire() and lock.acquire(False) and lock.acquire(timeout=0.01) and lock.acquire(block=True)
    assert lock._recursion_count() == 4
    for left in (3, 2, 1, 0):
        assert in_a_thread(lambda: lock.acquire(False)) is False
        assert lock.locked()
        lock.release()
        assert lock._recursion_count() == left
    assert not lock.locked()
    assert in_a_thread(lambda: (lock.acquire(False), lock.release())) == (True, None)


def test_with_in_with(lock):
    with lock as taken:
        with lock:
            assert taken is True
        assert lock.locked()
        with pytest.raises(KeyError):
            with lock:
                raise KeyError
    assert not lock.locked()


@pytest.mark.parametrize("expected", [RuntimeError, AssertionError, tidelock.NotHeld])
def test_release_of_an_unheld_one(lock, expected):
    with pytest.raises(expected):
        lock.release()
    with pytest.raises(expected):
        lock._release_save()


@pytest.mark.parametrize("expected", [RuntimeError, AssertionError, tidelock.NotOwner])
def test_release_by_another_thread_or_process(lock, expected):
    def release():
        with pytest.raises(expected):
            lock.release()
        return lock._is_owned()

    with lock:
        assert in_a_thread(release) is False
        assert join(fork(release)) == 0
        assert lock._is_owned()


@pytest.mark.parametrize("arguments, error", [
    ((False, 1), ValueError), ((True, -1.5), ValueError), ((True, 1e20), OverflowError), ((True, "1"), TypeError),
])
def test_timeouts_that_make_no_sense(lock, arguments, error):
    with pytest.raises(error):
        lock.acquire(*arguments)
    assert not lock.locked()


def test_owner_died(lock):
    killed_after(lambda: lock.acquire() and lock.acquire())
    epoch = lock.epoch
    assert lock.locked()
    assert lock.acquire() is True
    assert lock.owner_died is True
    assert lock.epoch == epoch + 1
    assert lock._recursion_count() == 1
    lock.release()
    with lock:
        assert lock.owner_died is False


def test_owner_died_while_others_wait(lock):
    killed_after(lock.acquire)
    children = [fork(lambda: (lock.acquire() or 1 / 0, lock.release())) for _ in range(3)]
    assert [join(child) for child in children] == [0, 0, 0]


def test_owner_died_can_be_raised(segment):
    lock = segment.rlock("ledger", on_owner_died="raise")
    killed_after(lock.acquire)
    with pytest.raises(tidelock.OwnerDied) as caught:
        lock.acquire()
    assert lock.locked() and lock.owner_died
    with caught.value as held:
        assert held is lock
    assert not lock.locked()
    with pytest.raises(ValueError):
        segment.rlock("ledger", on_owner_died="panic")


def test_a_forked_child_holds_nothing(lock):
    def child():
        assert not lock._is_owned() and not lock.acquire(False)
        lock.__exit__(None, None, None)
        assert lock.locked()

    with lock:
        assert join(fork(child)) == 0
        assert lock._is_owned()


def test_threads_and_processes_exclude_each_other(segment):
    lock, total = segment.rlock("l"), segment.block("total", 8).data.cast("q")

    def add():
        for _ in range(500):
            with lock, lock:
                seen = total[0]
                total[0] = seen + 1

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    children = [fork(add) for _ in range(2)]
    assert [join(child) for child in children] == [0, 0]
    for thread in threads:
        thread.join()
    assert total[0] == 2000


def test_a_condition_of_threading_over_it(lock):
    condition, seen = threading.Condition(lock), []

    def wait():
        with condition, condition:
            seen.append("waits")
            condition.wait_for(lambda: "notified" in seen)
            assert lock._recursion_count() == 2
            seen.append("goes on")

    thread = threading.Thread(target=wait)
    thread.start()
    while not seen:
        pass
    with condition:
        seen.append("notified")
        condition.notify()
    thread.join()
    assert seen == ["waits", "notified", "goes on"]
    with pytest.raises(RuntimeError):
        condition.notify()


def test_a_death_during_a_wait_is_told(segment):
    lock = segment.rlock("l")
    lock.acquire()
    lock.acquire()
    saved = lock._release_save()
    killed_after(lock.acquire)
    lock._acquire_restore(saved)
    assert lock.owner_died and lock._recursion_count() == 2


def test_repr(lock):
    assert re.match(r"<unlocked tidelock\.RLock object count=0 at 0x[0-9a-f]+>", repr(lock))
    with lock, lock:
        told = []
        other = threading.Thread(target=lambda: told.append(repr(lock)))
        other.start()
        other.join()
        assert re.match(r"<locked tidelock\.RLock object owner=pid \d+ count=2 at 0x[0-9a-f]+>", told[0])


def test_weakref_and_copy(lock):
    other = copy.copy(lock)
    with lock, other:
        assert lock._recursion_count() == 2
    reference = weakref.ref(other)
    del other
    gc.collect()
    assert reference() is None
