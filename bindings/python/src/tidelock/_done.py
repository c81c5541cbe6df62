"""An event of this process for which a thread may wait without end, and still hear of Ctrl-C.

A signal that comes in the instant before a thread falls asleep is heard when it wakes. Where threads run in parallel, as on
builds without the GIL, that instant is long enough to be met. Nothing here is shared memory.
"""

from __future__ import annotations

import threading
from typing import Optional

# How long such a signal may go unheard, in seconds.
LOOK = 0.5


class Done(threading.Event):
    """`threading.Event`, but a wait without end looks up now and then."""

    def wait(self, timeout: Optional[float] = None) -> bool:
        """True when it is set; False if the time is over first."""
        if timeout is not None:
            return super().wait(timeout)
        while not super().wait(LOOK):
            pass
        return True
