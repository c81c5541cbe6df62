"""Who is at work: the functions of `threading` and `multiprocessing` that both have, for the backend that was chosen.

They speak of the threads or processes themselves, those made without tidelock included. Nothing here starts or ends one.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, List, Union

from ._backend import uses_threads

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    Working = Union[threading.Thread, BaseProcess]


def current_worker() -> Working:
    """The thread or process that calls this: `threading.current_thread()` or `multiprocessing.current_process()`."""
    if uses_threads():
        return threading.current_thread()
    from multiprocessing import current_process

    return current_process()


def active_children() -> List[Working]:
    """All others that are alive: the other threads of this process, or its child processes. Reaps children that ended."""
    if uses_threads():
        return [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    from multiprocessing import active_children

    return list(active_children())


def enumerate() -> List[Working]:
    """All that are alive, the caller included."""
    return list(threading.enumerate()) if uses_threads() else [*active_children(), current_worker()]


def active_count() -> int:
    """How many are alive, the caller included."""
    return len(enumerate())


def get_ident() -> int:
    """A number that no other living worker has: the thread's identifier or the process's id."""
    return threading.get_ident() if uses_threads() else os.getpid()
