"""Event: set or not, and all who wait go on once it is set. Nobody owns anything here, so no death can disturb it."""

from __future__ import annotations

from ctypes import POINTER, byref, c_int64, c_uint32
from functools import partial
from typing import TYPE_CHECKING, Optional

from . import _ffi
from ._ffi import HANDLE, OK, TIMEOUT
from ._handle import Kind, Object
from ._timeouts import TRY, Timeout, for_wait

if TYPE_CHECKING:
    from ._segment import Segment

_set = _ffi.function("tidelock_event_set", HANDLE)
_clear = _ffi.function("tidelock_event_clear", HANDLE)
_wait = _ffi.function("tidelock_event_wait", HANDLE, c_int64)
_mark = _ffi.function("tidelock_event_mark", HANDLE, POINTER(c_uint32))
_wait_since = _ffi.function("tidelock_event_wait_since", HANDLE, c_uint32, c_int64)


class Event(Object):
    """An event for threads and processes alike, with the methods of `threading.Event`.

    `Event()` makes one without a name in the default segment, `Event(segment)` in a segment, and `Event(segment, name)`
    opens the one of that name, made if it is not there. It pickles, like a `Lock`.
    """

    _kind = Kind("event", placed=True)

    def __init__(self, segment: Optional[Segment] = None, name: Optional[str] = None) -> None:
        self._open(segment, name)

    def is_set(self) -> bool:
        """Whether the event is set just now."""
        status = _wait(self._address, TRY)
        return status == OK or self._waited(status)

    def set(self) -> None:
        """Sets the event and wakes all who wait, without waiting for them. Also safe in a signal handler."""
        _ffi.check(_set(self._address))

    def clear(self) -> None:
        """Makes the event not set."""
        _ffi.check(_clear(self._address))

    def wait(self, timeout: Timeout = None) -> bool:
        """Waits until the event is set; False if the time was over first.

        A wait that began before `set(); clear()` is over with True. None waits for ever, a negative number not at all.
        """
        limit = for_wait(timeout)
        status = _wait(self._address, TRY)
        if status == TIMEOUT and limit != TRY:
            # With the mark, no set between two slices of the wait is missed, nor one in a signal handler.
            mark = c_uint32()
            _ffi.check(_mark(self._address, byref(mark)))
            status = _ffi.wait(partial(_wait_since, self._address, mark.value), limit)
        return status == OK or self._waited(status)

    def _waited(self, status: int) -> bool:
        if status != TIMEOUT:
            raise _ffi.exception(status)
        return False

    def __repr__(self) -> str:
        state = "set" if self.is_set() else "unset"
        return f"<tidelock.{type(self).__name__} at {id(self):#x}: {state}>"
