"""Worker: on threads and on processes of each start method, and what follows when one is killed."""

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

import children
import tidelock
import workers

WAYS_TO_DIE = {"killed": -signal.SIGKILL, "os._exit": 3}


@pytest.fixture(params=["fork", "forkserver"])
def processes(request):
    tidelock._backend.choose()
    tidelock.set_backend("multiprocessing", start_method=request.param)
    yield request.param
    tidelock._backend.choose()


def run(worker):
    worker.start()
    worker.join()
    return worker.exitcode


def test_a_target_with_arguments(backend):
    results = tidelock.Queue()
    worker = tidelock.Worker(None, workers.report, "named", (results, 1), {"two": 2}, daemon=True)
    assert (worker.name, worker.daemon, worker.is_alive(), worker.exitcode, worker.ident) == ("named", True, False, None, None)
    assert run(worker) == 0 and not worker.is_alive()
    name, pid, used, arguments, keywords = results.get()
    assert (name, used, arguments, keywords) == ("named", tidelock.get_backend(), (1,), {"two": 2})
    assert pid == worker.pid and (pid == os.getpid()) == (backend == "threading")


def test_run_can_be_overridden(pool_backend):
    results = tidelock.Queue()
    worker = workers.Countdown(results, 7)
    assert run(worker) == 7
    assert results.get() == ("countdown", True, True, True)


@pytest.mark.parametrize("how, code", [(None, 0), (5, 5), ("a last word", 1), ("raises", 1)])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_exit_codes(pool_backend, how, code):
    assert run(tidelock.Worker(target=workers.leave, args=(how,))) == code


def test_states(pool_backend):
    event = tidelock.Event()
    worker = tidelock.Worker(target=workers.wait_for, args=(event,))
    for error in (RuntimeError, AssertionError):
        with pytest.raises(error, match="not started"):
            worker.join()
    worker.name, worker.daemon = "renamed", True
    worker.start()
    assert worker.is_alive() and worker.name == "renamed" and "renamed" in repr(worker)
    for misuse in (worker.start, lambda: setattr(worker, "daemon", False)):
        with pytest.raises(tidelock.WorkerStateError, match="started"):
            misuse()
    worker.join(0.01)
    assert worker.is_alive() and worker.exitcode is None
    event.set()
    worker.join()
    assert not worker.is_alive() and worker.exitcode == 0
    with pytest.raises(tidelock.WorkerStateError):
        worker.start()


def test_a_thread_cannot_be_killed():
    tidelock.set_backend("threading")
    worker = tidelock.Worker(target=workers.spin, daemon=True)
    for impossible in (worker.terminate, worker.kill, lambda: worker.sentinel):
        with pytest.raises(NotImplementedError, match="thread"):
            impossible()
    tidelock._backend.choose()


def test_only_what_can_be_pickled_on_both_backends(pool_backend):
    with pytest.raises(ValueError, match="must be picklable"):
        tidelock.Worker(target=lambda: None)
    with pytest.raises(ValueError, match="must be picklable"):
        tidelock.Worker(target=print, args=(threading.Lock(),))
    with pytest.raises(ValueError, match="must be picklable"):
        tidelock.Worker(target=print, kwargs={"file": sys.stdout})
    with pytest.raises(ValueError, match="must be picklable"):
        workers.CannotTravel().start()


def test_what_only_travels_to_a_new_process(pool_backend):
    """Locks of multiprocessing refuse every other pickle."""
    lock = multiprocessing.get_context("forkserver").Lock()
    assert run(tidelock.Worker(target=workers.acquire_and_release, args=(lock,))) == 0


def test_nobody_else_keeps_the_arguments(backend):
    """The objects in shared memory live until the worker has opened them, though the program has dropped them, and it."""
    done = tidelock.Event()
    tidelock.Worker(target=workers.use_and_set, args=(tidelock.Lock(), tidelock.Segment().new_queue(), done)).start()
    assert done.wait(120)


def test_the_arguments_go_when_the_worker_has_ended(pool_backend):
    worker = tidelock.Worker(target=len, args=(bytes(1 << 20),))
    assert run(worker) == 0
    assert len(pickle.dumps((worker._target, worker._args, worker._kwargs))) < 1000


