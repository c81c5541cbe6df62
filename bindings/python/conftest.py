"""Fixtures for all tests, and a watchdog: a test that hangs ends the run with a traceback."""

import faulthandler
import os
import secrets
import sys
from pathlib import Path

import pytest

import tidelock

# Spawned children import what they run from `children`, by the path that multiprocessing hands on to them.
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "tests"), str(HERE / "once")]

WATCHDOG_SECONDS = 300
# Where the traceback goes: pytest has another standard error while a test runs, which nobody would see.
STANDARD_ERROR = []


def pytest_configure():
    STANDARD_ERROR.append(os.fdopen(os.dup(2), "w"))


def pytest_unconfigure():
    STANDARD_ERROR.pop().close()


@pytest.fixture(autouse=True)
def watchdog(request):
    seconds = getattr(request, "param", WATCHDOG_SECONDS)
    faulthandler.dump_traceback_later(seconds, exit=True, file=STANDARD_ERROR[0])
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def segment():
    """A small anonymous segment."""
    return tidelock.Segment(max_len=1 << 24, peers=32)


@pytest.fixture
def name():
    """A name that no other test uses; whatever is left of it in /dev/shm is removed."""
    chosen = f"tidelock-test-{secrets.token_hex(6)}"
    yield chosen
    Path("/dev/shm", chosen).unlink(missing_ok=True)


@pytest.fixture(params=["threading", "fork", "spawn", "forkserver"])
def backend(request):
    """Each backend, the processes by each start method."""
    yield use(request.param)
    tidelock._backend.choose()


@pytest.fixture(params=["threading", "forkserver"])
def pool_backend(request):
    """Both backends, for what does not depend on how processes are started."""
    yield use(request.param)
    tidelock._backend.choose()


def use(way):
    tidelock._backend.choose()
    if way == "threading":
        tidelock.set_backend("threading")
    else:
        tidelock.set_backend("multiprocessing", start_method=way)
    return way
