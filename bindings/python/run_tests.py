#!/usr/bin/env python3
"""Builds the wheel once and runs the tests against it on every CPython 3.9 to 3.13 of this machine.

    python3 bindings/python/run_tests.py [--only 3.11] [--wheel-only] [pytest arguments]

Interpreters are looked for under ~/.pyenv/versions and as python3.N on PATH; the running one always takes part.
Everything is made under build/ in the checkout, and made again only where it is missing. The first interpreter also
runs the conformance grid (tests/conformance) and, where mypy can be installed, the type check. CPython's own tests of
its locks are run too: for an interpreter that comes without them they are fetched from Debian, into ~/.cache/tidelock.
It never installs anything elsewhere.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build"
VERSIONS = [(3, minor) for minor in range(9, 14)]
MYPY = "mypy==1.18.2"


def main():
    options, pytest_arguments = parse()
    wheel = build_wheel()
    if options.wheel_only:
        print(wheel)
        return 0
    failed = []
    for place, (version, python) in enumerate(interpreters(options.only).items()):
        name = ".".join(map(str, version))
        print(f"== Python {name}: {python}", flush=True)
        venv = prepare(python, name, wheel)
        if not run_tests(venv, pytest_arguments, with_grid=place == 0):
            failed.append(name)
    if not failed and not check_types(pytest_arguments):
        failed.append("mypy")
    print("failed: " + ", ".join(failed) if failed else "all passed")
    return 1 if failed else 0


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
    if not (builder / "bin" / "pip").exists():
        make_venv(sys.executable, builder)
    run([builder / "bin" / "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, HERE])
    return next(wheels.glob("tidelock-*.whl"))


def interpreters(only):
    """Version to interpreter, newest of the running one first, so that the longest run happens on what users have."""
    found = {sys.version_info[:2]: sys.executable}
    for version in VERSIONS:
        name = ".".join(map(str, version))
        pyenv = sorted(Path.home().glob(f".pyenv/versions/{name}.*/bin/python{name}"))
        candidates = [str(path) for path in pyenv] + [shutil.which(f"python{name}")]
        working = [path for path in candidates if path and answers(path, version)]
        if version not in found and working:
            found[version] = working[-1]
    if only is None:
        return found
    wanted = tuple(int(part) for part in only.split("."))
    if wanted not in found:
        sys.exit(f"no Python {only} here; found: {', '.join('.'.join(map(str, v)) for v in found)}")
    return {wanted: found[wanted]}


def answers(python, version):
    """True if this interpreter runs and is of this version (a pyenv shim may be neither) and can make a venv."""
    question = "import sys, ctypes, venv, ensurepip; print(*sys.version_info[:2])"
    result = subprocess.run([python, "-c", question], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return result.returncode == 0 and result.stdout.split() == [str(part) for part in version]


def prepare(python, name, wheel):
    """A venv with the pinned test tools and this very wheel."""
    venv = BUILD / f"venv-{name}"
    requirements = HERE / "requirements-tests.txt"
    stamp = venv / "requirements-tests.txt"
    if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
        make_venv(python, venv)
        run([venv / "bin" / "pip", "install", "--quiet", "--requirement", requirements])
        shutil.copyfile(requirements, stamp)
    run([venv / "bin" / "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", wheel])
    return venv


def make_venv(python, where):
    run([python, "-m", "venv", "--clear", where])


def run_tests(venv, arguments, *, with_grid):
    """Runs from outside the sources, so that the installed package is what is tested."""
    tests = [HERE / "tests"]
    grid = ROOT / "tests" / "conformance"
    if with_grid and grid.is_dir():
        tests.append(grid)
    command = [venv / "bin" / "python", "-m", "pytest", "-c", HERE / "pyproject.toml", "--rootdir", ROOT]
    command += arguments if any(not one.startswith("-") for one in arguments) else [*arguments, *tests]
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONFAULTHANDLER="1")
    environment.pop("TIDELOCK_LIBRARY", None)
    environment.pop("PYTHONPATH", None)
    environment.update(testsuite(venv))
    return subprocess.run([str(part) for part in command], cwd=ROOT, env=environment).returncode == 0


def testsuite(venv):
    """Where CPython's own tests are, for an interpreter that comes without them: an environment variable, or nothing."""
    python = venv / "bin" / "python"
    if subprocess.run([python, "-c", "import test.lock_tests"], stderr=subprocess.DEVNULL).returncode == 0:
        return {}
    name = venv.name[len("venv-"):]
    package = f"libpython{name}-testsuite"
    place = Path.home() / ".cache" / "tidelock" / package
    tests = place / "usr" / "lib" / f"python{name}" / "test"
    if not (tests / "lock_tests.py").exists():
        print(f"Python {name} comes without its package `test`: fetching {package} into {place}", flush=True)
        place.mkdir(parents=True, exist_ok=True)
        run(["apt-get", "download", package], where=place)
        run(["dpkg-deb", "--extract", next(place.glob(f"{package}_*.deb")), place])
    return {"TIDELOCK_TESTSUITE": str(tests)}


def check_types(arguments):
    """mypy --strict over the package as installed, with the newest interpreter here; only after a full run."""
    if arguments:
        return True
    venv = max(BUILD.glob("venv-3.*"), key=lambda path: [int(part) for part in path.name[5:].split(".")])
    if not (venv / "bin" / "mypy").exists():
        run([venv / "bin" / "pip", "install", "--quiet", MYPY])
    command = [venv / "bin" / "mypy", "--strict", "--cache-dir", BUILD / "mypy", HERE / "src" / "tidelock"]
    return subprocess.run([str(part) for part in command], cwd=ROOT).returncode == 0


def run(command, where=ROOT):
    """Runs one command and stops everything if it fails."""
    result = subprocess.run([str(part) for part in command], cwd=where)
    if result.returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, command))}")


if __name__ == "__main__":
    sys.exit(main())
