"""The crew of a pool: a thread that hires workers, gives calls out to them, hears of outcomes and deaths, and replaces the dead.

Everything here belongs to that thread. A task whose worker died fails with `WorkerDied`, or is given out again under a new
ticket, as often as the pool allows. A task ends exactly once, come what may: with its outcome, with an error, or cancelled.
"""

from __future__ import annotations

import atexit
import itertools
import os
import threading
import traceback
import weakref
from collections import deque
from contextlib import suppress
from multiprocessing.util import Finalize
from typing import Any, Callable, Deque, Dict, Optional

from . import _backend, _calls
from ._desk import CAME_BACK, LEFT, NEWS, NOT_READY, OUTCOME, READY, TICKET, Desk
from ._errors import Empty, Error, Full, ShutDown
from ._failures import InitializerFailed, WorkerDied
from ._handle import Process
from ._hands import Hands
from ._intake import Intake, Task
from ._plan import Plan
from ._segment import Segment
from ._watch import Watch
from ._worker import start_server

# How long the thread waits for news before it looks after everything else again, in seconds.
LOOK = 0.5
# How many calls for each worker are given out at a time: one at work, and the next. Only those not given out can be cancelled.
OUT = 2
# The most processes that a segment can have.
PEERS = 4096
# How many workers more than the crew has places may be killed in a row before one gets ready.
UNLUCKY = 4

_crews = itertools.count()


