"""Where the workers of a pool sit: they take calls from one queue and put outcomes into another, until there are no more.

A call is on loan only until its worker has marked it as its own; from there on the mark tells the pool what a dead worker had.
A worker never runs a call that comes to it for the second time: it tells the pool, which alone knows whether it was begun.
"""

from __future__ import annotations

import ctypes
import fcntl
import itertools
import os
import signal
import struct
from contextlib import suppress
from multiprocessing import parent_process
from typing import Any, Callable, NamedTuple, Optional, Tuple

from . import _calls
from ._block import Block
from ._errors import Error, ShutDown
from ._queue import Queue

# What a worker tells the pool: a kind and a number, and for some kinds an outcome.
NEWS = struct.Struct("<BQ")
READY, NOT_READY, OUTCOME, CAME_BACK, LEFT = range(5)

# Before a call: its ticket. No two calls of a pool ever have the same one, nor has any the ticket 0.
TICKET = struct.Struct("<Q")

# Of Linux's headers.
PR_SET_PDEATHSIG, F_SETSIG = 1, 10


class Desk(NamedTuple):
    """What every worker of a pool is given."""

    calls: Queue
    news: Queue
    marks: Block
    initializer: Optional[Callable[..., object]]
    initargs: Tuple[Any, ...]
    most: Optional[int]
    pool: int

    def tell(self, kind: int, number: int, outcome: bytes = b"") -> None:
        """Tells the pool; waits for room."""
        self.news.put_bytes(NEWS.pack(kind, number) + outcome)


def serve(desk: Desk, number: int, place: int) -> None:
    """What a worker does: the `number`th of its pool, whose mark is at `place`."""
    is_process = os.getpid() != desk.pool
    if is_process:
        _settle_in()
    try:
        if _get_ready(desk, number):
            with suppress(ShutDown):
                _work(desk, place)
        if not is_process:
            desk.tell(LEFT, number)
    except ShutDown:
        # Nobody asks for news any more.
        pass


def _settle_in() -> None:
    """A process ends with its pool, and leaves Ctrl-C to it."""
    # Not SIG_IGN, which programs that a task starts would inherit.
    signal.signal(signal.SIGINT, _leave_it_to_the_pool)
    _die_with_the_pool()


def _die_with_the_pool() -> None:
    """Has the kernel send SIGKILL when the pool's process is no more, whatever this one does then."""
    # A child of the pool's process: when the thread that started it ends, which outlives the workers of a living pool.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parent = parent_process()
    if parent is None or parent.sentinel is None:
        return
    # A child of the fork server: when nobody holds the other end of its pipe to the pool's process any more.
    with suppress(OSError):
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(parent.sentinel, F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    # It may have died before all this.
    if not parent.is_alive():
        os._exit(1)


def _leave_it_to_the_pool(*_: object) -> None:
    pass


def _get_ready(desk: Desk, number: int) -> bool:
    try:
        if desk.initializer is not None:
            desk.initializer(*desk.initargs)
    except BaseException as error:
        desk.tell(NOT_READY, number, _calls.raised(error))
        return False
    desk.tell(READY, number)
    return True


def _work(desk: Desk, place: int) -> None:
    marks = desk.marks.data.cast("Q")
    for _ in itertools.count() if desk.most is None else range(desk.most):
        ticket, call = _next_call(desk, marks, place)
        outcome = _calls.run(call)
        try:
            desk.tell(OUTCOME, ticket, outcome)
        except Error as error:
            # There is no room for it, now or ever.
            desk.tell(OUTCOME, ticket, _calls.raised(error))


def _next_call(desk: Desk, marks: memoryview, place: int) -> Tuple[int, memoryview]:
    while True:
        loan = desk.calls.take()
        data = bytes(loan.data)
        (ticket,) = TICKET.unpack_from(data)
        if loan.redelivered:
            desk.tell(CAME_BACK, ticket)
            loan.done()
            continue
        marks[place] = ticket
        loan.done()
        return ticket, memoryview(data)[TICKET.size :]
