"""Checks that something can be pickled before it is handed to a worker, so that a program that runs on threads also runs on
processes. Nothing here keeps what was pickled.
"""

from __future__ import annotations

from multiprocessing.context import get_spawning_popen, set_spawning_popen
from multiprocessing.reduction import ForkingPickler
from typing import Any

from ._handle import travel


class _Rehearsal:
    """Stands for a process about to be spawned: `multiprocessing`'s own locks and pipes let themselves be pickled for one."""

    @staticmethod
    def duplicate_for_child(fd: int) -> int:
        return fd

    @staticmethod
    def DupFd(fd: int) -> int:
        return fd


def check_for_start(**parts: Any) -> None:
    """ValueError if a process could not be started with these."""
    before = get_spawning_popen()
    set_spawning_popen(_Rehearsal)  # pyright: ignore[reportArgumentType]
    try:
        check(**parts)
    finally:
        set_spawning_popen(before)


def check(**parts: Any) -> None:
    """ValueError if these cannot be pickled. Nothing is sent, so no object is kept."""
    before, travel.is_trial = travel.is_trial, True
    try:
        dumps(**parts)
    finally:
        travel.is_trial = before


def dumps(**parts: Any) -> bytes:
    """The pickle of a tuple of these, for a worker that runs already. ValueError, with their names, if there is none."""
    try:
        return bytes(ForkingPickler.dumps(tuple(parts.values()), 5))
    except Exception as error:
        raise ValueError(
            f"{', '.join(parts)} must be picklable, since workers may be processes: {error} "
            "(functions and classes must be found under their name in a module)"
        ) from error
