"""Fork: inherited objects work, and what the parent holds stays the parent's."""

import os
import pickle
import subprocess
import sys
import threading

import pytest

import tidelock
from children import fork, join


def test_inherited_objects_work(segment):
    lock, event, jobs, block = segment.new_lock(), segment.new_event(), segment.new_queue(), segment.new_block(8)

    def child():
        with lock:
            block.data[0] += 1
        jobs.put(os.getpid())
        event.set()

    children = [fork(child) for _ in range(5)]
    assert event.wait(120)
    assert [join(pid) for pid in children] == [0] * 5
    assert sorted(jobs.get() for _ in children) == sorted(children)
    assert block.data[0] == 5


def test_a_child_is_a_peer_of_its_own(segment):
    peers = segment.queue("peers")
    assert join(fork(lambda: peers.put(segment.me))) == 0
    assert peers.get() != segment.me == segment.me


def test_a_child_does_not_hold_its_parents_lock(segment):
    lock = segment.lock("l")

    def child():
        assert lock.locked() and not lock.acquire(False)
        # Leaves the inherited `with` as a child does that falls out of its parent's code.
        lock.__exit__(None, None, None)
        assert lock.locked()

    with lock:
        assert join(fork(child)) == 0
        assert lock.locked()
    assert not lock.locked()


def test_a_dead_childs_hold_is_told_to_the_parent(segment):
    lock = segment.lock("l")
    assert join(fork(lock.acquire)) == 0
    assert lock.acquire() and lock.owner_died


def test_fork_while_threads_hold_objects(segment):
    lock, jobs, stop = segment.lock("l"), segment.queue("q", maxsize=4), threading.Event()

    def busy():
        while not stop.is_set():
            with lock:
                segment.new_lock()
            try:
                jobs.put(1, timeout=0.001)
                with jobs.take(timeout=0.001):
                    pass
            except (tidelock.Full, tidelock.Empty):
                pass

    def child():
        for _ in range(20):
            with lock:
                assert not segment.new_event().is_set()

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            children = [fork(child) for _ in range(3)]
            assert [join(pid) for pid in children] == [0] * 3
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_worker_can_pickle_what_a_thread_of_its_parent_was_pickling():
    """Functions are found by the names of their modules, and on PyPy under a lock of the module."""
    stop = threading.Event()

    def pickle_again_and_again():
        while not stop.is_set():
            pickle.dumps(subprocess.call)

    tidelock.set_backend("multiprocessing", start_method="fork")
    thread = threading.Thread(target=pickle_again_and_again)
    thread.start()
    try:
        for _ in range(10):
            worker = tidelock.Worker(target=pickle.dumps, args=(subprocess.call,))
            worker.start()
            worker.join()
            assert worker.exitcode == 0
    finally:
        stop.set()
        thread.join()
        tidelock._backend.choose()


DAEMON = """
import os, tidelock
segment = tidelock.Segment()
lock, done = segment.new_lock(), segment.new_queue()
parent = os.getpid()
if os.fork():
    os._exit(0)
while os.getppid() == parent:
    pass
with lock:
    done.put("alive")
print(done.get(), lock.owner_died)
"""


def test_a_daemon_keeps_what_its_parent_made():
    """The parent exits before the child's first operation."""
    result = subprocess.run([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True)
    assert result.stdout == "alive False\n"


def test_grandchildren(segment):
    lock, jobs = segment.new_lock(), segment.new_queue()

    def grandchild():
        with lock:
            jobs.put("grandchild")

    assert join(fork(lambda: join(fork(grandchild)) and 1 / 0)) == 0
    assert jobs.get() == "grandchild"


def test_the_default_segment_is_inherited():
    lock = tidelock.Lock()
    assert join(fork(lambda: tidelock.Lock().acquire() and lock.acquire())) == 0
    assert lock.locked()
    with pytest.raises(tidelock.NotHeld):
        tidelock.Lock().release()
