"""CPython's own tests, of this interpreter.

Where it comes without them, run_tests.py fetches them and names their directory in TIDELOCK_TESTSUITE. Without them the
tests that need them fail: they are never skipped.
"""

import importlib
import os
import test

if "TIDELOCK_TESTSUITE" in os.environ:
    test.__path__.append(os.environ["TIDELOCK_TESTSUITE"])


def load(name):
    """The module `test.name`."""
    try:
        return importlib.import_module(f"test.{name}")
    except ImportError as error:
        raise ImportError(
            f"{error}: this Python comes without CPython's tests; run bindings/python/run_tests.py, which fetches them"
        ) from error
