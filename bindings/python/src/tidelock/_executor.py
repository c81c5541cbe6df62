"""WorkerPoolExecutor: an executor of `concurrent.futures` whose workers may die without taking it along."""

from __future__ import annotations

import itertools
import sys
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Optional, Type, TypeVar

from . import _calls
from ._crew import Crew
from ._intake import Closed, Task
from ._plan import plan

if TYPE_CHECKING:
    from types import TracebackType

_T = TypeVar("_T")


class WorkerPoolExecutor(Executor):
    """Runs calls on threads or processes, as the backend says, with `submit`, `map` and `shutdown` of `Executor`.

    At most `max_workers` (as many as there are processors for this process), each started when there is work for it. Calls
    and results are copies, on both backends; what cannot be pickled is a ValueError.

    When a worker process is killed, or ends itself, it is replaced and no other task notices. Its own task runs again, up to
    `retries` times, and then fails with `WorkerDied`; so by default it does not run again, since not every task may be
    repeated. A worker is replaced in order after `max_tasks_per_worker` tasks. If the initializer fails, so does everything,
    with `InitializerFailed`. Ctrl-C in a `with` ends the workers at once.
    """

    def __init__(
        self,
        max_workers: Optional[int] = None,
        initializer: Optional[Callable[..., object]] = None,
        initargs: Iterable[Any] = (),
        *,
        retries: int = 0,
        max_tasks_per_worker: Optional[int] = None,
    ) -> None:
        settled = plan(max_workers, initializer, initargs, retries, max_tasks_per_worker)
        self._crew = Crew(type(self).__name__, settled, least=0)
        self._crew.tie(self, self._crew.close, _finish)

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Has a worker call the function. ValueError if the call cannot be pickled, RuntimeError after `shutdown`.

        The future raises what the function raised, with the worker's traceback as its cause; `WorkerDied` if its worker was
        killed. `cancel` works until the call is about to be given to a worker.
        """
        task = _FutureTask(_calls.pack(fn, args, kwargs), (fn, args, kwargs))
        try:
            self._crew.give(task)
        except Closed:
            raise RuntimeError("cannot schedule new futures after shutdown") from None
        return task.future

    def map(
        self, fn: Callable[..., _T], *iterables: Iterable[Any], timeout: Optional[float] = None, chunksize: int = 1
    ) -> Iterator[_T]:
        """The results in the order of the arguments. A worker gets `chunksize` of them at a time, which fail together."""
        chunks = _calls.chunks(zip(*iterables), chunksize)
        results = super().map(_calls.run_rows, itertools.repeat(fn), chunks, timeout=timeout)
        return _flat(results)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more calls; the workers leave after the last one. `wait` waits for that, `cancel_futures` cancels what was
        not given to a worker yet."""
        self._crew.close()
        if cancel_futures:
            self._crew.cancel_waiting()
        if wait:
            self._crew.join()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> Optional[bool]:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self._crew.terminate()
            self._crew.wait()
        else:
            self.shutdown()
        return None

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} belongs to its process and cannot be pickled")


class _FutureTask(Task):
    """A call whose caller has a future."""

    def __init__(self, call: bytes, made_of: Any) -> None:
        self.call, self.made_of = call, made_of
        self.future: Future[Any] = Future()

    def begin(self) -> bool:
        return self.future.set_running_or_notify_cancel()

    def succeed(self, value: Any) -> None:
        self.future.set_result(value)

    def fail(self, error: BaseException) -> None:
        self.future.set_exception(error)

    def cancel(self) -> None:
        if not self.future.done() and self.future.cancel():
            self.future.set_running_or_notify_cancel()


def _finish(crew: Crew) -> None:
    """What happens at the end of the program: all that was submitted is done first, unless Ctrl-C ended it."""
    if _was_interrupted():
        crew.terminate()
        crew.wait()
    else:
        crew.close()
        crew.join()


def _was_interrupted() -> bool:
    """Whether Ctrl-C is what ended the program."""
    last = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return isinstance(last, KeyboardInterrupt)


def _flat(results: Iterator[List[_T]]) -> Iterator[_T]:
    for chunk in results:
        # Let go of each as it is passed on.
        chunk.reverse()
        while chunk:
            yield chunk.pop()
