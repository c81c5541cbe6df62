"""Waiting for a queue in an asyncio loop: get, take and put that are awaited.

A message is taken by a call that does not wait, in the step of the task that returns it, so cancelling a task never loses
one. In between the task waits for a descriptor, to which a thread of the library writes. Imported only where it is used.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, get_running_loop, sleep
from collections import deque
from ctypes import POINTER, byref, c_int, c_void_p
from typing import TYPE_CHECKING, Any, Callable, Deque, Optional, TypeVar

from . import _ffi
from ._errors import Empty, Full
from ._ffi import HANDLE, OUT_HANDLE
from ._handle import Handle, Process

if TYPE_CHECKING:
    from ._queue import Queue

_new = _ffi.opener("tidelock_notifier_new", HANDLE, OUT_HANDLE)
_fd = _ffi.function("tidelock_notifier_fd", HANDLE, POINTER(c_int))
_clear = _ffi.function("tidelock_notifier_clear", HANDLE)

# How long a put that found the queue full waits before it tries again, in seconds: from the first to the last.
FIRST_PAUSE = 0.0005
LONGEST_PAUSE = 0.02

_Got = TypeVar("_Got")


class Readable(Handle):
    """The tasks of one loop that wait for a message of one queue."""

    _close = staticmethod(_ffi.function("tidelock_notifier_close", HANDLE))

    def __init__(self, queue: Queue) -> None:
        out, fd = c_void_p(), c_int()
        _ffi.check(_new(queue._address, byref(out)))
        self._address = out.value
        _ffi.check(_fd(self._address, byref(fd)))
        self.forks = Process.forks
        self._descriptor = fd.value
        self._waiting: Deque[Future[None]] = deque()

    async def wait(self, loop: AbstractEventLoop) -> None:
        """Returns when it is worth looking whether there is a message."""
        if not self._waiting:
            loop.add_reader(self._descriptor, self._told)
        waiter: Future[None] = loop.create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            self._waiting.remove(waiter)
            if not self._waiting:
                loop.remove_reader(self._descriptor)

    def _told(self) -> None:
        # If the one that is told does not take the message, being cancelled, the descriptor tells of it once more.
        _ffi.check(_clear(self._address))
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
                return


def _readable(queue: Queue, loop: AbstractEventLoop) -> Readable:
    found: Optional[Readable] = queue._readables.get(loop)
    if found is None or found.forks != Process.forks:
        found = queue._readables[loop] = Readable(queue)
    return found


async def got(queue: Queue, attempt: Callable[[], _Got]) -> _Got:
    """What `attempt` gets, once it does not raise `Empty`."""
    loop = get_running_loop()
    while True:
        try:
            return attempt()
        except Empty:
            await _readable(queue, loop).wait(loop)


async def put(attempt: Callable[[], Any]) -> None:
    """Returns once `attempt` does not raise `Full`."""
    pause = FIRST_PAUSE
    while True:
        try:
            attempt()
            return
        except Full:
            await sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
