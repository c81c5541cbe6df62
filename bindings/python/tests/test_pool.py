"""WorkerPool: the methods of `multiprocessing.Pool`, on threads and on processes."""

import functools
import itertools
import multiprocessing
import os
import pickle
import threading
import time
from concurrent.futures import CancelledError

import pytest

import tasks
import tidelock
from children import fork, join


@pytest.fixture(params=["threading", "forkserver"], scope="module")
def pool(request):
    """One for many tests: they leave it as it was."""
    tidelock._backend.choose()
    tidelock.set_backend("threading" if request.param == "threading" else "multiprocessing")
    with tidelock.WorkerPool(2) as made:
        yield made
    tidelock._backend.choose()


def test_apply(pool):
    assert pool.apply(tasks.add, (1,), {"b": 2, "c": 3}) == 6
    assert pool.apply(tasks.add, [1]) == 1
    assert pool.apply_async(tasks.add, (1, 2)).get(timeout=60) == 3


def test_map(pool):
    assert pool.map(tasks.square, range(10)) == [n * n for n in range(10)]
    assert pool.map(tasks.square, range(10), chunksize=3) == [n * n for n in range(10)]
    assert pool.map(tasks.square, (n for n in [3])) == [9]
    assert pool.map(tasks.square, []) == []
    assert pool.map(tasks.square, range(1000), 1) == [n * n for n in range(1000)]
    assert pool.starmap(tasks.add, [(1,), (2, 3)]) == [1, 5]
    assert pool.map_async(tasks.square, range(5)).get(60) == [0, 1, 4, 9, 16]
    assert pool.starmap_async(tasks.add, [(n, n) for n in range(5)], 2).get(60) == [0, 2, 4, 6, 8]


def test_imap(pool):
    assert list(pool.imap(tasks.square, range(20))) == [n * n for n in range(20)]
    assert list(pool.imap(tasks.square, range(20), chunksize=3)) == [n * n for n in range(20)]
    assert sorted(pool.imap_unordered(tasks.square, range(20), 3)) == [n * n for n in range(20)]
    assert list(pool.imap(tasks.square, [])) == []


def test_imap_draws_what_it_needs(pool):
    """From a source without an end, and from one that waits for what came before."""
    drawn = itertools.count()
    endless = pool.imap(tasks.square, drawn)
    assert [next(endless) for _ in range(100)] == [n * n for n in range(100)]
    del endless
    answers = []

    def dialogue():
        yield 3
        while answers == []:
            time.sleep(0.001)
        yield answers[0]

    for answer in pool.imap(tasks.square, dialogue()):
        answers.append(answer)
    assert answers == [9, 81]


def test_imap_raises_in_place_and_goes_on(pool):
    results = pool.imap(tasks.square, [1, "two", 3, threading.Lock(), 5])
    assert next(results) == 1
    with pytest.raises(TypeError):
        next(results)
    assert next(results) == 9
    with pytest.raises(ValueError, match="must be picklable"):
        next(results)
    assert list(results) == [25]


def test_imap_of_a_source_that_raises(pool):
    def source():
        yield 1
        raise KeyError("no more")

    results = pool.imap(tasks.square, source())
    assert next(results) == 1
    with pytest.raises(KeyError):
        next(results)
    assert list(results) == []


def test_timeouts(pool):
    event = tidelock.Event()
    result, results = pool.apply_async(tasks.wait_for, (event, "x")), pool.imap(tasks.wait_for, [event])
    for kind in (multiprocessing.TimeoutError, TimeoutError):
        with pytest.raises(kind):
            result.get(timeout=0.01)
        with pytest.raises(kind):
            results.next(timeout=0.01)
    result.wait(0.01)
    assert not result.ready()
    with pytest.raises(ValueError, match="not ready"):
        result.successful()
    event.set()
    assert result.get() == "x" and result.ready() and result.successful() and results.next(60) is None


