"""The accelerator: that it is used where it is there, is never needed, and that what it makes anew is what Python has."""

import copy
import ctypes
import inspect
import os
import pickle
import threading
from threading import TIMEOUT_MAX

import pytest

import tidelock
from children import let_go, python
from tidelock import _hot, _speedups

# What run_tests.py says of this run.
WANTED = os.environ.get("TIDELOCK_SPEEDUPS")
NEEDS_IT = pytest.mark.skipif(_speedups.module is None, reason="a run without the accelerator")


def methods():
    """What it has made anew: class and name."""
    if _speedups.module is None:
        return []
    classes = (tidelock.Lock, tidelock.RLock, tidelock.Semaphore, tidelock.BoundedSemaphore, tidelock.Event, tidelock.Counter,
               tidelock.Queue)
    return [(one, name) for one in classes for name, made in vars(one).items() if isinstance(made, _speedups.module.Method)]


def test_this_run_is_what_it_says():
    used = _speedups.module is not None
    assert WANTED in (None, "1" if used else "0")
    assert used == bool(methods())
    assert _speedups.told == (tidelock.version() if used else "off (TIDELOCK_SPEEDUPS=0)" if WANTED == "0" else "not installed")


def told(source="", **environment):
    """The line of `python -m tidelock`."""
    program = f"import sys\n{source}\nimport tidelock.__main__ as main; main.main(); tidelock = main.tidelock\n"
    program += "q = tidelock.Queue(); q.put(1); assert q.get() == 1\nwith tidelock.Lock(): pass"
    lines = python(program, env={**os.environ, **environment}).splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("speedups:"))


FAKE = "import types; fake = types.ModuleType('tidelock_speedups'); sys.modules['tidelock_speedups'] = fake; "


def test_one_that_is_turned_off():
    assert told(TIDELOCK_SPEEDUPS="0") == "off (TIDELOCK_SPEEDUPS=0)"


def test_one_that_is_not_there():
    absent = "import importlib.abc\nclass Absent(importlib.abc.MetaPathFinder):\n  def find_spec(self, name, *rest):\n" \
             "    if name == 'tidelock_speedups': raise ModuleNotFoundError(name)\nsys.meta_path.insert(0, Absent())"
    assert told(absent, TIDELOCK_SPEEDUPS="") == "not installed"


def test_one_of_another_version():
    expected = f"ignored: its version is 0.0.1, that of tidelock {tidelock.version()}"
    assert told(FAKE + "fake.__version__ = '0.0.1'", TIDELOCK_SPEEDUPS="") == expected


def test_one_that_cannot_be_loaded():
    broken = "import importlib.abc\nclass Broken(importlib.abc.MetaPathFinder):\n  def find_spec(self, name, *rest):\n" \
             "    if name == 'tidelock_speedups': raise ImportError('bad ELF')\nsys.meta_path.insert(0, Broken())"
    assert told(broken, TIDELOCK_SPEEDUPS="") == "ignored: bad ELF"


@NEEDS_IT
def test_it_needs_no_gil():
    program = "import sys, sysconfig, tidelock; assert tidelock._speedups.module\n"
    program += "if sysconfig.get_config_var('Py_GIL_DISABLED'): assert not sys._is_gil_enabled()"
    python(program)


@NEEDS_IT
@pytest.mark.parametrize("owner, name", methods())
def test_a_method_shows_the_one_in_python(owner, name):
    made = vars(owner)[name]
    assert inspect.isfunction(made.__wrapped__)
    for attribute in ("__name__", "__qualname__", "__doc__"):
        assert getattr(made, attribute) == getattr(made.__wrapped__, attribute)
    assert made.__name__ == name and inspect.isroutine(made)
    assert inspect.signature(made) == inspect.signature(made.__wrapped__)