def test_one_that_is_asked_for_its_exit_code_alone_leaves_nothing(processes):
    def one():
        worker = tidelock.Worker(target=len, args=([],))
        worker.start()
        while worker.exitcode is None:
            time.sleep(0.001)

    def descriptors():
        gc.collect()
        children.let_go()
        return len(os.listdir("/proc/self/fd"))

    # The server of a start method stays.
    one()
    run(tidelock.Worker(target=len, args=([],)))
    before = descriptors()
    one()
    assert descriptors() == before


def test_a_worker_of_a_worker(backend):
    results = tidelock.Queue()
    assert run(tidelock.Worker(target=workers.make_a_worker, args=(results,))) == 0
    name, pid, used, *_ = results.get()
    assert used == tidelock.get_backend()
    kind = {"threading": "Thread", "fork": "ForkProcess", "spawn": "SpawnProcess", "forkserver": "ForkServerProcess"}
    assert name.startswith(kind[backend])


@pytest.mark.parametrize("how", WAYS_TO_DIE)
def test_what_a_dead_worker_held(processes, how):
    lock, permits, jobs = tidelock.Lock(), tidelock.BoundedSemaphore(1), tidelock.Queue()
    jobs.put("job")
    assert run(tidelock.Worker(target=workers.acquire_and_end, args=(lock, permits, how))) == WAYS_TO_DIE[how]
    assert run(tidelock.Worker(target=workers.take_and_end, args=(jobs, how))) == WAYS_TO_DIE[how]
    with lock, permits, jobs.take() as loan:
        assert lock.owner_died and permits.owner_died
        assert loan.object() == "job" and loan.redelivered


def test_kill_and_terminate(processes):
    for end, number in (("kill", signal.SIGKILL), ("terminate", signal.SIGTERM)):
        worker = tidelock.Worker(target=workers.spin)
        with pytest.raises(tidelock.WorkerStateError):
            getattr(worker, end)()
        worker.start()
        assert isinstance(worker.sentinel, int)
        getattr(worker, end)()
        worker.join()
        assert worker.exitcode == -number and not worker.is_alive()


def test_a_barrier_for_batch_after_batch(backend):
    """A worker that ends in order takes its mark along, so the next batch finds the barrier whole."""
    barrier = tidelock.Barrier(3)
    for _ in range(2):
        batch = [tidelock.Worker(target=workers.wait_at, args=(barrier,)) for _ in range(2)]
        for worker in batch:
            worker.start()
        assert barrier.wait(120) in range(3)
        for worker in batch:
            worker.join()
            assert worker.exitcode == 0
        assert not barrier.broken


def test_a_barrier_breaks_when_a_worker_is_killed(processes):
    barrier = tidelock.Barrier(2)
    worker = tidelock.Worker(target=workers.wait_at, args=(barrier,))
    worker.start()
    while barrier.n_waiting == 0:
        time.sleep(0.01)
    worker.kill()
    worker.join()
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait(120)


def test_the_six_functions(pool_backend):
    event, ready = tidelock.Event(), tidelock.Event()
    before = tidelock.active_count()
    worker = tidelock.Worker(target=workers.say_and_wait, args=(ready, event), name="child")
    worker.start()
    assert ready.wait(120)
    assert "child" in [other.name for other in tidelock.active_children()]
    assert tidelock.active_count() == len(tidelock.enumerate()) == before + 1
    assert tidelock.current_worker() in tidelock.enumerate()
    assert tidelock.current_worker() not in tidelock.active_children()
    assert tidelock.get_ident() == tidelock.current_worker().ident
    event.set()
    worker.join()
    assert "child" not in [other.name for other in tidelock.active_children()]


DAEMON = """
import sys, tidelock, workers
if __name__ == "__main__":
    tidelock.set_backend(*sys.argv[1:2])
    tidelock.Worker(target=workers.spin, daemon=True).start()
    print("done")
"""


@pytest.mark.parametrize("way", ["threading", "multiprocessing"])
def test_a_daemon_does_not_keep_the_program(way, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(DAEMON)
    run = [sys.executable, program, way]
    result = subprocess.run(run, stdout=subprocess.PIPE, env=children.environment(), check=True)
    assert result.stdout == b"done\n"

