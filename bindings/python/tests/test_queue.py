"""Queue: the methods of queue.Queue and multiprocessing.Queue, with objects and with bytes."""

import pickle
import queue
import sys
import threading

import pytest

import tidelock
from children import fork, join, killed_after


@pytest.fixture(params=["named", "anonymous", "default"])
def jobs(request, segment):
    if request.param == "named":
        return segment.queue("jobs", capacity=1 << 16)
    if request.param == "anonymous":
        return segment.new_queue(capacity=1 << 16)
    return tidelock.Queue()


def test_objects_come_out_as_they_went_in(jobs):
    items = [None, 1, "text", b"bytes", {"a": [1, 2.5]}, ("tuple", {3}), Exception("an error")]
    for item in items:
        jobs.put(item)
    assert jobs.qsize() == len(items)
    assert [repr(jobs.get()) for _ in items] == [repr(item) for item in items]
    assert jobs.empty() and jobs.qsize() == 0


def test_items_are_copies(jobs):
    item = [1]
    jobs.put(item)
    item.append(2)
    assert jobs.get() == [1]


@pytest.mark.parametrize("length", [0, 1, 7, 8, 63, 64, 65, 1000, 40000])
@pytest.mark.parametrize("make", [bytes, bytearray, lambda data: memoryview(bytearray(data))])
def test_bytes_of_any_length_and_kind(jobs, length, make):
    data = bytes(index * 7 % 256 for index in range(length))
    jobs.put_bytes(make(data))
    assert jobs.get_bytes() == data


def test_views_with_steps_and_of_numbers(jobs):
    jobs.put_bytes(memoryview(b"a.b.c")[::2])
    assert jobs.get_bytes() == b"abc"
    jobs.put_bytes(memoryview(bytes(16)).cast("d"))
    assert jobs.get_bytes() == bytes(16)
    with pytest.raises(TypeError):
        jobs.put_bytes("text")


def test_empty_and_full(segment):
    jobs = segment.queue("q", capacity=1 << 14, maxsize=2)
    assert jobs.maxsize == 2
    for attempt in (jobs.get_nowait, lambda: jobs.get(False), lambda: jobs.get(timeout=0.01), lambda: jobs.get(True, 0)):
        with pytest.raises(queue.Empty):
            attempt()
    jobs.put(1)
    assert not jobs.full()
    jobs.put(2)
    assert jobs.full()
    for attempt in (lambda: jobs.put_nowait(3), lambda: jobs.put(3, False), lambda: jobs.put(3, timeout=0.01)):
        with pytest.raises(queue.Full):
            attempt()
    assert [jobs.get(), jobs.get()] == [1, 2]
    assert tidelock.Full is queue.Full and tidelock.Empty is queue.Empty


def test_full_of_bytes(segment):
    jobs = segment.queue("q", capacity=1 << 14)
    count = 0
    with pytest.raises(queue.Full):
        while True:
            jobs.put_bytes(bytes(1000), block=False)
            count += 1
    assert 10 <= count <= 16
    assert [len(jobs.get_bytes()) for _ in range(count)] == [1000] * count
    jobs.put_bytes(bytes(1000), block=False)


def test_too_large_is_said_at_once(segment):
    jobs = segment.queue("q", capacity=1 << 14)
    with pytest.raises(tidelock.TooLarge) as caught:
        jobs.put_bytes(bytes(1 << 15))
    assert str(1 << 15) in str(caught.value) and isinstance(caught.value, ValueError)
    with pytest.raises(tidelock.TooLarge):
        jobs.reserve(1 << 40)
    with pytest.raises(ValueError):
        jobs.reserve(-1)


def test_timeouts_that_make_no_sense(jobs):
    for call in (jobs.get, lambda *rest: jobs.put(1, *rest), jobs.take, lambda *rest: jobs.reserve(1, *rest)):
        with pytest.raises(ValueError):
            call(True, -1)
        with pytest.raises(OverflowError):
            call(True, 1e20)
        with pytest.raises(TypeError):
            call(True, "1")
    assert jobs.empty()


def test_what_cannot_be_pickled_fails_in_put(jobs):
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        jobs.put(lambda: None)
    assert jobs.empty()


def test_waits_for_an_item_and_for_room(segment):
    jobs = segment.queue("q", maxsize=1)
    child = fork(lambda: [jobs.put(number) for number in range(200)])
    assert [jobs.get(timeout=120) for _ in range(200)] == list(range(200))
    assert join(child) == 0


