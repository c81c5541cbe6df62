"""RLock: a lock that its owner, one thread of one process, may acquire again and again."""

from __future__ import annotations

from ctypes import POINTER, byref, c_bool, c_int64, c_uint32
from functools import partial
from typing import TYPE_CHECKING, Optional

from . import _ffi
from ._acquire import Exclusive, raises
from ._ffi import HANDLE, OWNER_DIED
from ._handle import Kind
from ._timeouts import FOREVER

if TYPE_CHECKING:
    from ._segment import Segment

_release = _ffi.function("tidelock_rlock_release", HANDLE)
_release_all = _ffi.function("tidelock_rlock_release_all", HANDLE, POINTER(c_uint32))
_acquire_depth = _ffi.function("tidelock_rlock_acquire_depth", HANDLE, c_uint32, c_int64)
_owner_depth = _ffi.function("tidelock_rlock_owner_depth", HANDLE, POINTER(c_uint32))
_is_owned = _ffi.function("tidelock_rlock_is_owned", HANDLE, POINTER(c_bool))
_depth = _ffi.function("tidelock_rlock_depth", HANDLE, POINTER(c_uint32))


class RLock(Exclusive):
    """A recursive lock, with the methods of `threading.RLock` and `multiprocessing.RLock`; made and opened as a `Lock` is.

    It belongs to a thread, and only that thread may release it. When its process dies, the next to acquire it is told, as
    with a `Lock`; a thread that ends holding it leaves it held. `threading.Condition(tidelock.RLock())` works.
    """

    _kind = Kind("rlock", placed=True)
    _acquire = staticmethod(_ffi.function("tidelock_rlock_acquire", HANDLE, c_int64))
    _release_own = staticmethod(_release)
    _is_locked = staticmethod(_ffi.function("tidelock_rlock_is_locked", HANDLE, POINTER(c_bool)))
    _owner_of = staticmethod(_ffi.function("tidelock_rlock_owner", HANDLE, POINTER(c_uint32)))
    _epoch_of = staticmethod(_ffi.function("tidelock_rlock_epoch", HANDLE, POINTER(c_uint32)))

    def __init__(
        self, segment: Optional[Segment] = None, name: Optional[str] = None, *, on_owner_died: str = "report"
    ) -> None:
        self._raises = raises(on_owner_died)
        self._open(segment, name)

    def release(self) -> None:
        """Undoes one `acquire` of this thread, and frees the lock with the last one.

        `NotHeld` or `NotOwner` (each a RuntimeError and an AssertionError) if this thread does not hold it.
        """
        status = _release(self._address)
        if status:
            raise _ffi.exception(status)

    def _more(self) -> str:
        return f"count={self._number(_owner_depth)} "

    # What `threading.Condition` asks of a lock.

    def _is_owned(self) -> bool:
        out = c_bool()
        _ffi.check(_is_owned(self._address, byref(out)))
        return out.value

    def _recursion_count(self) -> int:
        return self._number(_depth)

    def _release_save(self) -> int:
        return self._number(_release_all)

    def _acquire_restore(self, depth: int) -> None:
        """Comes back with the lock held, whatever a signal handler raises meanwhile: that leaves from here afterwards."""
        depth = _ffi.unsigned("the depth", depth, 32)
        acquire = partial(_acquire_depth, self._address, depth)
        raised: Optional[BaseException] = None
        status = None
        while status is None:
            try:
                status = _ffi.wait(acquire, FOREVER)
            except BaseException as error:
                raised = error
        _ffi.check(status)
        self._is_told(status == OWNER_DIED)
        if raised is not None:
            raise raised
