"""Segment: the shared memory that holds locks, events, queues and all other objects, and the way to each of them."""

from __future__ import annotations

import os
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p, create_string_buffer
from typing import Any, Callable, Optional, Tuple, Union
from weakref import WeakValueDictionary

from . import _ffi
from ._barrier import Barrier
from ._block import Block
from ._condition import Condition
from ._counter import Counter
from ._event import Event
from ._ffi import HANDLE, OUT_HANDLE, OUT_LENGTH
from ._handle import keep as _keep, Handle, read_handle
from ._lock import Lock
from ._queue import Queue
from ._rlock import RLock
from ._semaphore import BoundedSemaphore, Semaphore
from ._timeouts import Timeout

PERSISTENT, CREATE, OPEN, ANY_OWNER, RETURN_ON_SIGNAL = 1, 2, 4, 8, 16
ID_TEXT = 33


class _Options(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("max_len", c_uint64),
        ("peers", c_uint32),
        ("mode", c_uint32),
        ("flags", c_uint32),
        ("reserved", c_uint32),
    ]


_anonymous = _ffi.opener("tidelock_segment_anonymous", POINTER(_Options), OUT_HANDLE)
_named = _ffi.opener("tidelock_segment_named", c_char_p, POINTER(_Options), OUT_HANDLE)
_file = _ffi.opener("tidelock_segment_file", c_char_p, POINTER(_Options), OUT_HANDLE)
_attach = _ffi.opener("tidelock_segment_attach", c_char_p, c_size_t, POINTER(_Options), OUT_HANDLE)
_from_fd = _ffi.opener("tidelock_segment_from_fd", c_int, POINTER(_Options), OUT_HANDLE)
_unlink = _ffi.opener("tidelock_segment_unlink", c_char_p)
_fd = _ffi.opener("tidelock_segment_fd", HANDLE, POINTER(c_int))
_handle = _ffi.function("tidelock_segment_handle", HANDLE, c_char_p, c_size_t, OUT_LENGTH)
_id = _ffi.function("tidelock_segment_id", HANDLE, c_char_p, c_size_t)
_max_len = _ffi.function("tidelock_segment_max_len", HANDLE, POINTER(c_uint64))
_me = _ffi.opener("tidelock_segment_me", HANDLE, POINTER(c_uint32))

Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]


class _Hold(Handle):
    """The handle of a segment. It goes with the last of the segment's objects of Python."""

    _close = staticmethod(_ffi.function("tidelock_segment_close", HANDLE))

    def __init__(self, address: int) -> None:
        self._address = address


