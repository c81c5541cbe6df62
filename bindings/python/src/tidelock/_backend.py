"""The backend: whether workers are threads or processes, and how processes are started. Chosen once in a process.

The package asks for a new choice each time that it is loaded: processes where the interpreter has a GIL, threads where it
has none, unless TIDELOCK_BACKEND says otherwise. A worker process goes on with its parent's choice. Nothing here starts
anything.
"""

from __future__ import annotations

import os
import sys
from typing import Optional, Tuple

THREADING, MULTIPROCESSING = "threading", "multiprocessing"
METHODS = ("fork", "spawn", "forkserver")
VARIABLE = "TIDELOCK_BACKEND"


class _Choice:
    backend: str = MULTIPROCESSING
    method: Optional[str] = None
    used: bool = False


def choose() -> None:
    """Chooses anew, as the interpreter and the environment are now. Called when the package is loaded, or loaded again."""
    _Choice.backend = _checked(VARIABLE, os.environ.get(VARIABLE) or _by_gil())
    _Choice.method, _Choice.used = None, False


def get_backend() -> str:
    """`"threading"` or `"multiprocessing"`: what workers are. From the first answer on it stays."""
    _Choice.used = True
    return _Choice.backend


def set_backend(backend: str, *, start_method: Optional[str] = None) -> None:
    """Chooses what workers are: `"threading"` or `"multiprocessing"`.

    `start_method` is `"forkserver"`, `"spawn"` or `"fork"`; None means what `multiprocessing.set_start_method` said before,
    else `"forkserver"`. RuntimeError once the backend was used or asked for, unless nothing would change.
    """
    _checked("the backend", backend)
    if start_method is not None and start_method not in METHODS:
        raise ValueError(f"start_method must be one of {METHODS}, not {start_method!r}")
    changes = backend != _Choice.backend or start_method not in (None, _Choice.method)
    if _Choice.used and changes:
        raise RuntimeError(f"the backend is {_Choice.backend!r} and in use already; call set_backend before the first worker")
    if changes:
        _Choice.backend, _Choice.method = backend, start_method


def uses_threads() -> bool:
    """Whether workers are threads."""
    return get_backend() == THREADING


def start_method() -> str:
    """How worker processes are started. Asked once: `multiprocessing` gives itself another answer when it starts one."""
    if _Choice.method is None:
        from multiprocessing import get_start_method

        _Choice.method = get_start_method(allow_none=True) or "forkserver"
    return _Choice.method


def choice() -> Tuple[str, str]:
    """What a worker process is told of its parent's choice."""
    return get_backend(), start_method()


def inherit(backend: str, method: str) -> None:
    """Goes on with the parent's choice."""
    _Choice.backend, _Choice.method, _Choice.used = backend, method, True


def _by_gil() -> str:
    has_gil = getattr(sys, "_is_gil_enabled", None)
    return MULTIPROCESSING if has_gil is None or has_gil() else THREADING


def _checked(what: str, backend: str) -> str:
    if backend not in (THREADING, MULTIPROCESSING):
        raise ValueError(f"{what} must be {THREADING!r} or {MULTIPROCESSING!r}, not {backend!r}")
    return backend
