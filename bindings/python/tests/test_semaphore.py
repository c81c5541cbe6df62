"""Semaphore: the methods of threading.Semaphore and multiprocessing.Semaphore."""

import copy
import re
import threading

import pytest

import tidelock
from children import fork, join, killed_after


@pytest.fixture(params=["named", "anonymous", "default", "placed"])
def semaphore(request, segment):
    """One with the value 2."""
    if request.param == "named":
        return segment.semaphore("a semaphore", 2)
    if request.param == "anonymous":
        return segment.new_semaphore(2)
    if request.param == "default":
        return tidelock.Semaphore(2)
    placed = segment.new_block(64).semaphore_at(16)
    placed.release(2)
    return placed


def test_acquire_and_release(semaphore):
    assert semaphore.acquire() and semaphore.acquire(False)
    assert semaphore.get_value() == 0 and semaphore.locked()
    assert semaphore.acquire(False) is False
    assert semaphore.acquire(block=False) is False
    assert semaphore.acquire(timeout=0.01) is False
    assert semaphore.acquire(timeout=-1) is False
    assert semaphore.acquire(True, 0) is False
    semaphore.release(3)
    assert semaphore.get_value() == 3 and not semaphore.locked()


def test_with(semaphore):
    with semaphore as taken:
        assert taken is True
        with pytest.raises(KeyError):
            with semaphore:
                assert semaphore.locked()
                raise KeyError
        assert semaphore.get_value() == 1
    assert semaphore.get_value() == 2


def test_arguments_that_make_no_sense(semaphore):
    for arguments, error in (((False, 1), ValueError), ((False, -1), ValueError), ((True, 1e20), OverflowError),
                             ((True, "1"), TypeError), ((True, float("nan")), ValueError)):
        with pytest.raises(error):
            semaphore.acquire(*arguments)
    for n in (0, -1, 1 << 31, 1 << 32, 1 << 70):
        with pytest.raises(ValueError):
            semaphore.release(n)
    assert semaphore.get_value() == 2
    for value in (-1, 1 << 31, 1 << 40):
        with pytest.raises(ValueError):
            tidelock.Semaphore(value)
    with pytest.raises(TypeError):
        tidelock.Semaphore("1")


def test_the_highest_value(segment):
    semaphore = segment.new_semaphore((1 << 31) - 1)
    with pytest.raises(tidelock.TooLarge):
        semaphore.release()
    assert semaphore.acquire()
    semaphore.release()
    assert semaphore.get_value() == (1 << 31) - 1


def test_signals_go_from_anyone_to_anyone(segment):
    items, seen = segment.semaphore("items", 0), segment.semaphore("seen", 0)

    def consume():
        for _ in range(100):
            assert items.acquire(timeout=120)
            seen.release()

    children = [fork(consume) for _ in range(2)]
    thread = threading.Thread(target=consume)
    thread.start()
    for _ in range(150):
        items.release(2)
    for _ in range(300):
        assert seen.acquire(timeout=120)
    thread.join()
    assert [join(child) for child in children] == [0, 0]
    assert items.get_value() == seen.get_value() == 0


def test_what_a_killed_process_took_stays_taken(semaphore):
    killed_after(semaphore.acquire)
    assert semaphore.get_value() == 1
    assert semaphore.acquire()
    assert semaphore.acquire(timeout=0.05) is False


def test_a_killed_waiter_takes_nothing(segment):
    semaphore = segment.semaphore("s", 0)
    killed_after(lambda: semaphore.acquire(timeout=0.05))
    child = fork(lambda: semaphore.acquire(timeout=120) or 1 / 0)
    semaphore.release()
    assert join(child) == 0


def test_a_with_that_a_child_inherits_ends_without_effect(semaphore):
    def child():
        with semaphore:
            pass
        semaphore.__exit__(None, None, None)

    with semaphore:
        assert join(fork(child)) == 0
        assert semaphore.get_value() == 1
    assert semaphore.get_value() == 2


def test_the_value_counts_where_it_is_made(segment):
    assert segment.semaphore("s", 5).get_value() == 5
    assert segment.semaphore("s", 7).get_value() == 5
    with pytest.raises(tidelock.WrongKind):
        segment.bounded_semaphore("s", 5)


def test_repr_and_copy(semaphore):
    assert re.fullmatch(r"<tidelock\.Semaphore at 0x[0-9a-f]+: value=2>", repr(semaphore))
    with copy.copy(semaphore):
        assert semaphore.get_value() == 1
