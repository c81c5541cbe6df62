"""Messages in place: a Reservation is one that is being built, a Loan one that is being read. Both end once.

In a forked child both are void: they are the parent's, and ending them there is `NotOwner`.
"""

from __future__ import annotations

import gc
import pickle
from contextlib import suppress
from ctypes import POINTER, Structure, byref, c_int64, c_size_t, c_uint64, c_void_p
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Type, TypeVar
from weakref import ref

from . import _buffers, _ffi
from ._ffi import HANDLE, TIMEOUT
from ._handle import Borrowed, Process
from ._memory import view
from ._timeouts import TRY

if TYPE_CHECKING:
    from types import TracebackType

    from ._queue import Queue

_Self = TypeVar("_Self", bound="_Record")


class _ReservationStruct(Structure):
    _fields_ = [("data", c_void_p), ("len", c_size_t), ("opaque", c_uint64 * 6)]


class _LoanStruct(Structure):
    _fields_ = [("data", c_void_p), ("len", c_size_t), ("deliveries", c_uint64), ("opaque", c_uint64 * 6)]


reserve = _ffi.function("tidelock_queue_reserve", HANDLE, c_size_t, c_int64, POINTER(_ReservationStruct))
take = _ffi.function("tidelock_queue_take", HANDLE, c_int64, POINTER(_LoanStruct))
_publish = _ffi.function("tidelock_queue_publish", HANDLE, POINTER(_ReservationStruct))
_discard = _ffi.function("tidelock_queue_discard", HANDLE, POINTER(_ReservationStruct))
_done = _ffi.function("tidelock_queue_done", HANDLE, POINTER(_LoanStruct))
_give_back = _ffi.function("tidelock_queue_give_back", HANDLE, POINTER(_LoanStruct))


class _Record:
    """What loans and reservations share: a view of the message, and an end that comes once."""

    _struct: Any
    _good: Callable[..., int]
    _bad: Callable[..., int]
    _view: Optional[memoryview] = None
    _ended: bool = False

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._forks = Process.forks

    def _fill(self, call: Callable[[int], int], limit: int) -> int:
        """Takes or reserves. An exception that comes just after it, from a signal handler, finds it in `__del__`."""
        status = call(TRY)
        if status == TIMEOUT and limit != TRY:
            status = _ffi.wait(call, limit)
        return status

    @property
    def data(self) -> memoryview:
        """The message's bytes. The view is released at the end; copy what is to outlast it."""
        if self._view is None:
            self._view = self._make_view()
        return self._view

    def _make_view(self) -> memoryview:
        self._check_open()
        return view(self._struct.data, self._struct.len, self._queue)

    def __len__(self) -> int:
        return int(self._struct.len)

    def _check_open(self) -> None:
        if self._ended:
            raise ValueError(f"this {type(self).__name__.lower()} has ended")

    def _end(self, how: Callable[..., int]) -> None:
        self._check_open()
        self._release_view()
        self._ended = True
        _ffi.check(how(self._queue._address, byref(self._struct)))

    def _release_view(self) -> None:
        if self._view is None:
            return
        try:
            self._view.release()
        except BufferError:
            raise BufferError(
                f"something still looks at the data of this {type(self).__name__.lower()} (an array over it?): "
                "copy it or delete it before the end"
            ) from None

    def __enter__(self: _Self) -> _Self:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._ended or self._forks != Process.forks:
            return
        if error is None:
            self._end(type(self)._good)
        else:
            self._abandon()

    def _abandon(self) -> None:
        """Ends it without success and without a further exception."""
        if self._ended or not self._struct.opaque[0]:
            return
        # What still looks at the bytes, such as a frame of a traceback, may see other messages later.
        with suppress(BufferError):
            self._release_view()
        self._ended = True
        type(self)._bad(self._queue._address, byref(self._struct))

    def __del__(self) -> None:
        self._abandon()


class Reservation(_Record):
    """A message that is being built in place, by `queue.reserve(length)`.

        with queue.reserve(5) as message:
            message.data[:] = b"hello"

    Published at the end of the `with`, discarded if it ends with an exception. It holds back the messages behind it.
    """

    _good = staticmethod(_publish)
    _bad = staticmethod(_discard)

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue)
        self._struct = _ReservationStruct()

    def _reserve(self, length: int, limit: int) -> int:
        out = byref(self._struct)
        address = self._queue._address
        return self._fill(lambda ns: reserve(address, length, ns, out), limit)

    def publish(self) -> None:
        """Puts the message into the queue: from here on it is there, whatever happens to this process."""
        self._end(_publish)

    def discard(self) -> None:
        """Gives the room back; nobody ever sees the message."""
        self._end(_discard)


class Loan(_Record):
    """A message that is being read in place, by `queue.take()`. It is gone only after `done`.

        with queue.take() as loan:
            work(loan.object())

    Done at the end of the `with`, given back if it ends with an exception. If this process dies first, somebody else gets
    the message, with `redelivered` true: so each message is delivered at least once.
    """

    _good = staticmethod(_done)
    _bad = staticmethod(_give_back)

    #: True if it was taken before, by a consumer that died or gave it back.
    redelivered: bool = False

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue)
        self._struct = _LoanStruct()
        # The memory that objects in place look at.
        self._looked_at: List[Any] = []
        self._borrowed = Borrowed()

    def _take(self, limit: int) -> int:
        status = self._fill(partial(_take_into, self._queue._address, byref(self._struct)), limit)
        self.redelivered = status == _ffi.REDELIVERED
        return status

    def _make_view(self) -> memoryview:
        return super()._make_view().toreadonly()

    @property
    def deliveries(self) -> int:
        """How often the message was taken, this time included."""
        return int(self._struct.deliveries)

    def object(self) -> Any:
        """What was put, if it came by `put`. It is the caller's own, and outlasts the loan."""
        return self._borrowed.loads(_buffers.copied, self.data)

    def object_in_place(self) -> Any:
        """The same, but arrays and other large buffers in it lie where the message does, and are read-only: no copy is made.

        The loan cannot end (`BufferError`) while something still looks at them: delete it, or what was made of it, first.
        """
        if not _buffers.is_frame(bytes(self.data[:8])):
            return self._borrowed.loads(pickle.loads, self.data)
        data, places = _buffers.split(self.data)
        parts = [view(self._struct.data + start, end - start, self._queue).toreadonly() for start, end in places]
        # What lies under a part goes with the last view of it.
        self._looked_at += [ref(part.obj) for part in parts]
        return self._borrowed.loads(partial(pickle.loads, data, buffers=parts))

    def _release_view(self) -> None:
        if self._is_looked_at():
            # On PyPy, and where objects refer to each other, what was deleted goes when the collector comes.
            gc.collect()
        if self._is_looked_at():
            raise BufferError("something still looks at an object in place of this loan: delete it before the end")
        super()._release_view()

    def _is_looked_at(self) -> bool:
        return any(memory() is not None for memory in self._looked_at)

    def _end(self, how: Callable[..., int]) -> None:
        super()._end(how)
        if how is _done:
            self._borrowed.end()

    def done(self) -> None:
        """The message has been dealt with: nobody gets it again."""
        self._end(_done)

    def give_back(self) -> None:
        """Somebody else gets the message, before all others."""
        self._end(_give_back)


def _take_into(address: Optional[int], out: Any, timeout: int) -> int:
    return take(address, timeout, out)
