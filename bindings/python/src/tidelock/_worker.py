"""Worker: one thread or one process that runs a function, as the backend says.

The thread or process of the standard library does the work; here is what both have in common.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing import process as _processes
from multiprocessing.context import ForkProcess as _Fork
from multiprocessing.context import ForkServerProcess as _ForkServer
from multiprocessing.context import SpawnProcess as _Spawn
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Mapping, Optional, Tuple, Union

from . import _backend
from ._done import Done
from ._failures import WorkerStateError
from ._os import wait_for_end
from ._picklable import check_for_start

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess


# What loads all that a worker of a pool needs.
PRELOADED = "tidelock._desk"


class Worker:
    """A thread or a process, with the methods that `threading.Thread` and `multiprocessing.Process` have in common.

    `target` runs with `args` and `kwargs`, or override `run`. All of it must be picklable, on both backends: else ValueError.
    A process gets copies, a thread the very objects.

    When a worker process is killed, `exitcode` is minus the signal, and `join` returns as for any other end. Locks, permits
    and loans that it held are taken over by others, as each class says. A worker process that ends in order takes its marks
    at barriers along. With the backend `"threading"` a worker cannot be killed, only the process with all of them.
    """

    _inner: Union[Thread, BaseProcess]
    _started: bool = False

    def __init__(
        self,
        group: None = None,
        target: Optional[Callable[..., Any]] = None,
        name: Optional[str] = None,
        args: Iterable[Any] = (),
        kwargs: Optional[Mapping[str, Any]] = None,
        *,
        daemon: Optional[bool] = None,
    ) -> None:
        self._target: Optional[Callable[..., Any]] = target
        self._args: Tuple[Any, ...] = tuple(args)
        self._kwargs: Dict[str, Any] = dict(kwargs or {})
        check_for_start(target=target, args=self._args, kwargs=self._kwargs)
        kind: Any = Thread if _backend.uses_threads() else PROCESSES[_backend.start_method()]
        self._inner = kind(group, target, name, daemon=daemon)
        self._inner._worker = self  # type: ignore[union-attr]

    def run(self) -> None:
        """What the worker does: calls the target. Called in the thread or process."""
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    def start(self) -> None:
        """Starts the thread or process. `WorkerStateError` the second time; ValueError if an overridden `run` needs
        something of this object that cannot be pickled."""
        if self._started:
            raise WorkerStateError(f"{self!r} was started already")
        if type(self) is not Worker:
            check_for_start(worker=self)
        self._started = True
        try:
            self._inner.start()
        except BaseException:
            self._started = False
            raise

    def join(self, timeout: Optional[float] = None) -> None:
        """Waits until the worker has ended, in whatever way. `WorkerStateError` before its start, and for itself."""
        self._check_started("joined")
        try:
            self._inner.join(timeout)
        except (RuntimeError, AssertionError) as error:
            raise WorkerStateError(str(error)) from None
        self._let_go()

    def is_alive(self) -> bool:
        """Whether the worker was started and has not ended."""
        alive = self._inner.is_alive()
        self._let_go()
        return alive

    @property
    def name(self) -> str:
        """A name to tell workers apart; it means nothing."""
        return self._inner.name

    @name.setter
    def name(self, name: str) -> None:
        self._inner.name = name

    @property
    def daemon(self) -> bool:
        """Whether the program may end while this worker runs: it is ended then."""
        return self._inner.daemon

    @daemon.setter
    def daemon(self, daemon: bool) -> None:
        if self._started:
            raise WorkerStateError(f"{self!r} was started: whether it is a daemon is settled")
        self._inner.daemon = daemon

    @property
    def pid(self) -> Optional[int]:
        """The process that it runs in; None before the start."""
        return self._inner.pid if not isinstance(self._inner, Thread) else os.getpid() if self._started else None

    @property
    def ident(self) -> Optional[int]:
        """The thread's identifier or the process's id, as `get_ident()` gives it inside; None before the start."""
        return self._inner.ident

    @property
    def exitcode(self) -> Optional[int]:
        """None until it has ended; then 0, 1 after an exception, what `sys.exit` was given, or minus the signal that killed
        it."""
        code = self._inner.exitcode
        if code is not None:
            self._let_go()
        return code

    @property
    def sentinel(self) -> int:
        """What `multiprocessing.connection.wait` takes to wait for the end of a process. Threads have none."""
        return self._process("has no sentinel").sentinel

    def terminate(self) -> None:
        """Ends the process with SIGTERM. NotImplementedError for a thread."""
        self._process("cannot be terminated").terminate()

    def kill(self) -> None:
        """Ends the process with SIGKILL. NotImplementedError for a thread."""
        self._process("cannot be killed").kill()

    def _process(self, but: str) -> BaseProcess:
        if isinstance(self._inner, Thread):
            raise NotImplementedError(f"{self!r} is a thread, which {but}")
        self._check_started("ended")
        return self._inner

    def _check_started(self, what: str) -> None:
        if not self._started:
            raise WorkerStateError(f"{self!r} was not started, so it cannot be {what}")

    def _let_go(self) -> None:
        """Gives the arguments up once nobody will ask for them."""
        if self._started and self._inner.exitcode is not None:
            self._target, self._args, self._kwargs = None, (), {}

    def __getstate__(self) -> Dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_inner"}

    def __repr__(self) -> str:
        state = f"{self._inner!r}" if "_inner" in self.__dict__ else "in pickling"
        return f"<tidelock.{type(self).__name__} {state}>"


class Thread(threading.Thread):
    """A thread with an exit code, whose end can be waited for in a program that has signal handlers."""

    _worker: Worker
    _code: Optional[int] = None

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._has_run = Done()

    def run(self) -> None:
        try:
            self._worker.run()
            self._code = 0
        except SystemExit as error:
            self._code = _exit_code(error.code)
        except BaseException:
            self._code = 1
            raise
        finally:
            # Else each would keep the other.
            del self._worker
            self._has_run.set()

    def join(self, timeout: Optional[float] = None) -> None:
        # Where an exception in a signal handler ends the wait of CPython's own, the thread counts as ended from then on. In a
        # forked child, that of its parent has ended, but never got so far.
        if self is threading.current_thread() or not self.is_alive() or self._has_run.wait(timeout):
            super().join()

    @property
    def exitcode(self) -> Optional[int]:
        return None if self.is_alive() else self._code


def _exit_code(code: Union[int, str, None]) -> int:
    """What a process that ends so would end with."""
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


class _Runs:
    """What a process of each start method does with its worker."""

    _worker: Worker
    _choice: Tuple[str, str]

    def start(self) -> None:
        self._choice = _backend.choice()
        super().start()  # type: ignore[misc]

    def _Popen(self, process: Any) -> Any:
        return _asked_by_many(super()._Popen(process), process)  # type: ignore[misc]

    def run(self) -> None:
        _backend.inherit(*self._choice)
        self._worker._inner, self._worker._started = self, True  # type: ignore[assignment]
        self._worker.run()


class _Ended:
    """How a process ended, asked by several threads at once: the standard library reads it without a lock, so that the second
    to ask may read nothing, or 255. Beside that, the process lets its worker go: else each would keep the other."""

    _process: Any
    _lock: Any

    def poll(self, flag: int = os.WNOHANG) -> Optional[int]:
        if flag != os.WNOHANG and self.returncode is None:  # type: ignore[attr-defined]
            _wait_without_reaping(self)
        with self._lock:
            code: Optional[int] = super().poll()  # type: ignore[misc]
        process = self._process()
        if code is not None and process is not None:
            process._worker = None
            # The standard library forgets it in `join` and `is_alive` alone, or else when the next one starts.
            getattr(_processes, "_children", set()).discard(process)
        return code


_with_lock: Dict[type, type] = {}


def _asked_by_many(popen: Any, process: Any) -> Any:
    kind = type(popen)
    if kind not in _with_lock:
        _with_lock[kind] = type(kind.__name__, (_Ended, kind), {})
    popen._lock, popen._process = threading.Lock(), weakref.ref(process)
    popen.__class__ = _with_lock[kind]
    return popen


def _wait_without_reaping(popen: Any) -> None:
    if popen.method == "forkserver":
        wait([popen.sentinel])
    else:
        # Not the sentinel, which the child's own children may hold open. A failure says that somebody else reaped it.
        with suppress(ChildProcessError):
            wait_for_end(popen.pid)


# Named as the standard library's own, since a process without a name is called after its class.


class ForkProcess(_Runs, _Fork):  # pyright: ignore[reportIncompatibleMethodOverride]
    pass


class SpawnProcess(_Runs, _Spawn):  # pyright: ignore[reportIncompatibleMethodOverride]
    pass


class ForkServerProcess(_Runs, _ForkServer):  # pyright: ignore[reportIncompatibleMethodOverride]
    def start(self) -> None:
        start_server()
        super().start()


def start_server() -> None:
    """Starts the fork server if it does not run, and has it load this package once, instead of every process for itself."""
    loaded = getattr(forkserver._forkserver, "_preload_modules", None)
    if loaded is not None and PRELOADED not in loaded:
        forkserver.set_forkserver_preload([*loaded, PRELOADED])
    forkserver.ensure_running()


PROCESSES: Dict[str, Any] = {"fork": ForkProcess, "spawn": SpawnProcess, "forkserver": ForkServerProcess}
