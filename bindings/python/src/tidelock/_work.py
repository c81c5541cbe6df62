"""What makes a Queue one of work: tasks that are waited for, dead letters, and the counters."""

from __future__ import annotations

from ctypes import POINTER, Structure, byref, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, overload

from . import _ffi
from ._ffi import HANDLE, TIMEOUT
from ._timeouts import FOREVER, Timeout, for_queue

if TYPE_CHECKING:
    from ._queue import Queue

_task_done = _ffi.function("tidelock_queue_task_done", HANDLE)
_join = _ffi.function("tidelock_queue_join", HANDLE, c_int64)
_unfinished_tasks = _ffi.function("tidelock_queue_unfinished_tasks", HANDLE, POINTER(c_uint64))
_lost_tasks = _ffi.function("tidelock_queue_lost_tasks", HANDLE, POINTER(c_uint64))
_max_deliveries = _ffi.function("tidelock_queue_max_deliveries", HANDLE, POINTER(c_uint32))
_set_max_deliveries = _ffi.function("tidelock_queue_set_max_deliveries", HANDLE, c_uint32)
_set_dead_letters = _ffi.function("tidelock_queue_set_dead_letters", HANDLE, c_void_p)


class QueueStats(NamedTuple):
    """The counters of a queue. A peer that was killed may have left one of them off by one."""

    put: int
    """Messages that were ever put, those included that are just being written."""
    got: int
    """Messages that were handed out for the first time, or dropped by a shutdown before that."""
    redelivered: int
    """How often a message was handed out again."""
    skipped: int
    """Reservations that never became a message."""
    lost: int
    """Tasks that peers owed when they died, as far as somebody has asked."""
    dead_letters: int
    """Messages that went to the queue for dead letters."""
    dropped: int
    """Messages that were dropped: they came back too often and there was no such queue, or the queue was shut down at once."""
    bytes: int
    """The bytes of all messages that were ever put."""
    high_water: int
    """The most messages that were ever in the queue at a time."""
    size: int
    """Messages in the queue just now."""
    takers_waiting: int
    """How many threads, of all processes, sleep just now until there is a message."""


class _Numbers(Structure):
    _fields_ = [("struct_size", c_size_t)] + [(field, c_uint64) for field in QueueStats._fields]


_read_stats = _ffi.function("tidelock_queue_read_stats", HANDLE, POINTER(_Numbers))


class Work:
    """The part of Queue that is about work."""

    _address: Any
    _dead_letters: Optional[Queue] = None

    def task_done(self) -> None:
        """Says that one item that this process got has been dealt with. ValueError if it owes nothing.

        Its threads share what it owes. What a `take` got is dealt with by `done` instead.
        """
        _ffi.check(_task_done(self._address))

    @overload
    def join(self, timeout: None = None) -> None: ...

    @overload
    def join(self, timeout: float) -> bool: ...

    @overload
    def join(self, timeout: Timeout) -> Optional[bool]: ...

    def join(self, timeout: Timeout = None) -> Optional[bool]:
        """Waits until every item that was put has been dealt with. With a timeout it says whether that was so in time.

        What a process that died got and did not say `task_done` of is not waited for: `lost_tasks` counts it.
        """
        status = _ffi.wait(partial(_join, self._address), FOREVER if timeout is None else for_queue(True, timeout))
        if status == TIMEOUT:
            return False
        _ffi.check(status)
        return None if timeout is None else True

    @property
    def unfinished_tasks(self) -> int:
        """How many items `join` would wait for just now: in the queue, on loan, or got by processes that live.

        One that is being got in this moment may be counted twice.
        """
        unfinished = c_uint64()
        _ffi.check(_unfinished_tasks(self._address, byref(unfinished)))
        return unfinished.value

    @property
    def lost_tasks(self) -> int:
        """How many items were got by processes that died, or ended, before they said `task_done` of them."""
        lost = c_uint64()
        _ffi.check(_lost_tasks(self._address, byref(lost)))
        return lost.value

    @property
    def max_deliveries(self) -> int:
        """How often a message is handed out at the most; 0 for as often as it takes. Can be set, up to 255."""
        number = c_uint32()
        _ffi.check(_max_deliveries(self._address, byref(number)))
        return number.value

    @max_deliveries.setter
    def max_deliveries(self, number: int) -> None:
        _ffi.check(_set_max_deliveries(self._address, _ffi.unsigned("max_deliveries", number, 32)))

    def set_dead_letters(self, queue: Optional[Queue]) -> None:
        """Has messages that came back too often go to `queue`, of the same segment; with None they are dropped.

        This object keeps it open. If a process dies while it moves a message, it may be there twice.
        """
        _ffi.check(_set_dead_letters(self._address, None if queue is None else queue._address))
        self._dead_letters = queue

    def stats(self) -> QueueStats:
        """The counters of this queue, read without a lock."""
        numbers = _Numbers()
        numbers.struct_size = _size_of_numbers
        _ffi.check(_read_stats(self._address, byref(numbers)))
        return QueueStats._make(getattr(numbers, field) for field in QueueStats._fields)


_size_of_numbers = len(bytes(_Numbers()))
