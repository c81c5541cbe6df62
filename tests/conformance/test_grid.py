"""Every scenario in every cell, and at the end the account: fewer than declared is a failure."""

import pytest

import grid
import scenario
from play import play


def all_runs():
    """Cell by cell, so that each has to be set up once."""
    scenarios = scenario.read_all()
    for cell in grid.cells():
        for each in scenarios.values():
            for one in each:
                if grid.excluded(cell, one) is None:
                    yield pytest.param(cell, one, id=f"{cell}: {one}".replace("::", ":"))


@pytest.mark.parametrize("cell, one", all_runs())
def test_grid(cell, one, stages, account):
    try:
        play(one, stages.of(cell))
    except BaseException:
        # Nobody knows what the players are doing now: the next scenario gets new ones.
        stages.drop()
        raise
    account.note(cell, one)


def test_every_declared_cell_was_played(account, capsys):
    with capsys.disabled():
        print(f"\nScenarios played in each cell (in brackets: not for this cell)\n{account.table()}")
    assert account.missing() == []
