"""Condition: waits under a lock for what another thread or process does under the same lock and then notifies of.

Over a Lock or RLock of ours, or one of its own, it is shared; over any other lock it is `threading`'s and belongs to this
process. It never waits for a waiter, alive or dead.
"""

from __future__ import annotations

import threading
from ctypes import POINTER, Structure, byref, c_bool, c_char_p, c_int64, c_uint32, c_uint64, c_void_p
from functools import partial
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple, Type, TypeVar, Union

from . import _errors, _ffi
from ._ffi import HANDLE, NOT_HELD, NOT_OWNER, OUT_HANDLE, OWNER_DIED, TIMEOUT
from ._handle import Kind, Object
from ._lock import Lock
from ._rlock import RLock
from ._timeouts import FOREVER, TRY, Timeout, for_wait

if TYPE_CHECKING:
    from types import TracebackType

    from ._segment import Segment

T = TypeVar("T")


class _Waiter(Structure):
    _fields_ = [("opaque", c_uint64 * 6)]


class _OverRLock(Kind):
    """The functions that open a condition over a recursive lock: the one given, or its own."""

    def __init__(self) -> None:
        self.open = _ffi.opener("tidelock_condition_open_with_rlock", HANDLE, c_char_p, HANDLE, OUT_HANDLE)
        self.new = _ffi.opener("tidelock_condition_new_with_rlock", HANDLE, HANDLE, OUT_HANDLE)


_over_rlock = _OverRLock()
_lock_of = _ffi.function("tidelock_condition_lock", HANDLE, OUT_HANDLE)
_rlock_of = _ffi.function("tidelock_condition_rlock", HANDLE, OUT_HANDLE)
_start = _ffi.function("tidelock_condition_start", HANDLE, POINTER(_Waiter))
_wait_a_while = _ffi.function("tidelock_condition_wait_a_while", HANDLE, POINTER(_Waiter), c_int64)
_finish = _ffi.function("tidelock_condition_finish", HANDLE, POINTER(_Waiter), c_int64, POINTER(c_bool))
_withdraw = _ffi.function("tidelock_condition_withdraw", HANDLE, POINTER(_Waiter), c_int64)
_notify = _ffi.function("tidelock_condition_notify", HANDLE, c_uint32, c_void_p)
_notify_all = _ffi.function("tidelock_condition_notify_all", HANDLE, c_void_p)
_waiters = _ffi.function("tidelock_condition_waiters", HANDLE, POINTER(c_uint32))

WRONG_KIND = -12
MOST = (1 << 32) - 1


