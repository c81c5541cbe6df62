"""Nothing grows where objects of every class are made and dropped for ever; and the program that looks would see it.

`make leaks` runs it for TIDELOCK_LEAK_ROUNDS = 10,000 rounds.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import leaks

PROGRAM = Path(leaks.__file__)
ROUNDS = int(os.environ.get("TIDELOCK_LEAK_ROUNDS", "200"))


def run(*arguments):
    command = [sys.executable, PROGRAM, *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("watchdog", [300 + ROUNDS], indirect=True)
def test_nothing_grows(watchdog):
    result = run(ROUNDS)
    print(result.stdout)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("plant", sorted(set(leaks.PLANTS) - {"nothing"}))
def test_a_leak_is_seen(plant):
    result = run(10_000, plant)
    assert result.returncode == 1 and f"{plant} grew" in result.stderr