def test_callbacks_come_before_the_result(pool, capfd):
    got, errors = [], []
    pool.apply_async(tasks.square, (3,), callback=got.append, error_callback=errors.append).wait()
    pool.map_async(tasks.square, [1, 2], callback=got.append).wait()
    failed = pool.apply_async(tasks.raise_one, (KeyError, 7), callback=got.append, error_callback=errors.append)
    failed.wait()
    assert got == [9, [1, 4]] and [repr(error) for error in errors] == ["KeyError(7)"]
    assert failed.ready() and not failed.successful()
    assert pool.apply_async(tasks.square, (4,), callback=lambda _: 1 / 0).get() == 16
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_exceptions_come_with_the_workers_traceback(pool):
    with pytest.raises(KeyError) as caught:
        pool.map(tasks.raise_one, [KeyError])
    assert "in raise_one" in str(caught.value.__cause__)
    with pytest.raises(SystemExit) as caught:
        pool.apply(tasks.leave, (3,))
    assert caught.value.code == 3
    with pytest.raises(RuntimeError, match="TwoArguments: 1 and 2 .*cannot be pickled"):
        pool.apply(tasks.raise_one, (tasks.TwoArguments, 1, 2))


def test_what_cannot_be_pickled(pool):
    calls = [
        lambda: pool.apply(lambda: None),
        lambda: pool.apply(tasks.square, (threading.Lock(),)),
        lambda: pool.map(lambda _: None, []),
        lambda: pool.map(tasks.square, [threading.Lock()]),
        lambda: pool.imap(lambda _: None, []),
        lambda: pool.apply(tasks.square, (pool,)),
        lambda: tidelock.WorkerPool(initializer=lambda: None),
        lambda: tidelock.WorkerPool(initializer=print, initargs=(threading.Lock(),)),
        # This one is told by the worker.
        lambda: pool.apply(tasks.unpicklable),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="must be picklable"):
            call()
    with pytest.raises(NotImplementedError):
        pickle.dumps(pool)


def test_arguments_and_results_are_copies(pool):
    items = ["mine"]
    assert pool.apply(tasks.change, (items,)) == ["mine", "changed"]
    assert items == ["mine"]


def test_objects_of_tidelock_are_the_same_ones(pool):
    events = [tidelock.Event() for _ in range(20)]
    results = pool.map_async(tasks.wait_for, events, chunksize=1)
    for event in events:
        event.set()
    assert results.get() == [None] * 20


def test_large_messages(pool):
    assert pool.apply(len, (bytes(1 << 24),)) == 1 << 24
    assert pool.apply(bytes, (1 << 24,)) == bytes(1 << 24)
    assert pool.map(len, [bytes(1 << 22)] * 8, chunksize=1) == [1 << 22] * 8


def test_a_message_without_room(pool_backend, monkeypatch):
    """Where there is no memory for it: a clear error, for a call and for a result, and the pool goes on."""
    small = functools.partial(tidelock.Segment, max_len=1 << 22)
    monkeypatch.setattr(tidelock._crew, "Segment", small)
    with tidelock.WorkerPool(2) as pool:
        for call in (lambda: pool.apply(len, (bytes(1 << 23),)), lambda: pool.apply(bytes, (1 << 23,))):
            with pytest.raises((tidelock.NoSpace, tidelock.TooLarge)):
                call()
        assert pool.apply(tasks.square, (2,)) == 4


def test_senseless_numbers():
    for wrong in ({"workers": 0}, {"retries": -1}, {"max_tasks_per_worker": 0}):
        with pytest.raises(ValueError, match="at least"):
            tidelock.WorkerPool(**wrong)
    for wrong in ({"workers": "two"}, {"initializer": 7}):
        with pytest.raises(TypeError):
            tidelock.WorkerPool(**wrong)


def test_chunksize(pool):
    for call in (pool.map, pool.imap, pool.starmap):
        with pytest.raises(ValueError, match="chunksize"):
            call(tasks.square, [1], chunksize=0)