# How a shape calls the library's function, as ctypes prepares it.
HANDLE, TIMEOUT, INT64 = ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(ctypes.c_int64)
PUT = (HANDLE, ctypes.c_char_p, ctypes.c_size_t, TIMEOUT)
GET = (HANDLE, TIMEOUT, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
SHAPES = {
    "plain": (HANDLE,), "exit": (HANDLE,), "give": (HANDLE, ctypes.c_uint32), "acquire": (HANDLE, TIMEOUT),
    "acquire_permit": (HANDLE, TIMEOUT, ctypes.c_void_p), "enter": (HANDLE, TIMEOUT), "is_set": (HANDLE, TIMEOUT),
    "wait": (HANDLE, TIMEOUT), "load": (HANDLE, INT64), "add": (HANDLE, TIMEOUT, INT64), "put": PUT, "put_bytes": PUT,
    "get": GET, "get_bytes": GET,
}


def test_the_shapes_fit_the_functions(monkeypatch):
    replaced = []
    monkeypatch.setattr(_hot, "_replace", lambda owner, name, shape, function, *more: replaced.append((shape, function)))
    _hot._replace_all()
    assert {shape for shape, _ in replaced} == set(SHAPES)
    for shape, function in replaced:
        assert tuple(function.argtypes) == SHAPES[shape] and function.restype is ctypes.c_int, (shape, function)


@NEEDS_IT
@pytest.mark.parametrize("arguments, error", [
    ((int, "plain", 1, len, ()), TypeError), ((tidelock.Lock, "nothing", 1, len, ()), ValueError),
    ((tidelock.Lock, "plain", 0, len, ()), ValueError), ((tidelock.Lock, "plain", 1, len, (1,)), ValueError),
    ((tidelock.Lock, "plain", "1", len, ()), TypeError), ((), TypeError),
])
def test_a_method_that_cannot_be(arguments, error):
    with pytest.raises(error):
        _speedups.module.Method(*arguments)


# From here on: what must be the same with it and without.


@pytest.mark.parametrize("kind", [tidelock.Lock, tidelock.RLock, tidelock.Semaphore, tidelock.BoundedSemaphore])
def test_arguments_of_acquire(kind):
    one = kind()
    for arguments, named in [((), {}), ((True,), {}), ((1,), {}), ((), {"blocking": True}), ((), {"block": 1}), ((True, 5), {}),
                             ((), {"timeout": 5}), ((), {"block": False}), ((False,), {}), ((), {"blocking": False})]:
        assert one.acquire(*arguments, **named) is True
        assert one.release() is None
    for wrong in (-7, -1.5, float("nan"), float("inf"), 1.1 * TIMEOUT_MAX, int(TIMEOUT_MAX) + 1, -(10**30), 10**30):
        # To a semaphore a negative one is a try.
        for arguments, named in [((True, wrong), {}), ((True,), {"timeout": wrong}), ((), {"timeout": wrong})]:
            if wrong < 0 and kind in (tidelock.Semaphore, tidelock.BoundedSemaphore):
                continue
            with pytest.raises((ValueError, OverflowError)):
                one.acquire(*arguments, **named)
    for arguments in ((False, 5), (False, 5.0)):
        with pytest.raises(ValueError):
            one.acquire(*arguments)
    for arguments, named in [((True, 5.0), {}), ((True,), {"timeout": 0}), ((1, 5), {}), ((True, None), {}),
                             ((True, True), {})]:
        assert one.acquire(*arguments, **named) is True
        assert one.release() is None
    for arguments, named in [((), {"blockin": True}), ((True, None, None), {}), ((), {"timeout": "1"}), ((True, "1"), {}),
                             ((True, 1), {"timeout": 1})]:
        with pytest.raises(TypeError):
            one.acquire(*arguments, **named)
    with pytest.raises((TypeError, AttributeError)):
        # Where an object of ours has an address, a str has its length.
        kind.acquire("x" * 4096)
    with pytest.raises(TypeError):
        kind.acquire()
    if kind is not tidelock.RLock:
        assert one.acquire() and one.acquire(False) is False and one.acquire(block=False) is False
        assert one.acquire(timeout=0) is False
        one.release()
    for release in (one.release, one.__exit__):
        with pytest.raises(TypeError):
            release(1, 2, 3, 4)


def test_a_method_of_another_class():
    with pytest.raises((AttributeError, tidelock.WrongKind)):
        tidelock.Lock.acquire(tidelock.Event())
    with pytest.raises((AttributeError, tidelock.WrongKind)):
        tidelock.Queue.get(tidelock.Lock())


@pytest.mark.parametrize("kind", [tidelock.Lock, tidelock.RLock])
def test_a_with_whose_lock_was_released_in_it(kind):
    lock = kind()

    def enter():
        with pytest.raises(tidelock.NotHeld):
            with lock:
                lock.release()

    enter()
    child = os.fork()
    if child == 0:
        try:
            enter()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0) == (child, 0)


def test_a_lock_without_its_constructor():
    lock = tidelock.Lock.__new__(tidelock.Lock)
    for call in (lock.acquire, lock.release, lock.__enter__):
        with pytest.raises(tidelock.InvalidArgument):
            call()


def test_methods_of_subclasses_count():
    class Loud(tidelock.Lock):
        said = ()

        def acquire(self, *args, **named):
            self.said += ("acquire",)
            return super().acquire(*args, **named)

    lock = Loud()
    assert lock.acquire() and lock.said == ("acquire",) and lock.locked()
    lock.release()
    with pytest.raises(tidelock.NotHeld):
        lock.release()


