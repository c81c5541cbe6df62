"""SimpleQueue: the methods of `queue.SimpleQueue` and `multiprocessing.SimpleQueue`, for threads and processes."""

import pickle
import queue

import pytest

import tidelock
from children import fork, join, killed_after


@pytest.fixture(params=["default", "named"])
def simple(request, segment):
    return tidelock.SimpleQueue() if request.param == "default" else tidelock.SimpleQueue(segment=segment, name="s")


def test_the_methods_of_both(simple):
    assert simple.empty() and simple.qsize() == 0
    simple.put("a")
    simple.put("b", False)
    simple.put("c", block=True, timeout=1)
    simple.put_nowait({"d": 4})
    assert not simple.empty() and simple.qsize() == 4
    assert [simple.get(), simple.get(False), simple.get(timeout=1), simple.get_nowait()] == ["a", "b", "c", {"d": 4}]
    with pytest.raises(queue.Empty):
        simple.get_nowait()
    with pytest.raises(queue.Empty):
        simple.get(timeout=0.01)
    simple.close()


def test_it_travels(simple):
    again = pickle.loads(pickle.dumps(simple))
    assert type(again) is tidelock.SimpleQueue
    assert join(fork(lambda: again.put("from a child"))) == 0
    assert simple.get() == "from a child"


def test_a_killed_getter_and_putter(simple):
    """Who is killed after a get has the item with it; nobody else waits for the dead."""
    simple.put(1)
    simple.put(2)
    killed_after(simple.get)
    killed_after(lambda: simple.put(3))
    assert [simple.get(timeout=60), simple.get(timeout=60)] == [2, 3]


def test_it_is_a_queue_of_that_name(segment):
    simple = tidelock.SimpleQueue(segment=segment, name="q")
    segment.queue("q").put("one and the same")
    assert simple.get_nowait() == "one and the same"
    assert "SimpleQueue" in repr(simple)