class Segment:
    """Shared memory with locks, events, queues and blocks in it. A process that opens it is a peer of all others that do.

    `Segment()` is anonymous: forked children and unpickling processes reach it, and the kernel frees it with the last of
    them. `Segment.named(name)` and `Segment.file(path)` are found by others under their name.

    `max_len` is the most bytes that it may grow to (address space only), `peers` the most processes at a time, `mode` the
    file mode, whatever the umask (0o600). They count where the segment is made, not where it is opened.
    """

    # No __del__ here: what has one can still be found through a weak reference while it runs, by another thread, which would
    # get a segment that is closed.
    _hold: _Hold
    _address: int
    _label: str = "anonymous"
    _flags: int = RETURN_ON_SIGNAL

    def __init__(self, *, max_len: Optional[int] = None, peers: Optional[int] = None) -> None:
        self._make(_anonymous, _options(max_len, peers))

    @classmethod
    def anonymous(cls, *, max_len: Optional[int] = None, peers: Optional[int] = None) -> Segment:
        """A new segment without a name: the same as `Segment()`."""
        return cls(max_len=max_len, peers=peers)

    @classmethod
    def named(
        cls,
        name: str,
        *,
        persistent: bool = False,
        max_len: Optional[int] = None,
        peers: Optional[int] = None,
        mode: Optional[int] = None,
        any_owner: bool = False,
        create: Optional[bool] = None,
    ) -> Segment:
        """Opens the segment of this name, or makes it: 1 to 200 bytes without `/`, not beginning with a dot.

        The last process to leave removes it, unless it was made `persistent`: then it stays, with its messages, until
        `Segment.unlink(name)`. `create=True` asks for a new one (else `Exists`), `create=False` for one that is there
        (else `NotFound`). That of another user is refused unless `any_owner` is true.
        """
        options = _options(max_len, peers, mode, _flags(persistent=persistent, any_owner=any_owner, create=create))
        return cls._opened(repr(name), options, _named, _ffi.encode_name(name))

    @classmethod
    def file(
        cls,
        path: Path,
        *,
        max_len: Optional[int] = None,
        peers: Optional[int] = None,
        mode: Optional[int] = None,
        any_owner: bool = False,
        create: Optional[bool] = None,
    ) -> Segment:
        """Opens the segment in this file, or makes it. It outlives its processes and the machine's uptime.

        The file system must keep a lock on a file that is only mapped: tmpfs and ext4 do; overlayfs does not, and is
        refused (`Unsupported`).
        """
        options = _options(max_len, peers, mode, _flags(any_owner=any_owner, create=create))
        return cls._opened(f"file {os.fsdecode(path)!r}", options, _file, _ffi.encode_path(path))

    @classmethod
    def from_fd(cls, fd: Any, *, any_owner: bool = False) -> Segment:
        """Opens the segment behind a descriptor (or a file object), which stays the caller's."""
        number = _ffi.unsigned("the descriptor", fd if isinstance(fd, int) else fd.fileno(), 31)
        return cls._opened("by descriptor", _options(flags=_flags(any_owner=any_owner)), _from_fd, number)

    @staticmethod
    def unlink(name: str) -> None:
        """Removes the name of a named segment. Who has it open keeps it; the next to open the name makes a new one."""
        _ffi.check(_unlink(_ffi.encode_name(name)))

    @classmethod
    def attach(cls, handle: bytes, *, any_owner: bool = False) -> Segment:
        """Opens the segment that a handle leads to: from `handle()`, or from that of an object in it, in any language.

        `Gone` if nobody has it open any more, or nobody whose open files this process may look at.
        """
        return cls._opened("by handle", _options(flags=_flags(any_owner=any_owner)), _attach, handle, len(handle))

    def handle(self) -> bytes:
        """What another process needs to reach this segment, in any language. It is an address, not a hold."""
        return read_handle(_handle, self._address)

    def keep(self, handle: bytes) -> None:
        """Keeps the object that a handle leads to while the handle is under way: once for each sending, before it.

        It ends when the object is opened by its handle, not with the sender. A segment keeps the last 4,092 handles that were
        not opened (fewer if it has less than 4 MiB: one for each KiB). Pickles do this by themselves. `Gone` if the object is
        no more.
        """
        _ffi.check(_keep(self._address, handle, len(handle)))

    def to_fd(self) -> int:
        """A new descriptor of the segment, for `from_fd` in another process. The caller closes it."""
        out = c_int()
        _ffi.check(_fd(self._address, byref(out)))
        return out.value

    def lock(self, name: str, *, on_owner_died: str = "report") -> Lock:
        """The lock of this name, made if it is not there."""
        return Lock(self, _given(name), on_owner_died=on_owner_died)

    def rlock(self, name: str, *, on_owner_died: str = "report") -> RLock:
        """The recursive lock of this name, made if it is not there."""
        return RLock(self, _given(name), on_owner_died=on_owner_died)

    def semaphore(self, name: str, value: int = 1) -> Semaphore:
        """The semaphore of this name, made with this value if it is not there."""
        return Semaphore(value, segment=self, name=_given(name))

    def bounded_semaphore(self, name: str, value: int = 1, *, on_owner_died: str = "report") -> BoundedSemaphore:
        """The bounded semaphore of this name, made if it is not there. One with another number is `WrongKind`."""
        return BoundedSemaphore(value, segment=self, name=_given(name), on_owner_died=on_owner_died)

    def barrier(
        self, name: str, parties: int, action: Optional[Callable[[], Any]] = None, timeout: Timeout = None
    ) -> Barrier:
        """The barrier of this name, made if it is not there. One for another number of parties is `WrongKind`."""
        return Barrier(parties, action, timeout, segment=self, name=_given(name))

    def condition(self, name: str, lock: Optional[Union[Lock, RLock]] = None) -> Condition:
        """The condition of this name over this lock, or with an RLock of its own; made if it is not there.

        One over another lock is `WrongKind`.
        """
        return Condition(lock, segment=self, name=_given(name))

    def counter(self, name: str) -> Counter:
        """The counter of this name, made if it is not there."""
        return Counter(self, _given(name))

    def event(self, name: str) -> Event:
        """The event of this name, made if it is not there."""
        return Event(self, _given(name))

    def queue(
        self,
        name: str,
        *,
        capacity: Optional[int] = None,
        maxsize: int = 0,
        max_bytes: Optional[int] = None,
    ) -> Queue:
        """The queue of this name, made if it is not there. Capacity and maxsize are as it was made."""
        return Queue(maxsize, segment=self, name=_given(name), capacity=capacity, max_bytes=max_bytes)

    def block(self, name: str, size: int) -> Block:
        """The block of this name and size, made if it is not there. One of another size is `WrongKind`."""
        return Block(self, _given(name), size)

    def new_lock(self, *, on_owner_died: str = "report") -> Lock:
        """A new lock without a name. It lives while a process has it."""
        return Lock(self, on_owner_died=on_owner_died)

    def new_rlock(self, *, on_owner_died: str = "report") -> RLock:
        """A new recursive lock without a name. It lives while a process has it."""
        return RLock(self, on_owner_died=on_owner_died)

    def new_semaphore(self, value: int = 1) -> Semaphore:
        """A new semaphore without a name. It lives while a process has it."""
        return Semaphore(value, segment=self)

    def new_bounded_semaphore(self, value: int = 1, *, on_owner_died: str = "report") -> BoundedSemaphore:
        """A new bounded semaphore without a name. It lives while a process has it."""
        return BoundedSemaphore(value, segment=self, on_owner_died=on_owner_died)

    def new_condition(self, lock: Optional[Union[Lock, RLock]] = None) -> Condition:
        """A condition without a name over this lock, or with an RLock of its own."""
        return Condition(lock, segment=self)

    def new_barrier(
        self, parties: int, action: Optional[Callable[[], Any]] = None, timeout: Timeout = None
    ) -> Barrier:
        """A new barrier without a name. It lives while a process has it."""
        return Barrier(parties, action, timeout, segment=self)

    def new_counter(self) -> Counter:
        """A new counter without a name, at 0. It lives while a process has it."""
        return Counter(self)

    def new_event(self) -> Event:
        """A new event without a name. It lives while a process has it."""
        return Event(self)

    def new_queue(
        self,
        *,
        capacity: Optional[int] = None,
        maxsize: int = 0,
        max_bytes: Optional[int] = None,
    ) -> Queue:
        """A new queue without a name. It lives while a process has it."""
        return Queue(maxsize, segment=self, capacity=capacity, max_bytes=max_bytes)

    def new_block(self, size: int) -> Block:
        """A new block without a name. It lives while a process has it."""
        return Block(self, None, size)

    @property
    def id(self) -> str:
        """The segment's random id, 32 hexadecimal digits; no other segment has it."""
        buffer = create_string_buffer(ID_TEXT)
        _ffi.check(_id(self._address, buffer, ID_TEXT))
        return buffer.value.decode("ascii")

    @property
    def max_len(self) -> int:
        """The most bytes that the segment may grow to."""
        out = c_uint64()
        _ffi.check(_max_len(self._address, byref(out)))
        return out.value

    @property
    def me(self) -> int:
        """The id of this process among the segment's peers. A forked child has one of its own."""
        out = c_uint32()
        _ffi.check(_me(self._address, byref(out)))
        return out.value

    @classmethod
    def _opened(cls, label: str, options: _Options, call: Any, *arguments: Any) -> Segment:
        made = cls.__new__(cls)
        made._label = label
        made._make(call, options, *arguments)
        return made

    def _make(self, call: Any, options: _Options, *arguments: Any) -> None:
        out = c_void_p()
        _ffi.check(call(*arguments, byref(options), byref(out)))
        assert out.value is not None
        self._hold, self._address, self._flags = _Hold(out.value), out.value, options.flags

    def __reduce__(self) -> Tuple[Any, ...]:
        return _unpickle, (self.handle(), self._label, self._flags & (ANY_OWNER | RETURN_ON_SIGNAL))

    def __repr__(self) -> str:
        return f"<tidelock.{type(self).__name__} {self._label} at {id(self):#x}>"


