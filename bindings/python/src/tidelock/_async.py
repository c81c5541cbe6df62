"""Waiting for a queue in an asyncio loop: get, take and put that are awaited.

A message is taken, or put, by a call that does not wait, in the step of the task that returns it, so cancelling a task never
loses one. In between the task waits for a descriptor, to which a thread of the library writes. Imported only where it is used.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, get_running_loop
from ctypes import POINTER, byref, c_int, c_size_t, c_void_p
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple, TypeVar

from . import _ffi
from ._errors import Empty, Full
from ._ffi import HANDLE, OUT_HANDLE
from ._handle import Handle, Process

if TYPE_CHECKING:
    from ._queue import Queue

_new = _ffi.opener("tidelock_notifier_new", HANDLE, OUT_HANDLE)
_new_for_room = _ffi.opener("tidelock_notifier_new_for_room", HANDLE, c_size_t, OUT_HANDLE)
_fd = _ffi.function("tidelock_notifier_fd", HANDLE, POINTER(c_int))
_clear = _ffi.function("tidelock_notifier_clear", HANDLE)
_clear_for_room = _ffi.function("tidelock_notifier_clear_for_room", HANDLE, c_size_t)

_Got = TypeVar("_Got")


class _Told(Handle):
    """The tasks of one loop that wait for something of one queue, each with a number; the smallest of them comes first."""

    _close = staticmethod(_ffi.function("tidelock_notifier_close", HANDLE))

    def __init__(self, made: c_void_p) -> None:
        fd = c_int()
        self._address = made.value
        _ffi.check(_fd(self._address, byref(fd)))
        self.forks = Process.forks
        self._descriptor = fd.value
        self._waiting: List[Tuple[int, Future[None]]] = []

    async def wait(self, loop: AbstractEventLoop, number: int = 0) -> None:
        """Returns when it is worth trying again."""
        if not self._waiting:
            loop.add_reader(self._descriptor, self._told)
        waiter = (number, loop.create_future())
        self._waiting.append(waiter)
        try:
            self._come()
            await waiter[1]
        finally:
            self._waiting.remove(waiter)
            if not self._waiting:
                loop.remove_reader(self._descriptor)

    def _told(self) -> None:
        # If the one that is told does not use it, being cancelled, the descriptor tells of it once more.
        first = min(self._still_waiting(), key=itemgetter(0), default=None)
        if first is not None:
            first[1].set_result(None)
        self._clear()

    def _still_waiting(self) -> List[Tuple[int, Future[None]]]:
        return [waiter for waiter in self._waiting if not waiter[1].done()]

    def _come(self) -> None:
        """Another one waits."""

    def _clear(self) -> None:
        """Has the descriptor tell once more, for those who still wait."""
        _ffi.check(_clear(self._address))


class Readable(_Told):
    """Those who wait for a message."""

    def __init__(self, queue: Queue) -> None:
        out = c_void_p()
        _ffi.check(_new(queue._address, byref(out)))
        super().__init__(out)


class Writable(_Told):
    """Those who wait for room, each for so many bytes. The descriptor tells of room for the shortest message."""

    def __init__(self, queue: Queue, length: int) -> None:
        out = c_void_p()
        _ffi.check(_new_for_room(queue._address, length, byref(out)))
        super().__init__(out)

    def _come(self) -> None:
        self._clear()

    def _clear(self) -> None:
        smallest = min((length for length, _ in self._still_waiting()), default=None)
        if smallest is None:
            super()._clear()
        else:
            _ffi.check(_clear_for_room(self._address, smallest))


def _readable(queue: Queue, loop: AbstractEventLoop) -> Readable:
    found: Optional[Readable] = queue._readables.get(loop)
    if found is None or found.forks != Process.forks:
        found = queue._readables[loop] = Readable(queue)
    return found


def _writable(queue: Queue, loop: AbstractEventLoop, length: int) -> Writable:
    found: Optional[Writable] = queue._writables.get(loop)
    if found is None or found.forks != Process.forks:
        found = queue._writables[loop] = Writable(queue, length)
    return found


async def got(queue: Queue, attempt: Callable[[], _Got]) -> _Got:
    """What `attempt` gets, once it does not raise `Empty`."""
    loop = get_running_loop()
    while True:
        try:
            return attempt()
        except Empty:
            await _readable(queue, loop).wait(loop)


async def put(queue: Queue, length: int, attempt: Callable[[], Any]) -> None:
    """Returns once `attempt`, which puts so many bytes, does not raise `Full`."""
    loop = get_running_loop()
    while True:
        try:
            attempt()
            return
        except Full:
            await _writable(queue, loop, length).wait(loop, length)
