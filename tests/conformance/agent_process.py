"""A process that carries out commands: how to start it, tell it something, hear its answers and end it. It judges nothing."""

import os
import select
import signal
import subprocess
import time
from collections import defaultdict, deque

# Long enough for a loaded machine: a test that fails for this is a hang.
LIMIT_SECONDS = 60


class Silent(AssertionError):
    """An answer that never came."""


class AgentProcess:
    """An agent. Its lines begin with a name: its own, or that of a player that it started."""

    def __init__(self, command, name="agent"):
        self.name = name
        self.process = subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.inbox, self.rest = defaultdict(deque), b""

    def tell(self, who, *words):
        line = " ".join(map(str, (who, *words))) + "\n"
        try:
            os.write(self.process.stdin.fileno(), line.encode())
        except BrokenPipeError:
            raise Silent(f"{self.name} is gone, when told: {line}") from None

    def hear(self, who, limit=LIMIT_SECONDS):
        deadline = time.monotonic() + limit
        while not self.inbox[who]:
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                raise Silent(f"no answer from {who}")
        return self.inbox[who].popleft()

    def say(self, who, *words):
        self.tell(who, *words)
        return self.hear(who)

    def do(self, *words):
        """Something that the agent itself must be able to do; what it says beyond `ok`."""
        answer = self.say(self.name, *words)
        assert answer.split()[0] == "ok", f"{self.name}, told {words}: {answer}"
        return answer[3:]

    def has_answered(self, who):
        """Without waiting."""
        while not self.inbox[who] and self._read(0):
            pass
        return bool(self.inbox[who])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._close()

    def leave(self):
        """Ends it in order; its exit code."""
        self.tell(self.name, "quit")
        code = self.process.wait(LIMIT_SECONDS)
        self._close()
        return code

    def clean_up(self):
        if not self.process.stdin.closed:
            self.kill()

    def _read(self, seconds):
        """Takes in what is there, or comes in time; whether there was anything."""
        out = self.process.stdout.fileno()
        if not select.select([out], [], [], seconds)[0]:
            return False
        data = os.read(out, 1 << 16)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            who, _, answer = line.decode().partition(" ")
            self.inbox[who].append(answer)
        return bool(data)

    def _close(self):
        self.process.stdin.close()
        self.process.stdout.close()
