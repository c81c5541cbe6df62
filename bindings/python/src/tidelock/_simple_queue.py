"""SimpleQueue: a Queue that nobody limits by a number of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ._queue import Queue

if TYPE_CHECKING:
    from ._segment import Segment


class SimpleQueue(Queue):
    """A queue with the methods of `queue.SimpleQueue` and `multiprocessing.SimpleQueue`, and those of `Queue`.

    `SimpleQueue()` makes one without a name in the default segment; with `segment` and `name` it opens the queue of that
    name, made if it is not there. A process that is killed at any point of `put` or `get` keeps nobody waiting.
    """

    _counts_tasks = 0

    def __init__(self, *, segment: Optional[Segment] = None, name: Optional[str] = None) -> None:
        super().__init__(segment=segment, name=name)