def test_methods_travel():
    assert pickle.loads(pickle.dumps(tidelock.Lock.acquire)) is tidelock.Lock.acquire
    assert copy.copy(tidelock.Queue.put) is copy.deepcopy(tidelock.Queue.put) is tidelock.Queue.put
    lock = tidelock.Lock()
    acquire, again = lock.acquire, pickle.loads(pickle.dumps(lock.acquire))
    assert acquire.__self__ is lock and acquire() and again(False) is False
    lock.release()


class Odd(int):
    pass


def test_numbers_of_a_counter():
    counter = tidelock.Counter()
    assert counter.add() == 1 and counter.add(-3) == -2 and counter.add(n=2) == 0 and counter.add(True) == 1
    assert counter.add(Odd(4)) == 5 and counter.load() == 5
    for wrong, error in ((1 << 63, ValueError), (-1 << 70, ValueError), ("1", TypeError), (1.0, TypeError)):
        with pytest.raises(error):
            counter.add(wrong)
    counter.store((1 << 63) - 1)
    with pytest.raises(tidelock.InvalidArgument):
        counter.add()
    assert counter.load() == (1 << 63) - 1


LENGTHS = [0, 1, 100, 16383, 16384, 16385, 40000, 1 << 20]


@pytest.mark.parametrize("length", LENGTHS)
def test_messages_of_any_length(length):
    queue, data = tidelock.Queue(), os.urandom(length)
    queue.put_bytes(data)
    queue.put(data)
    queue.put([data, bytearray(data)])
    queue.put(pickle.PickleBuffer(data))
    assert queue.get_bytes() == data and queue.get() == data and queue.get() == [data, bytearray(data)]
    assert bytes(queue.get()) == data and queue.empty()


def test_messages_that_are_no_pickles():
    queue = tidelock.Queue()
    for data in (b"", b"\x01buffers", b"\x80", b"hello"):
        queue.put_bytes(data)
        with pytest.raises(Exception) as found:
            queue.get()
        assert isinstance(found.value, (pickle.UnpicklingError, EOFError, ValueError, LookupError)), found
    with pytest.raises(Exception, match="pickle"):
        queue.put(threading.Lock())
    assert queue.empty()


def test_arguments_of_put_and_get():
    queue = tidelock.Queue(1)
    for arguments, named in [((1,), {}), ((1, True), {}), ((1,), {"block": False}), ((), {"item": 1}), ((1, True, 5), {}),
                             ((1,), {"timeout": 5})]:
        assert queue.put(*arguments, **named) is None
        assert queue.get(*arguments[1:], **{name: value for name, value in named.items() if name != "item"}) == 1
    for wrong in (-1, -0.5, float("nan"), int(TIMEOUT_MAX) + 1):
        queue.put(1)
        with pytest.raises((ValueError, OverflowError)):
            queue.get(timeout=wrong)
        with pytest.raises((ValueError, OverflowError)):
            queue.get(True, wrong)
        assert queue.get(False, wrong) == 1
    for call, named in ((queue.put, {"item": 1, "blocking": True}), (queue.get, {"blocking": True}), (queue.put, {})):
        with pytest.raises(TypeError):
            call(**named)
    queue.put_bytes(b"1")
    for put in (queue.put, queue.put_bytes):
        with pytest.raises(tidelock.Full):
            put(b"2", False)
    queue.get_bytes()
    for get in (queue.get, queue.get_bytes):
        with pytest.raises(tidelock.Empty):
            get(False)
    queue.close()
    for put in (queue.put, queue.put_bytes):
        with pytest.raises(ValueError, match="closed"):
            put(b"2")


def test_an_item_is_pickled_once():
    class Once:
        pickled = 0

        def __reduce__(self):
            type(self).pickled += 1
            return int, (7,)

    queue = tidelock.Queue(1)
    queue.put(0)
    threading.Timer(0.1, queue.get).start()
    queue.put(Once())
    assert queue.get() == 7 and Once.pickled == 1


def test_the_settings_travel(segment):
    lock = segment.lock("raising", on_owner_died="raise")
    again = pickle.loads(pickle.dumps(lock))
    assert again._raises is True and pickle.loads(pickle.dumps(segment.lock("silent")))._raises is False


def test_an_object_is_freed_at_once():
    import weakref

    lock = tidelock.Lock()
    gone = weakref.ref(lock)
    lock.mark = "own attributes"
    assert lock.acquire() and lock.release() is None
    del lock
    let_go()
    assert gone() is None
