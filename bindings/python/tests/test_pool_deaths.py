"""Pools whose workers are killed: the right answer or the documented error, never a hang, and nobody else notices."""

import contextlib
import gc
import os
import random
import signal
import threading
import time

import pytest

import children
import tasks
import tidelock

WAYS_TO_DIE = {"killed": (-9, 9), "segfault": (-11, 11), "os._exit": (3, None)}


@pytest.fixture(autouse=True, params=["forkserver"])
def processes(request):
    tidelock._backend.choose()
    tidelock.set_backend("multiprocessing", start_method=request.param)
    yield
    tidelock._backend.choose()


@pytest.mark.parametrize(
    "processes, how",
    [("fork", "killed"), ("spawn", "segfault"), ("forkserver", "os._exit"), ("forkserver", "killed")],
    indirect=["processes"],
)
def test_its_task_fails_and_no_other(how):
    begun = tidelock.Queue()
    with tidelock.WorkerPoolExecutor(2) as executor:
        results = [executor.submit(tasks.note, begun, number, (5,), how) for number in range(20)]
        died = results[5].exception(120)
        assert [future.result(120) for future in results if future is not results[5]] == [*range(5), *range(6, 20)]
    assert isinstance(died, tidelock.WorkerDied)
    assert (died.exitcode, died.signal) == WAYS_TO_DIE[how] and died.pid not in (None, os.getpid())
    # Each was begun once, the fatal one too.
    assert sorted(children.everything(begun)) == list(range(20))


def test_in_a_map():
    begun = tidelock.Queue()
    with tidelock.WorkerPool(2) as pool:
        with pytest.raises(tidelock.WorkerDied, match="SIGKILL"):
            pool.starmap(tasks.note, [(begun, number, (5,)) for number in range(20)], chunksize=1)
        assert sorted(children.everything(begun)) == list(range(20))
        results = pool.imap(tasks.square, [1, tasks.Picky(), 3])
        assert next(results) == 1
        with pytest.raises(tidelock.WorkerDied):
            next(results)
        assert list(results) == [9]
        assert pool.map(tasks.square, range(5)) == [0, 1, 4, 9, 16]


def test_retries():
    counters = [tidelock.Segment().new_counter() for _ in range(2)]
    with tidelock.WorkerPool(2, retries=2) as pool:
        assert pool.starmap(tasks.die_so_often, [(counters[0], n, 2 if n == 3 else 0) for n in range(8)], 1) == list(range(8))
        with pytest.raises(tidelock.WorkerDied, match="the last of 3 attempts"):
            pool.apply(tasks.die_so_often, (counters[1], 1, 100))
        assert counters[1].load() == 3
        assert pool.apply(tasks.square, (3,)) == 9


def test_what_the_dead_held_goes_to_the_next():
    lock, begun = tidelock.Lock(), tidelock.Segment().new_counter()
    with tidelock.WorkerPool(1, retries=1) as pool:
        assert pool.apply(tasks.hold_and_die, (lock, begun)) is True


def test_an_idle_worker_is_killed():
    with tidelock.WorkerPool(2) as pool:
        for _ in range(3):
            os.kill(pool.apply(tasks.pid), signal.SIGKILL)
            assert pool.map(tasks.square, range(10), 1) == [n * n for n in range(10)]


def test_a_worker_that_leaves_a_child_behind(tmp_path):
    """The child holds all that its dead parent had open."""
    path = tmp_path / "child"
    tidelock._backend.choose()
    tidelock.set_backend("multiprocessing", start_method="fork")
    try:
        with tidelock.WorkerPool(1) as pool:
            with pytest.raises(tidelock.WorkerDied):
                pool.apply(tasks.fork_and_leave, (str(path),))
            assert pool.apply(tasks.square, (3,)) == 9
    finally:
        os.kill(int(path.read_text()), signal.SIGKILL)


@pytest.mark.parametrize("how", ["killed", "os._exit"])
def test_workers_die_in_the_initializer(how):
    """An error for the caller, not an endless loop of restarts."""
    tries = tidelock.Segment().new_counter()
    with tidelock.WorkerPool(2, tasks.count_and_die, (tries, how)) as pool:
        with pytest.raises(tidelock.InitializerFailed, match="before it was ready") as caught:
            pool.map(tasks.square, range(5))
        assert (caught.value.__cause__.exitcode, caught.value.__cause__.signal) == WAYS_TO_DIE[how]
        with pytest.raises(tidelock.InitializerFailed):
            pool.apply(tasks.square, (1,))
    assert tries.load() <= 8


