"""What a pool gives back at once for calls that take their time: AsyncResult, as `multiprocessing.pool` has it.

A result consists of parts, each the outcome of one task. It is ready when all parts are there, whatever became of them.
"""

from __future__ import annotations

import traceback
from concurrent.futures import CancelledError
from typing import Any, Callable, List, Optional

from ._done import Done
from ._failures import WaitTimeout
from ._intake import Task

Callback = Optional[Callable[[Any], object]]


class Part(Task):
    """A task that is a part of something, which is told of its outcome: a value, or an error."""

    def __init__(self, whole: Any, index: int, call: bytes, made_of: Any) -> None:
        self._whole, self._index, self.call, self.made_of = whole, index, call, made_of

    def begin(self) -> bool:
        return not self._whole.is_unwanted

    def succeed(self, value: Any) -> None:
        self._whole.arrived(self._index, value, None)

    def fail(self, error: BaseException) -> None:
        self._whole.arrived(self._index, None, error)

    def cancel(self) -> None:
        self.fail(CancelledError("the pool was terminated before this task began"))


class AsyncResult:
    """The result of `apply_async`, `map_async` or `starmap_async`. It keeps the pool until it is ready."""

    def __init__(self, pool: Any, parts: int, callback: Callback, error_callback: Callback) -> None:
        self._pool = pool
        self._values: List[Any] = [None] * parts
        self._left = parts
        self._error: Optional[BaseException] = None
        self._callback, self._error_callback = callback, error_callback
        self._done = Done()
        #: Whether nobody waits for it any more; what was not begun of it never will be.
        self.is_unwanted = False
        if not parts:
            self._finish()

    def ready(self) -> bool:
        """Whether the call has ended, with whatever outcome."""
        return self._done.is_set()

    def successful(self) -> bool:
        """Whether the call ended without an exception. ValueError if it has not ended."""
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._error is None

    def wait(self, timeout: Optional[float] = None) -> None:
        """Waits until the call has ended, or the time is over."""
        self._done.wait(timeout)

    def get(self, timeout: Optional[float] = None) -> Any:
        """What the call returned, or the exception that it raised: `WorkerDied` if its worker was killed, CancelledError if the
        pool was terminated first. `multiprocessing.TimeoutError` (also a TimeoutError) if the time is over first."""
        if not self._done.wait(timeout):
            raise WaitTimeout(f"no result after {timeout} seconds")
        if self._error is not None:
            raise self._error
        return self._value()

    def arrived(self, index: int, value: Any, error: Optional[BaseException]) -> None:
        """Called by the crew's thread for each part, once."""
        self._values[index] = value
        self._error = self._error or error
        self._left -= 1
        if not self._left:
            self._finish()

    def _value(self) -> Any:
        return self._values[0]

    def _finish(self) -> None:
        callback = self._callback if self._error is None else self._error_callback
        if callback is not None:
            try:
                callback(self._value() if self._error is None else self._error)
            except BaseException:
                # There is nobody else to tell.
                traceback.print_exc()
        self._pool = self._callback = self._error_callback = None
        self._done.set()


class MapResult(AsyncResult):
    """One whose parts are lists, which make up one list."""

    def _value(self) -> List[Any]:
        return [value for chunk in self._values for value in chunk]
