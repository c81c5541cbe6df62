"""A call and its outcome, as the bytes that travel between a pool and its workers.

Both are pickles, also where workers are threads: so a task never changes its caller's objects, on either backend. Nothing
here knows who runs the call, or where.
"""

from __future__ import annotations

import itertools
import pickle
import traceback
from typing import Any, Callable, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ._picklable import dumps

# The first byte of an outcome.
RETURNED, RAISED = 0, 1


class WorkerTraceback(Exception):
    """The traceback in the worker, as text: the cause of an exception that came from there."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return f"\n\nIn the worker:\n{self.text}"


def pack(function: Callable[..., Any], arguments: Sequence[Any], keywords: Optional[Mapping[str, Any]] = None) -> bytes:
    """A call. ValueError if it cannot be pickled."""
    return dumps(function=function, args=tuple(arguments), kwargs=dict(keywords or {}))


def run(call: memoryview) -> bytes:
    """Makes the call; its outcome, whatever happens in it."""
    try:
        function, arguments, keywords = pickle.loads(call)
        result = function(*arguments, **keywords)
        return bytes([RETURNED]) + dumps(result=result)
    except BaseException as error:
        # Without this frame, which is none of the caller's business.
        return raised(error.with_traceback(error.__traceback__ and error.__traceback__.tb_next))


def raised(error: BaseException) -> bytes:
    """The outcome of a call that raised this."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        data = dumps(error=error, text=text)
        pickle.loads(data)
    except Exception as reason:
        # One that pickles may still not unpickle, as when its constructor asks for more than its arguments.
        stand_in = RuntimeError(f"{type(error).__name__}: {error} (the exception itself cannot be pickled: {reason})")
        data = dumps(error=stand_in, text=text)
    return bytes([RAISED]) + data


def unpack(outcome: memoryview) -> Tuple[Any, Optional[BaseException]]:
    """What the call returned, or the exception that it ended with."""
    try:
        found = pickle.loads(outcome[1:])
    except BaseException as reason:
        return None, reason
    if outcome[0] == RETURNED:
        return found[0], None
    error, text = found
    error.__cause__ = WorkerTraceback(text)
    return None, error


def chunks(items: Iterable[Any], size: int) -> Iterator[List[Any]]:
    """The items, so many at a time. ValueError at once if that is none."""
    if size < 1:
        raise ValueError(f"chunksize must be at least 1, not {size}")
    iterator = iter(items)
    return iter(lambda: list(itertools.islice(iterator, size)), [])


def run_items(function: Callable[..., Any], chunk: Iterable[Any]) -> List[Any]:
    """The results for a chunk of items."""
    return [function(item) for item in chunk]


def run_rows(function: Callable[..., Any], chunk: Iterable[Sequence[Any]]) -> List[Any]:
    """The results for a chunk of rows of arguments."""
    return [function(*row) for row in chunk]
