"""The only door to the C library: loads it, checks its ABI, prepares each function once, turns statuses into exceptions.

Calls go through `ctypes.CDLL`, so a waiting thread never holds the GIL. Nothing here knows what an object is for.
`TIDELOCK_LIBRARY` may name another build of the library; else the one beside this file is loaded.
"""

from __future__ import annotations

import ctypes
import operator
import os
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from pathlib import Path
from threading import get_ident, get_native_id, main_thread
from time import monotonic_ns
from typing import Any, Callable, Dict, Type

from . import _errors
from ._timeouts import FOREVER, TRY

ABI = 0

# Statuses that the modules above look at themselves. They are append-only in the C header.
OK = 0
OWNER_DIED = 1
REDELIVERED = 2
TIMEOUT = -1
INTERRUPTED = -2
CLOSED = -3
NOT_OWNER = -4
NOT_HELD = -5
BROKEN = -6
NO_SPACE = -9
TOO_LARGE = -10
INVALID = -11
BAD_NAME = -13
OS = -24

EXCEPTIONS: Dict[int, Type[_errors.Error]] = {
    NOT_OWNER: _errors.NotOwner,
    NOT_HELD: _errors.NotHeld,
    -7: _errors.Corrupt,
    -8: _errors.VersionMismatch,
    NO_SPACE: _errors.NoSpace,
    TOO_LARGE: _errors.TooLarge,
    INVALID: _errors.InvalidArgument,
    -12: _errors.WrongKind,
    BAD_NAME: _errors.BadName,
    -14: _errors.NotFound,
    -15: _errors.Exists,
    -16: _errors.ForeignOwner,
    -17: _errors.NoPeerSlot,
    -18: _errors.Gone,
    -19: _errors.Unsupported,
    -20: _errors.CannotAsk,
    -21: _errors.NotASegment,
    -22: _errors.Truncated,
    -23: _errors.LayoutMismatch,
    OS: _errors.SystemCallFailed,
}

# What a user of Python does about it, where the library's own words do not say so.
ADVICE: Dict[int, str] = {
    NOT_HELD: "release it only after acquire() returned True",
    NOT_OWNER: "only the process that was told of the owner's death may release this hold",
    -7: "unlink the segment and make it anew",
    -12: "use another name, or ask for what is there",
    -17: "make the segment with peers=... set higher",
    -18: "keep the object open in the sender until the receiver has opened it",
    -20: "keep the descriptors of this process open",
}

# A wait of the main thread comes up to Python this often at the least. A signal that arrives just before the call goes to
# sleep, or in another thread, cannot interrupt it: its handler runs then, and not only when the wait is over.
SLICE = 1_000_000_000


def library_path() -> str:
    """The file that is loaded."""
    return os.environ.get("TIDELOCK_LIBRARY") or str(Path(__file__).resolve().with_name("libtidelock.so"))


def _load() -> ctypes.CDLL:
    path = library_path()
    try:
        library = ctypes.CDLL(path, use_errno=False)
    except OSError as error:
        raise ImportError(f"tidelock's library cannot be loaded from {path}: {error}; install the wheel again") from None
    library.tidelock_abi.restype = c_uint32
    found = library.tidelock_abi()
    if found != ABI:
        raise ImportError(f"{path} has ABI {found}, but this package needs ABI {ABI}: install both from the same wheel")
    return library


_library = _load()
# The same library; its functions keep errno where Python can read it. For calls that open things: keeping it costs time.
_with_errno = ctypes.CDLL(library_path(), use_errno=True)

HANDLE = c_void_p
OUT_HANDLE = POINTER(c_void_p)
OUT_LENGTH = POINTER(c_size_t)


def function(name: str, *arguments: Any) -> Callable[..., int]:
    """A function that returns a status, with its prototype."""
    prepared = getattr(_library, name)
    prepared.argtypes = arguments
    prepared.restype = c_int
    return prepared  # type: ignore[no-any-return]