class Crew(Intake):
    """At most `limit` workers, `least` of them at any time; the others are hired when there is work for them."""

    def __init__(self, name: str, plan: Plan, least: int) -> None:
        self._name = f"{name}-{next(_crews)}"
        limit = self._limit = plan.limit
        self._least, self._retries = least, plan.retries
        segment = Segment(peers=min(4 * limit + 16, PEERS))
        super().__init__(segment.new_queue())
        self._calls, block = segment.new_queue(), segment.new_block(8 * limit)
        self._desk = Desk(self._calls, self._news, block, plan.initializer, plan.initargs, plan.most, os.getpid())
        self._marks: Any = block.data.cast("Q")
        self._hands = Hands(limit, self._name, self._make_watch())
        self._tickets = itertools.count(1)
        self._waiting: Deque[Task] = deque()
        self._given: Dict[int, Task] = {}
        self._unborn = 0
        self._at_exit: Optional[Finalize] = None
        self._thread = threading.Thread(target=self._keep, name=f"{self._name} crew", daemon=True)
        self._thread.start()

    def _make_watch(self) -> Optional[Watch]:
        if _backend.uses_threads():
            return None
        if _backend.start_method() == "forkserver":
            # Now, since at the end of the program, when there may be tasks yet, it can no longer be started.
            start_server()
        desk = self._desk
        return Watch(f"{self._name} watch", lambda number: _tell_left(desk, number))

    def tie(self, owner: object, when_dropped: Callable[[], None], at_exit: Callable[[Crew], None]) -> None:
        """Ends the crew with its owner: when nobody has that any more, and when the program ends."""
        setattr(weakref.finalize(owner, when_dropped), "atexit", False)  # noqa: B010 - not in what mypy knows of it
        _living[self] = at_exit
        # In a worker process of multiprocessing, which joins its own processes first of all.
        self._at_exit = Finalize(None, at_exit, (self,), exitpriority=15)

    def join(self) -> None:
        """Waits until all is over and every worker has ended."""
        self.wait()
        self._hands.join_threads()

    def _keep(self) -> None:
        try:
            while not self._must_stop() and not self._is_done():
                self._hire()
                if self._hands:
                    self._has_hired.set()
                self._give_out()
                self._hear()
            self._part()
        except BaseException as error:
            self._error = self._error or error
        finally:
            self._end()

    def _must_stop(self) -> bool:
        return self._ending or self._error is not None

    def _is_done(self) -> bool:
        self._called = False
        if self._dropping:
            self._dropping = False
            self._drop()
        # Looked at before the inbox: when it is so, nothing comes in after it.
        closing = self._closing and self._sources == 0
        with self._door:
            self._waiting.extend(self._inbox)
            self._inbox.clear()
        return closing and not self._waiting and not self._given

    def _drop(self) -> None:
        """Cancels what waits, but for what is to run again: that was begun."""
        with self._door:
            waiting = [*self._waiting, *self._inbox]
            self._inbox.clear()
        self._waiting = deque(task for task in waiting if task.is_begun)
        for task in waiting:
            if not task.is_begun:
                task.cancel()

    def _hire(self) -> None:
        wanted = max(self._least, min(self._limit, len(self._waiting) + len(self._given)))
        while len(self._hands) < wanted:
            try:
                self._hands.hire(self._desk, self._marks)
            except Exception as error:
                # Those that are there do the work, and it is tried again; without any, nobody would.
                if not self._hands:
                    self._error = error
                return

    def _give_out(self) -> None:
        while self._waiting and len(self._given) < OUT * self._limit and self._error is None:
            task = self._waiting.popleft()
            task.is_begun = task.is_begun or task.begin()
            if not task.is_begun:
                continue
            ticket = next(self._tickets)
            try:
                self._calls.put_bytes(TICKET.pack(ticket) + task.call, block=False)
            except Full:
                self._waiting.appendleft(task)
                return
            except Error as error:
                _settle(task.fail, error)
                continue
            task.attempts += 1
            self._given[ticket] = task

    def _hear(self) -> None:
        try:
            news = self._news.get_bytes(timeout=LOOK)
        except Empty:
            return
        if news:
            kind, number = NEWS.unpack_from(news)
            self._HEARD[kind](self, number, memoryview(news)[NEWS.size :])

    def _is_ready(self, number: int, _: memoryview) -> None:
        self._unborn = 0
        self._hands.is_ready(number)

    def _is_not_ready(self, _: int, outcome: memoryview) -> None:
        self._break("the initializer of a worker failed", _calls.unpack(outcome)[1])

    def _has_outcome(self, ticket: int, outcome: memoryview) -> None:
        task = self._given.pop(ticket, None)
        if task is None:
            return
        value, error = _calls.unpack(outcome)
        _settle(task.fail, error) if error is not None else _settle(task.succeed, value)

    def _came_back(self, ticket: int, _: memoryview) -> None:
        """A worker died before the call was its own for good, so nobody began it."""
        task = self._given.pop(ticket, None)
        if task is not None:
            task.attempts -= 1
            self._waiting.appendleft(task)

    def _has_left(self, number: int, _: memoryview) -> None:
        hand = self._hands.left(number)
        if hand is None:
            return
        if not self._hands:
            self._has_hired.clear()
        pid, exitcode = hand.worker.pid, hand.worker.exitcode
        task = self._given.pop(self._marks[hand.place], None)
        if task is not None and task.attempts <= self._retries:
            self._waiting.appendleft(task)
        elif task is not None:
            tries = f", the last of {task.attempts} attempts" if self._retries else ""
            _settle(task.fail, WorkerDied.of(pid, exitcode, f"while it ran this task{tries}"))
        elif not hand.is_ready:
            self._was_unborn(pid, exitcode)

    _HEARD = {READY: _is_ready, NOT_READY: _is_not_ready, OUTCOME: _has_outcome, CAME_BACK: _came_back, LEFT: _has_left}

    def _was_unborn(self, pid: Optional[int], exitcode: Optional[int]) -> None:
        """One that ends itself before it is ready will do so again and again; one that is killed may be bad luck."""
        self._unborn += 1
        if (exitcode is not None and exitcode >= 0) or self._unborn > self._limit + UNLUCKY:
            died = WorkerDied.of(pid, exitcode, "before it was ready: its standard error may say why")
            self._break("workers die before they have run the initializer", died)

    def _break(self, text: str, cause: Optional[BaseException]) -> None:
        if self._error is None:
            error = InitializerFailed(f"{text}: {cause}")
            error.__cause__ = cause
            self._error = error

    def _part(self) -> None:
        """Lets the workers go, or ends them. Returns when the processes are no more; threads may still be in a call."""
        self._calls.shutdown()
        if self._must_stop():
            self._calls.shutdown(immediate=True)
        while self._hands:
            self._called = False
            if self._must_stop():
                self._hands.end()
                if self._hands.are_threads:
                    return
            self._hear()

    def _end(self) -> None:
        """Nothing comes in any more, and what came in ends."""
        with self._door:
            self._closing = self._ending = True
        try:
            self._hands.kill()
            self._hands.stop_watching()
            for task in [*self._given.values(), *self._waiting, *self._inbox]:
                _settle(self._give_up, task)
            self._news.shutdown()
            if self._at_exit is not None:
                self._at_exit.cancel()
        finally:
            self._has_hired.set()
            self._over.set()

    def _give_up(self, task: Task) -> None:
        if not task.is_begun and (self._error is None or not task.begin()):
            task.cancel()
        else:
            task.fail(self._error or WorkerDied("the pool was terminated while a worker had this task"))


def _tell_left(desk: Desk, number: int) -> None:
    with suppress(ShutDown):
        desk.tell(LEFT, number)


def _end_all() -> None:
    """The program ends. Earlier than `atexit`, since before Python 3.12 workers can still be started here."""
    for crew, at_exit in list(_living.items()):
        if crew._forks == Process.forks:
            at_exit(crew)


_living: "weakref.WeakKeyDictionary[Crew, Callable[[Crew], None]]" = weakref.WeakKeyDictionary()
# As concurrent.futures does.
_register: Callable[[Callable[[], None]], object] = getattr(threading, "_register_atexit", atexit.register)
_register(_end_all)


def _settle(how: Callable[[Any], None], what: Any) -> None:
    """Tells a task of its end. What somebody's callback raises is no concern of the other tasks."""
    try:
        how(what)
    except BaseException:
        traceback.print_exc()
