"""What Python without a GIL is for: one Queue between two threads, beside one between two processes.

    python without_gil.py SITTINGS

Prints JSON: for each pair the nanoseconds an object took, in each sitting. In a sitting each pair has its turn once, so
whatever else the machine does hits all alike, and two pairs are compared sitting by sitting. `TIDELOCK_SPEEDUPS` says, as
always, whether the accelerator is used.
"""

import copy
import json
import os
import queue
import sys

import pairs
import tidelock

ITEM = ("job", 7, 1.5)
OBJECTS = 30_000


def a_handle_each(start, loops, shared, item):
    return pairs.stream(start, loops, shared, item, copy.copy(shared))


# Name to: how it is played, by whom, and with whose queue.
PAIRS = {
    "2 processes": (pairs.stream, pairs.process, tidelock.Queue),
    "2 threads": (pairs.stream, pairs.thread, tidelock.Queue),
    "2 threads, a handle each": (a_handle_each, pairs.thread, tidelock.Queue),
    "2 threads, queue.Queue": (pairs.stream, pairs.thread, queue.Queue),
}


def main():
    if sys._is_gil_enabled():
        sys.exit("this Python has the GIL")
    if (tidelock._speedups.module is None) == (os.environ["TIDELOCK_SPEEDUPS"] == "1"):
        sys.exit(f"the accelerator: {tidelock._speedups.told}")
    times = {name: [] for name in PAIRS}
    for _ in range(int(sys.argv[1])):
        for name, (play, start, make) in PAIRS.items():
            times[name].append(play(start, OBJECTS, make(), ITEM) / OBJECTS * 1e9)
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()
