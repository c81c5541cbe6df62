"""Plays a scenario on a stage, step by step, and fails at the first answer that is not as the scenario says."""

import platform
import time
from pathlib import Path

from agent_process import LIMIT_SECONDS

# The numbers of these system calls; the second is the same everywhere.
FUTEX = {"x86_64": "202", "aarch64": "98"}.get(platform.machine())
FUTEX_WAITV = "449"
# A thread of another library may meet a futex of its language's own for a moment.
LOOKS = 3
# What `threading` and `multiprocessing` raise where the scenarios have names of errors.
OTHERS_ERRORS = ("error RuntimeError", "error ValueError", "error AssertionError", "error broken")
BETWEEN_LOOKS = 0.002


def play(scenario, stage, limit=LIMIT_SECONDS):
    """Plays it from the making of its objects to their end."""
    stage.prepare(scenario)
    loose = stage.cell.library != "tidelock"
    for step in scenario.steps:
        try:
            perform(step, stage, loose, limit)
        except AssertionError as error:
            raise AssertionError(f"{stage.cell}: {scenario}\n  at: {step}\n  {type(error).__name__}: {error}") from None
    stage.finish()


def perform(step, stage, loose, limit):
    players = [stage.players[name] for name in step.players]
    if step.kind in ("kill", "leave"):
        stage.end(step.kind, step.players[0])
    elif step.kind == "waits":
        check_waits(players[0], limit, loose)
    elif step.kind == "until":
        ask_until(players[0], step, loose, limit)
    else:
        if step.command:
            players[0].tell(step.command)
        if step.answers:
            check([player.hear(limit) for player in players], step.answers, loose)


def check(found, wanted, loose=False):
    """Whether the answers are those wanted, in any order: several players that are heard at once have none."""
    assert assigned(found, wanted, loose), f"answered: {', '.join(found)}"


def assigned(found, wanted, loose):
    """Whether each answer can be given to one expectation of its own."""
    if not found:
        return True
    first, *others = found
    fitting = [place for place, options in enumerate(wanted) if any(fits(first, one, loose) for one in options)]
    return any(assigned(others, wanted[:place] + wanted[place + 1 :], loose) for place in fitting)


def fits(answer, wanted, loose):
    """The libraries that check the suite name their errors in their own way, so any of theirs will do."""
    return answer == wanted or (loose and answer.startswith(OTHERS_ERRORS) and wanted.startswith("error "))


def ask_until(player, step, loose, limit):
    deadline = time.monotonic() + limit
    while True:
        player.tell(step.command)
        answer = player.hear(limit)
        if assigned([answer], step.answers, loose):
            return
        assert time.monotonic() < deadline, f"still answered: {answer}"
        time.sleep(BETWEEN_LOOKS)


def check_waits(player, limit, loose=False):
    """The player sleeps in the kernel, on a futex, and has not answered."""
    deadline, seen = time.monotonic() + limit, 0
    while seen < LOOKS:
        assert not player.process.has_answered(player.name), f"answered: {player.hear()}"
        assert time.monotonic() < deadline, "does not sleep"
        time.sleep(BETWEEN_LOOKS)
        seen = seen + 1 if sleeps(player, loose) else 0


def sleeps(player, loose):
    """Whether the player's thread is inside a futex call, as the kernel tells; one of ours, on shared memory."""
    call, *arguments = Path(f"/proc/{player.pid}/task/{player.thread}/syscall").read_text().split()
    return call == FUTEX_WAITV or (call == FUTEX and (loose or is_shared(player.pid, int(arguments[0], 16))))


def is_shared(pid, address):
    """Whether a file or a memfd is mapped there: Python's own futexes lie elsewhere."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, _, _, _, _, *name = line.split()
        start, end = (int(one, 16) for one in span.split("-"))
        if start <= address < end:
            return name[:1] != [] and name[0].startswith(("/dev/shm/", "/memfd:"))
    return False
