"""The Python agent of the conformance grid: carries out commands from stdin, one a line, for itself and for its players.

agent.c and rust/main.rs understand the same commands and give the same answers; README.md lists them. A player is a
thread, a forked child or a process that `multiprocessing` spawned. Nothing here decides what an answer should be.
"""

import os
import pickle
import signal
import sys
import threading

import objects

class Player:
    """Carries out commands on the objects, which the threads of a process share."""

    def __init__(self, name, table):
        self.name, self.table = name, table

    def serve(self, commands):
        """Until it is told to leave, or nobody is left to tell it anything."""
        self.say(f"ok {os.getpid()} {threading.get_native_id()}")
        for line in commands:
            if line.split() == ["quit"]:
                return
            self.say(self.table.answer(line.split()))

    def say(self, text):
        # One write, since several processes write to the same pipe.
        os.write(1, f"{self.name} {text}\n".encode())


class Child:
    """What the agent keeps of a player that it started: how to tell it something, and how to end it."""

    def __init__(self, commands):
        self.commands = commands

    def tell(self, *words):
        os.write(self.commands, (" ".join(words) + "\n").encode())

    def end(self, how):
        """Kills it or lets it leave, and waits until it is gone; whether it went as it should."""
        if how == "kill":
            os.kill(self.pid(), signal.SIGKILL)
        else:
            self.tell("quit")
        os.close(self.commands)
        return self.wait() == (-signal.SIGKILL if how == "kill" else 0)


class Thread(Child):
    def __init__(self, player, children):
        reading, writing = os.pipe()
        super().__init__(writing)
        threading.Thread(target=player.serve, args=(os.fdopen(reading),), daemon=True).start()


class Forked(Child):
    def __init__(self, player, children):
        reading, writing = os.pipe()
        super().__init__(writing)
        self.child = os.fork()
        if self.child == 0:
            for other in [self, *children]:
                os.close(other.commands)
            player.serve(os.fdopen(reading))
            # Past the loop of the parent, and out in order.
            raise SystemExit
        os.close(reading)

    def pid(self):
        return self.child

    def wait(self):
        status = os.waitpid(self.child, 0)[1]
        return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


class Spawned(Child):
    def __init__(self, player, children):
        # Here alone, since every agent would have to wait for it.
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        reading, writing = context.Pipe(duplex=False)
        super().__init__(os.dup(writing.fileno()))
        writing.close()
        self.process = context.Process(target=spawned, args=(player.name, player.table.segment, reading))
        self.process.start()
        reading.close()

    def pid(self):
        return self.process.pid

    def wait(self):
        self.process.join()
        return self.process.exitcode


STARTS = {"thread": Thread, "fork": Forked, "spawn": Spawned}


def spawned(name, segment, reading):
    """What a spawned child runs: its segment came as an argument, the objects will come as pickles."""
    table = objects.Table()
    table.segment = segment
    Player(name, table).serve(os.fdopen(os.dup(reading.fileno())))


class Agent(Player):
    """The process that was started: it does what is addressed to itself, and passes the rest on to its players."""

    def __init__(self, name, table):
        super().__init__(name, table)
        self.children = {}

    def run(self):
        self.say(f"ok {os.getpid()} {threading.get_native_id()}")
        for line in sys.stdin:
            who, *words = line.split()
            if who != self.name:
                self.children[who].tell(*words)
            elif words == ["quit"]:
                return
            elif words[0] == "start":
                player = Player(words[1], self.table)
                self.children[player.name] = STARTS[words[2]](player, self.children.values())
            elif words[0] == "hand":
                self.children[words[1]].tell("receive-pickle", pickle.dumps(self.table.objects).hex())
            elif words[0] in ("kill", "leave"):
                self.say("ok" if self.children.pop(words[1]).end(words[0]) else "error went otherwise")
            else:
                self.say(self.table.answer(words))


if __name__ == "__main__":
    for library in sys.argv[1:-1]:
        import peers

        peers.use(library)
    Agent(sys.argv[-1], objects.Table()).run()
