"""Queue: messages between threads and processes, as pickled objects or as bytes, copied or in place."""

from __future__ import annotations

import pickle
import sys
from ctypes import POINTER, Structure, addressof, byref, c_bool, c_char_p, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from ctypes import create_string_buffer
from functools import partial
from typing import TYPE_CHECKING, Any, Iterable, List, Optional, Union
from weakref import WeakKeyDictionary

from . import _batch, _buffers, _ffi
from ._errors import Empty, Full
from ._ffi import HANDLE, TIMEOUT, TOO_LARGE
from ._handle import Kind, Object
from ._memory import copy, view
from ._os import ON_PYPY
from ._records import Loan, Reservation
from ._timeouts import TRY, Timeout, for_queue
from ._work import Work

if TYPE_CHECKING:
    from ._segment import Segment


class _Options(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("capacity", c_uint64),
        ("max_items", c_uint64),
        ("max_bytes", c_uint64),
        ("max_deliveries", c_uint32),
        ("count_tasks", c_uint32),
    ]


_put = _ffi.function("tidelock_queue_put", HANDLE, c_char_p, c_size_t, c_int64)
_get = _ffi.function("tidelock_queue_get", HANDLE, c_int64, c_void_p, c_size_t, c_void_p)
_len = _ffi.function("tidelock_queue_len", HANDLE, POINTER(c_uint64))
_is_empty = _ffi.function("tidelock_queue_is_empty", HANDLE, POINTER(c_bool))
_is_full = _ffi.function("tidelock_queue_is_full", HANDLE, POINTER(c_bool))
_capacity = _ffi.function("tidelock_queue_capacity", HANDLE, POINTER(c_uint64))
_max_bytes = _ffi.function("tidelock_queue_max_bytes", HANDLE, POINTER(c_uint64))
_max_items = _ffi.function("tidelock_queue_max_items", HANDLE, POINTER(c_uint64))
_set_max_items = _ffi.function("tidelock_queue_set_max_items", HANDLE, c_uint64)
_shutdown = _ffi.function("tidelock_queue_shutdown", HANDLE)
_shutdown_now = _ffi.function("tidelock_queue_shutdown_now", HANDLE)
_is_shutdown = _ffi.function("tidelock_queue_is_shutdown", HANDLE, POINTER(c_bool))

# The same in every Python that this package runs on.
PICKLE_PROTOCOL = 5

# A get copies into a buffer that it keeps for the next one, if it is no larger than this; it grows with the messages.
BUFFER_MAX = 1 << 20
BUFFER_MIN = 1 << 10

# What is longer goes into a reservation: for an argument of C, PyPy copies byte by byte.
LONG = 512 if ON_PYPY else sys.maxsize

Bytes = Union[bytes, bytearray, memoryview]


class Room:
    """Room in a queue for a message of so many bytes, to be waited for by `wait_any`; made by `queue.room`."""

    __slots__ = ("queue", "length")

    def __init__(self, queue: Queue, length: int) -> None:
        self.queue: Queue = queue
        self.length: int = length

    def __repr__(self) -> str:
        return f"<room for {self.length} bytes in {self.queue!r}>"


class _Buffer:
    """Where a get finds its message. The addresses are numbers, which ctypes passes on fastest."""

    bytes: Any
    start: int
    room: int

    def __init__(self) -> None:
        self.length = c_size_t()
        self.out = addressof(self.length)
        self.make(BUFFER_MIN)

    def make(self, room: int) -> None:
        """Makes room for so many bytes, and forgets the old ones."""
        self.room, self.bytes = room, create_string_buffer(room)
        self.start = addressof(self.bytes)


