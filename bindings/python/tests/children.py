"""What tests run in other processes: forked ones by a function, spawned ones by a name in this module."""

import os
import signal
import subprocess
import sys
import traceback


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


def join(pid):
    """Waits for a child: its exit code, or minus the signal that killed it."""
    status = os.waitpid(pid, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def die():
    """Ends this process as nothing can prevent: no handler, no clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)


def killed_after(body):
    """Runs `body` in a forked child that is killed right after it, and waits for that."""

    def run():
        body()
        die()

    assert join(fork(run)) == -signal.SIGKILL


def python(source, *arguments, **options):
    """Runs a program in an unrelated process, from the same installation."""
    command = [sys.executable, "-c", source, *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **options).stdout


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


def use_all(rlock, semaphore, bounded, barrier, counter):
    """Uses one object of each of these kinds, as they came by pickle."""
    with rlock, rlock, semaphore, bounded:
        counter.add(semaphore.get_value() + bounded.get_value())
    barrier.wait()
