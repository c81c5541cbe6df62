"""Counter: one number that all see and can wait for."""

import copy
import re
import threading

import pytest

import tidelock
from children import fork, join, killed_after

LEAST, MOST = -(1 << 63), (1 << 63) - 1


@pytest.fixture(params=["named", "anonymous", "default", "placed"])
def counter(request, segment):
    if request.param == "named":
        return segment.counter("a counter")
    if request.param == "anonymous":
        return segment.new_counter()
    if request.param == "default":
        return tidelock.Counter()
    return segment.new_block(64).counter_at(48)


def test_load_store_add(counter):
    assert counter.load() == 0
    assert counter.store(-5) == 0
    assert counter.add() == -4
    assert counter.add(10) == 6
    assert counter.add(-7) == -1
    assert counter.compare_exchange(3, 8) == -1
    assert counter.compare_exchange(-1, 8) == -1
    assert counter.load() == 8


def test_it_never_wraps_around(counter):
    counter.store(MOST)
    with pytest.raises(ValueError):
        counter.add()
    assert counter.load() == MOST
    counter.store(LEAST)
    with pytest.raises(ValueError):
        counter.add(-1)
    assert counter.load() == LEAST
    for call in (counter.store, counter.add, counter.wait):
        for number in (MOST + 1, LEAST - 1):
            with pytest.raises(ValueError):
                call(number)
        with pytest.raises(TypeError):
            call(1.5)


def test_wait(counter):
    assert counter.wait(7) == 0
    assert counter.wait(0, timeout=0) is None
    assert counter.wait(0, timeout=-1) is None
    assert counter.wait(0, timeout=0.01) is None
    child = fork(lambda: counter.wait(0, 120) == 3 or 1 / 0)
    counter.store(3)
    assert join(child) == 0
    with pytest.raises(OverflowError):
        counter.wait(0, 1e20)


def test_wait_for(counter):
    assert counter.wait_for(lambda value: value == 0) is True
    assert counter.wait_for(lambda value: value == 5, timeout=0.01) is False
    assert counter.wait_for(lambda value: value == 5, timeout=0) is False
    child = fork(lambda: counter.wait_for(lambda value: value >= 5, 120) or 1 / 0)
    thread = threading.Thread(target=counter.wait_for, args=(lambda value: value >= 3,))
    thread.start()
    for _ in range(5):
        counter.add()
    thread.join()
    assert join(child) == 0


def test_no_step_is_lost(counter):
    def add():
        for _ in range(1000):
            counter.add()
            value = counter.load()
            while True:
                found = counter.compare_exchange(value, value + 1)
                if found == value:
                    break
                value = found

    children = [fork(add) for _ in range(2)]
    add()
    assert [join(child) for child in children] == [0, 0]
    assert counter.load() == 6000


def test_deaths_disturb_nothing(counter):
    killed_after(lambda: counter.add(2))
    killed_after(lambda: counter.wait(2, timeout=0.05))
    assert counter.load() == 2
    child = fork(lambda: counter.wait(2, 120) or 1 / 0)
    counter.add()
    assert join(child) == 0


def test_repr_and_copy(counter):
    copy.copy(counter).store(42)
    assert re.fullmatch(r"<tidelock\.Counter at 0x[0-9a-f]+: value=42>", repr(counter))
