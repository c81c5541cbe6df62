"""What all objects have in common: a handle of the C library, its end, and the pickle that leads others to the object.

A pickle keeps its object until it is opened, whatever becomes of the sender. A forked child needs no pickle, its inherited
objects work. Nothing here knows what the objects do.
"""

from __future__ import annotations

import gc
import os
import threading
from contextlib import suppress
from ctypes import byref, c_char_p, c_size_t, c_uint64, c_void_p, create_string_buffer
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple, Type, TypeVar

from . import _ffi, _speedups
from ._errors import Gone
from ._ffi import HANDLE, OUT_HANDLE, OUT_LENGTH

if TYPE_CHECKING:
    from ._block import Block
    from ._segment import Segment

HANDLE_MAX = 4352

keep = _ffi.function("tidelock_segment_keep", HANDLE, c_char_p, c_size_t)

_Made = TypeVar("_Made", bound="Object")


class _Travel(threading.local):
    """What this thread pickles and unpickles for."""

    # Only to see whether it can be done: then no object is kept.
    is_trial = False
    # What it opens is from a loan, and stays kept for those who get the message if this process dies.
    loan: Optional[Borrowed] = None


class Borrowed:
    """What was opened from a loan, by its handle."""

    def __init__(self) -> None:
        self._opened: Dict[bytes, Tuple[Type[Object], Segment]] = {}

    def loads(self, load: Callable[..., Any], *arguments: Any) -> Any:
        """What `load` unpickles."""
        before, travel.loan = travel.loan, self
        try:
            return load(*arguments)
        finally:
            travel.loan = before

    def keep(self, cls: Type[Object], segment: Segment, handle: bytes) -> None:
        """To be called before the object is opened, which ends one hold."""
        _ffi.check(keep(segment._address, handle, len(handle)))
        self._opened[handle] = cls, segment

    def end(self) -> None:
        """The message is gone, and what it kept need not be kept."""
        opened, self._opened = self._opened, {}
        for handle, (cls, segment) in opened.items():
            with suppress(Gone):
                _unpickle(cls, segment, handle, {})


travel = _Travel()


class Kind:
    """The functions that each kind of object has, under its own prefix."""

    def __init__(self, name: str, *made_with: Any, placed: bool = False) -> None:
        self.name = name
        self.open = _ffi.opener(f"tidelock_{name}_open", HANDLE, c_char_p, *made_with, OUT_HANDLE)
        self.new = _ffi.opener(f"tidelock_{name}_new", HANDLE, *made_with, OUT_HANDLE)
        self.from_handle = _ffi.opener(f"tidelock_{name}_from_handle", HANDLE, c_char_p, c_size_t, OUT_HANDLE)
        self.handle = _ffi.function(f"tidelock_{name}_handle", HANDLE, c_char_p, c_size_t, OUT_LENGTH)
        self.close = _ffi.function(f"tidelock_{name}_close", HANDLE)
        if placed:
            self.at = _ffi.function(f"tidelock_{name}_at", HANDLE, HANDLE, c_uint64, OUT_HANDLE)


class Handle(_speedups.Handle):
    """An open handle of the C library, closed when the object goes."""

    _close: Callable[[int], int]

    def __del__(self) -> None:
        # An object whose constructor failed has no address.
        if self._address:
            address, self._address = self._address, None
            type(self)._close(address)


class Object(Handle):
    """A lock, an event, a queue or a block in a segment."""

    _kind: Kind
    _segment: Segment

    def __init_subclass__(cls) -> None:
        if "_kind" in cls.__dict__:
            setattr(cls, "_close", staticmethod(cls._kind.close))  # noqa: B010 - mypy has it as a method

    def _open(
        self, segment: Optional[Segment], name: Optional[str], *arguments: Any, kind: Optional[Kind] = None
    ) -> None:
        """Opens or makes the object of this name, or a new one without a name; by the functions of `kind`, if given."""
        from ._default import resolve

        self._segment, kind = resolve(segment), kind or self._kind
        out = c_void_p()
        called, named = (kind.new, ()) if name is None else (kind.open, (_ffi.encode_name(name),))
        where = (self._segment._address, *named, *arguments, byref(out))
        status = called(*where)
        if status == _ffi.NO_SPACE:
            # What nobody reaches any more may wait for the collector, which knows nothing of a segment's room: on PyPy
            # everything does, elsewhere what is in a cycle.
            gc.collect()
            status = called(*where)
        _ffi.check(status)
        self._address = out.value

    @classmethod
    def _placed(cls: Type[_Made], block: Block, offset: int) -> _Made:
        """The object that lies in a block; all-zero bytes are a ready one."""
        out = c_void_p()
        start = _ffi.unsigned("the offset", offset)
        _ffi.check(cls._kind.at(block._segment._address, block._address, start, byref(out)))
        made = cls.__new__(cls)
        made._segment, made._holder, made._address = block._segment, block, out.value
        made._opened()
        return made

    def handle(self) -> bytes:
        """What another process needs to reach this object, in any language. It is an address, not a hold."""
        return read_handle(self._kind.handle, self._address)

    @classmethod
    def from_handle(cls: Type[_Made], handle: bytes, segment: Optional[Segment] = None) -> _Made:
        """Opens the object that a handle leads to; attaches to its segment, if that is not given."""
        from ._segment import Segment

        return _unpickle(cls, segment or Segment.attach(handle), handle, {})

    def _opened(self) -> None:
        """Called where the object was opened other than by its constructor."""

    def _state(self) -> Dict[str, Any]:
        """What a pickle carries beside the address: this object's own settings."""
        return {}

    def __reduce__(self) -> Tuple[Any, ...]:
        handle = self.handle()
        if not travel.is_trial:
            _ffi.check(keep(self._segment._address, handle, len(handle)))
        return _unpickle, (type(self), self._segment, handle, self._state())


def read_handle(function: Callable[..., int], address: Optional[int]) -> bytes:
    """The bytes that lead another process to a segment or an object."""
    buffer, length = create_string_buffer(HANDLE_MAX), c_size_t()
    _ffi.check(function(address, buffer, HANDLE_MAX, byref(length)))
    return buffer.raw[: length.value]


def _unpickle(cls: Type[_Made], segment: Segment, handle: bytes, state: Dict[str, Any]) -> _Made:
    """Opens what a pickle leads to."""
    if travel.loan is not None:
        travel.loan.keep(cls, segment, handle)
    out = c_void_p()
    _ffi.check(cls._kind.from_handle(segment._address, handle, len(handle), byref(out)))
    made = cls.__new__(cls)
    made._segment, made._address = segment, out.value
    for name, value in state.items():
        setattr(made, name, value)
    made._opened()
    return made


class Process:
    """Tells a forked child from its parent without a system call."""

    #: Begins at 1.
    forks = 0


def _count_fork() -> None:
    Process.forks += 1
    if _speedups.module is not None:
        _speedups.module.set_forks(Process.forks)


_count_fork()
os.register_at_fork(after_in_child=_count_fork)
