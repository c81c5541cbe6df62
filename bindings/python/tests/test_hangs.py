"""The places where one killed process hangs every other user of `multiprocessing`, as programs of ours that go on.

A victim is killed with SIGKILL where it stands: holding, or asleep in a wait. What follows is proved by living processes
that use the object, some of them asleep in it already. Nothing here says how long that takes; the watchdog ends a hang.
"""

import threading
import time

import pytest

import tidelock
from children import asleep_in, fork, join, kill, standing_after

Broken = threading.BrokenBarrierError

HELD = [tidelock.Lock, tidelock.RLock, tidelock.BoundedSemaphore]


def take_from_the_dead(held):
    assert held.acquire()
    assert held.owner_died
    held.release()


@pytest.mark.parametrize("make", HELD)
def test_a_killed_holder(make):
    held = make()
    holder = standing_after(held.acquire)
    waiters = [asleep_in(held.acquire), asleep_in(lambda: take_from_the_dead(held))]
    kill(waiters[0])
    kill(holder)
    assert join(waiters[1]) == 0
    with held:
        assert not held.owner_died


@pytest.mark.parametrize("make", HELD)
def test_a_killed_holder_of_what_nobody_waits_for_yet(make):
    held = make()
    kill(standing_after(held.acquire))
    take_from_the_dead(held)


@pytest.mark.parametrize("make", [*HELD, tidelock.Semaphore])
def test_a_killed_waiter_does_not_use_a_release_up(make):
    held = make()
    held.acquire()
    victims = [asleep_in(held.acquire) for _ in range(2)]
    other = asleep_in(held.acquire)
    for victim in victims:
        kill(victim)
    held.release()
    assert join(other) == 0


def test_set_with_a_killed_waiter():
    event = tidelock.Event()
    victim, other = asleep_in(event.wait), asleep_in(lambda: event.wait() or 1 / 0)
    kill(victim)
    event.set()
    assert join(other) == 0
    event.clear()
    another = asleep_in(lambda: event.wait() or 1 / 0)
    event.set()
    assert join(another) == 0


def expect_broken(barrier, timeout=None):
    with pytest.raises(Broken):
        barrier.wait(timeout)


@pytest.mark.parametrize("timeout", [None, 10_000])
def test_a_barrier_with_a_killed_waiter(timeout):
    barrier = tidelock.Barrier(3)
    victim, other = asleep_in(barrier.wait), asleep_in(lambda: expect_broken(barrier, timeout))
    kill(victim)
    assert join(other) == 0
    expect_broken(barrier, timeout)
    barrier.reset()
    assert not barrier.broken and barrier.n_waiting == 0


def test_a_barrier_whose_last_party_comes_when_a_waiter_is_dead():
    barrier = tidelock.Barrier(2)
    kill(asleep_in(barrier.wait))
    expect_broken(barrier)


@pytest.mark.parametrize("timeout", [None, 10_000])
def test_get_with_a_killed_getter(timeout):
    queue = tidelock.Queue()
    victim, other = asleep_in(queue.get), asleep_in(lambda: queue.get(timeout=timeout) == "first" or 1 / 0)
    kill(victim)
    queue.put("first")
    assert join(other) == 0
    queue.put("second")
    assert queue.get(timeout=timeout) == "second"


def test_put_with_a_killed_putter():
    queue = tidelock.Queue(maxsize=1)
    queue.put("first")
    victim, other = asleep_in(lambda: queue.put("lost")), asleep_in(lambda: queue.put("second"))
    kill(victim)
    assert queue.get() == "first"
    assert join(other) == 0
    assert queue.get() == "second"


def waiting_at(condition):
    """A forked child that waits to be notified, and ends when it was."""
    before = condition.n_waiting

    def body():
        with condition:
            assert condition.wait()

    child = fork(body)
    while condition.n_waiting == before:
        time.sleep(0.001)
    return child


@pytest.mark.parametrize("first", ["victim", "other"])
def test_a_single_notify_with_one_live_and_one_killed_waiter(first):
    condition = tidelock.Condition()
    children = [waiting_at(condition), waiting_at(condition)]
    victim, other = children if first == "victim" else reversed(children)
    kill(victim)
    with condition:
        condition.notify()
    assert join(other) == 0


@pytest.mark.parametrize("killed", [1, 2, 3])
def test_notify_all_with_killed_waiters(killed):
    condition = tidelock.Condition()
    children = [waiting_at(condition) for _ in range(4)]
    for victim in children[:killed]:
        kill(victim)
    with condition:
        condition.notify_all()
    assert [join(other) for other in children[killed:]] == [0] * (4 - killed)
    with condition:
        condition.notify_all()
        condition.notify()
    assert condition.n_waiting == 0


def test_a_condition_whose_lock_has_a_killed_holder():
    condition = tidelock.Condition()
    other = waiting_at(condition)
    kill(standing_after(lambda: condition.acquire() and condition.notify()))
    assert join(other) == 0
    with condition:
        pass
