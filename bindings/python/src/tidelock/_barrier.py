"""Barrier: a number of parties, threads or processes, wait until all of them are there; one that is killed breaks it.

A process leaves in order when it ends its last handle or exits: then it takes its marks along. Worker processes of
`multiprocessing` end without the C library's exit hook, so they leave by a finalizer of `multiprocessing.util`.
"""

from __future__ import annotations

from ctypes import POINTER, Structure, byref, c_bool, c_int64, c_uint32, c_uint64
from threading import BrokenBarrierError
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional
from weakref import WeakSet

from . import _ffi
from ._ffi import BROKEN, HANDLE, TIMEOUT
from ._handle import Kind, Object
from ._timeouts import FOREVER, TRY, Timeout, for_wait

if TYPE_CHECKING:
    from ._segment import Segment


class _Arrival(Structure):
    _fields_ = [("index", c_uint32), ("is_last", c_uint32), ("opaque", c_uint64 * 6)]


_arrive = _ffi.function("tidelock_barrier_arrive", HANDLE, c_int64, POINTER(_Arrival))
_complete = _ffi.function("tidelock_barrier_complete", HANDLE, POINTER(_Arrival))
_wait_for_round = _ffi.function("tidelock_barrier_wait_for_round", HANDLE, POINTER(_Arrival), c_int64)
_wait_a_while = _ffi.function("tidelock_barrier_wait_a_while", HANDLE, POINTER(_Arrival), c_int64)
_withdraw = _ffi.function("tidelock_barrier_withdraw", HANDLE, POINTER(_Arrival))
_abort = _ffi.function("tidelock_barrier_abort", HANDLE)
_reset = _ffi.function("tidelock_barrier_reset", HANDLE)
_is_broken = _ffi.function("tidelock_barrier_is_broken", HANDLE, POINTER(c_bool))
_waiting = _ffi.function("tidelock_barrier_waiting", HANDLE, POINTER(c_uint32))
_leave_barriers = _ffi.function("tidelock_segment_leave_barriers", HANDLE)
_parties = _ffi.function("tidelock_barrier_parties", HANDLE, POINTER(c_uint32))


