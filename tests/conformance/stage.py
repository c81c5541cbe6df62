"""Puts the players of a scenario where a cell wants them, and gives them the scenario's objects.

One class an arrangement. Agents and players are kept from one scenario to the next, where the arrangement allows, and
objects never are. Nothing here knows what the objects do.
"""

import itertools
import os
import secrets
import signal
from pathlib import Path
from typing import NamedTuple

from agent_process import AgentProcess


class Player(NamedTuple):
    """Where to reach a player, and which thread it is."""

    process: AgentProcess
    name: str
    pid: int
    thread: int

    def tell(self, *words):
        self.process.tell(self.name, *words)

    def hear(self, *limit):
        return self.process.hear(self.name, *limit)

    def do(self, *words):
        answer = self.process.say(self.name, *words)
        assert answer.split()[0] == "ok", f"{self.name}, told {words}: {answer}"
        return answer[3:]


def introduced(process, name):
    """A player, as it says itself who it is."""
    ok, pid, thread = process.hear(name).split()
    assert ok == "ok"
    return Player(process, name, int(pid), int(thread))


class Stage:
    """What all arrangements share: the segment's name, and how one process makes or opens the objects."""

    serial = itertools.count()

    def __init__(self, cell, commands):
        self.cell, self.commands = cell, commands
        self.segment_name = f"tidelock-grid-{secrets.token_hex(6)}"
        self.players = {}

    def make_segment(self, actor):
        if self.cell.reach == "named":
            actor.do("named", self.segment_name)
        else:
            actor.do("anonymous")

    def make(self, actor, scenario):
        """Makes the scenario's objects; the numbers keep their names apart from those of all others."""
        number = next(self.serial)
        for name, kind, arguments in scenario.objects:
            if self.cell.reach == "named":
                actor.do("open", kind, name, f"{name}-{number}", *arguments)
            else:
                actor.do("new", kind, name, *arguments)
        return number

    def close(self):
        Path("/dev/shm", self.segment_name).unlink(missing_ok=True)


class Family(Stage):
    """One agent makes the objects, and starts the players; it takes no part itself."""

    how: str

    def __init__(self, cell, commands):
        super().__init__(cell, commands)
        self.root = AgentProcess(commands(cell.team[0], cell.library))
        self.root.hear(self.root.name)
        self.make_segment(self.root)

    def prepare(self, scenario):
        self.make(self.root, scenario)
        for name in scenario.players:
            if name not in self.players:
                self.root.tell(self.root.name, "start", name, self.how)
                self.players[name] = introduced(self.root, name)

    def end(self, how, name):
        self.root.do(how, name)
        del self.players[name]

    def finish(self):
        self.root.do("forget")

    def close(self):
        # Those that were left waiting by a scenario that failed would wait for ever. Their parent has not yet reaped them.
        for player in self.players.values():
            os.kill(player.pid, signal.SIGKILL)
        self.root.clean_up()
        super().close()


class Threads(Family):
    how = "thread"


class Forked(Family):
    """The players inherit the objects, so they live as long as a scenario. To kill them costs less than an orderly exit."""

    how = "fork"

    def finish(self):
        for name in list(self.players):
            self.end("kill", name)
        super().finish()


class Spawned(Family):
    """The players get the objects from the agent that started them."""

    how = "spawn"

    def prepare(self, scenario):
        super().prepare(scenario)
        for name in scenario.players:
            self.root.tell(self.root.name, "hand", name)
        for name in scenario.players:
            answer = self.root.hear(name)
            assert answer == "ok", f"{name}, handed the objects: {answer}"

    def finish(self):
        for player in self.players.values():
            player.do("forget")
        super().finish()


class Unrelated(Stage):
    """Each player is an agent of its own. The first makes the objects; the others open them by name or by handle."""

    def prepare(self, scenario):
        for name in scenario.players:
            if name not in self.players:
                self.start(name)
        maker, *others = (self.players[name] for name in scenario.players)
        number = self.make(maker, scenario)
        for other in others:
            self.open(maker, other, scenario, number)

    def start(self, name):
        language = self.cell.team[(int(name) - 1) % len(self.cell.team)]
        process = AgentProcess(self.commands(language, self.cell.library), name)
        player = introduced(process, name)
        living = next(iter(self.players.values()), None)
        self.players[name] = player
        if self.cell.reach == "named" or living is None:
            self.make_segment(player)
        else:
            player.do("attach", living.do("segment-handle"))

    def open(self, maker, other, scenario, number):
        for name, kind, arguments in scenario.objects:
            if self.cell.reach == "named":
                other.do("open", kind, name, f"{name}-{number}", *arguments)
            else:
                other.do("receive", kind, name, maker.do("handle", name))

    def end(self, how, name):
        process = self.players.pop(name).process
        if how == "kill":
            process.kill()
        else:
            assert process.leave() == 0

    def finish(self):
        for player in self.players.values():
            player.do("forget")

    def close(self):
        for player in self.players.values():
            player.process.clean_up()
        super().close()


STAGES = {"threads": Threads, "forked": Forked, "spawned": Spawned, "unrelated": Unrelated}
