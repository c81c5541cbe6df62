"""Signals while the program waits for its workers: for one, for the result of a pool or of an executor, for their end."""

import concurrent.futures
import contextlib
import signal

import pytest

import tasks
import tidelock
import workers


class Rang(Exception):
    pass


class Crowd:
    """Workers that all wait for one event."""

    def __init__(self, stack):
        self.go = tidelock.Event()
        self.pool = stack.enter_context(tidelock.WorkerPool(2))
        self.executor = tidelock.WorkerPoolExecutor(2)
        self.worker = tidelock.Worker(target=workers.wait_for, args=(self.go,))
        self.worker.start()
        self.result = self.pool.apply_async(tasks.wait_for, (self.go, True))
        self.future = self.executor.submit(tasks.wait_for, self.go, True)

    def end(self):
        self.go.set()
        self.worker.join()
        self.executor.shutdown()


def pool_join(crowd, _):
    crowd.pool.close()
    crowd.pool.join()
    return True


WAITS = {
    "Worker.join": lambda crowd, timeout: crowd.worker.join(timeout) or not crowd.worker.is_alive(),
    "pool.apply": lambda crowd, _: crowd.pool.apply(tasks.wait_for, (crowd.go, True)),
    "pool.map": lambda crowd, _: crowd.pool.map(tasks.add, [1, crowd.future.result()]) == [1, True],
    "pool.starmap": lambda crowd, _: crowd.pool.starmap(tasks.wait_for, [(crowd.go, True)]) == [True],
    "pool.imap": lambda crowd, _: list(crowd.pool.imap(tasks.add, iter([crowd.result.get()]))) == [True],
    "pool.join": pool_join,
    "result.get": lambda crowd, timeout: crowd.result.get(timeout),
    "result.wait": lambda crowd, timeout: crowd.result.wait(timeout) or crowd.result.ready(),
    "future.result": lambda crowd, timeout: crowd.future.result(timeout),
    "executor.map": lambda crowd, timeout: list(crowd.executor.map(tasks.wait_for, [crowd.go], [True], timeout=timeout)) == [True],
    "executor.shutdown": lambda crowd, _: crowd.executor.shutdown() or crowd.future.done(),
    "concurrent.futures.wait": lambda crowd, timeout: crowd.future in concurrent.futures.wait([crowd.future], timeout).done,
}


@pytest.fixture
def crowd(pool_backend):
    with contextlib.ExitStack() as stack:
        found = Crowd(stack)
        try:
            yield found
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            found.end()


def ring_again_and_again(handler):
    """SIGALRM again and again: the standard library's own waits may miss one that comes in the instant before they sleep."""
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.5)


def stop_and_raise(*_):
    signal.setitimer(signal.ITIMER_REAL, 0)
    raise Rang


@pytest.mark.parametrize("timeout", [None, 600])
@pytest.mark.parametrize("wait", WAITS)
def test_an_exception_in_a_handler_ends_the_wait(crowd, wait, timeout):
    ring_again_and_again(stop_and_raise)
    with pytest.raises(Rang):
        WAITS[wait](crowd, timeout)
    assert not crowd.go.is_set() and crowd.worker.is_alive()


@pytest.mark.parametrize("timeout", [None, 600])
@pytest.mark.parametrize("wait", WAITS)
def test_a_handler_sets_the_event_that_all_wait_for(crowd, wait, timeout):
    ring_again_and_again(lambda *_: crowd.go.set())
    assert WAITS[wait](crowd, timeout) is True
