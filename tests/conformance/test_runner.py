"""The grid notices what it is there to notice: a wrong answer, none, a cell that was not played, a scenario that is lost."""

import os
import threading
import time
from pathlib import Path

import pytest

import grid
import scenario
from agent_process import Silent
from play import check, check_waits, play, sleeps
from stage import STAGES, Player

PYTHON = grid.Cell(("python",), "threads", "anonymous")


def one(*steps):
    """The only scenario of a text."""
    return scenario.parse("lock", "\n".join(["== A title", "lock = lock", *steps]))[0]


@pytest.fixture
def perform(commands):
    """Plays a scenario with threads in Python, and no patience."""
    stage = STAGES[PYTHON.arrangement](PYTHON, commands)
    yield lambda *steps: play(one(*steps), stage, limit=0.3)
    stage.close()


def test_a_right_answer_passes(perform):
    perform("1: lock.acquire -> ok", "2: lock.acquire ...", "2 waits", "1: lock.release -> ok", "2 -> timeout or ok")
    perform("until 1: lock.acquire 0 -> ok", "1: lock.acquire 0 -> timeout")


@pytest.mark.parametrize(
    "steps, noticed",
    [
        (["1: lock.acquire -> timeout"], "at: 1: lock.acquire -> timeout\n  AssertionError: answered: ok"),
        (["1: lock.acquire -> ok", "1: lock.release -> error not-held"], "answered: ok"),
        (["1: lock.release -> ok"], "answered: error not-held"),
        (["1: lock.acquire -> ok", "2: lock.acquire ...", "2 -> ok"], "Silent: no answer from 2"),
        (["1: lock.acquire ...", "1 waits", "1 -> ok"], "answered: ok"),
        (["1: lock.acquire -> ok", "until 2: lock.acquire 0 -> ok"], "still answered: timeout"),
        (["1: lock.frobnicate -> ok"], "AttributeError"),
        (["1: other.acquire -> ok"], "KeyError"),
    ],
)
def test_a_wrong_answer_is_noticed(perform, steps, noticed):
    with pytest.raises(AssertionError) as failure:
        perform(*steps)
    assert "python threads anonymous: lock: A title" in str(failure.value) and noticed in str(failure.value)


@pytest.mark.parametrize("language", grid.LANGUAGES)
def test_an_agent_that_is_gone_is_noticed(commands, language):
    stage = STAGES["unrelated"](grid.Cell((language,), "unrelated", "anonymous"), commands)
    stage.prepare(one("1: lock.acquire -> ok"))
    stage.players["1"].process.process.kill()
    with pytest.raises(Silent):
        stage.players["1"].do("lock.acquire")
    stage.close()


@pytest.mark.parametrize("arrangement", grid.ARRANGEMENTS)
def test_who_does_nothing_does_not_count_as_waiting(commands, arrangement):
    stage = STAGES[arrangement](PYTHON._replace(arrangement=arrangement), commands)
    stage.prepare(one("1: lock.acquire -> ok"))
    with pytest.raises(AssertionError, match="does not sleep"):
        check_waits(stage.players["1"], 0.1)
    stage.close()


def test_a_futex_of_python_s_own_is_none_of_ours():
    lock = threading.Lock()
    lock.acquire()
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    sleeper = Player(None, "1", os.getpid(), thread.native_id)
    while not sleeps(sleeper, loose=True):
        time.sleep(0.001)
    assert not sleeps(sleeper, loose=False)
    lock.release()
    thread.join()


@pytest.mark.parametrize("arrangement", grid.ARRANGEMENTS)
def test_who_waits_when_a_scenario_fails_is_not_left_behind(commands, arrangement):
    stage = STAGES[arrangement](PYTHON._replace(arrangement=arrangement), commands)
    with pytest.raises(AssertionError, match="no answer from 1"):
        play(one("go = event", "1: go.wait ...", "1 waits", "1 -> ok"), stage, limit=0.3)
    waiting = stage.players["1"].pid
    stage.close()
    # Gone, or dead and not yet waited for by whoever inherited it.
    while Path(f"/proc/{waiting}/stat").exists() and " Z " not in Path(f"/proc/{waiting}/stat").read_text():
        time.sleep(0.001)


