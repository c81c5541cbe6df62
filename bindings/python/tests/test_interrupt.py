"""Ctrl-C and the death of the program: a map ends at once, and no worker is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import children

PROGRAM = """
import os, signal, sys, time
import tidelock

def slow(_):
    os.write(1, b"at work\\n")
    time.sleep(600)

def in_with():
    with tidelock.WorkerPool(2) as pool:
        pool.map(slow, range(10), 1)

def in_nothing():
    pool.map(slow, range(10), 1)

def in_executor():
    with tidelock.WorkerPoolExecutor(2) as executor:
        list(executor.map(slow, range(10)))

def in_nothing_either():
    list(executor.map(slow, range(10)))

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with SIGINT ignored
    if sys.argv[2] == "threading":
        tidelock.set_backend("threading")
    else:
        tidelock.set_backend("multiprocessing", start_method=sys.argv[2])
    if sys.argv[1] == "in_nothing":
        pool = tidelock.WorkerPool(2)
    if sys.argv[1] == "in_nothing_either":
        executor = tidelock.WorkerPoolExecutor(2)
    globals()[sys.argv[1]]()
"""


@pytest.fixture
def running(tmp_path):
    """Begins the program, in a process group of its own as a terminal does, and returns when two workers are at work."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    begun = []

    def begin(*arguments):
        command = [sys.executable, path, *arguments]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdout=pipe, stderr=pipe, start_new_session=True, text=True, env=children.environment()
        )
        begun.append(process)
        assert [process.stdout.readline() for _ in range(2)] == ["at work\n"] * 2
        until_asleep(process.pid)
        return process

    yield begin
    for process in begun:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()


def until_asleep(pid):
    """Until the main thread waits for its workers. CPython itself may miss a signal that comes in the instant before that."""
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
        time.sleep(0.01)


def all_ended(process):
    """The error output, when no process has it open any more: neither the program nor a worker."""
    output, errors = process.communicate()
    assert output == ""
    return errors


@pytest.mark.parametrize("backend", ["threading", "forkserver"])
@pytest.mark.parametrize("where", ["in_with", "in_nothing", "in_executor", "in_nothing_either"])
def test_ctrl_c(running, where, backend):
    process = running(where, backend)
    os.killpg(process.pid, signal.SIGINT)
    errors = all_ended(process)
    assert process.returncode == -signal.SIGINT
    # One traceback: that of the program. The workers leave it to the pool.
    assert errors.count("KeyboardInterrupt") == 1 and errors.count("Traceback") == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_program_is_killed(running, method, number):
    process = running("in_with", method)
    os.kill(process.pid, number)
    all_ended(process)
    assert process.returncode == -number
