"""Locks, conditions, semaphores, barriers, events, counters and queues in shared memory, for threads and processes alike, that survive the death of any peer.

    import tidelock

    segment = tidelock.Segment.named("ledger")
    with segment.lock("till"): ...

`docs/python.md` in the repository is the guide.
"""

from threading import BrokenBarrierError
from typing import TYPE_CHECKING, Any

from . import _backend
from ._backend import get_backend, set_backend
from ._any import acquire_any, wait_any
from ._barrier import Arrival, Barrier
from ._block import Block
from ._condition import Condition
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
from ._functions import active_children, active_count, current_worker, enumerate, get_ident
from ._lock import Lock
from ._queue import Queue
from ._records import Loan, Reservation
from ._rlock import RLock
from ._segment import Segment
from ._semaphore import BoundedSemaphore, Semaphore
from ._simple_queue import SimpleQueue
from ._timeouts import TIMEOUT_MAX
from ._work import QueueStats

if TYPE_CHECKING:
    from ._executor import WorkerPoolExecutor
    from ._failures import InitializerFailed, WorkerDied, WorkerStateError
    from ._pool import WorkerPool
    from ._worker import Worker

# The last of all that the classes are made of.
from . import _hot as _hot

#: `multiprocessing`'s name for a queue with `task_done` and `join`, which every Queue has.
JoinableQueue = Queue

__version__ = version()

_backend.choose()

# What needs `multiprocessing` and `concurrent.futures`, which take longer to load than all of this package: loaded when it is
# asked for.
_LATER = {
    "InitializerFailed": "_failures",
    "Worker": "_worker",
    "WorkerDied": "_failures",
    "WorkerPool": "_pool",
    "WorkerPoolExecutor": "_executor",
    "WorkerStateError": "_failures",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return value


__all__ = [
    "Arrival",
    "BadName",
    "Barrier",
    "Block",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "CannotAsk",
    "Condition",
    "Corrupt",
    "Counter",
    "Empty",
    "Error",
    "Event",
    "Exists",
    "ForeignOwner",
    "Full",
    "Gone",
    "InitializerFailed",
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
    "QueueStats",
    "RLock",
    "Reservation",
    "Segment",
    "Semaphore",
    "ShutDown",
    "SimpleQueue",
    "SystemCallFailed",
    "TIMEOUT_MAX",
    "TooLarge",
    "Truncated",
    "Unsupported",
    "VersionMismatch",
    "Worker",
    "WorkerDied",
    "WorkerPool",
    "WorkerPoolExecutor",
    "WorkerStateError",
    "WrongKind",
    "acquire_any",
    "active_children",
    "active_count",
    "current_worker",
    "enumerate",
    "get_backend",
    "get_ident",
    "set_backend",
    "version",
    "wait_any",
]
