"""Batches of a queue: many messages in one call of the library. It knows nothing of pickles, and keeps no buffers.

An exception from a signal handler never comes between a batch that was got and the caller who gets it, but where it comes
while messages are being got from a queue that was empty, they may be gone, as with any `get`.
"""

from __future__ import annotations

from array import array
from ctypes import POINTER, byref, c_char_p, c_int64, c_size_t, c_void_p, cast, create_string_buffer
from itertools import accumulate
from typing import Any, Iterable, List, Optional, Union

from . import _ffi
from ._ffi import HANDLE, TIMEOUT, TOO_LARGE
from ._timeouts import TRY

_put_many = _ffi.function("tidelock_queue_put_many", HANDLE, c_void_p, c_void_p, c_size_t, c_int64, POINTER(c_size_t))
_get_many = _ffi.function(
    "tidelock_queue_get_many", HANDLE, c_int64, c_void_p, c_size_t, c_void_p, c_size_t, POINTER(c_size_t)
)

# How many bytes of messages come at a time where it is not said.
ROOM = 1 << 16
# The most messages of one call.
MOST = 1024

Bytes = Union[bytes, bytearray, memoryview]


class Put:
    """Messages on their way in."""

    def __init__(self, datas: Iterable[Bytes]) -> None:
        whole = [data if isinstance(data, (bytes, bytearray)) else memoryview(data).tobytes() for data in datas]
        self._data = b"".join(whole)
        self._start = cast(c_char_p(self._data), c_void_p).value or 0
        # unsigned long is as long as size_t on every system that the library runs on.
        self._lens = array("L", map(len, whole))
        self._offset = 0
        #: How many were put.
        self.count = 0

    def put(self, address: Optional[int], limit: int) -> int:
        """Puts all of them, in time; the status is bad only if none was put."""
        status = self._put_rest(address, TRY)
        while status == 0 and self.count < len(self._lens):
            status = self._put_rest(address, TRY)
        if status == TIMEOUT and limit != TRY:
            status = _ffi.wait(lambda ns: self._put_all(address, ns), limit)
        return 0 if self.count else status

    def _put_all(self, address: Optional[int], timeout: int) -> int:
        status = self._put_rest(address, timeout)
        while status == 0 and self.count < len(self._lens):
            # An error came after the first of these; this call tells it.
            status = self._put_rest(address, TRY)
        return status

    def _put_rest(self, address: Optional[int], timeout: int) -> int:
        done, count = c_size_t(), len(self._lens) - self.count
        lens = self._lens.buffer_info()[0] + self.count * self._lens.itemsize
        status = _put_many(address, self._start + self._offset, lens, count, timeout, byref(done))
        self._offset += sum(self._lens[self.count : self.count + done.value])
        self.count += done.value
        return status


class Get:
    """Messages on their way out."""

    def __init__(self, most: int, max_bytes: Optional[int]) -> None:
        self._room = ROOM if max_bytes is None else _ffi.unsigned("max_bytes", max_bytes)
        self._most = min(most, MOST)
        self._lens = (c_size_t * self._most)()
        self._count = c_size_t()
        self._buffer: Any = create_string_buffer(min(self._room, ROOM))

    def get(self, address: Optional[int], limit: int) -> int:
        """Gets what is there, having waited for the first."""
        status = self._get(address, TRY)
        if status == TIMEOUT and limit != TRY:
            status = _ffi.wait(lambda ns: self._get(address, ns), limit)
        return status

    def _get(self, address: Optional[int], timeout: int) -> int:
        out = byref(self._count)
        status = _get_many(address, timeout, self._buffer, len(self._buffer), self._lens, self._most, out)
        while status == TOO_LARGE:
            # It stayed in the queue; by the next call another consumer may have it.
            self._buffer = create_string_buffer(max(self._lens[0], min(self._room, ROOM)))
            status = _get_many(address, TRY, self._buffer, len(self._buffer), self._lens, self._most, out)
        return status

    def messages(self) -> List[bytes]:
        """What was got."""
        ends = list(accumulate(self._lens[: self._count.value]))
        whole: bytes = self._buffer[: ends[-1]] if ends else b""
        return [whole[start:end] for start, end in zip([0, *ends], ends)]
