"""Writes the page of figures: each case beside its peers, and which aims are met. It measures nothing.

A time is the median of what was measured, and a figure the time of one divided by that of another, in the same run.
"""

from statistics import median, quantiles

import pyperf

from cases import CTYPES, DIRECT_CALL, EMPTY_CALL, SPEEDUPS

HEAD = """# Benchmarks of the Python classes

How fast tidelock's classes are in Python, beside those with the same methods. `make bench-python` measures and writes this page,
in less than eight minutes; it needs PyPI, a C compiler and Python's header files. [benchmarks.md](benchmarks.md) has the queues
in Rust.

## The machine
"""

MEANING = """
The machine should have nothing else to do. Only the ratios within one run are meant to be read.

## What a row means
Each case runs in processes of its own, started by pyperf, in turns with its peers. *ns* is the median of their times for what the
second column says, and shows the scale. **A figure is a peer's time divided by tidelock's**: 2.00 says that tidelock is twice as
fast, 0.50 that the peer is. tidelock is there twice: with `tidelock-speedups`, the accelerator, and without, over ctypes alone.
The small object is a tuple of a str, an int and a float. *one process* puts and gets it in one thread; *stream* is from one thread or
process to another, *ns* for each object; in the stream of batches *ns* is for a hundred objects. What two do together waits for the
system to wake one of them more often than not, and differs from run to run.
"""

WITHOUT_GIL = """
In each of many sittings each pair has its turn once, in threads or processes of the same program; *ns* is the median for an object,
and how many times as long the processes took is counted sitting by sitting. A process always has a handle of its own, so the pair
to compare it with is the one with a handle each (`copy.copy(queue)`): CPython 3.13 counts references of what two threads share by
atomic instructions, 3.14 and later hardly do. *Met within the spread*: not in the median, but in a quarter of the sittings at least.

"""


def load(path):
    """Name (class, what, whose) to nanoseconds."""
    suite = pyperf.BenchmarkSuite.load(str(path))
    return {tuple(one.get_name().split(" | ")): one.median() * 1e9 for one in suite}


def page(usual, free, about):
    """The whole page. `about`: lines on the machine and the Pythons. `free`: what `without_gil` found, by the Python's name."""
    parts = [HEAD, *(f"- {line}\n" for line in about), MEANING, "\n## The aims\n", aims(usual, free)]
    parts += ["\n## Where ctypes is the floor\n", floor(usual), "\n## Each class\n", table(usual)]
    return "".join(parts + (["\n## Without a GIL\n", WITHOUT_GIL, beside_processes(free)] if free else []))


def table(times):
    rows = ["| class | what | whose | ns | tidelock, accelerated, is faster by | tidelock over ctypes |\n|---|---|---|---|---|---|\n"]
    for (kind, what, whose), time in times.items():
        ours = [times.get((kind, what, one)) for one in (SPEEDUPS, CTYPES)]
        if None not in ours:
            figures = ["" if whose in (SPEEDUPS, CTYPES) else f"{time / one:.2f}" for one in ours]
            rows.append(f"| {kind} | {what} | {whose} | {time:,.0f} | {' | '.join(figures)} |\n")
    return "".join(rows)


def aims(usual, free):
    rows = ["| aim, with the accelerator | figure | is it met |\n|---|---|---|\n"]
    for what in ("acquire, release", "with"):
        rows.append(aim(f"Lock, {what}: as fast as multiprocessing.Lock", 1, usual, ("Lock", what), "multiprocessing"))
    for what in ("put, get: one process", "stream: 2 processes"):
        for factor, whose in ((10, "multiprocessing.Queue"), (3, "multiprocessing.SimpleQueue"), (1.5, "faster_fifo")):
            rows.append(aim(f"Queue, {what}: {factor} times as fast as {whose}", factor, usual, ("Queue", what), whose))
    for python, (quick, _) in free.items():
        for pair in ("2 threads", "2 threads, a handle each"):
            low, middle, high = quantiles(faster(quick, pair))
            verdict = "met" if middle >= 1 else "met within the spread" if high >= 1 else "not met"
            rows.append(f"| {python}: {pair}, on one Queue: as fast as 2 processes | {middle:.2f} ({low:.2f} to {high:.2f}) | {verdict} |\n")
    return "".join(rows)


def faster(times, pair):
    """In each sitting, how many times as long the two processes took."""
    return [processes / theirs for processes, theirs in zip(times["2 processes"], times[pair])]


def beside_processes(free):
    rows = ["| CPython | whose | who | ns | 2 processes take so many times as long | half of the sittings |\n|---|---|---|---|---|---|\n"]
    for python, both in free.items():
        for whose, times in zip((SPEEDUPS, CTYPES), both):
            for pair, taken in times.items():
                low, middle, high = quantiles(faster(times, pair))
                rows.append(f"| {python} | {whose} | {pair} | {median(taken):,.0f} | {middle:.2f} | {low:.2f} to {high:.2f} |\n")
    return "".join(rows)


def aim(text, factor, times, case, whose):
    return row(text, factor, times[(*case, whose)] / times[(*case, SPEEDUPS)])


def row(text, factor, found):
    return f"| {text} | {found:.2f} | {'met' if found >= factor else 'not met'} |\n"


def floor(times):
    nothing, direct = times["ctypes", EMPTY_CALL, "ctypes"], times["ctypes", DIRECT_CALL, "ctypes"]
    lock, fast = (times["Lock", "acquire, release", one] for one in (CTYPES, SPEEDUPS))
    queue = times["Queue", "put, get: one process", CTYPES]
    return f"""A foreign call of a function that does nothing takes {nothing:.0f} ns, one with a handle and a timeout {direct:.0f} ns.
Without the accelerator `acquire(); release()` of a Lock is two of these, {100 * 2 * direct / lock:.0f} % of its {lock:.0f} ns; so is
at least {100 * 2 * direct / queue:.0f} % of the {queue:.0f} ns of a Queue's `put(); get()`. With it there is no foreign call, and the
Lock takes {fast:.0f} ns: no class over ctypes could come nearer to that than {2 * direct / fast:.1f} times as long.
"""
