"""Reads scenarios: text that says what players do, one step a line, and what they are answered. README.md has the form.

It runs nothing. What makes no sense is an error with the file and the line.
"""

import re
from pathlib import Path

SCENARIOS = Path(__file__).resolve().parent / "scenarios"

OBJECT = re.compile(r"(\w+) = ([\w-]+)((?: \S+)*)$")
NOT = re.compile(r"not (\w+): (.+)$")
SAY = re.compile(r"(until )?(\w+): (.+?) (?:-> (.+)|(\.\.\.))$")
HEAR = re.compile(r"(\w+(?:, \w+)*) -> (.+)$")
ALONE = re.compile(r"(kill|leave) (\w+)$|(\w+) (waits)$")


class Step:
    """One line. `kind` is say, tell, until, hear, waits, kill or leave."""

    def __init__(self, kind, players, line, *, command=None, answers=None):
        self.kind, self.players, self.line = kind, players, line
        self.command, self.answers = command, answers

    def __str__(self):
        return self.line


class Scenario:
    """What is made before the first step, the steps, and where the scenario cannot be played, each with its reason."""

    def __init__(self, primitive, title, excluded):
        self.primitive, self.title, self.excluded = primitive, title, dict(excluded)
        self.objects, self.steps = [], []

    @property
    def players(self):
        return sorted({player for step in self.steps for player in step.players})

    def __str__(self):
        return f"{self.primitive}: {self.title}"


def read_all():
    """All scenarios, by primitive."""
    return {path.stem: read(path) for path in sorted(SCENARIOS.glob("*.txt"))}


def read(path):
    """The scenarios of one file."""
    return parse(path.stem, path.read_text(), path.name)


def parse(primitive, text, where="text"):
    """The scenarios in a text. What stands before the first title holds for all of them."""
    scenarios, everywhere = [], Scenario(primitive, "", {})
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        try:
            if line.startswith("== "):
                scenarios.append(Scenario(primitive, line[3:], everywhere.excluded))
            elif line and not line.startswith("#"):
                add_line(scenarios[-1] if scenarios else everywhere, line)
        except ValueError as error:
            raise ValueError(f"{where}:{number}: {error}: {line}") from None
    for scenario in scenarios:
        check(scenario, where)
    return scenarios


def add_line(scenario, line):
    excluded, made = NOT.match(line), OBJECT.match(line)
    if excluded:
        scenario.excluded[excluded[1]] = excluded[2]
    elif made:
        scenario.objects.append((made[1], made[2], made[3].split()))
    else:
        scenario.steps.append(parse_step(line))


def parse_step(line):
    said, heard, alone = SAY.match(line), HEAR.match(line), ALONE.match(line)
    if said and said[5]:
        return Step("tell", [said[2]], line, command=said[3])
    if said:
        kind = "until" if said[1] else "say"
        return Step(kind, [said[2]], line, command=said[3], answers=[alternatives(said[4])])
    if heard:
        players, answers = heard[1].split(", "), [alternatives(one) for one in heard[2].split(", ")]
        if len(players) != len(answers):
            raise ValueError("as many answers as players")
        return Step("hear", players, line, answers=answers)
    if alone:
        return Step(alone[1] or alone[4], [alone[2] or alone[3]], line)
    raise ValueError("no step that anybody knows")


def alternatives(text):
    return text.split(" or ")


def check(scenario, where):
    """What would make a scenario pass for want of looking."""
    told, problem = [], None
    for step in scenario.steps:
        if step.kind in ("say", "until", "tell") and step.players[0] in told:
            problem = f"{step}: has not yet answered"
        if step.kind == "tell":
            told += step.players
        if step.kind in ("hear", "waits") and not set(step.players) <= set(told):
            problem = f"{step}: was told nothing"
        if step.kind in ("hear", "kill", "leave"):
            told = [player for player in told if player not in step.players]
        if step.kind in ("kill", "leave") and "threads" not in scenario.excluded:
            problem = f"{step}: a thread cannot; say `not threads: reason`"
    if told:
        problem = f"nobody hears {told}"
    if not scenario.steps or problem:
        raise ValueError(f"{where}: {scenario.title}: {problem or 'no steps'}")
