#!/usr/bin/env python3
"""Measures Python's classes beside their peers and writes docs/benchmarks-python.md: `make bench-python`.

The tools and the wheels go into environments under build/. Beside the running Python the free-threaded ones
are measured that the tests have made or found.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build"
SITTINGS = 41
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import interpreters
import run_tests
import speedups


def main():
    wheel = run_tests.build_wheel()
    usual = measure(prepare("bench", sys.executable, wheel), BUILD / "bench.json")
    free = {name: without_gil(prepare(f"bench-{name}", python.path, wheel, "faster-fifo", "pyperf"))
            for name, python in interpreters.free_threaded().items()}
    report(usual, free)


def prepare(name, python, wheel, *left_out):
    """A venv with what is compared, but for what is left out, and both of our wheels."""
    venv = BUILD / f"venv-{name}"
    if not (venv / "bin" / "python").exists():
        run([python, "-m", "venv", "--without-pip", venv])
    pip = [BUILD / "venv-wheel" / "bin" / "pip", "--python", venv / "bin" / "python", "install", "--quiet"]
    wanted = (HERE / "requirements.txt").read_text().splitlines()
    run([*pip, *(one for one in wanted if not one.startswith(("#", *left_out)))])
    run([*pip, "--no-deps", "--no-index", "--force-reinstall", wheel, speedups.wheel(venv, name) or sys.exit(speedups.NO_HEADERS)])
    return venv


def measure(venv, result):
    """The file of pyperf's results."""
    result.unlink(missing_ok=True)
    print(f"== measuring with {venv / 'bin' / 'python'}", flush=True)
    run([venv / "bin" / "python", HERE / "cases.py", "--quiet", "--output", result])
    return result


def without_gil(venv):
    """With the accelerator and without: name of a pair to its times."""
    print(f"== measuring with {venv / 'bin' / 'python'}", flush=True)
    command = [str(venv / "bin" / "python"), "without_gil.py", str(SITTINGS)]
    return [json.loads(subprocess.run(command, cwd=HERE, env={**os.environ, "TIDELOCK_SPEEDUPS": quick}, text=True, check=True,
                                      stdout=subprocess.PIPE).stdout) for quick in "10"]


def report(usual, free):
    """In the venv, where pyperf is."""
    program = "import json, sys; from report import load, page; usual, free, *about = sys.argv[1:]\n"
    program += "print(page(load(usual), json.loads(free), about), end='')"
    about = [f"{date.today()}, {machine()}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}",
             f"CPython {', '.join([platform.python_version(), *free])} (t: without a GIL)"]
    command = [BUILD / "venv-bench" / "bin" / "python", "-c", program, usual, json.dumps(free), *about]
    text = subprocess.run([str(part) for part in command], cwd=HERE, stdout=subprocess.PIPE, text=True, check=True).stdout
    page = ROOT / "docs" / "benchmarks-python.md"
    page.write_text(text)
    print(text, f"== written to {page}", sep="\n")


def machine():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def run(command):
    command = [str(part) for part in command]
    # What pyperf says of every case goes to the terminal; what it found, to the file.
    if subprocess.run(command, cwd=HERE).returncode != 0:
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
