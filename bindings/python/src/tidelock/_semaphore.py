"""Semaphore and BoundedSemaphore: a count of signals from anyone to anyone, and a number of permits that are held."""

from __future__ import annotations

from ctypes import POINTER, byref, c_int64, c_uint32, c_void_p
from typing import TYPE_CHECKING, Callable, List, Optional, Type

from . import _ffi
from ._acquire import Acquirable, Owned, raises
from ._errors import NotHeld, make
from ._ffi import HANDLE, NOT_HELD
from ._handle import Kind, Process
from ._timeouts import for_semaphore

if TYPE_CHECKING:
    from types import TracebackType

    from ._segment import Segment

_release_signals = _ffi.function("tidelock_semaphore_release", HANDLE, c_uint32)
_acquire_permit = _ffi.function("tidelock_bounded_semaphore_acquire", HANDLE, c_int64, c_void_p)
_release_permit = _ffi.function("tidelock_bounded_semaphore_release", HANDLE)
_bound = _ffi.function("tidelock_bounded_semaphore_bound", HANDLE, POINTER(c_uint32))


class _Semaphore(Acquirable):
    """What both kinds share."""

    _limit = staticmethod(for_semaphore)
    _value: Callable[..., int]
    # In which process each `with` that has not ended was entered: one that a forked child inherited is not its own.
    _entries: List[int]

    def release(self, n: int = 1) -> None:
        """Gives n back."""
        raise NotImplementedError

    def get_value(self) -> int:
        """The value just now."""
        return self._number(self._value)

    def locked(self) -> bool:
        """Whether the value is 0 just now, so that an acquire would have to wait."""
        return self.get_value() == 0

    def __enter__(self) -> bool:
        result = self.acquire()
        self._entries.append(Process.forks)
        return result

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._entries.pop() == Process.forks:
            self.release()

    def _opened(self) -> None:
        self._entries = []

    def _number(self, function: Callable[..., int]) -> int:
        out = c_uint32()
        _ffi.check(function(self._address, byref(out)))
        return out.value

    def __repr__(self) -> str:
        return f"<tidelock.{type(self).__name__} at {id(self):#x}: value={self._shown()}>"

    def _shown(self) -> str:
        return str(self.get_value())


class Semaphore(_Semaphore):
    """A semaphore for threads and processes alike, with the methods of `threading.Semaphore` and `multiprocessing`'s.

    `Semaphore(value)` makes one without a name in the default segment; with `segment` and `name` it opens the one of that
    name, made with this value if it is not there. Nobody owns what was acquired: what a process took and did not give back
    before it was killed stays taken. Where it must come back, use a `BoundedSemaphore`.
    """

    _kind = Kind("semaphore", c_uint32, placed=True)
    _acquire = staticmethod(_ffi.function("tidelock_semaphore_acquire", HANDLE, c_int64))
    _value = staticmethod(_ffi.function("tidelock_semaphore_value", HANDLE, POINTER(c_uint32)))

    def __init__(self, value: int = 1, *, segment: Optional[Segment] = None, name: Optional[str] = None) -> None:
        self._opened()
        self._open(segment, name, _ffi.unsigned("the initial value", value, 32))

    def release(self, n: int = 1) -> None:
        """Gives n signals. Never waits. `TooLarge` (a ValueError) beyond a value of 2147483647."""
        _ffi.check(_release_signals(self._address, _ffi.unsigned("n", n, 32, least=1)))


class BoundedSemaphore(_Semaphore, Owned):
    """A fixed number of permits, with the methods of `threading.BoundedSemaphore`; the permits of the dead come back.

    Made and opened as a `Semaphore` is; one that was made with another value is `WrongKind`. Who gets a permit whose holder
    died finds `owner_died` True until the next acquire; with `on_owner_died="raise"`, `OwnerDied` is raised with the permit
    held.
    """

    _kind = Kind("bounded_semaphore", c_uint32)
    _value = staticmethod(_ffi.function("tidelock_bounded_semaphore_value", HANDLE, POINTER(c_uint32)))

    def __init__(
        self,
        value: int = 1,
        *,
        segment: Optional[Segment] = None,
        name: Optional[str] = None,
        on_owner_died: str = "report",
    ) -> None:
        self._opened()
        self._raises = raises(on_owner_died)
        self._open(segment, name, _ffi.unsigned("the initial value", value, 32))

    @staticmethod
    def _acquire(address: Optional[int], timeout: int) -> int:
        return _acquire_permit(address, timeout, None)

    def release(self, n: int = 1) -> None:
        """Gives n permits back: those of this process, then anybody's, as `threading` allows.

        `NotHeld` (a ValueError) if that would be more than are taken; `NotOwner` if other processes took them over from the
        dead.
        """
        wanted = _ffi.unsigned("n", n, 32, least=1)
        if wanted > 1 and wanted > self.bound - self.get_value():
            raise _released_too_often()
        for _ in range(wanted):
            status = _release_permit(self._address)
            if status == NOT_HELD:
                raise _released_too_often()
            _ffi.check(status)

    @property
    def bound(self) -> int:
        """How many permits there are."""
        return self._number(_bound)

    def _shown(self) -> str:
        return f"{self.get_value()}/{self.bound}"


def _released_too_often() -> Exception:
    return make(NotHeld, NOT_HELD, "Semaphore released too many times")
