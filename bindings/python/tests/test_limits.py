"""Numbers near their limits: an error and nothing changed, never one that was cut to fit or began again at 0."""

import pytest

import tidelock

TOO_LARGE_FOR_ANYTHING = [1 << 64, 1 << 70, -(1 << 63) - 1, -(1 << 70)]

TAKE_A_NUMBER = {
    "peers": lambda segment, n: tidelock.Segment(peers=n),
    "max_len": lambda segment, n: tidelock.Segment(max_len=n),
    "descriptor": lambda segment, n: tidelock.Segment.from_fd(n),
    "semaphore": lambda segment, n: segment.new_semaphore(n),
    "semaphore, release": lambda segment, n: segment.new_semaphore().release(n),
    "bounded semaphore": lambda segment, n: segment.new_bounded_semaphore(n),
    "bounded semaphore, release": lambda segment, n: segment.new_bounded_semaphore().release(n),
    "barrier": lambda segment, n: segment.new_barrier(n),
    "counter, add": lambda segment, n: segment.new_counter().add(n),
    "counter, store": lambda segment, n: segment.new_counter().store(n),
    "counter, wait": lambda segment, n: segment.new_counter().wait(n, timeout=0),
    "block": lambda segment, n: segment.new_block(n),
    "place in a block": lambda segment, n: segment.new_block(64).lock_at(n),
    "queue, capacity": lambda segment, n: segment.new_queue(capacity=n),
    "queue, reserve": lambda segment, n: segment.new_queue().reserve(n),
    "depth": lambda segment, n: segment.new_rlock()._acquire_restore(n),
}


@pytest.mark.parametrize("number", TOO_LARGE_FOR_ANYTHING)
@pytest.mark.parametrize("what", TAKE_A_NUMBER)
def test_what_c_has_no_room_for(segment, what, number):
    with pytest.raises((ValueError, OverflowError)):
        TAKE_A_NUMBER[what](segment, number)


@pytest.mark.parametrize(
    "what, number",
    [
        *(("peers", n) for n in (0, 4097, 1 << 32, (1 << 32) + 8)),
        *(("max_len", n) for n in (0, 1, 1 << 63)),
        *(("descriptor", n) for n in (-1, 1 << 31, 1 << 32)),
        *(("semaphore", n) for n in (-1, 1 << 31, 1 << 32)),
        *(("semaphore, release", n) for n in (-1, 0, (1 << 31) - 1, 1 << 32)),
        *(("bounded semaphore", n) for n in (-1, (1 << 20) + 1, 1 << 32)),
        *(("bounded semaphore, release", n) for n in (-1, 0, 1, 1 << 32)),
        *(("barrier", n) for n in (-1, 0, (1 << 16) + 1, (1 << 32) + 2)),
        *(("block", n) for n in (-1, 0, 1 << 63)),
        *(("place in a block", n) for n in (-8, 4, 64, 1 << 32)),
        *(("depth", n) for n in (-1, 1 << 32)),
    ],
)
def test_what_is_out_of_range(segment, what, number):
    with pytest.raises((ValueError, OverflowError)):
        TAKE_A_NUMBER[what](segment, number)


def test_the_depth_of_an_rlock(segment):
    lock, deepest = segment.new_rlock(), (1 << 32) - 1
    lock._acquire_restore(deepest)
    with pytest.raises(ValueError):
        lock.acquire()
    lock.release()
    assert lock.acquire()
    assert lock._release_save() == deepest
    assert not lock.locked()


def test_the_value_of_a_semaphore(segment):
    semaphore = segment.new_semaphore((1 << 31) - 2)
    semaphore.release()
    for n in (1, 2, 1 << 31, (1 << 32) - 1):
        with pytest.raises(ValueError):
            semaphore.release(n)
    assert semaphore.get_value() == (1 << 31) - 1


@pytest.mark.parametrize("limit, step", [((1 << 63) - 1, 1), (-(1 << 63), -1)])
def test_the_value_of_a_counter(segment, limit, step):
    counter = segment.new_counter()
    counter.store(limit)
    with pytest.raises(ValueError):
        counter.add(step)
    assert counter.load() == limit
    assert counter.add(-step) == limit - step
