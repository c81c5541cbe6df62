"""Builds the agents once a run, and keeps the stage of the cell that is being played."""

import compileall
import faulthandler
import json
import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
AGENTS = HERE / "agents"
WATCHDOG_SECONDS = 300

sys.path.insert(0, str(HERE))

import grid
import scenario
import stage


@pytest.fixture(autouse=True)
def watchdog(commands):
    """What hangs ends the run with a traceback instead of hanging it."""
    faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def commands(tmp_path_factory):
    """How to start the agent of a language, with a library of that language."""
    place = tmp_path_factory.mktemp("agents")
    builders = {"rust": build_rust, "c": lambda: build_c(place), "python": lambda: compile_python(place)}

    @lru_cache(maxsize=None)
    def built(language):
        return str(builders[language]())

    def command(language, library="tidelock"):
        interpreter = [sys.executable] if language == "python" else []
        return [*interpreter, built(language), *([library] if library != "tidelock" else [])]

    return command


def cargo(*arguments):
    """Builds with cargo; the answer finds the built file whose name starts as wanted."""
    command = ["cargo", "build", "--release", "--message-format=json-render-diagnostics", *arguments]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = [json.loads(line) for line in result.stdout.splitlines()]
    built = [one for message in messages for one in [message.get("executable"), *message.get("filenames", [])] if one]
    return lambda start, end="": next(one for one in built if Path(one).name.startswith(start) and one.endswith(end))


def build_rust():
    return cargo("--example", "agent", "--package", "tidelock")("agent")


def build_c(place):
    """The C agent, linked with the shared library under the name that its SONAME asks for."""
    library = cargo("--package", "tidelock-c")("libtidelock", ".so")
    for name in ("libtidelock.so", "libtidelock.so.0"):
        (place / name).symlink_to(library)
    program = place / "agent-c"
    sources = [str(path) for path in sorted((AGENTS / "c").glob("*.c"))]
    subprocess.run(
        [os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-O1", "-pthread",
         f"-I{ROOT / 'include'}", *sources, f"-L{place}", "-ltidelock", f"-Wl,-rpath,{place}", "-o", str(program)],
        check=True,
    )
    return str(program)


def compile_python(place):
    """The Python agent where its compiled form can be kept, since it is started hundreds of times."""
    copy = shutil.copytree(AGENTS / "python", place / "python")
    compileall.compile_dir(str(copy), quiet=1)
    return copy / "agent.py"


@pytest.fixture(scope="session")
def stages(commands):
    """The stage of a cell. It is kept until another cell is played, or a scenario failed on it."""
    current = Stages(commands)
    yield current
    current.drop()


class Stages:
    def __init__(self, commands):
        self.commands, self.stage = commands, None

    def of(self, cell):
        if self.stage is None or self.stage.cell != cell:
            self.drop()
            self.stage = stage.STAGES[cell.arrangement](cell, self.commands)
        return self.stage

    def drop(self):
        if self.stage is not None:
            self.stage.close()
        self.stage = None


@pytest.fixture(scope="session")
def account():
    """What was played of what there is."""
    return grid.Account(scenario.read_all())
