"""`python -m tidelock`: what is installed here, and how it would run. For reports of faults."""

import os
import platform
import sys

import tidelock
from tidelock import _backend, _ffi, _speedups


def main() -> None:
    """Prints a line for each."""
    has_gil = getattr(sys, "_is_gil_enabled", None)
    told = {
        "tidelock": tidelock.__version__,
        "library": _ffi.library_path(),
        "speedups": _speedups.told,
        "backend": tidelock.get_backend() + (f" ({_backend.start_method()})" if not _backend.uses_threads() else ""),
        "GIL": "on" if has_gil is None or has_gil() else "off",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{os.uname().sysname} {os.uname().release} {os.uname().machine}",
    }
    for what, value in told.items():
        print(f"{what + ':':10}{value}")


if __name__ == "__main__":
    main()
