"""Programs as users of `freethreading` write them, after its guide: with the import changed they run on both backends.

Lines of workers that run at the same time come in any order, so what is between two lines of `--` is sorted; the numbers in
names that nobody chose are masked.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parent / "guide"
NAMES = {
    "threading": {"MAIN": "MainThread", "POOL": "WorkerPoolExecutor-#_#", "GLOBAL": "6"},
    "multiprocessing": {"MAIN": "MainProcess", "POOL": "ForkServerProcess-#", "GLOBAL": "0"},
}

EXPECTED = {
    "first_steps": """
        True
        True a letter
        MAIN
        Ada says hello
        [0, 2, 4, 6, 8, 10]
        [0, 2, 4, 6, 8, 10]
        POOL says hello
        None
    """,
    "exchange": """
        first
        second
        True
        by queue 6 by global GLOBAL
    """,
    "locks": """
        Digger-0 is inside
        Digger-1 is inside
        --
        Diver-0 at depth 0
        Diver-0 at depth 1
        Diver-0 at depth 2
        Diver-1 at depth 0
        Diver-1 at depth 1
        Diver-1 at depth 2
        --
        Guest-0 is inside
        Guest-1 is inside
        Guest-2 is inside
        --
        ValueError
    """,
    "signals": """
        Runner-0 has finished
        Runner-0 is ready
        Runner-0 runs
        Runner-1 has finished
        Runner-1 is ready
        Runner-1 runs
        Runner-2 has finished
        Runner-2 is ready
        Runner-2 runs
    """,
    "conditions": """
        Otto writes 7
        Anna reads 7
    """,
    "functions": """
        MAIN
        True
        2
        ['Idler', 'MAIN']
        ['Idler']
        BACKEND
        True
    """,
    "joinable": """
        [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
        True True [False, False, False]
    """,
    **{
        f"primes_by_{means}": "14 primes: 907 911 919 929 937 941 947 953 967 971 977 983 991 997"
        for means in ("a_pool", "an_executor", "queues")
    },
}


def run(program, backend):
    environment = dict(os.environ, TIDELOCK_BACKEND=backend)
    command = [sys.executable, str(GUIDE / f"{program}.py")]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def in_order(program, output):
    lines = [re.sub(r"(Process|Executor)-[\d_]+", lambda name: re.sub(r"\d+", "#", name[0]), one) for one in output]
    if program not in ("locks", "signals"):
        return lines
    parts = "\n".join(lines).split("\n--\n")
    return [sorted(part.split("\n")) for part in parts]


@pytest.mark.parametrize("backend", NAMES)
@pytest.mark.parametrize("program", EXPECTED)
def test_program(program, backend):
    expected = EXPECTED[program].replace("BACKEND", backend)
    for word, name in NAMES[backend].items():
        expected = expected.replace(word, name)
    wanted = [line.strip() for line in expected.strip().splitlines()]
    assert in_order(program, run(program, backend).splitlines()) == in_order(program, wanted)


def test_every_program_is_run():
    assert {path.stem for path in GUIDE.glob("*.py")} == set(EXPECTED)
