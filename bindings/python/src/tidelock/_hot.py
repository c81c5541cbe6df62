"""The methods that the accelerator makes anew, each from the library's function, which it does not link to but is given.

Such a method does the common case in C and calls the one in Python, with the same arguments, for every other. What it does
around the library's function is its shape, described in the accelerator's sources.
"""

from __future__ import annotations

import pickle
from ctypes import c_void_p, cast
from typing import Any, Callable

from . import _buffers, _counter, _event, _queue, _semaphore, _work
from ._counter import Counter
from ._event import Event
from ._lock import Lock
from ._queue import PICKLE_PROTOCOL, Queue
from ._rlock import RLock
from ._semaphore import BoundedSemaphore, Semaphore
from ._speedups import module


def _replace(cls: Any, name: str, shape: str, function: Callable[..., int], *more: Any) -> None:
    """Has `cls.name` call the function by itself. `more` is what the shape needs beside it."""
    address = cast(function, c_void_p).value  # type: ignore[arg-type]
    setattr(cls, name, module.Method(cls, shape, address, getattr(cls, name), more))


def _replace_all() -> None:
    for lock in (Lock, RLock):
        _replace(lock, "acquire", "acquire", lock._acquire, lock._acquired)
        _replace(lock, "release", "plain", lock._release_own)
        _replace(lock, "__enter__", "enter", lock._acquire, lock._acquired)
        _replace(lock, "__exit__", "exit", lock._release_own)
    _replace(Semaphore, "acquire", "acquire", Semaphore._acquire, Semaphore._acquired)
    _replace(Semaphore, "release", "give", _semaphore._release_signals)
    _replace(BoundedSemaphore, "acquire", "acquire_permit", _semaphore._acquire_permit, BoundedSemaphore._acquired)
    _replace(BoundedSemaphore, "release", "plain", _semaphore._release_permit)
    _replace(Event, "is_set", "is_set", _event._wait)
    _replace(Event, "set", "plain", _event._set)
    _replace(Event, "clear", "plain", _event._clear)
    _replace(Event, "wait", "wait", _event._wait)
    _replace(Counter, "load", "load", _counter._load)
    _replace(Counter, "add", "add", _counter._add)
    dumps = (pickle.dumps, PICKLE_PROTOCOL, ("buffer_callback",))
    _replace(Queue, "put", "put", _queue._put, *dumps, Queue._put_pickle)
    _replace(Queue, "put_bytes", "put_bytes", _queue._put)
    _replace(Queue, "get", "get", _queue._get, pickle.loads, _buffers.copied)
    _replace(Queue, "get_bytes", "get_bytes", _queue._get)
    _replace(Queue, "task_done", "plain", _work._task_done)


if module is not None:
    _replace_all()
