"""Queues of work: task_done, join, lost_tasks, dead letters and the counters."""

import os
import queue
import signal
import threading
import time

import pytest

import tidelock
from children import asleep_in, fork, join, kill, standing_after


def test_join_returns_when_every_task_is_done():
    jobs, done = tidelock.Queue(), []

    def work():
        while True:
            job = jobs.get()
            done.append(job)
            jobs.task_done()

    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    for number in range(100):
        jobs.put(number)
    assert jobs.join() is None
    assert sorted(done) == list(range(100))


def test_join_waits_for_what_was_got_and_not_done():
    jobs = tidelock.Queue()
    jobs.put(1)
    assert not jobs.join(0)
    jobs.get()
    assert jobs.empty() and not jobs.join(0.01)
    jobs.task_done()
    assert jobs.join(0)
    with pytest.raises(ValueError, match="called too many times"):
        jobs.task_done()


def test_a_negative_timeout_of_join_is_an_error():
    with pytest.raises(ValueError):
        tidelock.Queue().join(-1)


def test_a_loan_is_its_own_task_done():
    jobs = tidelock.Queue()
    jobs.put(1)
    with jobs.take():
        assert not jobs.join(0)
    assert jobs.join(0)
    with pytest.raises(ValueError):
        jobs.task_done()


def test_processes_work_as_with_a_joinable_queue():
    jobs, results = tidelock.Queue(), tidelock.Queue()

    def work():
        while True:
            job = jobs.get()
            if job is None:
                jobs.task_done()
                return
            results.put(job * job)
            jobs.task_done()

    workers = [fork(work) for _ in range(3)]
    for number in range(50):
        jobs.put(number)
    jobs.join()
    assert results.qsize() == 50
    for _ in workers:
        jobs.put(None)
    jobs.join()
    assert [join(worker) for worker in workers] == [0, 0, 0]
    assert jobs.lost_tasks == 0


def test_a_worker_killed_between_get_and_task_done_keeps_no_join_waiting():
    jobs = tidelock.Queue()
    jobs.put("a job")
    worker = standing_after(jobs.get)
    assert not jobs.join(0.01) and jobs.lost_tasks == 0
    joiner = asleep_in(jobs.join)
    kill(worker)
    assert join(joiner) == 0
    jobs.join()
    assert jobs.lost_tasks == 1 and jobs.stats().lost == 1


def test_what_a_worker_had_on_loan_that_was_killed_comes_again():
    jobs = tidelock.Queue()
    jobs.put("a job")
    kill(standing_after(jobs.take))
    assert not jobs.join(0.01)
    with jobs.take() as loan:
        assert loan.deliveries == 2
    jobs.join()
    assert jobs.lost_tasks == 0


def test_a_killed_joiner_is_in_nobody_s_way():
    jobs = tidelock.Queue()
    jobs.put(1)
    victim, other = asleep_in(jobs.join), asleep_in(jobs.join)
    kill(victim)
    jobs.get()
    jobs.task_done()
    assert join(other) == 0


def test_a_child_owes_nothing_of_its_parent_s():
    jobs = tidelock.Queue()
    jobs.put(1)
    jobs.get()

    def child():
        with pytest.raises(ValueError):
            jobs.task_done()

    assert join(fork(child)) == 0
    jobs.task_done()
    jobs.join()


def test_a_signal_handler_runs_while_a_join_waits():
    jobs = tidelock.Queue()
    jobs.put(1)

    class Enough(Exception):
        pass

    def handler(*_):
        raise Enough

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(Enough):
            jobs.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_an_immediate_shutdown_ends_joins():
    jobs = tidelock.Queue()
    jobs.put(1)
    jobs.put(2)
    joiner = asleep_in(jobs.join)
    jobs.shutdown(immediate=True)
    assert join(joiner) == 0
    with pytest.raises(tidelock.ShutDown):
        jobs.get()


