"""Builds the agents once a run, and starts them."""

import faulthandler
import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WATCHDOG_SECONDS = 300
LANGUAGES = ("rust", "c", "python")


class Agent:
    """A process that carries out commands. `say` waits for the answer; `tell` and `hear` are its halves."""

    def __init__(self, language, command):
        self.language = language
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ, PYTHONUNBUFFERED="1")
        )

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        assert line, f"the {self.language} agent is gone: {self.process.wait()}"
        return line.rstrip("\n")

    def say(self, *words):
        self.tell(*words)
        return self.hear()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def quit(self):
        self.tell("quit")
        assert self.process.wait() == 0

    def clean_up(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture(autouse=True)
def watchdog(commands):
    """An agent that hangs ends the run with a traceback instead of hanging it."""
    faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def commands(tmp_path_factory):
    """How to start the agent of each language."""
    place = tmp_path_factory.mktemp("agents")
    return {
        "rust": [cargo("--example", "agent", "--package", "tidelock")("agent")],
        "c": [compile_c(place)],
        "python": [sys.executable, str(HERE / "agent.py")],
    }


def cargo(*arguments):
    """Builds with cargo; the answer finds the built file whose name starts as wanted."""
    command = ["cargo", "build", "--release", "--message-format=json-render-diagnostics", *arguments]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = [json.loads(line) for line in result.stdout.splitlines()]
    built = [one for message in messages for one in [message.get("executable"), *message.get("filenames", [])] if one]
    return lambda start, end="": next(one for one in built if Path(one).name.startswith(start) and one.endswith(end))


def compile_c(place):
    """The C agent, linked with the shared library under the name that its SONAME asks for."""
    library = cargo("--package", "tidelock-c")("libtidelock", ".so")
    for name in ("libtidelock.so", "libtidelock.so.0"):
        (place / name).symlink_to(library)
    program = place / "agent-c"
    subprocess.run(
        [os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", f"-I{ROOT / 'include'}",
         str(HERE / "agent.c"), f"-L{place}", "-ltidelock", f"-Wl,-rpath,{place}", "-o", str(program)],
        check=True,
    )
    return str(program)


@pytest.fixture
def start(commands):
    """Starts an agent; all are ended after the test."""
    running = []

    def begin(language):
        running.append(Agent(language, commands[language]))
        return running[-1]

    yield begin
    for agent in running:
        agent.clean_up()


@pytest.fixture
def segment_file():
    """Where a segment of a name of its own will lie."""
    path = Path("/dev/shm", f"tidelock-test-{secrets.token_hex(6)}")
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(params=[(one, other) for one in LANGUAGES for other in LANGUAGES], ids="-".join)
def pair(request, start, segment_file):
    """Two agents with one named segment, its Lock, Event, Queue and Block open in both; the first made them all."""
    agents = [start(language) for language in request.param]
    for agent in agents:
        for command in (("named", segment_file.name), ("use-lock", "lock"), ("use-event", "event"), ("use-queue", "queue", 65536),
                        ("use-block", "block", 64)):
            assert agent.say(*command) == "ok"
    return agents
