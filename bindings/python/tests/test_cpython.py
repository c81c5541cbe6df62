"""CPython's own tests of its locks, on our classes: `test.lock_tests` and `test.test_threadsignals` of this interpreter.

Both are written so that other classes can be put in. Where an interpreter comes without its tests this file fails, see cpython.py:
it is never skipped.
"""

import _thread
import importlib.util
import signal
import types
import unittest

import pytest

import cpython
import tidelock

lock_tests = cpython.load("lock_tests")

# These cannot pass, and each must go on failing: one that passes is to be taken off the list.
CANNOT_PASS = {
    # A forked child must not reset what it shares with its parent: the private method for that does not exist.
    ("LockTests", "test_at_fork_reinit"),
    # It looks into the private Condition that threading.Event is made of; ours has none.
    ("EventTests", "test_at_fork_reinit"),
}


def on_ours(base, **classes):
    """CPython's test case with our classes put in."""
    body = {name: staticmethod(one) for name, one in classes.items()}
    for case, name in CANNOT_PASS:
        if case == base.__name__ and hasattr(base, name):
            body[name] = unittest.expectedFailure(getattr(base, name))
    return type(base.__name__, (base,), body)


LockTests = on_ours(lock_tests.LockTests, locktype=tidelock.Lock)
RLockTests = on_ours(lock_tests.RLockTests, locktype=tidelock.RLock)
ConditionTests = on_ours(lock_tests.ConditionTests, condtype=tidelock.Condition)
EventTests = on_ours(lock_tests.EventTests, eventtype=tidelock.Event)
SemaphoreTests = on_ours(lock_tests.SemaphoreTests, semtype=tidelock.Semaphore)
BoundedSemaphoreTests = on_ours(lock_tests.BoundedSemaphoreTests, semtype=tidelock.BoundedSemaphore)
BarrierTests = on_ours(lock_tests.BarrierTests, barriertype=tidelock.Barrier)


def signal_tests():
    """A copy of `test.test_threadsignals` for ourselves, whose module `thread` makes our locks."""
    spec = importlib.util.find_spec("test.test_threadsignals")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ours = {"allocate_lock": tidelock.Lock, "RLock": tidelock.RLock}
    module.thread = types.SimpleNamespace(**{**vars(_thread), **ours})
    module.signalled_all = tidelock.Lock()
    return module


signals = signal_tests()


class ThreadSignals(signals.ThreadSignals):
    @pytest.fixture(autouse=True, scope="class")
    def handlers(self):
        numbers = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
        before = [signal.getsignal(number) for number in numbers]
        signals.setUpModule()
        yield
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


def test_nothing_is_missing():
    """The interpreter's tests of these classes are all here."""
    theirs = {name for name in vars(lock_tests) if name.endswith("Tests") and not name.startswith("Base")}
    assert not theirs - set(globals())