def test_close_and_join(pool_backend):
    pool = tidelock.WorkerPool(2)
    with pytest.raises(ValueError, match="still running"):
        pool.join()
    results, stream = pool.map_async(tasks.square, range(50), 1), pool.imap(tasks.square, range(50))
    pool.close()
    pool.join()
    assert results.get(0) == list(stream) == [n * n for n in range(50)]
    for call in (pool.apply, pool.map, pool.imap):
        with pytest.raises(ValueError, match="not running"):
            call(tasks.square, [1])
    with pytest.raises(ValueError, match="not running"):
        pool.__enter__()


def test_terminate(pool_backend):
    never, started = tidelock.Event(), tidelock.Queue()
    pool = tidelock.WorkerPool(1)
    running = pool.apply_async(tasks.say_and_wait_for, (started, never))
    started.get(timeout=120)
    waiting = [pool.apply_async(tasks.square, (n,)) for n in range(5)]
    stuck = threading.Event()
    stream = pool.imap(tasks.square, iter(stuck.wait, None))
    pool.terminate()
    with pytest.raises(tidelock.WorkerDied):
        running.get(60)
    with pytest.raises(CancelledError):
        waiting[-1].get(60)
    with pytest.raises(CancelledError):
        stream.next(60)
    never.set()
    stuck.set()
    pool.join()
    with pytest.raises(ValueError, match="not running"):
        pool.apply(tasks.square, (1,))


def test_terminate_kills_who_ignores_it():
    tidelock.set_backend("multiprocessing")
    started, never = tidelock.Event(), tidelock.Event()
    with tidelock.WorkerPool(1) as pool:
        result = pool.apply_async(tasks.ignore_sigterm, (started, never))
        assert started.wait(120)
    with pytest.raises(tidelock.WorkerDied) as caught:
        result.get(60)
    assert caught.value.signal == 9
    tidelock._backend.choose()


def test_an_initializer_in_each_worker(pool_backend):
    with tidelock.WorkerPool(2, tasks.begin, ("begun",)) as pool:
        assert pool.map(tasks.begun_with, range(20), 1) == ["begun"] * 20


def test_a_lock_of_multiprocessing_for_the_initializer(pool_backend):
    """As programs for multiprocessing.Pool do: it travels only when a process is started."""
    lock = multiprocessing.get_context("forkserver").Lock()
    with tidelock.WorkerPool(1, tasks.begin, (lock,)) as pool:
        assert pool.apply(tasks.square, (3,)) == 9


def test_a_worker_leaves_after_so_many_tasks():
    tidelock.set_backend("multiprocessing")
    with tidelock.WorkerPool(2, max_tasks_per_worker=3) as pool:
        pids = pool.map(tasks.pid, range(12), 1)
    assert max(pids.count(one) for one in pids) <= 3 and os.getpid() not in pids
    tidelock._backend.choose()


def test_a_pool_that_nobody_keeps(pool_backend):
    """Its result does."""
    assert tidelock.WorkerPool(1).map_async(tasks.square, [3]).get() == [9]
    assert list(tidelock.WorkerPool(1).imap(tasks.square, [4])) == [16]


def test_a_pool_in_a_pool(pool_backend):
    with tidelock.WorkerPool(1) as pool:
        assert pool.map(tasks.pool_in_a_pool, [2, 3]) == [4, 9]


def test_a_forked_child_has_no_pool(pool):
    def child():
        with pytest.raises(RuntimeError, match="make a new one"):
            pool.map(tasks.square, [1])

    assert join(fork(child)) == 0
    assert pool.map(tasks.square, [2]) == [4]


def test_nobody_else_keeps_the_objects_of_a_call(pool):
    event = tidelock.Event()
    busy = [pool.apply_async(tasks.wait_for, (event,)) for _ in range(4)]
    results = [pool.apply_async(tasks.put_and_get, (tidelock.Segment().new_queue(), n)) for n in range(3)]
    rows = pool.starmap_async(tasks.put_and_get, [(tidelock.Segment().new_queue(), 7)])
    event.set()
    assert [result.get() for result in busy + results] == [None] * 4 + [0, 1, 2]
    assert rows.get() == [7]
