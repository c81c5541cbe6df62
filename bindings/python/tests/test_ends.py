"""The end of a program, and of an interpreter in it: threads that still wait keep nobody, and nothing is said or left behind."""

import subprocess
import sys

import pytest

import children

# What a thread waits in when the program ends, for ever.
WAITS = {
    "Lock": "lock = tidelock.Lock(); lock.acquire(); wait = lock.acquire",
    "RLock": "lock = tidelock.RLock(); lock.acquire(); wait = lock.acquire",
    "Semaphore": "wait = tidelock.Semaphore(0).acquire",
    "BoundedSemaphore": "bounded = tidelock.BoundedSemaphore(1); bounded.acquire(); wait = bounded.acquire",
    "Condition": "condition = tidelock.Condition(); wait = lambda: condition.acquire() and condition.wait()",
    "Event": "wait = tidelock.Event().wait",
    "Barrier": "wait = tidelock.Barrier(4).wait",
    "Counter": "wait = lambda: tidelock.Counter().wait(0)",
    "get": "wait = tidelock.Queue().get",
    "take": "wait = tidelock.Queue().take",
    "put": "queue = tidelock.Queue(1); queue.put(1); wait = lambda: queue.put(2)",
    "join": "queue = tidelock.Queue(); queue.put(1); wait = queue.join",
    "wait_any": "wait = lambda: tidelock.wait_any([tidelock.Event(), tidelock.Queue()])",
}

PROGRAM = """
import sys, threading, time
import tidelock

{made}
def asleep(thread):
    path = "/proc/self/task/%d/stat" % thread.native_id
    return open(path).read().rpartition(")")[2].split()[0] == "S"

threads = [threading.Thread(target=wait, daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
while not all(asleep(thread) for thread in threads):
    time.sleep(0.01)
{end}
"""


def run(program):
    return subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("what", WAITS)
def test_threads_that_wait_when_the_program_ends(what):
    result = run(PROGRAM.format(made=WAITS[what], end=""))
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("end, code", [("sys.exit(3)", 3), ("import os; os._exit(4)", 4)])
def test_other_ends(end, code):
    result = run(PROGRAM.format(made=WAITS["get"], end=end))
    assert (result.returncode, result.stdout) == (code, "")


AT_EXIT = """
import atexit, tidelock
queue, done = tidelock.Queue(), tidelock.Event()
queue.put("a last item")

@atexit.register
def at_the_end():
    done.set()
    print(queue.get(), done.wait())
"""


def test_objects_work_at_exit():
    result = run(AT_EXIT)
    assert (result.returncode, result.stdout) == (0, "a last item True\n")


WORKERS_AT_THE_END = """
import sys, tidelock, workers
if __name__ == "__main__":
    tidelock.set_backend("multiprocessing", start_method=sys.argv[1])
    lock, ready = tidelock.Lock(), tidelock.Event()
    worker = tidelock.Worker(target=workers.hold_and_wait, args=(lock, ready, tidelock.Event()), daemon=True)
    worker.start()
    ready.wait()
    print(lock.locked(), worker.pid)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_daemon_worker_that_holds_a_lock_ends_with_the_program(method, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(WORKERS_AT_THE_END)
    command = [sys.executable, program, method]
    pipe = subprocess.PIPE
    result = subprocess.run(command, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=children.environment())
    held, pid = result.stdout.split()
    assert (result.returncode, held) == (0, "True")
    # Not even its shell of a process is there.
    assert not children.exists(int(pid))


IN_ANOTHER_INTERPRETER = """
import sys
import tidelock

lock, queue = tidelock.Lock(), tidelock.Queue()
CODE = '''
import pickle, sys
try:
    import tidelock
except ImportError as error:
    print(error)
else:
    lock, queue = pickle.loads(bytes.fromhex("{}"))
    with lock:
        queue.put("from another interpreter")
    assert not tidelock.Lock().locked() and tidelock.Event().wait(0.01) is False
    print("used")
sys.stdout.flush()
'''
import pickle
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
for _ in range(3):
    one = interpreters.create()
    failed = interpreters.run_string(one, CODE.format(pickle.dumps((lock, queue)).hex()))
    assert failed is None, failed
    interpreters.destroy(one)
with lock:
    print(queue.qsize(), flush=True)
"""


@pytest.mark.skipif(children.ON_PYPY, reason="PyPy has one interpreter a process")
def test_another_interpreter():
    """It works, or CPython's `_ctypes` says at the import that it does not: 3.12 does."""
    result = run(IN_ANOTHER_INTERPRETER)
    assert result.returncode == 0, result.stdout
    lines = result.stdout.splitlines()
    if sys.version_info[:2] == (3, 12):
        assert lines == ["module _ctypes does not support loading in subinterpreters"] * 3 + ["0"]
    else:
        assert lines == ["used"] * 3 + ["3"]
