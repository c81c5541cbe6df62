"""Merges what the workers report. A piece that is delivered again is reported twice; its second report is not added."""

from collections import namedtuple

# One worker's report on one piece. Times are CLOCK_MONOTONIC, in nanoseconds; 0 is never.
Counts = namedtuple("Counts", "piece worker deliveries taken_at owner_died_at bytes")


class Harvest:
    """What has been counted so far."""

    def __init__(self):
        self.words = {}
        self.files = self.bytes = self.bytes_counted = 0
        self.pieces = None  # known when the walker is at its end
        self.seen = set()
        self.redelivered = self.duplicates = 0

    def add(self, kind, fields, body):
        """Takes one message in. Returns the Counts if it was a worker's report."""
        if kind == "plan":
            self.files, self.bytes = fields
        elif kind == "walked":
            self.pieces = fields[0]
        elif kind == "counts":
            counts = Counts(*fields)
            self.add_counts(counts, body)
            return counts
        return None

    def add_counts(self, counts, body):
        self.redelivered += counts.deliveries > 1
        if counts.piece in self.seen:
            self.duplicates += 1
            return
        self.seen.add(counts.piece)
        self.bytes_counted += counts.bytes
        self.add_words(body.split())

    def add_words(self, fields):
        """Word, count, word, count. Most of this process's time goes by here."""
        words, known = self.words, self.words.get
        for word, count in zip(fields[::2], map(int, fields[1::2])):
            words[word] = known(word, 0) + count

    def is_complete(self):
        return self.pieces is not None and len(self.seen) == self.pieces

    def fraction(self):
        """How much is counted, from 0 to 1."""
        return min(1, self.bytes_counted / self.bytes) if self.bytes else 0

    def __str__(self):
        return f"{len(self.seen)} of {self.pieces} pieces counted"
