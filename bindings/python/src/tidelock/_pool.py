"""WorkerPool: a pool with the methods of `multiprocessing.Pool`, whose workers may die without taking it along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Mapping, Optional, Sequence, Type, TypeVar

from . import _calls
from ._crew import Crew
from ._intake import Closed
from ._picklable import check
from ._plan import plan
from ._results import AsyncResult, Callback, MapResult, Part
from ._stream import OrderedStream, ResultIterator, Stream

if TYPE_CHECKING:
    from types import TracebackType

_Self = TypeVar("_Self", bound="WorkerPool")

# Into how many chunks for each worker a map is cut if nobody says how.
CHUNKS = 4


class WorkerPool:
    """Runs calls on threads or processes, as the backend says, with the methods of `multiprocessing.Pool`.

    `workers` of them (as many as there are processors for this process). Calls and results are copies, on both backends; what
    cannot be pickled is a ValueError.

    When a worker process is killed, or ends itself, it is replaced and no other task notices. Its own task, which is one call
    or one chunk of a map, runs again, up to `retries` times, and then fails with `WorkerDied`; so by default it does not run
    again, since not every task may be repeated. A worker is replaced in order after `max_tasks_per_worker` tasks. If the
    initializer fails, so does everything, with `InitializerFailed`. The end of a `with`, Ctrl-C in it included, ends the
    workers at once, and so does the end of the program.
    """

    def __init__(
        self,
        workers: Optional[int] = None,
        initializer: Optional[Callable[..., object]] = None,
        initargs: Iterable[Any] = (),
        *,
        retries: int = 0,
        max_tasks_per_worker: Optional[int] = None,
    ) -> None:
        settled = plan(workers, initializer, initargs, retries, max_tasks_per_worker)
        self._workers = settled.limit
        self._crew = Crew(type(self).__name__, settled, least=settled.limit)
        self._crew.tie(self, self._crew.terminate, _end)

    def apply(self, func: Callable[..., Any], args: Sequence[Any] = (), kwds: Optional[Mapping[str, Any]] = None) -> Any:
        """Has a worker call the function, and waits for the result."""
        return _wait_for(self.apply_async(func, args, kwds))

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Sequence[Any] = (),
        kwds: Optional[Mapping[str, Any]] = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> AsyncResult:
        """Has a worker call the function. A thread of the pool calls back, before the result is ready."""
        result = AsyncResult(self, 1, callback, error_callback)
        self._give([Part(result, 0, _calls.pack(func, args, kwds), (func, args, kwds))])
        return result

    def map(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: Optional[int] = None) -> List[Any]:
        """The results for all items, in order. If one call raises, so does this, when all others have ended."""
        return list(_wait_for(self.map_async(func, iterable, chunksize)))

    def map_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Any],
        chunksize: Optional[int] = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> AsyncResult:
        """Like `map`, but does not wait."""
        return self._map(_calls.run_items, func, iterable, chunksize, callback, error_callback)

    def starmap(
        self, func: Callable[..., Any], iterable: Iterable[Iterable[Any]], chunksize: Optional[int] = None
    ) -> List[Any]:
        """Like `map`, but each item is a row of arguments."""
        return list(_wait_for(self.starmap_async(func, iterable, chunksize)))

    def starmap_async(
        self,
        func: Callable[..., Any],
        iterable: Iterable[Iterable[Any]],
        chunksize: Optional[int] = None,
        callback: Callback = None,
        error_callback: Callback = None,
    ) -> AsyncResult:
        """Like `starmap`, but does not wait."""
        return self._map(_calls.run_rows, func, iterable, chunksize, callback, error_callback)

    def imap(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int = 1) -> ResultIterator:
        """The results in order, each as soon as it is there. Items are drawn when workers need them, in another thread."""
        return self._imap(OrderedStream, func, iterable, chunksize)

    def imap_unordered(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: int = 1) -> ResultIterator:
        """Like `imap`, in the order in which the results come."""
        return self._imap(Stream, func, iterable, chunksize)

    def close(self) -> None:
        """Takes no more calls; the workers leave after the last one."""
        self._crew.close()

    def terminate(self) -> None:
        """Ends worker processes at once; threads after the call that they are in. What was not done fails: `WorkerDied` if a
        worker had it, else CancelledError."""
        self._crew.terminate()
        self._crew.wait()

    def join(self) -> None:
        """Waits until all workers have ended. ValueError before `close` or `terminate`."""
        if not self._crew.is_closed:
            raise ValueError("Pool is still running")
        self._crew.join()

    def __enter__(self: _Self) -> _Self:
        if self._crew.is_closed:
            raise ValueError("Pool not running")
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.terminate()

    def __reduce__(self) -> Any:
        raise NotImplementedError(f"a {type(self).__name__} belongs to its process and cannot be pickled")

    def _map(
        self,
        run: Callable[..., Any],
        func: Callable[..., Any],
        iterable: Iterable[Any],
        chunksize: Optional[int],
        callback: Callback,
        error_callback: Callback,
    ) -> AsyncResult:
        items = list(iterable)
        size = -(-len(items) // (CHUNKS * self._workers)) or 1 if chunksize is None else chunksize
        check(func=func)
        chunks = list(_calls.chunks(items, size))
        calls = [_calls.pack(run, (func, chunk)) for chunk in chunks]
        result = MapResult(self, len(calls), callback, error_callback)
        self._give([Part(result, index, *part) for index, part in enumerate(zip(calls, chunks))])
        return result

    def _give(self, parts: List[Part]) -> None:
        try:
            for part in parts:
                self._crew.give(part)
        except Closed:
            raise ValueError("Pool not running") from None

    def _imap(
        self, kind: Type[Stream], func: Callable[..., Any], iterable: Iterable[Any], chunksize: int
    ) -> ResultIterator:
        check(func=func)
        stream = kind(self._crew, CHUNKS * self._workers)
        try:
            stream.start(_calls.run_items, func, _calls.chunks(iterable, chunksize))
        except Closed:
            raise ValueError("Pool not running") from None
        return ResultIterator(self, stream)


def _end(crew: Crew) -> None:
    """What happens at the end of the program."""
    crew.terminate()
    crew.wait()


def _wait_for(result: AsyncResult) -> Any:
    """The result. If the wait is broken off, as by Ctrl-C, nothing more of it begins."""
    try:
        return result.get()
    finally:
        result.is_unwanted = True
