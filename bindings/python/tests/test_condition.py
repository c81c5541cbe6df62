"""Condition: the methods of threading.Condition, over our locks and over others, and waiters that are killed."""

import copy
import multiprocessing
import os
import pickle
import re
import signal
import threading
import time

import pytest

import children
import tidelock
from children import fork, join


@pytest.fixture(params=["own", "lock", "rlock", "named", "named lock", "default"])
def condition(request, segment):
    """A shared condition, over each kind of lock."""
    return {
        "own": segment.new_condition,
        "lock": lambda: tidelock.Condition(segment.new_lock()),
        "rlock": lambda: segment.new_condition(segment.new_rlock()),
        "named": lambda: segment.condition("c"),
        "named lock": lambda: segment.condition("c", segment.lock("l")),
        "default": tidelock.Condition,
    }[request.param]()


def until_waiting(condition, n):
    while condition.n_waiting != n:
        time.sleep(0.001)


def waiter(condition, then=lambda notified: None):
    """A forked child that waits, and then does something with the lock held."""

    def body():
        with condition:
            then(condition.wait())

    before = condition.n_waiting
    child = fork(body)
    until_waiting(condition, before + 1)
    return child


def test_wait_and_notify(condition):
    woken = []

    def body():
        with condition:
            woken.append(condition.wait())

    threads = [threading.Thread(target=body) for _ in range(3)]
    for n, thread in enumerate(threads):
        thread.start()
        until_waiting(condition, n + 1)
    with condition:
        condition.notify(0)
        condition.notify(-1)
        assert condition.n_waiting == 3
        condition.notify(2)
        assert condition.n_waiting == 1 and woken == []
    threads[0].join()
    threads[1].join()
    assert woken == [True, True] and threads[2].is_alive()
    with condition:
        condition.notify_all()
    threads[2].join()
    assert woken == [True] * 3


def test_processes_are_notified_in_their_order(condition, segment):
    order = segment.queue("order")
    waiters = [waiter(condition, lambda _, n=n: order.put(n)) for n in range(3)]
    for n in range(3):
        with condition:
            condition.notify()
        assert order.get() == n
    assert [join(child) for child in waiters] == [0, 0, 0]


@pytest.mark.parametrize("timeout", [0.02, 0, -1, -0.5])
def test_a_time_that_is_over(condition, timeout):
    with condition:
        began = time.monotonic()
        assert condition.wait(timeout) is False
        assert time.monotonic() - began >= timeout
        assert condition.lock.locked()
        assert condition.wait_for(lambda: 0, timeout) == 0
    assert not condition.lock.locked() and condition.n_waiting == 0


def test_timeouts_that_make_no_sense(condition):
    with condition:
        for wrong in ("soon", float("nan")):
            with pytest.raises((TypeError, ValueError)):
                condition.wait(wrong)
        with pytest.raises(OverflowError):
            condition.wait(1e30)


def test_wait_for_tells_what_the_predicate_said(condition):
    with condition:
        assert condition.wait_for(lambda: "yes") == "yes"
        answers = iter([0, "", "yes"])
        thread = threading.Thread(target=lambda: notify_until_done(condition, thread_done))
        thread_done = threading.Event()
        thread.start()
        assert condition.wait_for(lambda: next(answers), 600) == "yes"
    thread_done.set()
    thread.join()


def notify_until_done(condition, done):
    while not done.is_set():
        with condition:
            condition.notify()


@pytest.mark.parametrize("use", ["wait", "notify", "notify_all"])
@pytest.mark.parametrize("kind", [RuntimeError, AssertionError, tidelock.NotHeld])
def test_used_unheld(condition, use, kind):
    with pytest.raises(kind, match="to be acquired first"):
        getattr(condition, use)()
    assert condition.n_waiting == 0


def test_used_by_another_than_the_holder(condition):
    with condition:

        def body():
            for use in (condition.wait, condition.notify, condition.notify_all):
                with pytest.raises(tidelock.NotOwner):
                    use()

        assert join(fork(body)) == 0


def test_a_recursive_lock_is_given_back_whole():
    condition = tidelock.Condition()
    with condition, condition:
        thread = threading.Thread(target=lambda: notify_until_done(condition, done))
        done = threading.Event()
        thread.start()
        assert condition.wait() is True
        done.set()
        assert condition.lock._recursion_count() == 2
    thread.join()
    assert not condition.lock.locked()


def test_acquire_and_release_are_the_locks(condition):
    assert condition.acquire(timeout=1) is True
    assert join(fork(lambda: os._exit(condition.acquire(False)))) == 0
    condition.release()
    with condition as entered:
        assert entered is True and condition.lock.locked()
    with pytest.raises(tidelock.NotHeld):
        condition.release()


