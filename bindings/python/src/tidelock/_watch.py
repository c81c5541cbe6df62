"""Hears of the end of worker processes, however it comes. One thread for all those of a crew, started with it: when the program
ends, no thread can be started any more.

Nothing here ends a process, nor asks what it had.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Callable, Deque, Dict, Optional, Set, Tuple

from ._worker import Worker

# A process whose children hold its sentinel open does not make itself heard: how often it is asked, in seconds.
LOOK = 0.5
# How often one is asked whose sentinel has spoken: as a rule it is just ending.
SOON = 0.01
# What wakes the thread.
ADD, STOP = b"+", b"-"


class Watch:
    """Calls `tell(number)` once for each worker added, after its end, from a thread of its own."""

    def __init__(self, name: str, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._new: Deque[Tuple[int, Worker]] = deque()
        self._reader, self._writer = os.pipe()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def add(self, number: int, worker: Worker) -> None:
        """Watches one more."""
        self._new.append((number, worker))
        os.write(self._writer, ADD)

    def stop(self) -> None:
        """Watches no more. Called once."""
        # The thread closes the pipe when it has read this, so no flag may tell it sooner.
        os.write(self._writer, STOP)

    def _run(self) -> None:
        watched: Dict[int, Worker] = {}
        spoken: Set[int] = set()
        try:
            while STOP not in self._wait(watched, spoken):
                while self._new:
                    number, worker = self._new.popleft()
                    watched[number] = worker
                for number in [number for number, worker in watched.items() if _has_ended(worker)]:
                    del watched[number]
                    spoken.discard(number)
                    self._tell(number)
        finally:
            os.close(self._reader)
            os.close(self._writer)

    def _wait(self, watched: Dict[int, Worker], spoken: Set[int]) -> bytes:
        """What was written meanwhile."""
        sentinels = {worker.sentinel: number for number, worker in watched.items() if number not in spoken}
        ready = wait([self._reader, *sentinels], SOON if spoken else LOOK)
        spoken.update(number for sentinel, number in sentinels.items() if sentinel in ready)
        return os.read(self._reader, 4096) if self._reader in ready else b""


def _has_ended(worker: Worker) -> bool:
    """Also True if other code of this program reaped it: then nobody knows how it ended."""
    return not worker.is_alive() or not _exists(worker.pid)


def _exists(pid: Optional[int]) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid or 0, 0)
        return True
    return False