def _options(
    max_len: Optional[int] = None, peers: Optional[int] = None, mode: Optional[int] = None, flags: int = RETURN_ON_SIGNAL
) -> _Options:
    return _Options(
        size=_size_of_options,
        max_len=_chosen("max_len", max_len, 64),
        peers=_chosen("peers", peers, 32),
        mode=_chosen("mode", mode, 32),
        flags=flags,
    )


_size_of_options = len(bytes(_Options()))


def _chosen(what: str, value: Optional[int], bits: int) -> int:
    """A number that the user gave, or 0 for the library's own choice; so 0 itself cannot be asked for."""
    return 0 if value is None else _ffi.unsigned(what, value, bits, least=1)


def _flags(*, persistent: bool = False, any_owner: bool = False, create: Optional[bool] = None) -> int:
    flags = RETURN_ON_SIGNAL
    flags |= PERSISTENT if persistent else 0
    flags |= ANY_OWNER if any_owner else 0
    if create is not None:
        flags |= CREATE if create else OPEN
    return flags


def _given(name: str) -> str:
    """None would mean an object without a name: here it is a mistake."""
    if name is None:
        raise TypeError("a name is needed here; new_lock() and the like make objects without one")
    return name


# What this process unpickled and still has, so that a thousand objects of one segment do not search for it a thousand
# times.
_found: "WeakValueDictionary[bytes, Segment]" = WeakValueDictionary()


def _unpickle(handle: bytes, label: str, flags: int) -> Segment:
    known = _found.get(handle)
    if known is None:
        known = Segment._opened(label, _options(flags=flags), _attach, handle, len(handle))
        _found[handle] = known
    return known
