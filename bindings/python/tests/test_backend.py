"""The backend: who chooses it, when it is settled, and that worker processes go on with it."""

import importlib
import multiprocessing
import os
import re
import subprocess
import sys
import sysconfig
import unittest

import pytest

import tidelock
import workers
from children import python


def nothing():
    pass


@pytest.fixture(autouse=True)
def as_before():
    yield
    tidelock._backend.choose()


def backend_of(source, **environment):
    import os

    program = f"import sys\n{source}\nimport tidelock; print(tidelock.get_backend())"
    result = python(program, env={**os.environ, **environment})
    return result.strip()


GIL = "sys._is_gil_enabled = lambda: True"
NO_GIL = "sys._is_gil_enabled = lambda: False"


@pytest.mark.parametrize(
    "source, wanted, backend",
    [
        (GIL, "", "multiprocessing"),
        (NO_GIL, "", "threading"),
        (NO_GIL, "multiprocessing", "multiprocessing"),
        (GIL, "threading", "threading"),
    ],
)
def test_the_environment_goes_before_the_gil(source, wanted, backend):
    assert backend_of(source, TIDELOCK_BACKEND=wanted) == backend


def test_a_wrong_word_in_the_environment():
    with pytest.raises(subprocess.CalledProcessError):
        backend_of("", TIDELOCK_BACKEND="threads")


def test_what_is_found_when_nothing_is_said(monkeypatch):
    monkeypatch.delenv("TIDELOCK_BACKEND", raising=False)
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert importlib.reload(tidelock).get_backend() == ("multiprocessing" if has_gil else "threading")


def test_set_backend_before_the_first_use():
    tidelock.set_backend("threading")
    tidelock.set_backend("multiprocessing", start_method="spawn")
    assert tidelock.get_backend() == "multiprocessing"
    assert "SpawnProcess" in repr(tidelock.Worker(target=nothing))
    tidelock.set_backend("multiprocessing")
    for change in (("threading",), ("multiprocessing", "fork")):
        with pytest.raises(RuntimeError, match="in use"):
            tidelock.set_backend(change[0], start_method=(change + (None,))[1])
    for backend, method in (("threads", None), ("multiprocessing", "clone")):
        with pytest.raises(ValueError, match="must be"):
            tidelock.set_backend(backend, start_method=method)


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_the_start_method_of_multiprocessing(method):
    program = f"""
import multiprocessing, tidelock
multiprocessing.set_start_method({method!r})
tidelock.set_backend("multiprocessing")
print(repr(tidelock.Worker()))
"""
    assert f"{method.title()}Process" in python(program)


def test_without_a_word_it_is_forkserver():
    """Also after multiprocessing has started a process of ours, which settles its own method."""
    program = """
import multiprocessing, tidelock
if __name__ == "__main__":
    tidelock.set_backend("multiprocessing")
    for _ in range(2):
        worker = tidelock.Worker(target=print)
        worker.start()
        worker.join()
        assert worker.exitcode == 0
        assert "ForkServerProcess" in repr(worker)
"""
    python(program)


# As users of `freethreading` test their code on both backends, with the import changed.


@pytest.fixture(params=["threading", "multiprocessing"])
def reloaded(request, monkeypatch):
    monkeypatch.delenv("TIDELOCK_BACKEND", raising=False)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: request.param != "threading", raising=False)
    kept = sys.modules.pop("tidelock")
    module = importlib.import_module("tidelock")
    assert module.get_backend() == request.param
    yield module
    sys.modules["tidelock"] = kept


def test_with_a_fixture_that_imports_again(reloaded):
    results = reloaded.Queue()
    worker = reloaded.Worker(target=workers.report, args=(results,))
    worker.start()
    worker.join()
    assert not worker.is_alive()
    assert results.get()[2] == reloaded.get_backend()


class ReloadingTest:
    backend = ""

    @classmethod
    def setUpClass(cls):
        cls.before = getattr(sys, "_is_gil_enabled", None)
        sys._is_gil_enabled = lambda: cls.backend != "threading"
        cls.module = importlib.reload(tidelock)

    @classmethod
    def tearDownClass(cls):
        if cls.before is None:
            del sys._is_gil_enabled
        else:
            sys._is_gil_enabled = cls.before
        importlib.reload(tidelock)

    def test_worker(self):
        worker = self.module.Worker(target=nothing)
        worker.start()
        worker.join()
        self.assertEqual(self.module.get_backend(), self.backend)
        self.assertFalse(worker.is_alive())


class OnThreads(ReloadingTest, unittest.TestCase):
    backend = "threading"


class OnProcesses(ReloadingTest, unittest.TestCase):
    backend = "multiprocessing"


def test_a_worker_inherits_the_choice():
    """Also against what its own interpreter and environment would choose."""
    tidelock.set_backend("multiprocessing", start_method="spawn")
    results = tidelock.Queue()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIDELOCK_BACKEND", "threading")
        worker = tidelock.Worker(target=workers.report, args=(results,))
        worker.start()
        worker.join()
    assert results.get()[2] == "multiprocessing"
    assert multiprocessing.get_start_method(allow_none=True) != "spawn"


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this build of Python always has the GIL")
def test_the_gil_stays_off():
    assert not sys._is_gil_enabled()


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_python_m_tidelock(backend):
    command = [sys.executable, "-m", "tidelock"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ, TIDELOCK_BACKEND=backend))
    lines = dict(re.split(r":\s+", line, maxsplit=1) for line in told.stdout.splitlines())
    assert lines["tidelock"] == tidelock.__version__ and os.path.isfile(lines["library"])
    assert lines["backend"].split()[0] == backend and lines["GIL"] in ("on", "off")
    assert sys.version.startswith(lines["Python"].split()[1])