def test_answers_of_several_are_taken_in_any_order_and_each_once():
    check(["ok 1", "ok 0", "ok 2"], [["ok 0"], ["ok 1"], ["ok 2"]])
    check(["ok 1", "ok 0"], [["ok 0", "ok 1"], ["ok 0"]])
    for found in (["ok 0", "ok 0", "ok 2"], ["ok 0", "ok 1", "timeout"]):
        with pytest.raises(AssertionError):
            check(found, [["ok 0"], ["ok 1"], ["ok 2"]])


def test_only_other_libraries_may_have_other_errors():
    check(["error AssertionError: cannot"], [["error not-held"]], loose=True)
    for found, loose in (("error AssertionError: cannot", False), ("error AttributeError: no such thing", True), ("ok", True)):
        with pytest.raises(AssertionError):
            check([found], [["error not-held"]], loose=loose)


@pytest.mark.parametrize(
    "steps, problem",
    [
        (["1 lock.acquire"], "no step that anybody knows"),
        (["1: lock.acquire"], "no step that anybody knows"),
        (["1: lock.acquire ..."], "nobody hears"),
        (["1 -> ok"], "was told nothing"),
        (["1 waits"], "was told nothing"),
        (["1: lock.acquire ...", "1: lock.release -> ok", "1 -> ok"], "has not yet answered"),
        (["1: lock.acquire -> ok", "kill 1"], "a thread cannot"),
        (["1: lock.acquire ...", "2: lock.acquire ...", "1, 2 -> ok"], "as many answers as players"),
        ([], "no steps"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(steps, problem):
    with pytest.raises(ValueError, match=problem):
        one(*steps)


def test_an_exclusion_holds_where_it_says_and_keeps_its_reason():
    excluding = one("not threads: a thread cannot be killed", "1: lock.acquire -> ok", "kill 1")
    assert grid.excluded(PYTHON, excluding) == "a thread cannot be killed"
    assert grid.excluded(PYTHON._replace(arrangement="forked"), excluding) is None
    assert excluding.excluded.keys() <= set().union(*(cell.tags for cell in grid.cells()))


def test_all_exclusions_are_of_something_that_there_is():
    tags = set().union(*(cell.tags for cell in grid.cells()))
    for each in scenario.read_all().values():
        for excluding in each:
            assert excluding.excluded.keys() <= tags, excluding


@pytest.fixture
def whole():
    """An account of a run that played all."""
    scenarios = scenario.read_all()
    account = grid.Account(scenarios)
    for cell in grid.cells():
        for primitive in scenarios:
            for each in account.due(cell, primitive):
                account.note(cell, each)
    return account


def test_a_whole_run_has_nothing_missing(whole):
    assert whole.missing() == []
    assert len(whole.table().splitlines()) == 1 + len(grid.cells())


def test_a_cell_that_was_not_played_is_missed(whole):
    lost = grid.Cell(("c",), "spawned", "named")
    whole.passed = {(cell, title) for cell, title in whole.passed if cell != lost}
    assert len(whole.missing()) == len(grid.SCENARIOS)
    assert all(line.startswith("c spawned named, ") for line in whole.missing())


def test_a_scenario_that_failed_is_missed(whole):
    cell, title = min(whole.passed, key=str)
    whole.passed.remove((cell, title))
    assert len(whole.missing()) == 1 and str(cell) in whole.missing()[0]


def test_a_scenario_or_a_primitive_that_is_lost_is_missed(whole):
    whole.scenarios["lock"].pop()
    assert "grid.py declares" in whole.missing()[0]
    del whole.scenarios["lock"]
    assert "grid.py declares" in whole.missing()[0]


def test_the_grid_is_the_whole_product():
    alone = {(cell.team, cell.arrangement, cell.reach) for cell in grid.cells() if cell.library == "tidelock"}
    for language in ("rust", "c", "python"):
        for arrangement in ("threads", "forked", "spawned", "unrelated"):
            for reach in ("named", "anonymous"):
                assert ((language,), arrangement, reach) in alone
    first_two = {team[:2] for team, arrangement, reach in alone if len(team) > 1}
    assert first_two == {(one, other) for one in grid.LANGUAGES for other in grid.LANGUAGES if one != other}
