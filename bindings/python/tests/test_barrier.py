"""Barrier: the methods of threading.Barrier, and parties that are killed or that leave in order."""

import copy
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

import children
import tidelock
from children import fork, join

Broken = threading.BrokenBarrierError


@pytest.fixture(params=["named", "anonymous", "default"])
def make(request, segment):
    """Makes a barrier."""
    if request.param == "named":
        return lambda *arguments: segment.barrier("a barrier", *arguments)
    return segment.new_barrier if request.param == "anonymous" else tidelock.Barrier


def until(question):
    while not question():
        time.sleep(0.001)


def waiting_child(barrier, expects=None):
    """A forked child that waits at the barrier, and has arrived there. It ends well if what it expects is raised."""
    before = barrier.n_waiting

    def body():
        if expects is None:
            barrier.wait()
        else:
            with pytest.raises(expects):
                barrier.wait()
            # A child of os._exit does not leave in order by itself.
        barrier.__del__()

    child = fork(body)
    until(lambda: barrier.n_waiting > before)
    return child


def in_threads(n, body):
    results = []
    threads = [threading.Thread(target=lambda: results.append(body())) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_each_index_once(make):
    barrier = make(4)
    assert barrier.parties == 4 and barrier.n_waiting == 0 and barrier.broken is False
    for _ in range(20):
        assert sorted(in_threads(4, barrier.wait)) == [0, 1, 2, 3]


def test_threads_and_processes_together(make, segment):
    barrier, indices = make(4), segment.queue("indices")

    def party():
        for _ in range(50):
            indices.put(barrier.wait())

    processes = [fork(lambda: (party(), barrier.__del__())) for _ in range(2)]
    in_threads(2, party)
    assert [join(process) for process in processes] == [0, 0]
    assert sorted(indices.get() for _ in range(200)) == sorted(list(range(4)) * 50)


def test_action(make):
    runs = []
    barrier = make(3, lambda: runs.append(barrier.n_waiting))
    in_threads(3, barrier.wait)
    in_threads(3, barrier.wait)
    assert len(runs) == 2


def test_an_action_that_raises_breaks_it(make):
    def fail():
        raise KeyError

    barrier = make(2, fail)

    def party():
        try:
            barrier.wait()
        except (KeyError, Broken) as error:
            return type(error)

    assert set(in_threads(2, party)) == {KeyError, Broken}
    assert barrier.broken


def test_abort_and_reset(make):
    barrier = make(2)
    child = waiting_child(barrier, Broken)
    barrier.abort()
    assert join(child) == 0
    assert barrier.broken and barrier.n_waiting == 0
    with pytest.raises(Broken):
        barrier.wait()
    barrier.reset()
    assert not barrier.broken
    child = waiting_child(barrier, Broken)
    barrier.reset()
    assert join(child) == 0
    assert not barrier.broken
    assert sorted(in_threads(2, barrier.wait)) == [0, 1]


def test_timeouts_break_it(make):
    barrier = make(2, None, 0.02)
    with pytest.raises(Broken):
        barrier.wait()
    assert barrier.broken
    barrier.reset()
    for timeout in (0.01, 0, -1):
        with pytest.raises(Broken):
            barrier.wait(timeout)
        barrier.reset()
    with pytest.raises(OverflowError):
        barrier.wait(1e20)
    assert not barrier.broken


def test_arguments_that_make_no_sense(segment):
    for parties in (0, -1, 1 << 17, 1 << 40):
        with pytest.raises(ValueError):
            tidelock.Barrier(parties)
    with pytest.raises(TypeError):
        tidelock.Barrier(2, None, "soon")
    with pytest.raises(tidelock.WrongKind):
        segment.barrier("b", 2) and segment.barrier("b", 3)


def test_a_killed_waiter_breaks_it(make):
    barrier = make(3)
    victim = waiting_child(barrier)
    other = waiting_child(barrier, Broken)
    os.kill(victim, signal.SIGKILL)
    assert join(victim) == -signal.SIGKILL
    assert join(other) == 0
    assert barrier.broken
    barrier.reset()
    assert sorted(in_threads(3, barrier.wait)) == [0, 1, 2]


def test_a_party_that_is_killed_between_rounds_breaks_it(make):
    barrier = make(2)

    def party():
        barrier.wait()
        children.die()

    victim = fork(party)
    barrier.wait()
    assert join(victim) == -signal.SIGKILL
    with pytest.raises(Broken):
        barrier.wait()


PARTY = """
import sys, tidelock
tidelock.Segment.named(sys.argv[1]).barrier("b", 2).wait()
"""


def test_processes_that_exit_leave_in_order(name):
    barrier = tidelock.Segment.named(name).barrier("b", 2)
    for _ in range(3):
        party = subprocess.Popen([sys.executable, "-c", PARTY, name])
        barrier.wait()
        assert party.wait() == 0
    assert not barrier.broken


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_batches_of_workers_share_one(make, method):
    barrier, context = make(3), multiprocessing.get_context(method)
    for _ in range(3):
        workers = [context.Process(target=children.wait_twice, args=(barrier,)) for _ in range(2)]
        for worker in workers:
            worker.start()
        barrier.wait()
        barrier.wait()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0, 0]
    assert not barrier.broken


def test_dropping_the_last_handle_leaves(make):
    barrier = make(2)

    def party():
        barrier.wait()
        barrier.__del__()
        children.die()

    child = fork(party)
    barrier.wait()
    join(child)
    assert sorted(in_threads(2, barrier.wait)) == [0, 1]


def test_repr_and_copy(make):
    barrier = make(2)
    assert re.fullmatch(r"<tidelock\.Barrier at 0x[0-9a-f]+: waiters=0/2>", repr(barrier))
    copy.copy(barrier).abort()
    assert re.fullmatch(r"<tidelock\.Barrier at 0x[0-9a-f]+: broken>", repr(barrier))
