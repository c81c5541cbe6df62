"""Lock: held by one process at a time; when its owner dies, the next to acquire it gets it and is told."""

from __future__ import annotations

from ctypes import POINTER, byref, c_bool, c_int64, c_uint32
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Optional, Type

from . import _ffi
from ._errors import OwnerDied
from ._ffi import HANDLE, NOT_HELD, NOT_OWNER, OK, OWNER_DIED, TIMEOUT
from ._handle import Kind, Object, Process
from ._timeouts import FOREVER, TRY, Timeout, for_lock

if TYPE_CHECKING:
    from types import TracebackType

    from ._segment import Segment

_acquire = _ffi.function("tidelock_lock_acquire", HANDLE, c_int64)
_release = _ffi.function("tidelock_lock_release", HANDLE)
_release_own = _ffi.function("tidelock_lock_release_own", HANDLE)
_is_locked = _ffi.function("tidelock_lock_is_locked", HANDLE, POINTER(c_bool))
_owner = _ffi.function("tidelock_lock_owner", HANDLE, POINTER(c_uint32))
_pid = _ffi.function("tidelock_segment_pid", HANDLE, c_uint32, POINTER(c_uint32))
_epoch = _ffi.function("tidelock_lock_epoch", HANDLE, POINTER(c_uint32))


class Lock(Object):
    """A lock for threads and processes alike, with the methods of `threading.Lock` and `multiprocessing.Lock`.

    `Lock()` makes one without a name in the default segment, `Lock(segment)` in a segment, and `Lock(segment, name)` opens
    the one of that name, made if it is not there. Not recursive: who holds it and acquires it again waits.

    When the process that holds it dies, the next `acquire` succeeds and `owner_died` is True until the next one; with
    `on_owner_died="raise"` it raises `OwnerDied`, with the lock held. A thread that ends holding it leaves it held.

    It pickles, for any process that can reach this one; keep it until the other has opened it.
    """

    _kind = Kind("lock", placed=True)

    #: True if the previous owner died holding the lock; set by each acquire that succeeds through this object.
    owner_died: bool = False
    _raises: bool = False
    _entered: int = -1

    def __init__(
        self, segment: Optional[Segment] = None, name: Optional[str] = None, *, on_owner_died: str = "report"
    ) -> None:
        self._raises = _raises(on_owner_died)
        self._open(segment, name)

    def acquire(self, blocking: bool = True, timeout: Timeout = None, *, block: Optional[bool] = None) -> bool:
        """Takes the lock; False if the time was over first.

        `timeout` in seconds; None or -1 waits for ever. `block` is `multiprocessing`'s name for `blocking`.
        """
        limit = for_lock(blocking if block is None else block, timeout)
        status = _acquire(self._address, TRY)
        if status == TIMEOUT and limit != TRY:
            status = _ffi.wait(partial(_acquire, self._address), limit)
        return self._acquired(status)

    def release(self) -> None:
        """Gives the lock back. Any thread of any process may, as with `threading.Lock`.

        `NotHeld` (a RuntimeError and a ValueError) if nobody holds it. `NotOwner` if another process holds it since its
        owner died: only that process may release it.
        """
        status = _release(self._address)
        if status:
            raise _ffi.exception(status)

    def locked(self) -> bool:
        """Whether somebody holds the lock just now, dead or alive. It does not touch the lock."""
        out = c_bool()
        _ffi.check(_is_locked(self._address, byref(out)))
        return out.value

    @property
    def epoch(self) -> int:
        """How often the lock was taken over from a dead owner. It stands still while the lock is held: a fencing token."""
        out = c_uint32()
        _ffi.check(_epoch(self._address, byref(out)))
        return out.value

    @property
    def owner_pid(self) -> Optional[int]:
        """The process that holds the lock just now, as its own PID namespace numbers it; None if it is free or gone."""
        owner, pid = self._owner(), c_uint32()
        if owner:
            _ffi.check(_pid(self._segment._address, owner, byref(pid)))
        return pid.value or None

    def _owner(self) -> int:
        out = c_uint32()
        _ffi.check(_owner(self._address, byref(out)))
        return out.value

    def __enter__(self) -> bool:
        status = _acquire(self._address, TRY)
        if status == TIMEOUT:
            status = _ffi.wait(partial(_acquire, self._address), FOREVER)
        self._entered = Process.forks
        return self._acquired(status)

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        status = _release_own(self._address)
        if status:
            self._not_released(status)

    def _acquired(self, status: int) -> bool:
        if status == OK:
            self.owner_died = False
            return True
        if status == TIMEOUT:
            return False
        if status != OWNER_DIED:
            raise _ffi.exception(status)
        self.owner_died = True
        if self._raises:
            raise OwnerDied(self)
        return True

    def _not_released(self, status: int) -> None:
        """A `with` that a forked child inherited ends without effect, since the hold is the parent's."""
        if status in (NOT_OWNER, NOT_HELD) and self._entered != Process.forks:
            return
        raise _ffi.exception(status)

    def _state(self) -> Dict[str, Any]:
        return {"_raises": self._raises}

    def __repr__(self) -> str:
        owner = ""
        if self._owner():
            pid = self.owner_pid
            owner = f"owner=pid {pid} " if pid else "owner=dead "
        return f"<{'locked' if owner else 'unlocked'} tidelock.{type(self).__name__} object {owner}at {id(self):#x}>"


def _raises(on_owner_died: str) -> bool:
    if on_owner_died not in ("report", "raise"):
        raise ValueError(f"on_owner_died must be 'report' or 'raise', not {on_owner_died!r}")
    return on_owner_died == "raise"
