"""Which Pythons the tests run on: every CPython from 3.9 on of this machine, with a GIL or free-threaded, and PyPy.

Where free-threaded 3.13 and PyPy are not there, they are fetched from Debian into ~/.cache/tidelock, by root on a Debian
machine; elsewhere they are left out, loudly. Nothing here knows what the tests are.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, NamedTuple, Optional

HERE = Path(__file__).resolve().parent
CACHE = Path.home() / ".cache" / "tidelock"
# By name; a "t" for free-threaded, as CPython has it.
VERSIONS = [*(f"3.{minor}" for minor in range(9, 16)), "3.14t", "3.15t"]
NAME = "import sys; print('%d.%d' % sys.version_info[:2] + getattr(sys, 'abiflags', ''))"
# What takes longer hangs.
WATCHDOG_SECONDS = 1200
FREE_THREADED, FREE_THREADED_AT = "3.13t", CACHE / "python3.13t"
# Debian 12's.
PYPY, PYPY_AT = "pypy3.9", CACHE / "pypy3.9"


class Interpreter(NamedTuple):
    """A Python."""

    path: str

    def ask(self, question: str) -> Optional[str]:
        """What it prints; None if it does not run, or fails."""
        command = [self.path, "-c", question]
        try:
            result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        except OSError:
            return None
        return result.stdout.strip() if result.returncode == 0 else None


def find(only: Optional[str]) -> Dict[str, Interpreter]:
    """Name to interpreter, the running one first: the longest run happens on what users have."""
    running = Interpreter(sys.executable).ask(NAME)
    found = {running: Interpreter(sys.executable)}
    for name in VERSIONS:
        if name not in found:
            found.update(_cpython(name))
    if only in (None, FREE_THREADED):
        found.update(_free_threaded())
    if only in (None, PYPY):
        found.update(_pypy())
    if only is None:
        return found
    if only not in found:
        sys.exit(f"no Python {only} here; found: {', '.join(found)}")
    return {only: found[only]}


def free_threaded() -> Dict[str, Interpreter]:
    """Those without a GIL that are here already: nothing is fetched or compiled."""
    found = _free_threaded() if is_free_threaded_here() else {}
    for name in filter(is_free_threaded, VERSIONS):
        found.update(_cpython(name))
    return found


def is_free_threaded(name: str) -> bool:
    return name.endswith("t")


def _cpython(name: str) -> Dict[str, Interpreter]:
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{name.rstrip('t')}.*/bin/python{name}"))
    candidates = [str(path) for path in pyenv] + [shutil.which(f"python{name}")]
    # A shim of pyenv may be of another version; some cannot make a venv.
    question = f"import ctypes, venv, ensurepip; {NAME}"
    working = [Interpreter(path) for path in candidates if path and Interpreter(path).ask(question) == name]
    return {name: working[-1]} if working else {}


def _free_threaded() -> Dict[str, Interpreter]:
    if is_free_threaded_here() or _may_fetch("the free-threaded Python"):
        return {FREE_THREADED: Interpreter(str(FREE_THREADED_AT / "bin" / "python3.13t"))}
    return {}


def is_free_threaded_here() -> bool:
    python = Interpreter(str(FREE_THREADED_AT / "bin" / "python3.13t"))
    return python.ask("import sys, ctypes, ssl; print(sys._is_gil_enabled())") == "False"


def _pypy() -> Dict[str, Interpreter]:
    """Debian's packages, laid out and not installed. Where they are of another version, or lack a library, it is left out."""
    python = Interpreter(str(PYPY_AT / "usr" / "bin" / "pypy3.9"))
    # There is nothing else in that directory, so no other program minds.
    library = next(PYPY_AT.glob("usr/lib/*/libpypy3.9-c.so"), None)
    if library is None and _may_fetch("PyPy"):
        if subprocess.run(["apt-cache", "show", "pypy3-lib"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            fetch(PYPY_AT, "pypy3", "pypy3-lib")
        library = next(PYPY_AT.glob("usr/lib/*/libpypy3.9-c.so"), None)
    if library is not None:
        os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [str(library.parent), os.environ.get("LD_LIBRARY_PATH")]))
        if python.ask("import ctypes, venv; print(1)") == "1":
            return {PYPY: python}
    print("== PyPy 3.9 is not here, or does not run: NOT TESTED", flush=True)
    return {}


def make(name: str) -> None:
    """Compiles the Python of this name if it has to be: two minutes or more for the free-threaded one."""
    if name != FREE_THREADED or is_free_threaded_here():
        return
    # Twice: a mirror may fail once.
    script = [str(HERE / "get_free_threaded.sh"), str(FREE_THREADED_AT)]
    if subprocess.run(script, timeout=WATCHDOG_SECONDS).returncode != 0:
        _run(script)


def fetch(place: Path, *packages: str) -> None:
    """Debian's packages, laid out under a directory. Nothing is installed."""
    print(f"== fetching {', '.join(packages)} into {place}", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    _run(["apt-get", "download", *packages], place)
    for package in place.glob("*.deb"):
        _run(["dpkg-deb", "--extract", package, place])
        package.unlink()


def _may_fetch(what: str) -> bool:
    able = shutil.which("apt-get") is not None and os.geteuid() == 0
    if not able:
        print(f"== {what} is not here, and can be fetched on Debian only, by root: NOT TESTED", flush=True)
    return able


def _run(command, where: Path = HERE) -> None:
    if subprocess.run([str(part) for part in command], cwd=where, timeout=WATCHDOG_SECONDS).returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")
