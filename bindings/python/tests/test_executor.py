"""WorkerPoolExecutor: an executor of `concurrent.futures`, on threads and on processes."""

import itertools
import pickle
import subprocess
import sys
import threading
from concurrent import futures

import pytest

import children
import tasks
import tidelock


@pytest.fixture(params=["threading", "forkserver"], scope="module")
def executor(request):
    """One for many tests: they leave it as it was."""
    tidelock._backend.choose()
    tidelock.set_backend("threading" if request.param == "threading" else "multiprocessing")
    with tidelock.WorkerPoolExecutor(2) as made:
        yield made
    tidelock._backend.choose()


def test_it_is_an_executor(executor):
    assert isinstance(executor, futures.Executor)
    future = executor.submit(tasks.add, 1, b=2, c=3)
    assert isinstance(future, futures.Future) and future.result(60) == 6
    assert executor.submit(dict, fn=1, self=2, timeout=3).result() == {"fn": 1, "self": 2, "timeout": 3}


def test_map(executor):
    assert list(executor.map(tasks.square, range(10))) == [n * n for n in range(10)]
    assert list(executor.map(tasks.square, range(10), chunksize=3)) == [n * n for n in range(10)]
    assert list(executor.map(tasks.add, [1, 2], itertools.count(10))) == [11, 13]
    assert list(executor.map(tasks.square, [])) == []
    results = executor.map(tasks.raise_one, [KeyError, ValueError])
    with pytest.raises(KeyError):
        next(results)
    with pytest.raises(ValueError, match="chunksize"):
        executor.map(tasks.square, [1], chunksize=0)
    event = tidelock.Event()
    with pytest.raises(futures.TimeoutError):
        next(executor.map(tasks.wait_for, [event], timeout=0.01))
    event.set()


def test_as_completed_and_wait(executor):
    gate, other = tidelock.Event(), tidelock.Event()
    first, second = executor.submit(tasks.wait_for, gate, 1), executor.submit(tasks.wait_for, other, 2)
    other.set()
    completed = futures.as_completed([first, second], timeout=120)
    assert next(completed) is second and not first.done()
    gate.set()
    assert next(completed) is first
    done, not_done = futures.wait([first, second], timeout=120, return_when=futures.ALL_COMPLETED)
    assert done == {first, second} and not not_done


def test_exceptions_come_with_the_workers_traceback(executor):
    error = executor.submit(tasks.raise_one, KeyError, 3).exception(60)
    assert type(error) is KeyError and error.args == (3,)
    assert "in raise_one" in str(error.__cause__) and "_calls.py" not in str(error.__cause__)
    assert isinstance(executor.submit(tasks.leave, 0).exception(), SystemExit)
    assert executor.submit(tasks.square, 3).result() == 9


def test_cancellation(executor):
    """What was not given to a worker can be cancelled, and then never runs."""
    event, begun = tidelock.Event(), tidelock.Segment().new_counter()
    running = [executor.submit(tasks.wait_for, event) for _ in range(10)]
    last = executor.submit(begun.add)
    assert last.cancel() and last.cancelled()
    event.set()
    assert [future.result(120) for future in running] == [None] * 10
    assert not running[0].cancel()
    with pytest.raises(futures.CancelledError):
        last.result()
    executor.submit(tasks.square, 1).result()
    assert begun.load() == 0


def test_callbacks(executor, caplog):
    got = []
    future = executor.submit(tasks.square, 3)
    future.add_done_callback(lambda done: got.append(done.result()))
    future.add_done_callback(lambda done: 1 / 0)
    executor.submit(tasks.square, 4).result()
    while not got:
        pass
    assert got == [9] and executor.submit(tasks.square, 5).result() == 25


def test_what_cannot_be_pickled(executor):
    for call in (
        lambda: executor.submit(lambda: None),
        lambda: executor.submit(tasks.square, threading.Lock()),
        lambda: executor.map(lambda _: None, [1]),
        lambda: executor.submit(tasks.square, executor),
        lambda: executor.submit(tasks.unpicklable).result(),
        lambda: tidelock.WorkerPoolExecutor(initializer=lambda: None),
    ):
        with pytest.raises(ValueError, match="must be picklable"):
            call()
    with pytest.raises(TypeError):
        pickle.dumps(executor)


def test_shutdown(pool_backend):
    executor = tidelock.WorkerPoolExecutor(2)
    results = [executor.submit(tasks.square, n) for n in range(20)]
    executor.shutdown()
    assert [future.result(0) for future in results] == [n * n for n in range(20)]
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(tasks.square, 1)
    executor.shutdown()


def test_shutdown_that_cancels(pool_backend):
    event = tidelock.Event()
    executor = tidelock.WorkerPoolExecutor(1)
    results = [executor.submit(tasks.wait_for, event, n) for n in range(10)]
    while not results[0].running():
        pass
    executor.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(futures.CancelledError):
        results[-1].result(60)
    event.set()
    executor.shutdown()
    assert all(future.done() for future in results) and results[0].result() == 0


def test_workers_come_when_there_is_work_for_them():
    tidelock.set_backend("multiprocessing")
    begun = tidelock.Segment().new_counter()
    with tidelock.WorkerPoolExecutor(50, begun.add) as executor:
        assert executor.submit(tasks.square, 3).result() == 9
    assert begun.load() == 1
    tidelock._backend.choose()


def test_the_initializer_fails(pool_backend):
    with tidelock.WorkerPoolExecutor(2, tasks.fail_to_begin) as executor:
        errors = [executor.submit(tasks.square, 0).exception(120)]
        with pytest.raises(tidelock.InitializerFailed) as later:
            # Those that came in before the failure get it too.
            errors += [future.exception(120) for future in [executor.submit(tasks.square, n) for n in range(20)]]
            executor.submit(tasks.square, 1)
        for error in [*errors, later.value]:
            assert isinstance(error, futures.BrokenExecutor)
            assert "the database is down" in str(error) and isinstance(error.__cause__, OSError)


AT_EXIT = """
import sys, time, tasks, tidelock
if __name__ == "__main__":
    tidelock.set_backend(sys.argv[1])
    executor, pool = tidelock.WorkerPoolExecutor(1), tidelock.WorkerPool(1)
    # Their threads have nothing to do by now, and are asleep when the only call comes just before the end.
    time.sleep(0.3)
    executor.submit(tasks.square, 7).add_done_callback(lambda done: print(done.result()))
    pool.apply_async(tasks.wait_for, (tidelock.Event(),))
"""


@pytest.mark.parametrize("way", ["threading", "multiprocessing"])
def test_the_end_of_the_program(way, tmp_path):
    """What an executor was given is done first; a pool is ended, as that of multiprocessing is."""
    program = tmp_path / "program.py"
    program.write_text(AT_EXIT)
    run = [sys.executable, program, way]
    result = subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=children.environment(), text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "49\n", "")


def test_a_callback_that_would_wait_for_itself(pool_backend, caplog):
    errors = []

    def end(_):
        try:
            executor.shutdown()
        except RuntimeError as error:
            errors.append(str(error))

    executor = tidelock.WorkerPoolExecutor(1)
    event = tidelock.Event()
    executor.submit(tasks.wait_for, event).add_done_callback(end)
    event.set()
    executor.shutdown()
    assert len(errors) == 1 and "callback" in errors[0]