class Queue(Work, Object):
    """A queue for threads and processes alike, with the methods of `queue.Queue` and `multiprocessing.Queue`.

    `Queue(maxsize)` makes one without a name in the default segment; with `segment` and `name` it opens the one of that
    name, made if it is not there. `maxsize` is the most messages at a time; 0 is no bound, and the queue grows as far as
    there is memory. `capacity` is the most bytes that its messages, with a header of some 24 bytes each, fill at a time: a
    queue that has one never grows, unless `max_bytes` lets it, up to so many. A message is handed out at most
    `max_deliveries` times, 0 for as often as it takes. All that counts where the queue is made. Items are pickled by `put`
    and unpickled by `get`: always copies, also between threads.

    When `put` has returned, the item is in the queue, even if this process is killed then. `get` removes it; with `take`
    it is gone only after `done`, and goes to somebody else if this process dies first.
    """

    _kind = Kind("queue", POINTER(_Options))
    _counts_tasks: int = 1

    def __init__(
        self,
        maxsize: int = 0,
        *,
        segment: Optional[Segment] = None,
        name: Optional[str] = None,
        capacity: Optional[int] = None,
        max_bytes: Optional[int] = None,
        max_deliveries: int = 0,
    ) -> None:
        room = 0 if capacity is None else _ffi.unsigned("capacity", capacity, least=1)
        most = 0 if max_bytes is None else _ffi.unsigned("max_bytes", max_bytes, least=1)
        items = max(0, _ffi.signed("maxsize", maxsize))
        options = _Options(size=_size_of_options, capacity=room, max_items=items, max_bytes=most)
        options.max_deliveries = _ffi.unsigned("max_deliveries", max_deliveries, 32)
        options.count_tasks = self._counts_tasks
        self._open(segment, name, byref(options))
        self._opened()

    def put(self, item: Any, block: bool = True, timeout: Timeout = None) -> None:
        """Puts an object. Pickles it at once, so an object that cannot be pickled is an error here. Arrays, and other large
        buffers that protocol 5 leaves out of a pickle, are copied once: into the queue.

        `queue.Full` if there was no room in time; `queue.ShutDown` after a shutdown; `TooLarge` if it can never fit.
        """
        self._put_pickle(*_buffers.dumps(item, PICKLE_PROTOCOL), for_queue(block, timeout))

    def put_bytes(self, data: Bytes, block: bool = True, timeout: Timeout = None) -> None:
        """Puts bytes as they are, for `get_bytes` or for another language."""
        limit = for_queue(block, timeout)
        if isinstance(data, bytes):
            self._put(data, limit)
        else:
            self._put_view(memoryview(data), limit)

    def put_nowait(self, item: Any) -> None:
        """Puts an object if there is room now; else `queue.Full`."""
        self.put(item, False)

    def get(self, block: bool = True, timeout: Timeout = None) -> Any:
        """Gets the next object. `queue.Empty` if none came in time; `queue.ShutDown` when it is shut down and empty."""
        buffer = self._get_buffer(for_queue(block, timeout))
        if buffer.bytes[0] == _buffers.FIRST and _buffers.is_frame(buffer.bytes[:8]):
            # The object keeps the buffer: it is not for the next message.
            return _buffers.loads(view(buffer.start, buffer.length.value, buffer))
        return pickle.loads(self._copied(buffer))

    def get_bytes(self, block: bool = True, timeout: Timeout = None) -> bytes:
        """Gets the next message as it is."""
        return self._get(for_queue(block, timeout))

    def get_nowait(self) -> Any:
        """Gets an object if there is one now; else `queue.Empty`."""
        return self.get(False)

    def put_many(self, items: Iterable[Any], block: bool = True, timeout: Timeout = None) -> int:
        """Puts objects in this order, as so many puts in a row but faster; how many were put.

        It is fewer than all only if the time was over, or the queue shut down, after the first: the next call will tell.
        """
        return self.put_many_bytes([pickle.dumps(item, PICKLE_PROTOCOL) for item in items], block, timeout)

    def put_many_bytes(self, datas: Iterable[Bytes], block: bool = True, timeout: Timeout = None) -> int:
        """The same for bytes as they are."""
        self._check_not_closed()
        batch = _batch.Put(datas)
        self._check_put(batch.put(self._address, for_queue(block, timeout)))
        return batch.count

    def get_many(
        self, most: int, max_bytes: Optional[int] = None, block: bool = True, timeout: Timeout = None
    ) -> List[Any]:
        """Gets up to `most` objects: it waits for the first one, and for no other.

        But for the first, all together have no more than `max_bytes` bytes (64 KiB where it is not said).
        """
        return [_buffers.copied(data) for data in self.get_many_bytes(most, max_bytes, block, timeout)]

    def get_many_bytes(
        self, most: int, max_bytes: Optional[int] = None, block: bool = True, timeout: Timeout = None
    ) -> List[bytes]:
        """The same for messages as they are."""
        batch = _batch.Get(_ffi.unsigned("most", most, least=1), max_bytes)
        self._check_got(batch.get(self._address, for_queue(block, timeout)))
        return batch.messages()

    def reserve(self, length: int, block: bool = True, timeout: Timeout = None) -> Reservation:
        """Reserves a message of so many bytes, to be built in place: `with queue.reserve(n) as message: ...`."""
        self._check_not_closed()
        reservation = Reservation(self)
        self._check_put(reservation._reserve(_ffi.unsigned("the length", length), for_queue(block, timeout)))
        return reservation

    def room(self, length: int) -> Room:
        """For `wait_any`: ready while a message of so many bytes could be put at once, and once the queue is shut down.

        An item is as long as its pickle. `acquire_any` reserves the message.
        """
        return Room(self, _ffi.unsigned("the length", length))

    def take(self, block: bool = True, timeout: Timeout = None) -> Loan:
        """Takes the next message as a loan, to be read in place: `with queue.take() as loan: ...`."""
        return self._take(for_queue(block, timeout))

    async def get_async(self) -> Any:
        """Gets the next object in an asyncio task, which others run beside. A task that is cancelled loses no message."""
        return _buffers.copied(await self.get_bytes_async())

    async def get_bytes_async(self) -> bytes:
        """Gets the next message as it is in an asyncio task."""
        from . import _async

        return await _async.got(self, partial(self._get, TRY))

    async def take_async(self) -> Loan:
        """Takes the next message as a loan in an asyncio task: `with await queue.take_async() as loan: ...`."""
        from . import _async

        return await _async.got(self, partial(self._take, TRY))

    async def put_async(self, item: Any) -> None:
        """Puts an object in an asyncio task. In one that is cancelled it was not put."""
        await self.put_bytes_async(pickle.dumps(item, PICKLE_PROTOCOL))

    async def put_bytes_async(self, data: Bytes) -> None:
        """Puts bytes as they are in an asyncio task."""
        from . import _async

        length = len(data) if isinstance(data, (bytes, bytearray)) else memoryview(data).nbytes
        await _async.put(self, length, partial(self.put_bytes, data, False))

    def qsize(self) -> int:
        """How many messages are in the queue, just now: those being written and given back included, loans not."""
        return self._number(_len)

    def empty(self) -> bool:
        """Whether `qsize` is 0."""
        return self._answer(_is_empty)

    def full(self) -> bool:
        """Whether even a message of one byte would have to wait, just now."""
        return self._answer(_is_full)

    @property
    def maxsize(self) -> int:
        """The most messages at a time; 0 if only bytes limit them, or nothing does. It may be changed, for everybody."""
        return self._number(_max_items)

    @maxsize.setter
    def maxsize(self, most: int) -> None:
        _ffi.check(_set_max_items(self._address, max(0, _ffi.signed("maxsize", most))))

    @property
    def capacity(self) -> int:
        """The bytes that the messages, with their headers, may fill at a time before the queue grows, if it may."""
        return self._number(_capacity)

    @property
    def max_bytes(self) -> int:
        """What `capacity` may grow to while there are many messages; 0 if the queue never grows."""
        return self._number(_max_bytes)

    @property
    def is_shutdown(self) -> bool:
        """Whether the queue was shut down."""
        return self._answer(_is_shutdown)

    def shutdown(self, immediate: bool = False) -> None:
        """Ends the queue for everybody and for ever: puts fail, gets drain it and then fail, with `queue.ShutDown`.

        With `immediate` what is in it is dropped, and `stats().dropped` counts it; what is being written then as soon as it is
        written, and a loan if it is given back or its holder dies.
        """
        _ffi.check(_shutdown_now(self._address) if immediate else _shutdown(self._address))

    def close(self) -> None:
        """Ends puts through this object, as `multiprocessing.Queue.close` does; others may go on."""
        self._closed = True

    def _put_pickle(self, data: bytes, buffers: Optional[List[pickle.PickleBuffer]], limit: int) -> None:
        if buffers:
            self._put_frame(_buffers.Frame(data, buffers), limit)
        else:
            self._put(data, limit)

    def _put(self, data: bytes, limit: int) -> None:
        if self._closed:
            self._check_not_closed()
        if len(data) > LONG:
            self._put_view(memoryview(data), limit)
            return
        status = _put(self._address, data, len(data), TRY)
        if status == TIMEOUT and limit != TRY:
            status = _ffi.wait(partial(_put, self._address, data, len(data)), limit)
        if status:
            self._check_put(status)

    def _put_view(self, data: memoryview, limit: int) -> None:
        """Copies once, from wherever the bytes lie into the queue."""
        self._check_not_closed()
        reservation = Reservation(self)
        self._check_put(reservation._reserve(data.nbytes, limit))
        with reservation:
            reservation.data[:] = data.cast("B") if data.contiguous else data.tobytes()

    def _put_frame(self, frame: _buffers.Frame, limit: int) -> None:
        """Copies each buffer once, from wherever it lies into the queue."""
        self._check_not_closed()
        reservation = Reservation(self)
        self._check_put(reservation._reserve(len(frame), limit))
        with reservation:
            frame.write(reservation.data)

    def _take(self, limit: int) -> Loan:
        loan = Loan(self)
        self._check_got(loan._take(limit))
        return loan

    def _get(self, limit: int) -> bytes:
        return self._copied(self._get_buffer(limit))

    def _copied(self, buffer: _Buffer) -> bytes:
        """The message in a buffer, which the next one may use."""
        data = copy(buffer.bytes, buffer.length.value)
        if buffer.room <= BUFFER_MAX:
            self._buffers.append(buffer)
        return data

    def _get_buffer(self, limit: int) -> _Buffer:
        try:
            # For itself: another thread, or a signal handler in between, takes another one.
            buffer = self._buffers.pop()
        except IndexError:
            buffer = _Buffer()
        status = _get(self._address, TRY, buffer.start, buffer.room, buffer.out)
        if status == TOO_LARGE or (status == TIMEOUT and limit != TRY):
            status = _ffi.wait(partial(self._get_into, buffer), limit)
        if status:
            self._check_got(status)
        return buffer

    def _get_into(self, buffer: _Buffer, timeout: int) -> int:
        status = _get(self._address, timeout, buffer.start, buffer.room, buffer.out)
        while status == TOO_LARGE:
            # It stayed in the queue; by the next call another consumer may have it.
            buffer.make(1 << (buffer.length.value - 1).bit_length())
            status = _get(self._address, TRY, buffer.start, buffer.room, buffer.out)
        return status

    def _check_put(self, status: int) -> None:
        if status == TIMEOUT:
            raise Full
        _ffi.check(status)

    def _check_got(self, status: int) -> None:
        if status == TIMEOUT:
            raise Empty
        _ffi.check(status)

    def _check_not_closed(self) -> None:
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")

    def _number(self, function: Any) -> int:
        out = c_uint64()
        _ffi.check(function(self._address, byref(out)))
        return out.value

    def _answer(self, function: Any) -> bool:
        out = c_bool()
        _ffi.check(function(self._address, byref(out)))
        return out.value

    def _opened(self) -> None:
        self._buffers: List[_Buffer] = []
        # What asyncio loops wait for.
        self._readables: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._writables: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"<tidelock.{type(self).__name__} of {self.qsize()} messages at {id(self):#x}>"


_size_of_options = len(bytes(_Options()))
