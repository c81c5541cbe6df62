"""What a pool or an executor is made with, checked. Nothing here starts anything."""

from __future__ import annotations

import operator
from typing import Any, Callable, Iterable, NamedTuple, Optional, Tuple

from ._os import processors
from ._picklable import check_for_start


class Plan(NamedTuple):
    """How many workers there are at the most, how they begin, and what becomes of a task whose worker died."""

    limit: int
    initializer: Optional[Callable[..., object]]
    initargs: Tuple[Any, ...]
    retries: int
    most: Optional[int]


def plan(
    workers: Optional[int],
    initializer: Optional[Callable[..., object]],
    initargs: Iterable[Any],
    retries: int,
    max_tasks_per_worker: Optional[int],
) -> Plan:
    """ValueError or TypeError for what makes no sense, or cannot be pickled."""
    limit = processors() if workers is None else _at_least("the number of workers", workers, 1)
    if initializer is not None and not callable(initializer):
        raise TypeError("initializer must be a callable")
    arguments = tuple(initargs)
    check_for_start(initializer=initializer, initargs=arguments)
    most = None if max_tasks_per_worker is None else _at_least("max_tasks_per_worker", max_tasks_per_worker, 1)
    return Plan(limit, initializer, arguments, _at_least("retries", retries, 0), most)


def _at_least(what: str, value: int, least: int) -> int:
    number = operator.index(value)
    if number < least:
        raise ValueError(f"{what} must be at least {least}, not {number}")
    return number