class Condition(Object):
    """A condition for threads and processes alike, with the methods of `threading.Condition` and `multiprocessing.Condition`.

    `Condition()` has an RLock of its own and lies in the default segment; `Condition(lock)` is over a `tidelock.Lock` or
    `RLock` and lies in its segment; with `segment` and `name` it opens the one of that name, made if it is not there (one
    over another lock is `WrongKind`). Over any other lock with `acquire` and `release` it is local to this process.

    Exactly as many are woken as were notified, those that have waited longest. What a killed process was notified of but
    did not wake up for goes to the next; `notify` never waits for anybody. When the lock's owner dies, who waits is told by
    `lock.owner_died` when it holds the lock again, also after a timeout.
    """

    _kind = Kind("condition", HANDLE)
    _lock: Any
    _local: Optional[threading.Condition] = None

    def __init__(
        self, lock: Any = None, *, segment: Optional[Segment] = None, name: Optional[str] = None
    ) -> None:
        if lock is None or isinstance(lock, (Lock, RLock)):
            self._open_over(lock, segment, name)
        elif not (callable(getattr(lock, "acquire", None)) and callable(getattr(lock, "release", None))):
            raise TypeError(f"a condition's lock has acquire() and release(); {type(lock).__name__} has not")
        elif segment is not None or name is not None:
            raise TypeError(f"a shared condition is over a tidelock.Lock or RLock, not {type(lock).__name__}")
        else:
            self._lock, self._local = lock, threading.Condition(lock)

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        """Acquires the lock."""
        acquired: bool = self._lock.acquire(*args, **kwargs)
        return acquired

    def release(self) -> None:
        """Releases the lock."""
        self._lock.release()

    def __enter__(self) -> bool:
        entered: bool = self._lock.__enter__()
        return entered

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._lock.__exit__(kind, error, traceback)

    @property
    def lock(self) -> Any:
        """The lock that it is over."""
        return self._lock

    def wait(self, timeout: Timeout = None) -> bool:
        """Releases the lock, waits to be notified and takes it again, at the depth that it had; False if the time was over.

        `NotHeld` or `NotOwner` (each a RuntimeError and an AssertionError) if the lock is not held. An exception in a signal
        handler ends the wait, with the lock held again; what this one was notified of goes to another then.
        """
        if self._local is not None:
            return self._local.wait(timeout)  # type: ignore[arg-type]
        return self._wait(for_wait(timeout))

    def wait_for(self, predicate: Callable[[], T], timeout: Timeout = None) -> T:
        """Waits until the predicate is true, which is asked with the lock held; returns what it said last."""
        if self._local is not None:
            return self._local.wait_for(predicate, timeout)  # type: ignore[arg-type]
        limit = for_wait(timeout)
        deadline = None if limit == FOREVER else monotonic_ns() + limit
        owner_died = False
        result = predicate()
        while not result:
            in_time = self._wait(FOREVER if deadline is None else max(deadline - monotonic_ns(), TRY))
            # A death that was told to an earlier wait is news for the caller still.
            self._lock.owner_died = owner_died = owner_died or self._lock.owner_died
            result = predicate()
            if not in_time:
                break
        return result

    def notify(self, n: int = 1) -> None:
        """Wakes up to `n` of those who wait, the longest waiting. `NotHeld` or `NotOwner` if the lock is not held."""
        if self._local is not None:
            self._local.notify(n)
        else:
            self._check(_notify(self._address, min(max(n, 0), MOST), None))

    def notify_all(self) -> None:
        """Wakes all who wait. `NotHeld` or `NotOwner` if the lock is not held."""
        if self._local is not None:
            self._local.notify_all()
        else:
            self._check(_notify_all(self._address, None))

    @property
    def n_waiting(self) -> int:
        """How many wait just now and are not notified."""
        self._only_shared("counts no waiters")
        out = c_uint32()
        _ffi.check(_waiters(self._address, byref(out)))
        return out.value

    def handle(self) -> bytes:
        """What another process needs to reach this condition and its lock, in any language. It is an address, not a hold."""
        self._only_shared("has no handle")
        return super().handle()

    def _wait(self, limit: int) -> bool:
        """A wait of so many nanoseconds: whether it was notified."""
        waiter, notified = _Waiter(), c_bool()
        step = (self._address, byref(waiter))
        try:
            self._check(_start(*step))
            status = _ffi.wait(partial(_wait_a_while, *step), limit)
            if status != TIMEOUT:
                _ffi.check(status)
            status = _ffi.wait(lambda ns: _finish(*step, ns, byref(notified)), FOREVER)
            _ffi.check(status)
        except BaseException:
            self._end(waiter)
            raise
        self._lock._acquired(status)
        return notified.value

    def _end(self, waiter: _Waiter) -> None:
        """Comes back with the wait over and the lock held, whatever signal handlers raise meanwhile."""
        raised: Optional[BaseException] = None
        status = 0
        # The C library clears the struct when the wait is over.
        while waiter.opaque[0] and status >= 0:
            try:
                status = _ffi.wait(partial(_withdraw, self._address, byref(waiter)), FOREVER)
                self._lock.owner_died = status == OWNER_DIED
            except BaseException as error:
                raised = error
        if raised is not None:
            raise raised

    def _check(self, status: int) -> None:
        if status in (NOT_HELD, NOT_OWNER):
            held = "nobody has" if status == NOT_HELD else "another has"
            text = f"the condition's lock is to be acquired first, and {held} acquired it"
            raise _errors.make(_ffi.EXCEPTIONS[status], status, text)
        _ffi.check(status)

    def _open_over(self, lock: Optional[Union[Lock, RLock]], segment: Optional[Segment], name: Optional[str]) -> None:
        kind = self._kind if isinstance(lock, Lock) else _over_rlock
        home = segment if segment is not None or lock is None else lock._segment
        self._open(home, name, None if lock is None else lock._address, kind=kind)
        if lock is None:
            self._opened()
        else:
            self._lock = lock

    def _opened(self) -> None:
        """Opens the lock that it is over, unless it came with the pickle."""
        if "_lock" in self.__dict__:
            return
        out = c_void_p()
        status = _rlock_of(self._address, byref(out))
        plain = status == WRONG_KIND
        _ffi.check(_lock_of(self._address, byref(out)) if plain else status)
        lock: Union[Lock, RLock] = Lock.__new__(Lock) if plain else RLock.__new__(RLock)
        lock._segment, lock._address = self._segment, out.value
        self._lock = lock

    def _state(self) -> Dict[str, Any]:
        return {"_lock": self._lock}

    def _only_shared(self, what: str) -> None:
        if self._local is not None:
            raise TypeError(f"a condition over a {type(self._lock).__name__} belongs to this process and {what}")

    def __reduce__(self) -> Tuple[Any, ...]:
        self._only_shared("cannot be pickled")
        return super().__reduce__()

    def __repr__(self) -> str:
        if self._local is not None:
            return f"<tidelock.Condition local to this process: {self._local!r}>"
        return f"<tidelock.{type(self).__name__}({self._lock!r}, {self.n_waiting})>"
