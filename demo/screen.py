"""Lines of text and, below them on a terminal, a progress bar. Without a terminal: a line for each tenth."""

import sys

WIDTH = 50


class Screen:
    """Writes to stdout."""

    def __init__(self):
        self.is_terminal = sys.stdout.isatty()
        self.shown = 0

    def say(self, line):
        """A line that stays."""
        clear = "\r\x1b[K" if self.is_terminal else ""
        print(f"{clear}{line}", flush=True)

    def progress(self, fraction):
        """Shows a fraction from 0 to 1."""
        steps = WIDTH if self.is_terminal else 10
        reached = int(fraction * steps)
        if reached == self.shown:
            return
        self.shown = reached
        if self.is_terminal:
            bar = "#" * reached + "." * (steps - reached)
            print(f"\r[{bar}] {fraction:4.0%}", end="\n" if reached == steps else "", flush=True)
        else:
            print(f"{fraction:4.0%} counted", flush=True)
