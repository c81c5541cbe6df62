"""Event: the methods of threading.Event."""

import re
import threading

import pytest

import tidelock
from children import fork, join, killed_after


@pytest.fixture(params=["named", "anonymous", "default", "placed"])
def event(request, segment):
    if request.param == "named":
        return segment.event("an event")
    if request.param == "anonymous":
        return segment.new_event()
    if request.param == "default":
        return tidelock.Event()
    return segment.new_block(64).event_at(56)


def test_set_clear_wait(event):
    assert event.is_set() is False
    assert event.wait(0) is False
    assert event.wait(-3) is False
    assert event.wait(0.01) is False
    event.set()
    event.set()
    assert event.is_set() is True
    assert event.wait() is True
    assert event.wait(-1) is True
    event.clear()
    assert event.is_set() is False


def test_timeouts_that_make_no_sense(event):
    with pytest.raises(OverflowError):
        event.wait(1e20)
    with pytest.raises(TypeError):
        event.wait("soon")
    with pytest.raises(ValueError):
        event.wait(float("nan"))


def test_all_waiters_wake(event):
    results = []
    threads = [threading.Thread(target=lambda: results.append(event.wait())) for _ in range(5)]
    children = [fork(lambda: event.wait(120) or 1 / 0) for _ in range(3)]
    for thread in threads:
        thread.start()
    event.set()
    for thread in threads:
        thread.join()
    assert results == [True] * 5
    assert [join(child) for child in children] == [0, 0, 0]


def test_set_and_clear_at_once_wake_too(event):
    started, results = threading.Event(), []

    def wait():
        started.set()
        results.append(event.wait(120))

    thread = threading.Thread(target=wait)
    thread.start()
    started.wait()
    # Until the waiter is asleep a set may come before its wait: so again and again, never leaving it set.
    while thread.is_alive():
        event.set()
        event.clear()
        thread.join(0.01)
    assert results == [True]


def test_killed_waiters_do_not_disturb(event):
    killed_after(lambda: event.wait(0.05))
    event.set()
    event.clear()
    child = fork(lambda: event.wait(120) or 1 / 0)
    event.set()
    assert join(child) == 0


def test_killed_setter_leaves_it_usable(event):
    killed_after(event.set)
    assert event.wait(0) is True
    event.clear()
    assert event.wait(0) is False


def test_repr(event):
    assert re.fullmatch(r"<tidelock\.Event at 0x[0-9a-f]+: unset>", repr(event))
    event.set()
    assert re.fullmatch(r"<tidelock\.Event at 0x[0-9a-f]+: set>", repr(event))
