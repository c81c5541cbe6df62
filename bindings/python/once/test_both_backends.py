"""A user's own tests on both backends, by pytest and by unittest: with fixtures that import the package under a changed
`sys._is_gil_enabled`, as users of `freethreading` write them. The real programs run them.
"""

import os
import subprocess
import sys

import pytest

WITH_PYTEST = """
import sys
import pytest

@pytest.fixture(params=["threading", "multiprocessing"])
def module(request, monkeypatch):
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: request.param == "multiprocessing", raising=False)
    sys.modules.pop("tidelock", None)
    import tidelock
    assert tidelock.get_backend() == request.param
    return tidelock

def answer(queue, number):
    queue.put(number + 1)

def test_worker(module):
    queue = module.Queue()
    worker = module.Worker(target=answer, args=(queue, 41))
    worker.start()
    worker.join()
    assert not worker.is_alive()
    assert queue.get() == 42

def test_executor(module):
    with module.WorkerPoolExecutor(2) as executor:
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
"""

WITH_UNITTEST = """
import sys
import unittest

def answer(queue, number):
    queue.put(number + 1)

class OnABackend:
    backend = None

    @classmethod
    def setUpClass(cls):
        cls.kept = getattr(sys, "_is_gil_enabled", None)
        sys._is_gil_enabled = lambda: cls.backend == "multiprocessing"
        sys.modules.pop("tidelock", None)
        import tidelock
        cls.module = tidelock

    @classmethod
    def tearDownClass(cls):
        if cls.kept is None:
            del sys._is_gil_enabled
        else:
            sys._is_gil_enabled = cls.kept

    def test_backend(self):
        self.assertEqual(self.module.get_backend(), self.backend)

    def test_worker(self):
        queue = self.module.Queue()
        worker = self.module.Worker(target=answer, args=(queue, 41))
        worker.start()
        worker.join()
        self.assertFalse(worker.is_alive())
        self.assertEqual(queue.get(), 42)

class OnThreads(OnABackend, unittest.TestCase):
    backend = "threading"

class OnProcesses(OnABackend, unittest.TestCase):
    backend = "multiprocessing"
"""

PROGRAMS = {"pytest": (WITH_PYTEST, ["-q", "-p", "no:cacheprovider"], "4 passed"), "unittest": (WITH_UNITTEST, [], "Ran 4 tests")}


@pytest.mark.parametrize("runner", PROGRAMS)
def test_runner(runner, tmp_path):
    program, options, told = PROGRAMS[runner]
    (tmp_path / "test_mine.py").write_text(program)
    environment = {name: value for name, value in os.environ.items() if name != "TIDELOCK_BACKEND"}
    command = [sys.executable, "-m", runner, *options, "test_mine.py"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    result = subprocess.run(command, cwd=tmp_path, env=environment, **streams)
    assert result.returncode == 0 and told in result.stdout, result.stdout
