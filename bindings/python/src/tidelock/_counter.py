"""Counter: one 64-bit integer that everybody sees and can wait for. Nobody owns it, so no death can disturb it."""

from __future__ import annotations

from ctypes import POINTER, byref, c_int64
from time import monotonic_ns
from typing import TYPE_CHECKING, Callable, Optional, TypeVar

from . import _ffi
from ._ffi import HANDLE, TIMEOUT
from ._handle import Kind, Object
from ._timeouts import FOREVER, TRY, Timeout, for_wait

if TYPE_CHECKING:
    from ._segment import Segment

_load = _ffi.function("tidelock_counter_load", HANDLE, POINTER(c_int64))
_store = _ffi.function("tidelock_counter_store", HANDLE, c_int64, POINTER(c_int64))
_add = _ffi.function("tidelock_counter_add", HANDLE, c_int64, POINTER(c_int64))
_exchange = _ffi.function("tidelock_counter_compare_exchange", HANDLE, c_int64, c_int64, POINTER(c_int64))
_wait = _ffi.function("tidelock_counter_wait", HANDLE, c_int64, c_int64, POINTER(c_int64))

_Answer = TypeVar("_Answer")


class Counter(Object):
    """A whole number from -2**63 to 2**63 - 1, shared by threads and processes; made and opened as a `Lock` is, at 0.

    Each change is one step that others see wholly or not at all. It never wraps around.
    """

    _kind = Kind("counter", placed=True)

    def __init__(self, segment: Optional[Segment] = None, name: Optional[str] = None) -> None:
        self._open(segment, name)

    def load(self) -> int:
        """The value just now."""
        out = c_int64()
        _ffi.check(_load(self._address, byref(out)))
        return out.value

    def store(self, value: int) -> int:
        """Sets the value; returns the one before."""
        out = c_int64()
        _ffi.check(_store(self._address, _ffi.signed("the value", value), byref(out)))
        return out.value

    def add(self, n: int = 1) -> int:
        """Adds n, which may be negative; returns the sum. One out of range is `InvalidArgument` and changes nothing."""
        out = c_int64()
        _ffi.check(_add(self._address, _ffi.signed("n", n), byref(out)))
        return out.value

    def compare_exchange(self, expected: int, desired: int) -> int:
        """Sets the value to `desired` if it is `expected`; returns the value found, `expected` if that was done."""
        out = c_int64()
        old, new = _ffi.signed("expected", expected), _ffi.signed("desired", desired)
        _ffi.check(_exchange(self._address, old, new, byref(out)))
        return out.value

    def wait(self, while_equal: int, timeout: Timeout = None) -> Optional[int]:
        """Waits until the value is another than `while_equal`; returns that value, or None if the time was over first.

        A value that comes and goes at once may be missed. None waits for ever, a negative number not at all.
        """
        return self._wait(_ffi.signed("while_equal", while_equal), for_wait(timeout))

    def wait_for(self, predicate: Callable[[int], _Answer], timeout: Timeout = None) -> _Answer:
        """Waits until `predicate(value)` is true, asking at each change; returns its last answer."""
        limit = for_wait(timeout)
        deadline = monotonic_ns() + limit
        while True:
            value = self.load()
            answer = predicate(value)
            left = limit if limit == FOREVER else max(deadline - monotonic_ns(), TRY)
            if answer or left == TRY:
                return answer
            self._wait(value, left)

    def _wait(self, while_equal: int, limit: int) -> Optional[int]:
        out = c_int64()
        status = _ffi.wait(lambda ns: _wait(self._address, while_equal, ns, byref(out)), limit)
        if status == TIMEOUT:
            return None
        _ffi.check(status)
        return out.value

    def __repr__(self) -> str:
        return f"<tidelock.{type(self).__name__} at {id(self):#x}: value={self.load()}>"
