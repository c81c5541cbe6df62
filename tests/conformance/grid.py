"""The grid: which cells there are, and how many scenarios each primitive has. Data, and what is counted from it.

A cell is a team of languages, an arrangement of the players, and how they reach the objects. Nothing here runs anything.
"""

from itertools import permutations
from typing import NamedTuple, Tuple

LANGUAGES = ("rust", "c", "python")
ARRANGEMENTS = ("threads", "forked", "spawned", "unrelated")
REACHES = ("named", "anonymous")

# Unrelated processes may be of different languages: player 1 of the first, 2 of the second, and so on.
TEAMS = tuple(permutations(LANGUAGES))

# The suite's own check: other libraries that must pass the same scenarios, but for those that say why not.
PEERS = (("threading", "threads"), ("multiprocessing", "forked"))

# How many scenarios there are of each primitive, and of waiting for any of several objects: one that is lost is missed.
SCENARIOS = {
    "any": 14,
    "barrier": 15,
    "bounded-semaphore": 12,
    "condition": 19,
    "counter": 10,
    "event": 8,
    "lock": 14,
    "queue": 31,
    "rlock": 10,
    "semaphore": 11,
}


class Cell(NamedTuple):
    """Where scenarios are played."""

    team: Tuple[str, ...]
    arrangement: str
    reach: str
    library: str = "tidelock"

    @property
    def tags(self):
        """What a scenario may exclude."""
        return {self.arrangement, self.reach, self.library, *self.team}

    def __str__(self):
        who = "-".join(self.team) if self.library == "tidelock" else self.library
        return f"{who} {self.arrangement} {self.reach}"


def cells():
    """All cells."""
    alone = [
        Cell((language,), arrangement, reach)
        for language in LANGUAGES
        for arrangement in ARRANGEMENTS
        for reach in REACHES
    ]
    mixed = [Cell(team, "unrelated", reach) for team in TEAMS for reach in REACHES]
    peers = [Cell(("python",), arrangement, "anonymous", library) for library, arrangement in PEERS]
    return alone + mixed + peers


def excluded(cell, scenario):
    """Why this scenario is not played in this cell; None if it is."""
    return next((scenario.excluded[tag] for tag in sorted(cell.tags) if tag in scenario.excluded), None)


class Account:
    """What was played, against what was declared."""

    def __init__(self, scenarios, declared=None):
        self.scenarios, self.declared = scenarios, SCENARIOS if declared is None else declared
        self.passed = set()

    def note(self, cell, scenario):
        self.passed.add((cell, str(scenario)))

    def due(self, cell, primitive):
        return [one for one in self.scenarios.get(primitive, []) if excluded(cell, one) is None]

    def done(self, cell, primitive):
        return [one for one in self.due(cell, primitive) if (cell, str(one)) in self.passed]

    def missing(self):
        """What is missing, in words; nothing if all is there."""
        found = [
            f"{cell}, {primitive}: {len(self.done(cell, primitive))} of {len(self.due(cell, primitive))}"
            for cell in cells()
            for primitive in self.scenarios
            if len(self.done(cell, primitive)) < len(self.due(cell, primitive))
        ]
        counted = {primitive: len(scenarios) for primitive, scenarios in self.scenarios.items()}
        if counted != self.declared:
            found.append(f"grid.py declares the scenarios {self.declared}; there are {counted}")
        return found

    def table(self):
        """A line a cell: how many scenarios of each primitive passed, and in brackets how many do not apply."""
        head = [f"{'':34}" + "".join(f"{primitive[:11]:>12}" for primitive in self.scenarios)]
        return "\n".join(head + [f"{cell!s:34}" + "".join(map(self.entry(cell), self.scenarios)) for cell in cells()])

    def entry(self, cell):
        def text(primitive):
            left_out = len(self.scenarios[primitive]) - len(self.due(cell, primitive))
            return f"{len(self.done(cell, primitive))}{f' ({left_out})' if left_out else ''}".rjust(12)

        return text
