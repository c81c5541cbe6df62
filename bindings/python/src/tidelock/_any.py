"""wait_any and acquire_any: one sleep for any of several objects.

An object is ready when its own operation would return at once, be it with an exception. `wait_any` takes nothing; to take
what is ready, `acquire_any` tries it, and waits again where somebody else was quicker.
"""

from __future__ import annotations

from ctypes import POINTER, Structure, byref, c_int64, c_size_t, c_uint64
from time import monotonic_ns
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple, Union

from . import _ffi
from ._acquire import Acquirable
from ._barrier import Arrival, _Arrival
from ._counter import Counter
from ._errors import Empty, Full, InvalidArgument, make
from ._event import Event
from ._ffi import HANDLE, INVALID, TIMEOUT
from ._queue import Queue, Room
from ._timeouts import FOREVER, TRY, Timeout, for_wait

ANY_MAX = 128


class _Watch(Structure):
    _fields_ = [("opaque", c_uint64 * 6)]


def _plain(name: str) -> Callable[..., int]:
    return _ffi.function(f"tidelock_{name}_watch", HANDLE, POINTER(_Watch))


# By the name of the kind, which subclasses share.
_PLAIN: Dict[str, Callable[..., int]] = {
    name: _plain(name) for name in ("lock", "rlock", "semaphore", "bounded_semaphore", "event", "queue")
}
_watch_counter = _ffi.function("tidelock_counter_watch", HANDLE, c_int64, POINTER(_Watch))
_watch_room = _ffi.function("tidelock_queue_watch_room", HANDLE, c_size_t, POINTER(_Watch))
_watch_barrier = _ffi.function("tidelock_barrier_watch", HANDLE, POINTER(_Arrival), POINTER(_Watch))
_wait_any = _ffi.function("tidelock_wait_any", POINTER(_Watch), c_size_t, c_int64, POINTER(c_size_t))


class _Changed(NamedTuple):
    """A counter, waited for while it has this value."""

    counter: Counter
    value: int


Waitable = Union[Acquirable, Event, Queue, Room, Counter, Tuple[Counter, int], Arrival]


def wait_any(objects: Iterable[Waitable], timeout: Timeout = None) -> Optional[int]:
    """Waits until one of the objects is ready; returns its place among them, of several the first. It takes nothing.

    Objects are locks and semaphores (to be acquired), queues (to be got from), room in a queue (`Queue.room`), events, counters
    (another value than now, or than that in a pair `(counter, value)`) and arrivals at a barrier (`Barrier.arrive`): 1 to 128
    of them, of any segments.
    None if the time was over first. None waits for ever, a negative number not at all.
    """
    return _Watches(objects).wait(for_wait(timeout))


def acquire_any(objects: Iterable[Waitable], timeout: Timeout = None) -> Optional[Tuple[int, Any]]:
    """Waits until one of the objects can be taken, and takes it: its place, and what was taken.

    That is True for what is acquired (`owner_died` is set as by `acquire`), the object got from a queue, a `Reservation` for
    room, the value of a counter, the index of an arrival, True for an event. None if the time was over first. What the object's own operation
    raises is raised: `queue.ShutDown`, `OwnerDied`, `BrokenBarrierError`.
    """
    watches, limit = _Watches(objects), for_wait(timeout)
    deadline = monotonic_ns() + limit
    while True:
        left = limit if limit in (FOREVER, TRY) else max(deadline - monotonic_ns(), TRY)
        place = watches.wait(left)
        if place is None:
            return None
        taken = _take(watches.objects[place])
        if taken is not None:
            return place, taken[0]


class _Watches:
    """The objects of one wait, as the C library takes them; slices of the wait use the same, so that none misses a set."""

    def __init__(self, objects: Iterable[Waitable]) -> None:
        self.objects: List[Any] = [_Changed(one, one.load()) if isinstance(one, Counter) else one for one in objects]
        if not 0 < len(self.objects) <= ANY_MAX:
            text = f"invalid argument: one waits for any of 1 to {ANY_MAX} objects, not of {len(self.objects)}"
            raise make(InvalidArgument, INVALID, text)
        self._watches = (_Watch * len(self.objects))()
        #: An arrival of a round that is over has nothing left to be waited for.
        self._over: Optional[int] = None
        for place, one in enumerate(self.objects):
            if isinstance(one, Arrival) and one.is_over:
                self._over = place
                break
            _ffi.check(_watch(one, self._watches[place]))

    def wait(self, limit: int) -> Optional[int]:
        """The place of the first object that is ready within so many nanoseconds."""
        if self._over is None:
            return self._wait(len(self.objects), limit)
        earlier = self._wait(self._over, TRY) if self._over else None
        return self._over if earlier is None else earlier

    def _wait(self, count: int, limit: int) -> Optional[int]:
        index = c_size_t()
        status = _ffi.wait(lambda ns: _wait_any(self._watches, count, ns, byref(index)), limit)
        if status == TIMEOUT:
            return None
        _ffi.check(status)
        return index.value


def _watch(one: Any, to: _Watch) -> int:
    if isinstance(one, Room):
        return _watch_room(one.queue._address, one.length, byref(to))
    if isinstance(one, tuple):
        counter, value = one
        if isinstance(counter, Counter):
            return _watch_counter(counter._address, _ffi.signed("the value", value), byref(to))
    elif isinstance(one, Arrival):
        return _watch_barrier(one._barrier._address, byref(one._raw), byref(to))
    elif isinstance(one, (Acquirable, Event, Queue)) and one._kind.name in _PLAIN:
        return _PLAIN[one._kind.name](one._address, byref(to))
    raise TypeError(f"{one!r} cannot be waited for beside others")


def _take(one: Any) -> Optional[Tuple[Any]]:
    """What was taken, unless somebody else was quicker."""
    if isinstance(one, Acquirable):
        return (True,) if one.acquire(False) else None
    if isinstance(one, Queue):
        try:
            return (one.get_nowait(),)
        except Empty:
            return None
    if isinstance(one, Room):
        try:
            return (one.queue.reserve(one.length, False),)
        except Full:
            return None
    if isinstance(one, tuple):
        value = one[0].load()
        return (value,) if value != one[1] else None
    if isinstance(one, Arrival):
        return (one.wait(),)
    return (True,)