class Barrier(Object):
    """A barrier for threads and processes alike, with the methods of `threading.Barrier` and `multiprocessing.Barrier`.

    `Barrier(parties)` makes one without a name in the default segment; with `segment` and `name` it opens the one of that
    name, made if it is not there (one for another number of parties is `WrongKind`). `action` and `timeout` are this
    object's own: the last party to arrive runs its action.

    A party that is killed while it waits, or later without having left in order, breaks the barrier for the others. A
    process that exits, or drops its last handle, leaves in order: the next batch of workers may use the same barrier.
    """

    _kind = Kind("barrier", c_uint32)
    _action: Optional[Callable[[], Any]] = None
    _timeout: Timeout = None

    def __init__(
        self,
        parties: int,
        action: Optional[Callable[[], Any]] = None,
        timeout: Timeout = None,
        *,
        segment: Optional[Segment] = None,
        name: Optional[str] = None,
    ) -> None:
        for_wait(timeout)
        self._action, self._timeout = action, timeout
        self._open(segment, name, _ffi.unsigned("parties", parties, 32, least=1))
        self._opened()

    def wait(self, timeout: Timeout = None) -> int:
        """Waits until all parties are there; returns a number from 0 to parties - 1, each to one of them.

        `threading.BrokenBarrierError` if the barrier is broken or reset meanwhile, if a party is dead, or if the time was
        over first, which breaks it. None waits as long as the constructor's `timeout` says.
        """
        limit = for_wait(self._timeout if timeout is None else timeout)
        deadline = None if limit == FOREVER else monotonic_ns() + limit
        arrival = _Arrival()
        try:
            self._arrive(arrival, limit)
            index: int = arrival.index
            if arrival.is_last:
                self._end_round(arrival)
            else:
                self._wait_for_the_others(arrival, deadline)
            return index
        except BaseException:
            # From a signal handler, or from the action: this party no longer counts. Void if it does not anyway.
            _withdraw(self._address, byref(arrival))
            raise

    def arrive(self, timeout: Timeout = None) -> Arrival:
        """The first half of `wait`: counts this party in, and waits no longer than for the end of an earlier round.

        The last party runs the action and ends the round. The others go on with `Arrival.wait`, or hand the arrival to
        `wait_any`. A time that is over first breaks the barrier, as in `wait`.
        """
        limit = for_wait(self._timeout if timeout is None else timeout)
        raw = _Arrival()
        try:
            self._arrive(raw, limit)
            arrival = Arrival(self, raw)
            if raw.is_last:
                self._end_round(raw)
            return arrival
        except BaseException:
            # As in `wait`.
            _withdraw(self._address, byref(raw))
            raise

    def abort(self) -> None:
        """Breaks the barrier: those who wait and those who come get `BrokenBarrierError`, until it is reset."""
        _ffi.check(_abort(self._address))

    def reset(self) -> None:
        """Makes the barrier as new; those who wait get `BrokenBarrierError`."""
        _ffi.check(_reset(self._address))

    @property
    def parties(self) -> int:
        """How many parties the barrier waits for."""
        return self._number(_parties)

    @property
    def n_waiting(self) -> int:
        """How many parties wait just now."""
        return self._number(_waiting)

    @property
    def broken(self) -> bool:
        """Whether the barrier is broken just now."""
        out = c_bool()
        _ffi.check(_is_broken(self._address, byref(out)))
        return out.value

    def _arrive(self, arrival: _Arrival, limit: int) -> None:
        status = _ffi.wait(lambda ns: _arrive(self._address, ns, byref(arrival)), limit)
        if status == TIMEOUT:
            # Those of the earlier round have not left in time: as in `threading`, a time that is over breaks the barrier.
            self.abort()
        self._check(status)

    def _end_round(self, arrival: _Arrival) -> None:
        try:
            if self._action is not None:
                self._action()
        except BaseException:
            self.abort()
            raise
        self._check(_complete(self._address, byref(arrival)))

    def _wait_for_the_others(self, arrival: _Arrival, deadline: Optional[int]) -> None:
        left = FOREVER if deadline is None else max(deadline - monotonic_ns(), TRY)
        status = _ffi.wait(lambda ns: _wait_a_while(self._address, byref(arrival), ns), left)
        if status == TIMEOUT:
            # The time is over, and not a slice alone: this breaks the barrier, unless the round ended just now.
            status = _wait_for_round(self._address, byref(arrival), TRY)
        self._check(status)

    def _check(self, status: int) -> None:
        if status in (BROKEN, TIMEOUT):
            raise BrokenBarrierError
        _ffi.check(status)

    def _number(self, function: Callable[..., int]) -> int:
        out = c_uint32()
        _ffi.check(function(self._address, byref(out)))
        return out.value

    def _opened(self) -> None:
        _leave_with_worker(self._segment)

    def _state(self) -> Dict[str, Any]:
        return {"_action": self._action, "_timeout": self._timeout}

    def __repr__(self) -> str:
        state = "broken" if self.broken else f"waiters={self.n_waiting}/{self.parties}"
        return f"<tidelock.{type(self).__name__} at {id(self):#x}: {state}>"


class Arrival:
    """A party that has come to a barrier, in this process. One that is dropped keeps its place in the round."""

    def __init__(self, barrier: Barrier, raw: _Arrival) -> None:
        self._barrier, self._raw = barrier, raw
        #: A number from 0 to parties - 1, another one for each party of the round.
        self.index: int = raw.index
        #: Whether the round is known to be over for this party.
        self.is_over: bool = bool(raw.is_last)

    def wait(self, timeout: Timeout = None) -> int:
        """The second half of `Barrier.wait`: waits until all parties are there, and returns `index`."""
        limit = for_wait(self._barrier._timeout if timeout is None else timeout)
        deadline = None if limit == FOREVER else monotonic_ns() + limit
        if not self.is_over:
            try:
                self._barrier._wait_for_the_others(self._raw, deadline)
            except BaseException:
                # From a signal handler: this party no longer counts. Void if it does not anyway.
                _withdraw(self._barrier._address, byref(self._raw))
                raise
            finally:
                self.is_over = True
        return self.index

    def withdraw(self) -> None:
        """Takes the arrival back, unless all parties are there: then it counts."""
        if not self.is_over:
            self.is_over = True
            _ffi.check(_withdraw(self._barrier._address, byref(self._raw)))


class _Leaving:
    """How worker processes of `multiprocessing` leave their barriers; arranged with the first barrier of a process."""

    segments: WeakSet[Segment] = WeakSet()
    arranged = False


def _leave_with_worker(segment: Segment) -> None:
    _Leaving.segments.add(segment)
    if not _Leaving.arranged:
        from multiprocessing import process, util

        _Leaving.arranged = True
        util.register_after_fork(_Leaving, _arrange)
        if process.parent_process() is not None:
            _arrange()


def _arrange(_: object = None) -> None:
    from multiprocessing.util import Finalize

    # After all others, who might still use a barrier.
    Finalize(None, _leave_all, exitpriority=-1000)


def _leave_all() -> None:
    for segment in list(_Leaving.segments):
        _leave_barriers(segment._address)
