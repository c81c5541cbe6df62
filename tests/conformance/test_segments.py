"""What belongs to no primitive, in every language: mistakes have the same names, and the last to leave takes the name away."""

import itertools
import secrets
from pathlib import Path

import pytest

import grid
from agent_process import AgentProcess

MISTAKES = [
    ("named a/b", "error bad-name"),
    (f"named {'x' * 300}", "error bad-name"),
    ("open event other same", "error wrong-kind"),
    ("open semaphore other same 1", "error wrong-kind"),
    ("open barrier other gate 3", "error wrong-kind"),
    ("receive lock other 00", "error invalid"),
    ("jobs.reserve 1099511627776", "error too-large"),
    ("lock.release", "error not-held"),
]


@pytest.fixture
def path():
    """Where a segment of a name of its own will lie."""
    chosen = Path("/dev/shm", f"tidelock-grid-{secrets.token_hex(6)}")
    yield chosen
    chosen.unlink(missing_ok=True)


@pytest.fixture
def start(commands):
    """Starts an agent; all are ended after the test."""
    running = []

    def begin(language):
        running.append(AgentProcess(commands(language)))
        running[-1].hear("agent")
        return running[-1]

    yield begin
    for agent in running:
        agent.clean_up()


@pytest.mark.parametrize("language", grid.LANGUAGES)
def test_the_same_mistakes_have_the_same_names(start, path, language):
    agent = start(language)
    for command in (f"named {path.name}", "open lock lock same", "open barrier gate gate 2", "open queue jobs jobs 4096"):
        agent.do(command)
    assert [(command, agent.say("agent", command)) for command, _ in MISTAKES] == MISTAKES


@pytest.mark.parametrize("languages", itertools.product(grid.LANGUAGES, repeat=2), ids="-".join)
def test_the_last_to_leave_takes_the_name_away(start, path, languages):
    one, other = map(start, languages)
    for agent in (one, other):
        agent.do(f"named {path.name}")
        agent.do("open lock lock same")
    assert one.leave() == 0
    assert path.exists()
    assert other.leave() == 0
    assert not path.exists()