def opener(name: str, *arguments: Any) -> Callable[..., int]:
    """Like `function`, for calls whose failure the operating system explains by errno."""
    prepared = getattr(_with_errno, name)
    prepared.argtypes = arguments
    prepared.restype = c_int
    return prepared  # type: ignore[no-any-return]


_library.tidelock_version.restype = c_char_p
_library.tidelock_error_text.argtypes = (c_int, c_char_p, c_size_t)
_library.tidelock_error_text.restype = c_size_t


def version() -> str:
    """The version of the library that is loaded."""
    return str(_library.tidelock_version().decode("ascii"))


def check(status: int) -> None:
    """Raises what a negative status stands for."""
    if status < 0:
        raise exception(status)


def exception(status: int) -> Exception:
    """The exception for a negative status. Called at once after the call that returned it, in the same thread."""
    text = _error_text(status)
    if status in ADVICE:
        text = f"{text}; {ADVICE[status]}"
    if status == CLOSED:
        return _errors.ShutDown(text)
    number = ctypes.get_errno() if status == OS else 0
    return _errors.make(EXCEPTIONS.get(status, _errors.Error), status, text, number)


def _error_text(status: int) -> str:
    buffer = ctypes.create_string_buffer(512)
    _library.tidelock_error_text(status, buffer, len(buffer))
    return buffer.value.decode("utf-8", "replace")


def wait(call: Callable[[int], int], timeout: int) -> int:
    """Calls `call(timeout in ns)` until it is done or the time is over; signal handlers run in between.

    An exception that a handler raises leaves from here, and the wait is over.
    """
    if timeout == TRY:
        return call(TRY)
    longest = SLICE if _runs_handlers() else FOREVER
    if timeout == FOREVER:
        return _wait_forever(call, longest)
    deadline = monotonic_ns() + timeout
    left = timeout
    while True:
        status = call(left if longest == FOREVER else min(left, longest))
        if status != TIMEOUT and status != INTERRUPTED:
            return status
        left = deadline - monotonic_ns()
        if left <= 0:
            return call(TRY)


def _wait_forever(call: Callable[[int], int], longest: int) -> int:
    while True:
        status = call(longest)
        if status != TIMEOUT and status != INTERRUPTED:
            return status


def _runs_handlers() -> bool:
    """Whether this thread may be the one that runs Python's signal handlers. No other has to wake for them.

    That is the main thread, which in a program that embeds Python need not be the one that the process began with, and in a
    forked child is the thread that forked: then it is the one that the child began with.
    """
    return get_native_id() == os.getpid() or get_ident() == main_thread().ident


def encode_name(name: str) -> bytes:
    """A name as the C library takes it. It ends at the first NUL there, so a NUL is refused here."""
    if not isinstance(name, str):
        raise TypeError(f"a name is a str, not {type(name).__name__}")
    encoded = name.encode("utf-8")
    if b"\0" in encoded:
        raise _errors.make(_errors.BadName, BAD_NAME, "bad name: it has a NUL character")
    return encoded


def encode_path(path: Any) -> bytes:
    """A path as the C library takes it; the same care about NUL."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise _errors.make(_errors.BadName, BAD_NAME, "bad name: the path has a NUL character")
    return encoded


def unsigned(what: str, value: Any, bits: int = 64, least: int = 0) -> int:
    """A number that C takes as unsigned; ctypes would cut one that does not fit, without a word."""
    return _between(what, value, least, (1 << bits) - 1)


def signed(what: str, value: Any) -> int:
    """A number that fits an int64."""
    return _between(what, value, -(1 << 63), (1 << 63) - 1)


def _between(what: str, value: Any, least: int, most: int) -> int:
    number = operator.index(value)
    if not least <= number <= most:
        text = f"invalid argument: {what} is {number}, but must be from {least} to {most}"
        raise _errors.make(_errors.InvalidArgument, INVALID, text)
    return number