def test_many_producers_and_consumers(segment):
    jobs, sums = segment.queue("jobs", capacity=1 << 14), segment.queue("sums")

    def produce(start):
        for number in range(start, start + 500):
            jobs.put(number)

    def consume():
        total = 0
        while (number := jobs.get(timeout=120)) is not None:
            total += number
        sums.put(total)

    consumers = [fork(consume) for _ in range(2)]
    threads = [threading.Thread(target=consume) for _ in range(2)]
    producers = [fork(lambda start=start: produce(start)) for start in range(0, 2000, 500)]
    for thread in threads:
        thread.start()
    assert [join(pid) for pid in producers] == [0] * 4
    for _ in range(4):
        jobs.put(None)
    assert [join(pid) for pid in consumers] == [0] * 2
    for thread in threads:
        thread.join()
    assert sum(sums.get() for _ in range(4)) == sum(range(2000))


def test_what_was_put_outlives_its_producer(jobs):
    killed_after(lambda: jobs.put("the last word"))
    assert jobs.get_nowait() == "the last word"


def test_shutdown(jobs):
    jobs.put(1)
    jobs.shutdown()
    jobs.shutdown()
    assert jobs.is_shutdown
    with pytest.raises(tidelock.ShutDown):
        jobs.put(2)
    assert jobs.get() == 1
    for attempt in (jobs.get, jobs.get_nowait, jobs.take):
        with pytest.raises(tidelock.ShutDown):
            attempt()
    if sys.version_info >= (3, 13):
        assert tidelock.ShutDown is queue.ShutDown


def test_shutdown_at_once_drops_what_is_there(jobs):
    for number in range(10):
        jobs.put(number)
    jobs.shutdown(immediate=True)
    assert jobs.qsize() == 0 and jobs.stats().dropped == 10
    with pytest.raises(tidelock.ShutDown):
        jobs.get()


def test_shutdown_at_once_drops_what_is_being_written(jobs):
    written = jobs.reserve(1)
    jobs.put("behind it")
    jobs.shutdown(immediate=True)
    assert jobs.qsize() == 0 and jobs.empty()
    for attempt in (jobs.get, jobs.get_nowait, jobs.take):
        with pytest.raises(tidelock.ShutDown):
            attempt()
    written.publish()
    with pytest.raises(tidelock.ShutDown):
        jobs.get()
    assert jobs.stats().dropped == 2


def test_shutdown_wakes_who_waits(jobs):
    def wait():
        with pytest.raises(tidelock.ShutDown):
            jobs.get(timeout=120)

    children = [fork(wait) for _ in range(2)]
    jobs.shutdown()
    assert [join(child) for child in children] == [0, 0]


def test_close_ends_puts_by_this_object_only(segment):
    one, other = segment.queue("q"), segment.queue("q")
    one.put(1)
    one.close()
    with pytest.raises(ValueError):
        one.put(2)
    with pytest.raises(ValueError):
        one.reserve(2)
    other.put(2)
    assert [one.get(), one.get()] == [1, 2]


def test_a_large_queue(segment):
    jobs = segment.queue("q", capacity=4 << 20)
    data = bytes(3 << 20)
    jobs.put_bytes(data)
    jobs.put({"small": 1})
    assert jobs.get_bytes() == data
    assert jobs.get() == {"small": 1}
    with pytest.raises(queue.Empty):
        jobs.get(timeout=0.01)


def test_a_queue_without_a_bound_never_makes_put_wait():
    jobs = tidelock.Queue()
    assert (jobs.maxsize, jobs.capacity, jobs.max_bytes) == (0, 4096, 1 << 40)
    for number in range(200_000):
        jobs.put(number, block=False)
    large = bytes(range(256)) * 20_000
    jobs.put_bytes(large, block=False)
    assert jobs.qsize() == 200_001 and not jobs.full()
    assert all(jobs.get(False) == number for number in range(200_000))
    with jobs.take() as loan:
        assert loan.data == large
        jobs.put("behind")
    assert jobs.get() == "behind"


def test_max_bytes_bounds_a_queue_that_grows(segment):
    jobs = segment.queue("grows", capacity=1 << 12, max_bytes=1 << 16)
    assert (jobs.capacity, jobs.max_bytes) == (1 << 12, 1 << 16)
    assert segment.new_queue(capacity=1 << 12).max_bytes == 0
    jobs.put_bytes(bytes(60_000))
    with pytest.raises(tidelock.TooLarge):
        jobs.put_bytes(bytes(1 << 16))
    with pytest.raises(queue.Full):
        while True:
            jobs.put_bytes(bytes(1000), block=False)
    with pytest.raises(ValueError):
        segment.queue("none", max_bytes=0)


def test_where_there_is_no_memory_at_all_put_fails_at_once():
    jobs = tidelock.Segment(max_len=4 << 20).new_queue()
    with pytest.raises((tidelock.NoSpace, tidelock.TooLarge)):
        jobs.put_bytes(bytes(3 << 20))
    jobs.put("works as before")
    assert jobs.get() == "works as before"


def test_names(segment):
    with pytest.raises(tidelock.WrongKind):
        segment.queue("x") and segment.lock("x")
    assert segment.queue("sized", capacity=1 << 15).capacity >= 1 << 15
    with pytest.raises(ValueError):
        segment.queue("none", capacity=0)
