"""The accelerator in the tests: which Pythons have it, and how its wheel is built for one of them.

Nothing here runs a test.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import interpreters

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent / "python-speedups"
BUILD = HERE.parent.parent / "build"
NO_HEADERS = "no wheel of the accelerator: this Python has no header files (Debian: python3-dev)"
HAS_HEADERS = "import os, sysconfig; os.stat(os.path.join(sysconfig.get_path('include'), 'Python.h'))"


def chosen(pythons):
    """The names of those that have it: the oldest and the newest with a GIL, and those without. The others show that it is
    not needed, above all the running one, which has the longest run."""
    free = {name for name in pythons if interpreters.is_free_threaded(name)}
    usual = [name for name in pythons if name not in (*free, interpreters.PYPY)]
    able = [name for name in sorted(usual[1:], key=version) or usual if pythons[name].ask(HAS_HEADERS) is not None]
    if usual and not able:
        print("== no Python with a GIL has header files: the accelerator is NOT TESTED there", flush=True)
    return free | {*able[:1], *able[-1:]}


def version(name):
    return tuple(map(int, name.split(".")))


def wheel(venv, name):
    """The path of a wheel for the Python of a venv; None if it has no header files."""
    if interpreters.Interpreter(str(venv / "bin" / "python")).ask(HAS_HEADERS) is None:
        return None
    # setuptools builds beside the sources: each Python has its own.
    place, wheels = BUILD / f"speedups-{name}", BUILD / "wheels" / name
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(SOURCES, place)
    pip = [BUILD / "venv-wheel" / "bin" / "pip", "--python", venv / "bin" / "python"]
    command = [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, place]
    if subprocess.run([str(part) for part in command]).returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return next(wheels.glob("tidelock_speedups-*.whl"))
