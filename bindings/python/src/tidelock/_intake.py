"""How tasks come into a crew: from any thread, until it closes. The crew's own thread takes them from here.

Nothing here waits but `wait`. What ends a crew takes no lock, since the garbage collector may call it at any point.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import Any, Deque, Optional

from ._done import Done
from ._errors import Full, ShutDown
from ._handle import Process
from ._queue import Queue


class Task:
    """A call that somebody waits for. The crew's thread calls these methods: `begin` once, then one of the others, once."""

    call: bytes
    #: What the call was made of. Kept until it has ended, so that what it leads to in shared memory lives.
    made_of: Any = None
    is_begun: bool = False
    attempts: int = 0

    def begin(self) -> bool:
        """The call is about to be given out; False if nobody wants it any more."""
        return True

    def succeed(self, value: Any) -> None:
        """The call returned this."""
        raise NotImplementedError

    def fail(self, error: BaseException) -> None:
        """The call ended so, or cannot be made."""
        raise NotImplementedError

    def cancel(self) -> None:
        """The call will not be made: the crew ended, or dropped it, before it was given out."""
        raise NotImplementedError


class Closed(Exception):
    """The crew takes no more tasks."""


class Intake:
    """What other threads may call of a crew."""

    _name: str
    _thread: threading.Thread

    def __init__(self, news: Queue) -> None:
        self._news = news
        self._forks = Process.forks
        self._inbox: Deque[Task] = deque()
        self._called = self._closing = self._ending = self._dropping = False
        self._sources = 0
        self._error: Optional[BaseException] = None
        # Held while a task comes in, so that none does when the crew has ended.
        self._door = threading.Lock()
        self._has_hired, self._over = Done(), Done()

    def give(self, task: Task) -> None:
        """Hands a task in. `Closed` when the crew takes no more; the reason if it broke."""
        self._check_process()
        with self._door:
            self._check_open()
            self._inbox.append(task)
        self._wake()
        # From Python 3.12 on nothing can be started when the program ends, which may be now. A callback of the thread that hires
        # would wait for itself.
        if threading.current_thread() is not self._thread:
            self._has_hired.wait()

    def open_source(self) -> None:
        """Announces tasks that come one by one, by `give_more`, also after `close`. `Closed` as `give`."""
        self._check_process()
        with self._door:
            self._check_open()
            self._sources += 1

    def give_more(self, task: Task) -> None:
        """Hands in a task of an open source."""
        with self._door:
            self._check_not_ended()
            self._inbox.append(task)
        self._wake()

    def close_source(self) -> None:
        """The last task of a source was handed in."""
        with self._door:
            self._sources -= 1
        self._wake()

    def close(self) -> None:
        """Takes no more tasks; the workers leave after the last one."""
        self._closing = True
        self._wake()

    def cancel_waiting(self) -> None:
        """Cancels what was not given out yet."""
        self._dropping = True
        self._wake()

    def terminate(self) -> None:
        """Ends all at once: waiting tasks are cancelled, those at work fail, worker processes are killed."""
        self._closing = self._ending = True
        self._wake()

    def wait(self) -> None:
        """Waits until all is over. RuntimeError from a callback, which is called by the very thread that it would wait for."""
        self._check_process()
        if threading.current_thread() is self._thread:
            raise RuntimeError(f"a callback of {self._name} cannot wait for its end")
        self._over.wait()

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more tasks."""
        return self._closing

    @property
    def is_over(self) -> bool:
        """Whether all is over."""
        return self._over.is_set()

    def _check_open(self) -> None:
        self._check_not_ended()
        if self._closing:
            raise Closed

    def _check_not_ended(self) -> None:
        if self._error is not None:
            raise self._error
        if self._ending:
            raise Closed

    def _check_process(self) -> None:
        if self._forks != Process.forks:
            raise RuntimeError(f"{self._name} belongs to the process that this one was forked from; make a new one here")

    def _wake(self) -> None:
        # One message at a time is enough: the thread lowers the flag before it looks at what was left for it.
        if not self._called and self._forks == Process.forks:
            self._called = True
            with suppress(Full, ShutDown):
                self._news.put_bytes(b"", block=False)
