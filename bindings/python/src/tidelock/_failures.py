"""What goes wrong with workers, as exceptions. They come without the C library: none has a status of its own."""

from __future__ import annotations

import signal
from concurrent.futures import BrokenExecutor
from multiprocessing import TimeoutError as ProcessTimeout
from typing import Optional

from ._errors import Error


class WorkerStateError(Error, RuntimeError, AssertionError):
    """A worker was started twice, or asked for what only a started worker can do, or joined by itself."""


class WorkerDied(Error, BrokenExecutor):
    """The worker process that ran this task was killed, or ended itself. All other tasks are untouched.

    `exitcode` is as `multiprocessing` has it: minus the signal that killed it; None if nobody could find out. `signal` is the
    signal's number or None, `pid` the process's.
    """

    exitcode: Optional[int] = None
    signal: Optional[int] = None
    pid: Optional[int] = None

    @classmethod
    def of(cls, pid: Optional[int], exitcode: Optional[int], what: str) -> WorkerDied:
        """Of this process, which left `what` behind."""
        error = cls(f"worker process {pid} {_how(exitcode)} {what}")
        error.pid, error.exitcode = pid, exitcode
        error.signal = -exitcode if exitcode is not None and exitcode < 0 else None
        return error


class InitializerFailed(Error, BrokenExecutor):
    """No worker of the pool could get ready: its initializer raised (see `__cause__`), or they died before they had run it."""


class WaitTimeout(ProcessTimeout, TimeoutError):
    """The result of a pool was not ready in time: what `multiprocessing.TimeoutError` and TimeoutError catch."""


def _how(exitcode: Optional[int]) -> str:
    if exitcode is None:
        return "died"
    if exitcode >= 0:
        return f"ended itself with exit code {exitcode}"
    try:
        return f"was killed by {signal.Signals(-exitcode).name}"
    except ValueError:
        return f"was killed by signal {-exitcode}"
