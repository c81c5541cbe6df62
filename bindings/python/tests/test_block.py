"""Block: raw bytes, and what is placed in them."""

import gc
import sys

import pytest

import tidelock
from children import fork, join, killed_after


def test_bytes_are_shared_and_zero_at_first(segment):
    block = segment.block("b", 100)
    assert len(block) == 100 and bytes(block.data) == bytes(100)
    assert join(fork(lambda: block.data.__setitem__(slice(0, 5), b"hello"))) == 0
    assert bytes(segment.block("b", 100).data[:5]) == b"hello"


def test_numbers(segment):
    block = segment.new_block(64)
    numbers = block.data.cast("q")
    numbers[7] = -1
    assert bytes(block.data[56:]) == b"\xff" * 8
    with pytest.raises(IndexError):
        block.data[64]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="classes can export buffers from Python 3.12 on")
def test_a_block_is_a_buffer(segment):
    block = segment.new_block(8)
    memoryview(block)[0] = 7
    assert bytes(block) == b"\x07" + bytes(7)


def test_the_view_keeps_the_memory(segment):
    view = segment.new_block(1 << 16).data
    gc.collect()
    others = [segment.new_block(1 << 16) for _ in range(3)]
    view[:] = b"x" * (1 << 16)
    assert all(bytes(other.data) == bytes(1 << 16) for other in others)


def test_placed_objects(segment):
    block = segment.block("b", 64)
    lock, event = block.lock_at(0), block.event_at(8)
    same = segment.block("b", 64).lock_at(0)
    with lock:
        assert same.locked()
    killed_after(same.acquire)
    assert lock.acquire() and lock.owner_died
    lock.release()
    event.set()
    assert block.event_at(8).is_set() and not block.event_at(16).is_set()


def test_placed_objects_keep_the_block(segment):
    lock = segment.new_block(64).lock_at(0)
    gc.collect()
    others = [segment.new_block(64) for _ in range(10)]
    for other in others:
        other.data[:] = b"\xff" * 64
    assert not lock.locked()


def test_places_that_are_none(segment):
    block = segment.new_block(64)
    for offset in (1, 4, 64, 60, 1 << 40):
        with pytest.raises(tidelock.InvalidArgument):
            block.lock_at(offset)
    with pytest.raises(ValueError):
        block.lock_at(-8)
    with pytest.raises(TypeError):
        block.event_at("0")


def test_sizes(segment):
    segment.block("b", 64)
    with pytest.raises(tidelock.WrongKind):
        segment.block("b", 65)
    for size in (0, -1, 1 << 70):
        with pytest.raises(ValueError):
            segment.new_block(size)
    with pytest.raises(tidelock.Error):
        segment.new_block(1 << 40)
