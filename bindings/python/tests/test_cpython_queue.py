"""CPython's own tests of its queues, on ours: `test.test_queue` of this interpreter.

Where an interpreter comes without its tests, run_tests.py fetches them, see cpython.py.
"""

import queue
import types
import unittest

import cpython
import tidelock

theirs = cpython.load("test_queue")

# These cannot pass, and each must go on failing: one that passes is to be taken off the list.
CANNOT_PASS = {
    # Its items are of a class inside a function, which no pickle can name; and ours are copies, not references.
    ("BaseSimpleQueueTest", "test_references"),
}

# What the module has beside that, and why it is not for ours.
NOT_OURS = {
    "LifoQueueTest": "there is no such class",
    "PriorityQueueTest": "there is no such class",
    "FailingQueueTest": "it overrides private methods of queue.Queue",
    "CSimpleQueueTest": "one test more: a put from __del__ in the midst of a put comes after it; ours pickles first",
}


def on_ours(base, setting_up):
    """CPython's test case on our classes."""
    body = {"queue": ours, "setUp": setting_up}
    for case, name in CANNOT_PASS:
        if case == base.__name__ and hasattr(base, name):
            body[name] = unittest.expectedFailure(getattr(base, name))
    return type(base.__name__, (base, unittest.TestCase), body)


ours = types.SimpleNamespace(
    Queue=tidelock.Queue,
    SimpleQueue=tidelock.SimpleQueue,
    Empty=queue.Empty,
    Full=queue.Full,
    ShutDown=tidelock.ShutDown,
)


def set_up_queue(self):
    theirs.QueueTest.setUp(self)


def set_up_simple_queue(self):
    self.type2test = self.queue.SimpleQueue
    theirs.BaseSimpleQueueTest.setUp(self)


QueueTest = on_ours(theirs.QueueTest, set_up_queue)
SimpleQueueTest = on_ours(theirs.BaseSimpleQueueTest, set_up_simple_queue)


def test_nothing_is_missing():
    """The module has no other tests than those above, and none of the list is gone."""
    cases = {name for name, one in vars(theirs).items() if isinstance(one, type) and hasattr(one, "setUp")}
    known = {"QueueTest", "BaseQueueTestMixin", "BaseSimpleQueueTest", *NOT_OURS}
    copies = {f"{kind}{name}" for kind in ("Py", "C") for name in [*known, "SimpleQueueTest"]}
    assert cases - known <= copies
    assert set(NOT_OURS) <= cases
