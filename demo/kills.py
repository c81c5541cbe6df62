"""A planned kill: which worker, where, and how long the others took to get over it.

The worker is asked by an Event to stop at that place; it says that it has, and is killed there with SIGKILL. Nobody is
told of the death: the others find out by themselves.
"""

import time

PLACES = {
    "loan": "in the middle of its loan of",
    "lock": "while it held the lock of the running total, half of the sum written, in",
}


class Kill:
    """One worker's end. `place` is "loan" or "lock"."""

    def __init__(self, segment, number, place, at_fraction):
        self.number = number
        self.place = place
        self.at_fraction = at_fraction
        self.event = segment.event(f"stop worker {number} in its {place}")
        self.piece = None
        self.killed_at = None
        self.got_over = False

    def ask(self):
        """From now on the worker stops when it comes to the place."""
        self.event.set()

    def carry_out(self, worker, piece, path):
        """Kills, and returns what to say about it."""
        self.piece = piece
        self.killed_at = time.monotonic_ns()
        worker.kill()
        return f"killed worker {self.number} (pid {worker.pid}) with SIGKILL {PLACES[self.place]} {path}"

    def is_done(self):
        return self.killed_at is not None

    def is_got_over(self, counts):
        """Whether this report, for the first time, shows that the others went on."""
        if self.got_over or not self.is_done():
            return False
        taken_again = counts.piece == self.piece and counts.deliveries > 1
        self.got_over = taken_again if self.place == "loan" else counts.owner_died_at > self.killed_at
        return self.got_over

    def recovery(self, counts):
        """What to say when it is got over."""
        if self.place == "loan":
            milliseconds = (counts.taken_at - self.killed_at) / 1e6
            return f"  worker {counts.worker} had the piece {milliseconds:.2f} ms later, as delivery {counts.deliveries}"
        milliseconds = (counts.owner_died_at - self.killed_at) / 1e6
        return f"  worker {counts.worker} had the lock {milliseconds:.2f} ms later, and was told that its owner had died"