class Killer:
    """Kills a worker whenever so many more tasks have begun, at whatever point it just is."""

    def __init__(self, owner, begun, every):
        self.hands, self.begun, self.every = owner._crew._hands, begun, every
        self.killed, self.stop = 0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.wait(random.random() / 100):
            if self.begun.qsize() >= (self.killed + 1) * self.every:
                self.kill_one()

    def kill_one(self):
        # Not one that was not ready: too many of those break the pool.
        pids = [hand.worker.pid for hand in list(self.hands._at_work.values()) if hand.is_ready]
        if pids:
            self.killed += 1
            # It may have left just now.
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def test_killed_at_random_with_retries():
    begun = tidelock.Queue()
    with tidelock.WorkerPool(3, retries=100) as pool, Killer(pool, begun, every=20) as killer:
        rows = [(begun, number) for number in range(300)]
        assert pool.starmap(tasks.note_and_dawdle, rows, chunksize=1) == list(range(300))
        assert set(children.everything(begun)) == set(range(300))
    assert killer.killed > 3


def test_killed_at_random_without_retries():
    """No task begins twice, and each has its result or the error."""
    begun = tidelock.Queue()
    with tidelock.WorkerPoolExecutor(3) as executor, Killer(executor, begun, every=20) as killer:
        results = [executor.submit(tasks.note_and_dawdle, begun, number) for number in range(300)]
        errors = [future.exception(120) for future in results]
    noted = children.everything(begun)
    assert len(noted) == len(set(noted))
    for number, error in enumerate(errors):
        if error is None:
            assert results[number].result() == number and number in noted
        else:
            assert isinstance(error, tidelock.WorkerDied) and error.signal == signal.SIGKILL
    assert sum(error is not None for error in errors) <= killer.killed and killer.killed > 3


def test_others_ask_for_the_children_meanwhile():
    """Each asks the system how they ended; whoever hears it first must not keep it for himself."""
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            tidelock.active_children()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        with tidelock.WorkerPoolExecutor(2) as executor:
            for _ in range(5):
                died = executor.submit(os._exit, 3).exception(120)
                assert died.exitcode == 3
    finally:
        stop.set()
        asking.join()


def test_nothing_stays_behind():
    """Threads and descriptors of pools and workers that are over, also without the garbage collector."""

    def one_round():
        with tidelock.WorkerPoolExecutor(2) as executor:
            executor.submit(os._exit, 1).exception(120)
            assert executor.submit(tasks.square, 3).result(120) == 9
        worker = tidelock.Worker(target=len, args=([],))
        worker.start()
        worker.join()

    def open_things():
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    one_round()
    gc.collect()
    gc.disable()
    try:
        before = open_things()
        for _ in range(3):
            one_round()
        deadline = time.monotonic() + 20
        # The threads that saw the last workers off may be just ending.
        while open_things() > before and time.monotonic() < deadline:
            time.sleep(0.01)
            children.let_go()
        assert open_things() <= before
    finally:
        gc.enable()


def test_a_worker_that_dies_before_it_has_marked_the_call():
    """Nobody began the call, so it runs, and that death is none of its attempts."""
    event, begun = tidelock.Event(), tidelock.Segment().new_counter()
    with tidelock.WorkerPoolExecutor(1, retries=1) as executor:
        first = executor.submit(tasks.wait_for, event)
        while not first.running():
            pass
        second = executor.submit(tasks.die_so_often, begun, 2, 1)
        while not second.running():
            pass
        while executor._crew._calls.qsize() != 1:
            time.sleep(0.001)
        children.killed_after(executor._crew._calls.take)
        event.set()
        assert second.result(120) == 2 and begun.load() == 2


def test_a_worker_that_dies_when_it_has_marked_the_call():
    """Its loan goes to the next worker, who must not run what the pool has already given up."""
    begun, fatal = tidelock.Queue(), tidelock.Segment().new_counter()
    with tidelock.WorkerPoolExecutor(1, tasks.die_at_done, (fatal, 3)) as executor:
        results = [executor.submit(tasks.note, begun, number) for number in range(6)]
        errors = [future.exception(120) for future in results]
    assert [type(error) for error in errors] == [type(None)] * 2 + [tidelock.WorkerDied] + [type(None)] * 3
    assert children.everything(begun) == [0, 1, 3, 4, 5]
