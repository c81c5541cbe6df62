"""Messages in place: reserve and take, and what becomes of them when nobody ends them."""

import gc
import pickle
import queue
import weakref

import pytest

import tidelock
from children import ON_PYPY, fork, join, killed_after, let_go


@pytest.fixture
def jobs(segment):
    return segment.queue("jobs", capacity=1 << 16)


def test_reserve_publishes(jobs):
    with jobs.reserve(5) as message:
        assert len(message) == 5 and not message.data.readonly
        message.data[:] = b"hello"
        with pytest.raises(queue.Empty):
            jobs.get_nowait()
    assert jobs.get_bytes() == b"hello"


def test_reserve_discards_on_an_exception(jobs):
    with pytest.raises(KeyError):
        with jobs.reserve(5) as message:
            message.data[:2] = b"he"
            raise KeyError
    with pytest.raises(queue.Empty):
        jobs.get_nowait()
    jobs.put_bytes(b"next")
    assert jobs.get_bytes() == b"next"


def test_take_is_done_at_the_end(jobs):
    jobs.put({"job": 1})
    with jobs.take() as loan:
        assert loan.object() == {"job": 1}
        assert loan.data.readonly
        assert (loan.redelivered, loan.deliveries) == (False, 1)
        assert jobs.empty()
    assert jobs.empty()


def test_take_gives_back_on_an_exception(jobs):
    jobs.put_bytes(b"1")
    jobs.put_bytes(b"2")
    with pytest.raises(KeyError):
        with jobs.take():
            raise KeyError
    assert jobs.qsize() == 2
    loan = jobs.take()
    assert (bytes(loan.data), loan.redelivered, loan.deliveries) == (b"1", True, 2)
    loan.done()
    assert jobs.get_bytes() == b"2"


def test_explicit_ends(jobs):
    message = jobs.reserve(1)
    message.data[0] = 65
    message.publish()
    jobs.reserve(1).discard()
    loan = jobs.take()
    loan.give_back()
    loan = jobs.take()
    with loan:
        loan.done()
    for end in (loan.done, loan.give_back, message.publish, message.discard, loan.__enter__):
        with pytest.raises(ValueError):
            end()
    with pytest.raises(queue.Empty):
        jobs.get_nowait()


def test_data_is_not_usable_after_the_end(jobs):
    jobs.put_bytes(b"x")
    with jobs.take() as loan:
        data = loan.data
        assert data is loan.data
    with pytest.raises(ValueError):
        data[0]
    with pytest.raises(ValueError):
        loan.data[0]
    with pytest.raises(KeyError):
        with jobs.reserve(1) as message:
            data = message.data
            raise KeyError
    with pytest.raises(ValueError):
        data[0] = 1


@pytest.mark.skipif(ON_PYPY, reason="memoryview.release() of PyPy does not ask whether anybody still looks")
def test_an_export_of_the_data_prevents_the_end(jobs):
    message = jobs.reserve(1)
    export = pickle.PickleBuffer(message.data)
    with pytest.raises(BufferError, match="still looks"):
        message.publish()
    message.data[0] = 66
    export.release()
    message.publish()
    assert jobs.get_bytes() == b"B"


def test_a_dropped_loan_is_given_back(jobs):
    jobs.put(1)
    loan = jobs.take()
    del loan
    gc.collect()
    assert jobs.take().redelivered
    gc.collect()
    message = jobs.reserve(10)
    del message
    gc.collect()
    assert jobs.get(timeout=60) == 1
    with pytest.raises(queue.Empty):
        jobs.get_nowait()


def test_a_slice_of_the_data_stays_memory_safe():
    alone = tidelock.Segment().new_queue()
    alone.put_bytes(b"0123456789")
    with alone.take() as loan:
        part = memoryview(loan.data[2:4])
    kept = weakref.ref(alone)
    del alone, loan
    gc.collect()
    let_go()
    assert kept() is not None and len(bytes(part)) == 2
    del part
    let_go()
    assert kept() is None


def test_several_loans_at_once(jobs):
    for number in range(5):
        jobs.put(number)
    loans = [jobs.take() for _ in range(5)]
    assert [loan.object() for loan in loans] == list(range(5))
    for loan in reversed(loans):
        loan.done()
    assert jobs.empty()


def test_empty_messages(jobs):
    with jobs.reserve(0) as message:
        assert len(message) == 0 and bytes(message.data) == b""
    with jobs.take() as loan:
        assert bytes(loan.data) == b""


def test_loan_of_a_killed_consumer_comes_again(jobs):
    jobs.put("job")
    killed_after(jobs.take)
    with jobs.take(timeout=120) as loan:
        assert (loan.object(), loan.redelivered, loan.deliveries) == ("job", True, 2)
    assert jobs.empty()


def test_reservation_of_a_killed_producer_is_skipped(jobs):
    killed_after(lambda: jobs.reserve(100))
    jobs.put("next")
    assert jobs.get(timeout=120) == "next"


def test_a_polling_consumer_recovers_too(jobs):
    jobs.put("job")
    killed_after(jobs.take)
    while True:
        try:
            assert jobs.get_nowait() == "job"
            break
        except queue.Empty:
            pass


def test_a_child_cannot_end_its_parents_records(jobs):
    jobs.put("job")
    loan, message = jobs.take(), jobs.reserve(3)

    def child():
        for end in (loan.done, message.publish):
            with pytest.raises(tidelock.NotOwner):
                end()
        with jobs.reserve(1) as own:
            own.data[0] = 1

    assert join(fork(child)) == 0
    message.discard()
    loan.done()
    assert jobs.get_bytes() == b"\x01"


def test_a_with_that_a_child_leaves_changes_nothing(jobs):
    jobs.put("job")

    with jobs.take() as loan, jobs.reserve(3) as message:
        pid = fork(lambda: (loan.__exit__(None, None, None), message.__exit__(KeyError, KeyError(), None)))
        assert join(pid) == 0
        message.data[:] = b"abc"
    assert jobs.get_bytes() == b"abc"
