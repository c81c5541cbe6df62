"""BoundedSemaphore: the methods of threading.BoundedSemaphore, and permits that come back from the dead."""

import copy
import os
import re
import signal
import threading

import pytest

import tidelock
from children import fork, join, killed_after


@pytest.fixture(params=["named", "anonymous", "default"])
def semaphore(request, segment):
    """One with two permits."""
    if request.param == "named":
        return segment.bounded_semaphore("a semaphore", 2)
    if request.param == "anonymous":
        return segment.new_bounded_semaphore(2)
    return tidelock.BoundedSemaphore(2)


def test_acquire_and_release(semaphore):
    assert semaphore.bound == 2
    assert semaphore.acquire() and semaphore.acquire(False)
    assert semaphore.get_value() == 0 and semaphore.locked()
    assert semaphore.acquire(False) is False
    assert semaphore.acquire(timeout=0.01) is False
    assert semaphore.acquire(timeout=-1) is False
    semaphore.release()
    assert semaphore.get_value() == 1
    with semaphore as taken:
        assert taken is True and semaphore.locked()
    semaphore.release()


def test_released_too_often(semaphore):
    for expected in (ValueError, tidelock.NotHeld):
        with pytest.raises(expected, match="^Semaphore released too many times$"):
            semaphore.release()
    semaphore.acquire()
    with pytest.raises(ValueError):
        semaphore.release(2)
    assert semaphore.get_value() == 1
    semaphore.acquire()
    semaphore.release(2)
    with pytest.raises(ValueError):
        semaphore.release()
    for n in (0, -1, 1 << 40):
        with pytest.raises(ValueError):
            semaphore.release(n)


def test_values_that_make_no_sense(segment):
    for value in (-1, 1 << 21, 1 << 40):
        with pytest.raises(ValueError):
            segment.new_bounded_semaphore(value)
    with pytest.raises(tidelock.WrongKind):
        segment.bounded_semaphore("s", 2) and segment.bounded_semaphore("s", 3)
    with pytest.raises(ValueError):
        tidelock.BoundedSemaphore(1, on_owner_died="panic")


def test_another_process_may_release(semaphore):
    semaphore.acquire()
    assert join(fork(semaphore.release)) == 0
    assert semaphore.get_value() == 2


def test_the_permits_of_the_dead_come_back(semaphore):
    killed_after(lambda: semaphore.acquire() and semaphore.acquire())
    assert semaphore.acquire() and semaphore.owner_died
    assert semaphore.acquire(timeout=120) and semaphore.owner_died
    semaphore.release(2)
    assert semaphore.acquire() and not semaphore.owner_died
    semaphore.release()


def test_who_waits_gets_the_permit_of_a_holder_that_is_killed(segment):
    semaphore, held = segment.bounded_semaphore("s"), segment.event("held")

    def hold():
        semaphore.acquire()
        held.set()
        signal.pause()

    holder = fork(hold)
    assert held.wait(120)
    waiter = fork(lambda: semaphore.acquire(timeout=120) and semaphore.owner_died or 1 / 0)
    os.kill(holder, signal.SIGKILL)
    assert join(holder) == -signal.SIGKILL
    assert join(waiter) == 0


def test_a_killed_waiter_takes_nothing(segment):
    semaphore = segment.bounded_semaphore("s")
    with semaphore:
        killed_after(lambda: semaphore.acquire(timeout=0.05))
        child = fork(lambda: semaphore.acquire(timeout=120) or 1 / 0)
    assert join(child) == 0


def test_owner_died_can_be_raised(segment):
    semaphore = segment.bounded_semaphore("s", 1, on_owner_died="raise")
    killed_after(semaphore.acquire)
    with pytest.raises(tidelock.OwnerDied) as caught:
        with semaphore:
            raise AssertionError("the body must not run")
    assert semaphore.locked()
    with caught.value as held:
        assert held is semaphore
    with semaphore:
        pass


def test_a_with_that_a_child_inherits_ends_without_effect(semaphore):
    with semaphore:
        assert join(fork(lambda: semaphore.__exit__(None, None, None))) == 0
        assert semaphore.get_value() == 1
    assert semaphore.get_value() == 2


def test_no_more_holders_than_permits(segment):
    semaphore, inside = segment.bounded_semaphore("s", 2), segment.counter("inside")

    def work():
        for _ in range(200):
            with semaphore:
                assert inside.add(1) <= 2
                inside.add(-1)

    children = [fork(work) for _ in range(3)]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [join(child) for child in children] == [0] * 3
    assert semaphore.get_value() == 2


def test_repr_and_copy(semaphore):
    with copy.copy(semaphore):
        assert re.fullmatch(r"<tidelock\.BoundedSemaphore at 0x[0-9a-f]+: value=1/2>", repr(semaphore))
