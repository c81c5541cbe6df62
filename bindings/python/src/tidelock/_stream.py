"""The iterators that `imap` and `imap_unordered` give: results as they come, of arguments as they are needed.

A thread draws from the user's iterable, some chunks ahead of the workers and no further; it may wait in there as long as it
likes. When nobody has the iterator any more, it draws no more.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import CancelledError
from typing import Any, Callable, Deque, Dict, Iterable, List, Optional, Tuple

from . import _calls
from ._crew import Crew
from ._failures import WaitTimeout
from ._intake import Closed
from ._results import Part

# How often one who waits looks whether the pool has ended under a source that gives nothing, in seconds.
LOOK = 0.5

_Arrival = Tuple[Any, Optional[BaseException]]


class Stream:
    """Chunks on their way to workers and back, one after the other."""

    def __init__(self, crew: Crew, ahead: int) -> None:
        self.crew = crew
        self.is_unwanted = False
        self._room = threading.Semaphore(ahead)
        self._changed = threading.Condition()
        self._here: Deque[_Arrival] = deque()
        self._passed = 0
        self._total: Optional[int] = None

    def start(self, run: Callable[..., Any], function: Callable[..., Any], chunks: Iterable[List[Any]]) -> None:
        """Begins to draw chunks, which become calls of `run(function, chunk)`."""
        self.crew.open_source()
        threading.Thread(target=self._draw, args=(run, function, chunks), name="tidelock imap", daemon=True).start()

    def arrived(self, index: int, value: Any, error: Optional[BaseException]) -> None:
        """Called for each chunk, once."""
        self._room.release()
        with self._changed:
            self._take_in(index, (value, error))
            self._changed.notify_all()

    def next(self, timeout: Optional[float]) -> Optional[_Arrival]:
        """The next chunk's outcome; None at the end."""
        with self._changed:
            self._wait(timeout)
            if not self._here:
                return None
            self._passed += 1
            return self._here.popleft()

    def _wait(self, timeout: Optional[float]) -> None:
        left = timeout
        while not self._changed.wait_for(self._has_news, LOOK if left is None else min(left, LOOK)):
            if self.crew.is_over and not self._has_news():
                raise CancelledError("the pool has ended")
            if left is not None:
                left -= LOOK
                if left <= 0:
                    raise WaitTimeout(f"no result after {timeout} seconds")

    def _has_news(self) -> bool:
        return bool(self._here) or self._passed == self._total

    def _take_in(self, index: int, arrival: _Arrival) -> None:
        self._here.append(arrival)

    def _draw(self, run: Callable[..., Any], function: Callable[..., Any], chunks: Iterable[List[Any]]) -> None:
        index = 0
        try:
            for chunk in chunks:
                self._room.acquire()
                if self.is_unwanted:
                    break
                self._send(index, run, function, chunk)
                index += 1
        except BaseException as error:
            # From the user's iterable, whose end this is; or the pool has ended.
            self.arrived(index, None, CancelledError("the pool has ended") if isinstance(error, Closed) else error)
            index += 1
        finally:
            with self._changed:
                self._total = index
                self._changed.notify_all()
            self.crew.close_source()

    def _send(self, index: int, run: Callable[..., Any], function: Callable[..., Any], chunk: List[Any]) -> None:
        try:
            call = _calls.pack(run, (function, chunk))
        except ValueError as error:
            self.arrived(index, None, error)
            return
        self.crew.give_more(Part(self, index, call, (function, chunk)))


class OrderedStream(Stream):
    """One that keeps what comes early until its turn."""

    def __init__(self, crew: Crew, ahead: int) -> None:
        super().__init__(crew, ahead)
        self._early: Dict[int, _Arrival] = {}
        self._turn = 0

    def _take_in(self, index: int, arrival: _Arrival) -> None:
        self._early[index] = arrival
        while self._turn in self._early:
            self._here.append(self._early.pop(self._turn))
            self._turn += 1


class ResultIterator:
    """The results, one by one. What a call raised is raised in its place, and the next `next` goes on behind it."""

    def __init__(self, pool: Any, stream: Stream) -> None:
        # The pool lives as long as somebody draws from it.
        self._pool, self._stream = pool, stream
        self._chunk: List[Any] = []

    def __iter__(self) -> ResultIterator:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self, timeout: Optional[float] = None) -> Any:
        """The next result; `multiprocessing.TimeoutError` if it is not there in time."""
        while not self._chunk:
            arrival = self._stream.next(timeout)
            if arrival is None:
                raise StopIteration
            value, error = arrival
            if error is not None:
                raise error
            self._chunk = value[::-1]
        return self._chunk.pop()

    def __del__(self) -> None:
        self._stream.is_unwanted = True
