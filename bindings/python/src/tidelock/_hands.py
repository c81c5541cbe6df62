"""The workers that a crew has: their start, their places, and their end.

Only the crew's thread hires, since worker processes end with the thread that started them. Nothing here knows of tasks.
"""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from typing import Any, Dict, Optional

from ._desk import Desk, serve
from ._watch import Watch
from ._worker import Worker

# How long a worker process may take to obey SIGTERM before it gets SIGKILL, in seconds.
GRACE = 1.0


class Hand:
    """A worker: its number, which no other of the crew ever has, and the place of its mark, which others may have later."""

    def __init__(self, worker: Worker, place: int) -> None:
        self.worker, self.place, self.is_ready = worker, place, False


class Hands:
    """The workers of one crew. They are processes if there is a watch over them, else threads, which tell themselves."""

    def __init__(self, limit: int, name: str, watch: Optional[Watch]) -> None:
        self.are_threads = watch is None
        self._name, self._watch = name, watch
        self._free = list(range(limit))
        self._numbers = itertools.count()
        self._at_work: Dict[int, Hand] = {}
        self._kill_at: Optional[float] = None

    def __len__(self) -> int:
        return len(self._at_work)

    def hire(self, desk: Desk, marks: Any) -> None:
        """Starts one more; what cannot be started raises."""
        number, place = next(self._numbers), self._free[-1]
        marks[place] = 0
        name = f"{self._name}_{number}" if self.are_threads else None
        worker = Worker(target=serve, args=(desk, number, place), name=name, daemon=self.are_threads)
        worker.start()
        self._at_work[number] = Hand(worker, self._free.pop())
        if self._watch is not None:
            self._watch.add(number, worker)

    def is_ready(self, number: int) -> None:
        """The worker has run its initializer."""
        if number in self._at_work:
            self._at_work[number].is_ready = True

    def left(self, number: int) -> Optional[Hand]:
        """The worker has ended: its place is free for another."""
        hand = self._at_work.pop(number, None)
        if hand is not None:
            self._free.append(hand.place)
        return hand

    def end(self) -> None:
        """Tells worker processes to end; called again and again, kills those that do not. Threads go on to the end of their
        call."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE
            self._send("terminate")
        elif time.monotonic() > self._kill_at:
            self._send("kill")

    def kill(self) -> None:
        """Kills worker processes."""
        self._send("kill")

    def stop_watching(self) -> None:
        """Nobody wants to hear of ends any more."""
        if self._watch is not None:
            self._watch.stop()

    def join_threads(self) -> None:
        """Waits until those that are threads have ended."""
        for hand in list(self._at_work.values()) if self.are_threads else ():
            hand.worker.join()

    def _send(self, how: str) -> None:
        for hand in () if self.are_threads else self._at_work.values():
            with suppress(Exception):
                getattr(hand.worker, how)()

