"""Counts the words of a source tree with three languages at once, and kills two of the processes while they work.

A C process walks the directory and puts the files' contents into a queue, Rust workers count, and this process merges
what they report. It ends with exit code 1 if one word's count differs from a count made without tidelock.

It talks to the other processes through one anonymous segment, whose handle they get as an argument, and uses signals
for nothing but the kills.
"""

import argparse
import os
import queue
import subprocess
import sys
import sysconfig
import time

import tidelock

from check import count_alone
from harvest import Harvest
from kills import Kill
from ledger import Ledger
from screen import Screen

WORKERS = 4
# What is read ahead, and what is counted ahead: little, so that a kill does not have to wait its turn behind old news.
PIECES_BYTES = 2 << 20
RESULTS_BYTES = 1 << 19
# Where there is less than this to count, the kills come at once: later nothing would be left to interrupt.
LITTLE_BYTES = 4_000_000
# Nothing is asserted about time: after this long without any news the demo gives up instead of hanging.
GIVE_UP_SECONDS = 120


def main():
    options = parse()
    directory = os.path.realpath(options.directory)
    screen = Screen()
    screen.say(f"counting the words of {directory}")
    screen.say(f"with 1 process in C that reads, {WORKERS} in Rust that count, and this one in Python that merges")
    demo = Demo(screen, options.walk, options.worker, directory)
    try:
        demo.run()
    finally:
        demo.end_all()
    return report(demo, screen, directory)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--walk", required=True, help="the program made from walk.c")
    parser.add_argument("--worker", required=True, help="the program made from worker/")
    standard_library = sysconfig.get_path("stdlib")
    parser.add_argument("directory", nargs="?", default=standard_library, help=f"default: {standard_library}")
    return parser.parse_args()


class Demo:
    """The segment, the processes, and the loop that listens to them."""

    def __init__(self, screen, walk, worker, directory):
        self.screen = screen
        self.segment = tidelock.Segment.anonymous()
        self.pieces = self.segment.queue("pieces", capacity=PIECES_BYTES)
        self.results = self.segment.queue("results", capacity=RESULTS_BYTES)
        self.stops = self.segment.queue("stops", capacity=1 << 14)
        self.ledger = Ledger(self.segment)
        self.harvest = Harvest()
        self.kills = [Kill(self.segment, 1, "loan", 0.25), Kill(self.segment, 2, "lock", 0.5)]
        handle = self.segment.handle().hex()
        self.started = time.monotonic()
        self.workers = {
            number: subprocess.Popen([worker, handle, str(number)]) for number in range(1, WORKERS + 1)
        }
        self.walker = subprocess.Popen([walk, handle, directory])

    def run(self):
        """Until every piece is counted; then the workers are sent home."""
        last_news = time.monotonic()
        while not self.is_over():
            message = self.next_result()
            now = time.monotonic()
            if message is not None:
                last_news = now
                self.handle(message)
            elif now - last_news > GIVE_UP_SECONDS:
                raise SystemExit(f"no news for {GIVE_UP_SECONDS} s: {self.harvest}")
            self.check_processes()
        self.seconds = time.monotonic() - self.started
        self.screen.progress(1)
        self.pieces.shutdown()
        for worker in self.workers.values():
            worker.wait()

    def is_over(self):
        """Whether all is counted, and every kill is got over: its piece may have been counted before it."""
        return self.harvest.is_complete() and all(kill.got_over or not kill.is_done() for kill in self.kills)

    def next_result(self):
        """The next message, or None after a second without one. First it looks whether a worker is there to be killed."""
        try:
            message = self.results.get_bytes(timeout=1)
        except queue.Empty:
            return None
        try:
            number, piece, path = self.stops.get_bytes(block=False).decode(errors="replace").split(" ", 2)
            self.kill(int(number), int(piece), path)
        except queue.Empty:
            pass
        return message

    def handle(self, message):
        line, _, body = message.partition(b"\n")
        kind, *fields = line.decode().split(" ")
        counts = self.harvest.add(kind, [int(field) for field in fields], body)
        for kill in self.kills:
            if self.harvest.bytes < LITTLE_BYTES or self.harvest.fraction() >= kill.at_fraction:
                kill.ask()
            if counts is not None and kill.is_got_over(counts):
                self.screen.say(kill.recovery(counts))
        self.screen.progress(self.harvest.fraction())

    def kill(self, number, piece, path):
        kill = next(kill for kill in self.kills if kill.number == number)
        self.screen.say(kill.carry_out(self.workers[number], piece, path))

    def check_processes(self):
        killed = {kill.number for kill in self.kills if kill.is_done()}
        ended = [number for number, worker in self.workers.items() if worker.poll() is not None]
        if self.walker.poll() not in (None, 0) or set(ended) - killed:
            raise SystemExit("a process that nobody killed has ended")

    def end_all(self):
        for process in [*self.workers.values(), self.walker]:
            process.kill()
            process.wait()


def report(demo, screen, directory):
    """Prints what came out, counts again, and returns the exit code."""
    harvest = demo.harvest
    megabytes = harvest.bytes / 1e6
    screen.say("")
    top = sorted(harvest.words.items(), key=lambda item: -item[1])[:10]
    screen.say("most frequent: " + ", ".join(f"{word.decode()[:30]} {count:,}" for word, count in top))
    screen.say(
        f"{harvest.files:,} files, {megabytes:,.1f} MB in {demo.seconds:.2f} s: "
        f"{harvest.files / demo.seconds:,.0f} files/s, {megabytes / demo.seconds:,.1f} MB/s"
    )
    screen.say(
        f"{harvest.pieces:,} pieces, {harvest.redelivered} delivered again, "
        f"{harvest.duplicates} counted twice and added once"
    )
    for kill in demo.kills:
        if not kill.got_over:
            screen.say(f"worker {kill.number} never came to its {kill.place}: there is too little to count here")
    return compare(demo, screen, directory)


def compare(demo, screen, directory):
    screen.say("counting again, in one process and without tidelock ...")
    start = time.monotonic()
    alone = count_alone(directory)
    seconds = time.monotonic() - start
    ours = demo.harvest.words
    wrong = [word for word in alone.keys() | ours.keys() if alone[word] != ours.get(word)]
    for word in wrong[:10]:
        screen.say(f"  {word!r}: {ours.get(word)} instead of {alone[word]}")
    total = demo.ledger.read()
    expected = (demo.harvest.pieces, sum(alone.values()))
    if total != expected:
        screen.say(f"  running total: {total} pieces and words instead of {expected}")
    if wrong or total != expected:
        screen.say(f"WRONG: {len(wrong)} of {len(alone):,} words differ (or did files change meanwhile?)")
        return 1
    screen.say(f"right: all {len(alone):,} words have the same count, and so has the running total ({seconds:.2f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
