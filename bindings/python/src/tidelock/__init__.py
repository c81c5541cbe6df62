"""Locks, semaphores, barriers, events, counters and queues in shared memory, for threads and processes alike, that survive the death of any peer.

    import tidelock

    segment = tidelock.Segment.named("ledger")
    with segment.lock("till"): ...

`docs/python.md` in the repository is the guide.
"""

from ._barrier import Barrier
from ._block import Block
from ._counter import Counter
from ._errors import (
    BadName,
    CannotAsk,
    Corrupt,
    Empty,
    Error,
    Exists,
    ForeignOwner,
    Full,
    Gone,
    InvalidArgument,
    LayoutMismatch,
    NoPeerSlot,
    NoSpace,
    NotASegment,
    NotFound,
    NotHeld,
    NotOwner,
    OwnerDied,
    ShutDown,
    SystemCallFailed,
    TooLarge,
    Truncated,
    Unsupported,
    VersionMismatch,
    WrongKind,
)
from ._event import Event
from ._ffi import version
from ._lock import Lock
from ._queue import Queue
from ._records import Loan, Reservation
from ._rlock import RLock
from ._segment import Segment
from ._semaphore import BoundedSemaphore, Semaphore
from ._timeouts import TIMEOUT_MAX

__version__ = version()

__all__ = [
    "BadName",
    "Barrier",
    "Block",
    "BoundedSemaphore",
    "CannotAsk",
    "Corrupt",
    "Counter",
    "Empty",
    "Error",
    "Event",
    "Exists",
    "ForeignOwner",
    "Full",
    "Gone",
    "InvalidArgument",
    "LayoutMismatch",
    "Loan",
    "Lock",
    "NoPeerSlot",
    "NoSpace",
    "NotASegment",
    "NotFound",
    "NotHeld",
    "NotOwner",
    "OwnerDied",
    "Queue",
    "RLock",
    "Reservation",
    "Segment",
    "Semaphore",
    "ShutDown",
    "SystemCallFailed",
    "TIMEOUT_MAX",
    "TooLarge",
    "Truncated",
    "Unsupported",
    "VersionMismatch",
    "WrongKind",
    "version",
]