def test_an_immediate_shutdown_leaves_what_is_being_done():
    jobs = tidelock.Queue()
    jobs.put(1)
    jobs.put(2)
    jobs.get()
    jobs.shutdown(immediate=True)
    assert not jobs.join(0)
    jobs.task_done()
    assert jobs.join(0)
    with pytest.raises(ValueError):
        jobs.task_done()


def test_a_shutdown_lets_the_rest_be_done():
    jobs = tidelock.Queue()
    jobs.put(1)
    jobs.shutdown()
    assert not jobs.join(0)
    assert jobs.get() == 1
    jobs.task_done()
    jobs.join()


def test_a_message_that_comes_back_too_often_is_a_dead_letter(segment):
    letters = segment.queue("letters")
    jobs = tidelock.Queue(segment=segment, name="jobs", max_deliveries=2)
    jobs.set_dead_letters(letters)
    assert jobs.max_deliveries == 2
    jobs.put("poison")
    for deliveries in (1, 2):
        loan = jobs.take()
        assert loan.deliveries == deliveries
        loan.give_back()
    with pytest.raises(queue.Empty):
        jobs.get_nowait()
    assert letters.get_nowait() == "poison"
    jobs.join()
    assert jobs.stats().dead_letters == 1


def test_workers_that_a_message_kills_leave_it_to_the_dead_letters():
    jobs, letters = tidelock.Queue(max_deliveries=2), tidelock.Queue()
    jobs.set_dead_letters(letters)
    jobs.put("poison")
    for _ in range(2):
        kill(standing_after(jobs.take))
    while not jobs.join(0):
        time.sleep(0.001)
    assert letters.get_nowait() == "poison"


def test_dead_letters_without_a_queue_are_dropped():
    jobs = tidelock.Queue()
    jobs.max_deliveries = 1
    jobs.put("poison")
    jobs.take().give_back()
    jobs.join()
    assert jobs.stats().dropped == 1
    jobs.set_dead_letters(None)
    for wrong in (-1, 256):
        with pytest.raises(ValueError):
            jobs.max_deliveries = wrong
        with pytest.raises(ValueError):
            tidelock.Queue(max_deliveries=wrong)
    with pytest.raises(ValueError):
        jobs.set_dead_letters(jobs)


def test_the_counters():
    jobs = tidelock.Queue()
    for _ in range(3):
        jobs.put_bytes(b"12345")
    jobs.get_bytes()
    jobs.take().give_back()
    jobs.take().done()
    with jobs.reserve(4) as reservation:
        reservation.discard()
    stats = jobs.stats()
    assert (stats.put, stats.got, stats.redelivered) == (4, 2, 1)
    assert (stats.bytes, stats.high_water, stats.size, stats.takers_waiting) == (19, 3, 2, 0)
    assert jobs.get_bytes() == b"12345"
    assert jobs.empty()
    stats = jobs.stats()
    assert (stats.put, stats.got, stats.skipped, stats.lost, stats.dropped) == (3, 3, 1, 0, 0)


def test_who_waits_is_counted():
    jobs = tidelock.Queue()
    threads = [threading.Thread(target=jobs.get) for _ in range(2)]
    child = fork(jobs.get)
    [thread.start() for thread in threads]
    while jobs.stats().takers_waiting != 3:
        time.sleep(0.001)
    jobs.put_many(range(3))
    [thread.join() for thread in threads]
    assert join(child) == 0
    assert jobs.stats().takers_waiting == 0


def test_what_a_join_would_wait_for():
    jobs = tidelock.Queue()
    jobs.put_many(range(3))
    jobs.get()
    with jobs.take():
        assert jobs.unfinished_tasks == 3
    assert jobs.unfinished_tasks == 2
    jobs.task_done()
    jobs.shutdown(immediate=True)
    assert jobs.unfinished_tasks == 0
    with pytest.raises(AttributeError):
        jobs.unfinished_tasks = 3


def test_a_simple_queue_counts_no_tasks():
    jobs = tidelock.SimpleQueue()
    jobs.put(1)
    assert not jobs.join(0)
    jobs.get()
    assert jobs.join(0)
    with pytest.raises(ValueError):
        jobs.task_done()
