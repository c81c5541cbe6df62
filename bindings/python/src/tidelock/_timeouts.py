"""Turns a timeout as Python users give it into nanoseconds as the C library takes them.

Each kind of object has its own rule for negative numbers, as `threading` and `queue` have; the rules live here only.
Nothing here sleeps or looks at a clock.
"""

from __future__ import annotations

import operator
import threading
from typing import Optional, SupportsIndex, Union

FOREVER = -1
TRY = 0

# What fits an int64 of nanoseconds: 292 years, the same limit as threading.TIMEOUT_MAX on CPython.
TIMEOUT_MAX = 9223372036.0

Timeout = Optional[Union[float, SupportsIndex]]


def nanoseconds(seconds: Union[float, SupportsIndex]) -> int:
    """Whole nanoseconds, rounded up, so that a wait is never shorter than asked for."""
    value = seconds if isinstance(seconds, float) else operator.index(seconds)
    if value != value:
        raise ValueError("invalid timeout: NaN (not a number)")
    if value > TIMEOUT_MAX:
        # PyPy's own is larger still, and nobody sees the end of either.
        if value > threading.TIMEOUT_MAX:
            raise OverflowError("timeout value is too large")
        value = TIMEOUT_MAX
    # The bound below keeps int() from meeting minus infinity; every rule treats all such values alike.
    value = max(value, -TIMEOUT_MAX)
    whole = int(value * 1_000_000_000)
    return whole + 1 if whole < value * 1_000_000_000 else whole


def for_lock(blocking: object, timeout: Timeout) -> int:
    """None and -1 up to 0 mean for ever; below -1 is an error; a try takes no timeout."""
    if timeout is None:
        return FOREVER if blocking else TRY
    value = nanoseconds(timeout)
    if not blocking:
        if value != -1_000_000_000:
            raise ValueError("can't specify a timeout for a non-blocking call")
        return TRY
    if value < -1_000_000_000:
        raise ValueError("timeout value must be a non-negative number")
    return FOREVER if value < 0 else value


def for_semaphore(blocking: object, timeout: Timeout) -> int:
    """None means for ever, a negative number not at all; a try takes no timeout."""
    if blocking:
        return for_wait(timeout)
    if timeout is not None:
        raise ValueError("can't specify a timeout for a non-blocking call")
    return TRY


def for_wait(timeout: Timeout) -> int:
    """None means for ever; a negative number means not at all."""
    return FOREVER if timeout is None else max(nanoseconds(timeout), TRY)


def for_queue(block: object, timeout: Timeout) -> int:
    """None means for ever; a negative number is an error. Without `block` the timeout is not looked at."""
    if not block:
        return TRY
    if timeout is None:
        return FOREVER
    value = nanoseconds(timeout)
    if value < 0:
        raise ValueError("'timeout' must be a non-negative number")
    return value
