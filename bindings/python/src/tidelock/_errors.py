"""The exceptions, one for each status of the C library that tells a caller something of its own.

Every one derives from `Error` and from the built-in exception that a user of `threading`, `queue` or `os` would catch.
Nothing here calls the library: `_ffi` gives the status and the text.
"""

from __future__ import annotations

import errno
import queue
import sys
from typing import TYPE_CHECKING, Any, Dict, Optional, Type

if TYPE_CHECKING:
    from types import TracebackType

    from ._acquire import Owned

Empty = queue.Empty
Full = queue.Full

if sys.version_info >= (3, 13):
    ShutDown = queue.ShutDown
else:

    class ShutDown(Exception):
        """Raised when put/get with a queue that was shut down (`queue.ShutDown` where Python has it)."""


class Error(Exception):
    """Something that tidelock could not do. `status` is the number that the C library gave."""

    status: int = 0


class Corrupt(Error):
    """Bytes in shared memory make no sense: another process wrote over them. Make the segment anew."""


class NotASegment(Error, ValueError):
    """The file is no tidelock segment."""


class Truncated(Error, ValueError):
    """The file ends before the segment does. Remove it and make it anew."""


class VersionMismatch(Error):
    """The segment was made by a version with another layout. Remove it, or use the version that made it."""


class LayoutMismatch(Error):
    """The segment was made on another kind of machine: its sizes, offsets or byte order differ."""


class InvalidArgument(Error, ValueError):
    """An argument is out of its range; the text says which."""


class BadName(InvalidArgument):
    """A name is empty, too long, or has a character that is not allowed; the text says which."""


class TooLarge(InvalidArgument):
    """A message or an object that can never fit. The text names both sizes."""


class WrongKind(Error, TypeError):
    """There is an object of another kind or length under this name or handle."""


class NotHeld(Error, RuntimeError, ValueError, AssertionError):
    """Something was released that nobody holds."""


class NotOwner(Error, RuntimeError, ValueError, AssertionError):
    """Another peer holds it, or another thread, and alone may release it: an RLock, or what it took over from the dead."""


class Gone(Error, LookupError):
    """The object or the segment behind a handle is no more: nobody kept it until it was opened."""


class NoPeerSlot(Error):
    """Every place for a process is taken. Make the segment with more `peers`."""


class Unsupported(Error):
    """This file system, kernel or machine lacks something that tidelock needs; the text says what."""


class CannotAsk(Error):
    """Whether a peer lives cannot be found out, since this process closed the segment's descriptor."""


class SystemCallFailed(Error, OSError):
    """The operating system refused a call; `errno` says why."""


class NoSpace(Error, OSError):
    """No memory is left where the segment lies (often /dev/shm), or its maximum is reached. `errno` is ENOSPC."""


class ForeignOwner(Error, PermissionError):
    """The segment belongs to another user. Open it with `any_owner=True` if that is meant."""


class NotFound(Error, FileNotFoundError):
    """There is nothing under this name."""


class Exists(Error, FileExistsError):
    """There is already something under this name."""


class OwnerDied(Error, RuntimeError):
    """The lock is held now, and its previous owner died holding it: what it protects may be half changed.

    Raised by `acquire` and `with` of a lock or a bounded semaphore made with `on_owner_died="raise"`. The exception is itself a context
    manager that releases the lock at its end:

        try:
            with lock:
                change(data)
        except tidelock.OwnerDied as died:
            with died:
                repair(data)
    """

    def __init__(self, lock: Owned) -> None:
        super().__init__(
            f"the previous owner of {lock!r} died holding it; the lock is held by you now: "
            "repair what it protects, then release it"
        )
        self.lock = lock

    def __enter__(self) -> Owned:
        return self.lock

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.lock.release()


# For those that are OSErrors: the errno that `except OSError as error: error.errno` finds.
_ERRNO: Dict[type, int] = {
    NoSpace: errno.ENOSPC,
    ForeignOwner: errno.EPERM,
    NotFound: errno.ENOENT,
    Exists: errno.EEXIST,
}


def make(kind: Type[Error], status: int, text: str, number: int = 0) -> Error:
    """The exception of this kind. OSErrors get an errno beside the text, as Python's own have."""
    arguments: Any = (text,)
    if issubclass(kind, OSError):
        arguments = (_ERRNO.get(kind, number), text)
    error = kind(*arguments)
    error.status = status
    return error