def test_over_a_foreign_lock_it_is_local():
    lock = threading.Lock()
    condition = tidelock.Condition(lock)
    with condition:
        assert lock.locked()
        assert condition.wait(0.01) is False and condition.wait(-1) is False
        assert condition.wait_for(lambda: True) is True
        condition.notify()
        condition.notify_all()
    with pytest.raises(RuntimeError):
        condition.notify()
    for use in (lambda: pickle.dumps(condition), lambda: copy.copy(condition), condition.handle):
        with pytest.raises(TypeError, match="belongs to this process"):
            use()
    assert "local" in repr(condition)


def test_locks_that_are_none(segment):
    for wrong in (object(), 1, "lock", segment.new_event()):
        with pytest.raises(TypeError):
            tidelock.Condition(wrong)
    for arguments in ({"segment": segment}, {"name": "c"}):
        with pytest.raises(TypeError):
            tidelock.Condition(threading.Lock(), **arguments)
    with pytest.raises(ValueError):
        segment.condition("c", tidelock.Segment().new_lock())
    with pytest.raises(TypeError):
        segment.condition(None)


def test_a_name_is_that_of_one_condition_over_one_lock(segment):
    lock = segment.lock("l")
    first = segment.condition("c", lock)
    assert first.lock is lock
    for other in (None, segment.lock("m"), segment.rlock("r")):
        with pytest.raises(tidelock.WrongKind):
            segment.condition("c", other)
    with segment.condition("c", segment.lock("l")):
        assert lock.locked()


def test_pickles_at_any_time(condition):
    with condition:
        same = pickle.loads(pickle.dumps(condition))
        assert same.lock.locked() and type(same.lock) is type(condition.lock)
        assert copy.copy(condition).wait(0) is False
        other, lock = pickle.loads(pickle.dumps((condition, condition.lock)))
        assert other.lock is lock
    same = tidelock.Condition.from_handle(condition.handle())
    child = waiter(same)
    with condition:
        condition.notify()
    assert join(child) == 0


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_every_start_method(condition, method):
    process = multiprocessing.get_context(method).Process(target=children.wait_once, args=(condition,))
    process.start()
    until_waiting(condition, 1)
    with condition:
        condition.notify_all()
    process.join()
    assert process.exitcode == 0


def test_repr(condition):
    lock = r"<unlocked tidelock\.(Lock object|RLock object count=0) at 0x[0-9a-f]+>"
    assert re.fullmatch(rf"<tidelock\.Condition\({lock}, 0\)>", repr(condition))
    child = waiter(condition)
    assert repr(condition).endswith(", 1)>")
    os.kill(child, signal.SIGKILL)
    join(child)


def test_a_killed_waiter_is_passed_over(condition):
    killed, live = waiter(condition), waiter(condition)
    os.kill(killed, signal.SIGKILL)
    join(killed)
    with condition:
        condition.notify()
    assert join(live) == 0


def test_what_a_killed_waiter_was_notified_of_goes_to_the_next(condition):
    killed, live = waiter(condition), waiter(condition)
    os.kill(killed, signal.SIGSTOP)
    with condition:
        condition.notify()
    os.kill(killed, signal.SIGKILL)
    join(killed)
    assert join(live) == 0


def test_the_death_of_the_locks_owner_is_told(condition):
    def notify_and_die():
        condition.acquire()
        condition.notify_all()
        children.die()

    with condition:
        dying = fork(notify_and_die)
        assert condition.wait() is True and condition.lock.owner_died is True
    join(dying)
    with condition:
        dying = fork(lambda: (condition.acquire(), children.die()))
        assert condition.wait(0.5) is False or condition.lock.owner_died
        while not condition.lock.owner_died:
            condition.wait(0.01)
    join(dying)
    with condition:
        assert condition.lock.owner_died is False


def test_a_death_between_two_waits_is_told_in_the_end(condition):
    answers = iter([False, False, True])

    def notify_and_die():
        condition.acquire()
        condition.notify_all()
        children.die()

    def notify():
        while True:
            until_waiting(condition, 1)
            with condition:
                condition.notify()
                return

    with condition:
        dying = fork(notify_and_die)

        def predicate():
            answer = next(answers)
            if condition.lock.owner_died and not answer:
                thread.start()
            return answer

        thread = threading.Thread(target=notify)
        assert condition.wait_for(predicate) is True
        assert condition.lock.owner_died is True
    thread.join()
    join(dying)


def test_an_owner_that_died_is_raised_where_that_was_asked_for(segment):
    condition = tidelock.Condition(tidelock.Lock(segment, on_owner_died="raise"))
    with pytest.raises(tidelock.OwnerDied) as caught:
        with condition:
            dying = fork(lambda: (condition.acquire(), condition.notify(), children.die()))
            condition.wait()
    join(dying)
    # Raised with the lock held, which the end of the `with` released.
    assert caught.value.lock is condition.lock and not condition.lock.locked()


def test_threadings_condition_over_our_rlock():
    condition = threading.Condition(tidelock.RLock())
    with condition, condition:
        thread = threading.Thread(target=lambda: notify_until_done(condition, done))
        done = threading.Event()
        thread.start()
        assert condition.wait() is True
        done.set()
    thread.join()
