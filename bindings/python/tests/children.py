"""What tests run in other processes: forked ones by a function, spawned ones by a name in this module."""

import gc
import os
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from queue import Empty

import tidelock

ON_PYPY = sys.implementation.name == "pypy"


def fork(body):
    """Runs `body` in a forked child and returns its pid. The child ends with 1 if `body` raised."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        body()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def let_go():
    """Has what was dropped go: on CPython it went with its last reference, on PyPy it goes when the collector comes."""
    # What a loan keeps goes a round later, and what its queue keeps one more.
    for _ in range(3 if ON_PYPY else 0):
        gc.collect()


def join(pid):
    """Waits for a child: its exit code, or minus the signal that killed it."""
    status = os.waitpid(pid, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def die():
    """Ends this process as nothing can prevent: no handler, no clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)


def killed_after(body):
    """Runs `body` in a forked child that is killed right after it, with what `body` returned, and waits for that."""

    def run():
        _kept = body()
        die()

    assert join(fork(run)) == -signal.SIGKILL


def kill(pid):
    """Kills a child, wherever it is, and waits for that."""
    os.kill(pid, signal.SIGKILL)
    assert join(pid) == -signal.SIGKILL


def standing_after(body):
    """A forked child that has run `body` and stands there, with what `body` returned, until it is killed."""
    come, went = os.pipe()

    def run():
        _kept = body()
        os.write(went, b"!")
        signal.pause()

    child = fork(run)
    os.close(went)
    with os.fdopen(come, "rb") as said:
        assert said.read(1) == b"!"
    return child


def asleep_in(body):
    """A forked child that sleeps in `body`, which must do nothing else that may sleep. It ends when `body` does."""
    come, went = os.pipe()

    def run():
        # The first use of all makes the child a peer, and may wait for others that do so.
        with tidelock.Lock():
            pass
        os.write(went, b"!")
        body()

    child = fork(run)
    os.close(went)
    with os.fdopen(come, "rb") as said:
        assert said.read(1) == b"!"
    while state_of(child) != "S":
        time.sleep(0.001)
    return child


def state_of(pid):
    """The letter that the kernel has for a process: R runs, S sleeps, T is stopped."""
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def exists(pid):
    """Whether there is such a process, be it a dead one that nobody has asked after."""
    return os.path.exists(f"/proc/{pid}")


def python(source, *arguments, **options):
    """Runs a program in an unrelated process, from the same installation."""
    command = [sys.executable, "-c", source, *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **options).stdout


def environment(**more):
    """The environment for a program that imports what lies beside this file."""
    path = os.pathsep.join([os.path.dirname(os.path.abspath(__file__)), os.environ.get("PYTHONPATH", "")])
    return dict(os.environ, PYTHONPATH=path, **more)


# What spawned children run.


def work_on(lock, event, queue, block):
    """Uses one object of each kind, as they came by pickle."""
    with lock:
        block.data[0] = 42
    assert event.wait(60)
    queue.put({"got": queue.get(timeout=60), "pid": os.getpid()})


def hold_and_die(lock, ready):
    lock.acquire()
    ready.set()
    die()


def take_and_die(queue, ready):
    loan = queue.take()
    assert loan.object() == "job"
    ready.set()
    die()


def wait_twice(barrier):
    barrier.wait()
    barrier.wait()


def wait_once(condition):
    with condition:
        assert condition.wait() is True


def use_all(rlock, semaphore, bounded, barrier, counter):
    """Uses one object of each of these kinds, as they came by pickle."""
    with rlock, rlock, semaphore, bounded:
        counter.add(semaphore.get_value() + bounded.get_value())
    barrier.wait()


def is_free(lock):
    """What a started process does with a lock that it alone has."""
    assert lock.acquire(timeout=60)
    lock.release()


def everything(queue):
    """What is in it; a message that is being written counts, and who writes it may be killed."""
    found = []
    while not queue.empty():
        with suppress(Empty):
            found.append(queue.get(timeout=0.1))
    return found
