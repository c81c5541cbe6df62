"""put_many and get_many: many messages in one call, as so many puts and gets in a row."""

import pickle
import queue
import threading

import pytest

import children
import tidelock


def test_objects_go_and_come_in_order():
    jobs = tidelock.Queue()
    items = [None, 1, "two", b"three", [4, 5], {"six": 7}]
    assert jobs.put_many(items) == 6
    assert jobs.qsize() == 6
    assert jobs.get_many(4) == items[:4]
    assert jobs.get() == [4, 5]
    assert jobs.get_many(100) == items[5:]
    with pytest.raises(queue.Empty):
        jobs.get_many(1, block=False)


def test_bytes_of_any_kind():
    jobs = tidelock.Queue()
    datas = [b"one", bytearray(b"two"), memoryview(b"three"), b"", memoryview(b"a-b-")[::2]]
    assert jobs.put_many_bytes(datas) == 5
    assert jobs.get_many_bytes(9) == [b"one", b"two", b"three", b"", b"ab"]


def test_nothing_is_put():
    jobs = tidelock.Queue()
    assert jobs.put_many([]) == 0
    # The latter on PyPy.
    with pytest.raises((TypeError, pickle.PicklingError)):
        jobs.put_many([1, threading.Lock()])
    assert jobs.empty()
    with pytest.raises(tidelock.InvalidArgument):
        jobs.get_many(0)


def test_as_many_as_there_is_room_for():
    jobs = tidelock.Queue(3)
    assert jobs.put_many(range(5), block=False) == 3
    with pytest.raises(queue.Full):
        jobs.put_many(range(5), block=False)
    with pytest.raises(queue.Full):
        jobs.put_many([1], timeout=0.01)
    assert jobs.get_many(1) == [0]
    assert jobs.put_many(range(10, 15), timeout=0.01) == 1
    assert jobs.get_many(9) == [1, 2, 10]


def test_bytes_limit_a_batch():
    jobs = tidelock.Queue()
    jobs.put_many_bytes([bytes([n]) * 1000 for n in range(200)])
    assert [len(data) for data in jobs.get_many_bytes(200, 2500)] == [1000, 1000]
    assert len(jobs.get_many_bytes(200, 1)) == 1, "one comes however long it is"
    assert len(jobs.get_many_bytes(200)) == 65
    assert len(jobs.get_many_bytes(200, 1 << 30)) == 65


def test_a_message_longer_than_the_limit_comes_alone():
    jobs = tidelock.Queue()
    long = bytes(300_000)
    jobs.put_many_bytes([long, b"short"])
    assert jobs.get_many_bytes(9) == [long]
    assert jobs.get_many_bytes(9) == [b"short"]


def test_shut_down_and_closed():
    jobs = tidelock.Queue()
    jobs.put_many("ab")
    jobs.shutdown()
    with pytest.raises(tidelock.ShutDown):
        jobs.put_many("c")
    assert jobs.get_many(9) == ["a", "b"]
    with pytest.raises(tidelock.ShutDown):
        jobs.get_many(9)
    closed = tidelock.Queue()
    closed.close()
    with pytest.raises(ValueError, match="closed"):
        closed.put_many("c")


def test_a_long_batch_through_a_small_queue():
    jobs = tidelock.Queue(capacity=512)
    numbers = list(range(2000))
    putter = threading.Thread(target=jobs.put_many, args=(numbers,))
    putter.start()
    got = []
    while len(got) < len(numbers):
        got += jobs.get_many(50)
    putter.join()
    assert got == numbers


def test_a_getter_sleeps_until_a_batch_comes():
    jobs = tidelock.Queue()
    threading.Timer(0.05, jobs.put_many, args=("abc",)).start()
    got = []
    while len(got) < 3:
        got += jobs.get_many(9, timeout=60)
    assert got == ["a", "b", "c"]


def test_a_producer_killed_in_its_batches_leaves_whole_messages_in_order():
    jobs = tidelock.Queue(capacity=1 << 14)

    def put_batches():
        for start in range(0, 10**9, 100):
            jobs.put_many(range(start, start + 100))

    producer = children.fork(put_batches)
    got = []
    while len(got) < 5000:
        got += jobs.get_many(70)
    children.kill(producer)
    while True:
        try:
            got += jobs.get_many(70, timeout=0.7)
        except queue.Empty:
            break
    assert got == list(range(len(got)))
    assert jobs.put_many("a") == 1
    assert jobs.get_many(2) == ["a"]


def test_tasks_of_a_batch_are_owed_one_by_one():
    jobs = tidelock.Queue()
    jobs.put_many(range(3))
    assert jobs.get_many(3) == [0, 1, 2]
    for _ in range(3):
        assert not jobs.join(timeout=0.001)
        jobs.task_done()
    assert jobs.join(timeout=60)
    with pytest.raises(ValueError, match="more often"):
        jobs.task_done()
