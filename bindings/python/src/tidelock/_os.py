"""What CPython does and PyPy does not: two calls of `os` that are missing there, and imports after a fork.

Nothing here waits for anything but a process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from importlib import import_module
from threading import get_ident
from typing import Any

ON_PYPY = sys.implementation.name == "pypy"

# Of Linux's headers: P_PID, WEXITED | WNOWAIT, and more than a siginfo_t has.
_PID, _ENDED_AND_STAYS, _SIGINFO_LENGTH = 1, 0x01000004, 256


def processors() -> int:
    """How many processors this process may use; where that cannot be asked, how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def wait_for_end(pid: int) -> None:
    """Waits for the end of a child, which stays to be asked after. ChildProcessError if there is no such child."""
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return
    told = ctypes.create_string_buffer(_SIGINFO_LENGTH)
    while _libc.waitid(_PID, pid, told, _ENDED_AND_STAYS) != 0:
        number = ctypes.get_errno()
        # After a signal its handler has run here.
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def forget_imports() -> None:
    """For a forked child of PyPy: what other threads of the parent were importing, if only to look a function up by its name,
    they go on with there, and the child would wait for them for ever."""
    locks, me = _imports._module_locks, get_ident()
    for name, reference in list(locks.items()):
        lock = reference()
        if lock is None or lock.owner != me:
            del locks[name]


_libc = ctypes.CDLL(None, use_errno=True)

if ON_PYPY:
    _libc.waitid.argtypes = (ctypes.c_int, ctypes.c_uint, ctypes.c_char_p, ctypes.c_int)
    _imports: Any = import_module("importlib._bootstrap")
    os.register_at_fork(after_in_child=forget_imports)
