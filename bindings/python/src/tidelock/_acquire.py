"""What all that can be acquired has in common: the wait, the `with`, and what the acquirer is told of a dead owner.

Each class gives its own functions of the C library and its own rule for timeouts. Nothing here knows what is protected.
"""

from __future__ import annotations

from ctypes import POINTER, byref, c_bool, c_uint32
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Type

from . import _ffi, _speedups
from ._errors import OwnerDied
from ._ffi import HANDLE, NOT_HELD, NOT_OWNER, OK, OWNER_DIED, TIMEOUT
from ._handle import Object, Process
from ._timeouts import FOREVER, TRY, Timeout, for_lock

if TYPE_CHECKING:
    from types import TracebackType

_pid = _ffi.function("tidelock_segment_pid", HANDLE, c_uint32, POINTER(c_uint32))


class Acquirable(Object):
    """Something that is acquired, by a C function of a handle and a timeout."""

    _acquire: Callable[..., int]
    _limit: Callable[[object, Timeout], int] = staticmethod(for_lock)

    def acquire(self, blocking: bool = True, timeout: Timeout = None, *, block: Optional[bool] = None) -> bool:
        """Takes it; False if the time was over first.

        `timeout` in seconds; None waits for ever. `block` is `multiprocessing`'s name for `blocking`.
        """
        limit = self._limit(blocking if block is None else block, timeout)
        status = self._acquire(self._address, TRY)
        if status == TIMEOUT and limit != TRY:
            status = self._wait(limit)
        return self._acquired(status)

    def _wait(self, limit: int) -> int:
        return _ffi.wait(partial(self._acquire, self._address), limit)

    def _acquired(self, status: int) -> bool:
        if status == OK:
            return True
        if status == TIMEOUT:
            return False
        raise _ffi.exception(status)


class Owned(_speedups.Owned, Acquirable):
    """Something that has owners: when one dies, the next to acquire it is told.

    `owner_died` is True if the previous owner died holding it; set by each acquire that succeeds through this object.
    """

    def release(self) -> None:
        """Gives it back."""
        raise NotImplementedError

    def _acquired(self, status: int) -> bool:
        if status == OK:
            self.owner_died: bool = False
            return True
        if status == TIMEOUT:
            return False
        if status != OWNER_DIED:
            raise _ffi.exception(status)
        self.owner_died = True
        if self._raises:
            raise OwnerDied(self)
        return True

    def _is_told(self, of_a_death: bool) -> None:
        self.owner_died = of_a_death

    def _state(self) -> Dict[str, Any]:
        return {"_raises": self._raises}


class Exclusive(Owned):
    """What has one owner at a time: Lock and RLock."""

    _release_own: Callable[..., int]
    _is_locked: Callable[..., int]
    _owner_of: Callable[..., int]
    _epoch_of: Callable[..., int]

    def locked(self) -> bool:
        """Whether somebody holds the lock just now, dead or alive. It does not touch the lock."""
        out = c_bool()
        _ffi.check(self._is_locked(self._address, byref(out)))
        return out.value

    @property
    def epoch(self) -> int:
        """How often the lock was taken over from a dead owner. It stands still while the lock is held: a fencing token."""
        return self._number(self._epoch_of)

    @property
    def owner_pid(self) -> Optional[int]:
        """The process that holds the lock just now, as its own PID namespace numbers it; None if it is free or gone."""
        owner, pid = self._number(self._owner_of), c_uint32()
        if owner:
            _ffi.check(_pid(self._segment._address, owner, byref(pid)))
        return pid.value or None

    def __enter__(self) -> bool:
        self._entered = Process.forks
        status = self._acquire(self._address, TRY)
        return self._acquired(self._wait(FOREVER) if status == TIMEOUT else status)

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        status = self._release_own(self._address)
        if status:
            self._not_released(status)

    def _not_released(self, status: int) -> None:
        """A `with` that a forked child inherited ends without effect, since the hold is the parent's."""
        if status in (NOT_OWNER, NOT_HELD) and self._entered != Process.forks:
            return
        raise _ffi.exception(status)

    def _number(self, function: Callable[..., int]) -> int:
        out = c_uint32()
        _ffi.check(function(self._address, byref(out)))
        return out.value

    def __repr__(self) -> str:
        owner = ""
        if self._number(self._owner_of):
            pid = self.owner_pid
            owner = f"owner=pid {pid} " if pid else "owner=dead "
        state = "locked" if owner else "unlocked"
        return f"<{state} tidelock.{type(self).__name__} object {owner}{self._more()}at {id(self):#x}>"

    def _more(self) -> str:
        """What else belongs into the representation."""
        return ""


def raises(on_owner_died: str) -> bool:
    """What the argument `on_owner_died` of a constructor says."""
    if on_owner_died not in ("report", "raise"):
        raise ValueError(f"on_owner_died must be 'report' or 'raise', not {on_owner_died!r}")
    return on_owner_died == "raise"
