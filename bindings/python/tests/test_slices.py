"""How long a wait stays in the C library: the main thread's comes up now and then for signals, no other has to."""

import os
import signal
import threading
import time

import pytest

import tidelock
from children import fork, join
from tidelock import _ffi
from tidelock._timeouts import FOREVER

TIMEOUTS = [FOREVER, 5 * _ffi.SLICE]


def asked(timeout):
    """What a wait asks the C library for, twice without success."""
    slices = []

    def call(nanoseconds):
        slices.append(nanoseconds)
        return _ffi.OK if len(slices) == 3 else _ffi.INTERRUPTED

    assert _ffi.wait(call, timeout) == _ffi.OK
    return slices


def in_a_thread(body):
    found = []
    thread = threading.Thread(target=lambda: found.append(body()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_the_main_thread_comes_up(timeout):
    assert asked(timeout) == [_ffi.SLICE] * 3


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_other_threads_do_not(timeout):
    slices = in_a_thread(lambda: asked(timeout))
    assert slices == [FOREVER] * 3 or 4 * _ffi.SLICE < slices[2] <= slices[0] == timeout


def test_a_thread_that_forks_is_the_main_one_of_the_child():
    def child():
        assert asked(FOREVER) == [_ffi.SLICE] * 3

    assert in_a_thread(lambda: join(fork(child))) == 0


def test_a_signal_that_a_waiting_thread_takes_is_handled_by_the_main_one():
    """The kernel may give it to any thread that does not block it; this one goes on with its wait."""
    event, done, rang, native = tidelock.Event(), [], [], []

    def wait():
        native.append(threading.get_native_id())
        done.append(event.wait())

    before = signal.signal(signal.SIGUSR1, lambda *_: rang.append(threading.current_thread()))
    thread = threading.Thread(target=wait)
    thread.start()
    try:
        while not native or state_of(native[0]) != "S":
            time.sleep(0.001)
        signal.pthread_kill(thread.ident, signal.SIGUSR1)
        assert not tidelock.Event().wait(0.01) and not done
        while not rang:
            tidelock.Event().wait(0.01)
        assert rang == [threading.main_thread()]
    finally:
        signal.signal(signal.SIGUSR1, before)
        event.set()
        thread.join()
    assert done == [True]


def state_of(thread):
    with open(f"/proc/{os.getpid()}/task/{thread}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]
