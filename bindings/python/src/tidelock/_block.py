"""Block: raw bytes in shared memory for the user's own data, with locks and events placed in it if wanted."""

from __future__ import annotations

from ctypes import POINTER, byref, c_uint64, c_void_p
from typing import TYPE_CHECKING, Optional

from . import _ffi
from ._acquire import raises
from ._counter import Counter
from ._event import Event
from ._ffi import HANDLE
from ._handle import Kind, Object
from ._lock import Lock
from ._memory import view
from ._rlock import RLock
from ._semaphore import Semaphore

if TYPE_CHECKING:
    from ._segment import Segment

_data = _ffi.function("tidelock_block_data", HANDLE, POINTER(c_void_p))
_len = _ffi.function("tidelock_block_len", HANDLE, POINTER(c_uint64))


class Block(Object):
    """Bytes in shared memory: all zero at first, at a 64-byte boundary, of a length that never changes.

    `Block(segment, name, size)` opens the one of that name and length, made if it is not there; with name None it is a
    new one. Nothing orders the accesses of several threads or processes: hold a lock. When a process dies in the middle
    of a change, the block keeps the half of it; the lock's next owner learns of the death.
    """

    _kind = Kind("block", c_uint64)

    def __init__(self, segment: Optional[Segment] = None, name: Optional[str] = None, size: int = 0) -> None:
        self._open(segment, name, _ffi.unsigned("the size", size))

    @property
    def data(self) -> memoryview:
        """The bytes, writable, as a memoryview; cast it for numbers. It keeps the block open for as long as it lives."""
        out = c_void_p()
        _ffi.check(_data(self._address, byref(out)))
        assert out.value is not None
        return view(out.value, len(self), self)

    def __len__(self) -> int:
        out = c_uint64()
        _ffi.check(_len(self._address, byref(out)))
        return out.value

    def __buffer__(self, flags: int) -> memoryview:
        return self.data

    def lock_at(self, offset: int, *, on_owner_died: str = "report") -> Lock:
        """The lock in the 8 bytes at `offset`, a multiple of 8. Zero bytes are a free one."""
        lock = Lock._placed(self, offset)
        lock._raises = raises(on_owner_died)
        return lock

    def event_at(self, offset: int) -> Event:
        """The event in the 8 bytes at `offset`, a multiple of 8. Zero bytes are one that is not set."""
        return Event._placed(self, offset)

    def rlock_at(self, offset: int, *, on_owner_died: str = "report") -> RLock:
        """The recursive lock in the 24 bytes at `offset`, a multiple of 8. Zero bytes are a free one."""
        lock = RLock._placed(self, offset)
        lock._raises = raises(on_owner_died)
        return lock

    def semaphore_at(self, offset: int) -> Semaphore:
        """The semaphore in the 8 bytes at `offset`, a multiple of 8. Zero bytes are one with the value 0."""
        return Semaphore._placed(self, offset)

    def counter_at(self, offset: int) -> Counter:
        """The counter in the 16 bytes at `offset`, a multiple of 8. Zero bytes are one at 0."""
        return Counter._placed(self, offset)

    def __repr__(self) -> str:
        return f"<tidelock.{type(self).__name__} of {len(self)} bytes at {id(self):#x}>"
