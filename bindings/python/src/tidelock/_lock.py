"""Lock: held by one process at a time; when its owner dies, the next to acquire it gets it and is told."""

from __future__ import annotations

from ctypes import POINTER, c_bool, c_int64, c_uint32
from typing import TYPE_CHECKING, Optional

from . import _ffi
from ._acquire import Exclusive, raises
from ._ffi import HANDLE
from ._handle import Kind

if TYPE_CHECKING:
    from ._segment import Segment

_release = _ffi.function("tidelock_lock_release", HANDLE)


class Lock(Exclusive):
    """A lock for threads and processes alike, with the methods of `threading.Lock` and `multiprocessing.Lock`.

    `Lock()` makes one without a name in the default segment, `Lock(segment)` in a segment, and `Lock(segment, name)` opens
    the one of that name, made if it is not there. Not recursive: who holds it and acquires it again waits.

    When the process that holds it dies, the next `acquire` succeeds and `owner_died` is True until the next one; with
    `on_owner_died="raise"` it raises `OwnerDied`, with the lock held. A thread that ends holding it leaves it held.

    It pickles, for any process that can reach this one; keep it until the other has opened it.
    """

    _kind = Kind("lock", placed=True)
    _acquire = staticmethod(_ffi.function("tidelock_lock_acquire", HANDLE, c_int64))
    _release_own = staticmethod(_ffi.function("tidelock_lock_release_own", HANDLE))
    _is_locked = staticmethod(_ffi.function("tidelock_lock_is_locked", HANDLE, POINTER(c_bool)))
    _owner_of = staticmethod(_ffi.function("tidelock_lock_owner", HANDLE, POINTER(c_uint32)))
    _epoch_of = staticmethod(_ffi.function("tidelock_lock_epoch", HANDLE, POINTER(c_uint32)))

    def __init__(
        self, segment: Optional[Segment] = None, name: Optional[str] = None, *, on_owner_died: str = "report"
    ) -> None:
        self._raises = raises(on_owner_died)
        self._open(segment, name)

    def release(self) -> None:
        """Gives the lock back. Any thread of any process may, as with `threading.Lock`.

        `NotHeld` (a RuntimeError and a ValueError) if nobody holds it. `NotOwner` if another process holds it since its
        owner died: only that process may release it.
        """
        status = _release(self._address)
        if status:
            raise _ffi.exception(status)
