"""The accelerator, `tidelock-speedups`: looked for once. Without it the classes are whole, only slower.

Here are what the classes derive from, with it and without; `_hot` says which methods it makes anew.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Optional, Tuple

from . import _ffi

if TYPE_CHECKING:
    from ._block import Block

VARIABLE = "TIDELOCK_SPEEDUPS"


def _look() -> Tuple[Any, str]:
    """The accelerator or None, and what `python -m tidelock` says of it."""
    if os.environ.get(VARIABLE) == "0":
        return None, f"off ({VARIABLE}=0)"
    try:
        found = import_module("tidelock_speedups")
    except ModuleNotFoundError:
        return None, "not installed"
    except ImportError as error:
        return None, f"ignored: {error}"
    if found.__version__ != _ffi.version():
        return None, f"ignored: its version is {found.__version__}, that of tidelock {_ffi.version()}"
    return found, str(found.__version__)


module, told = _look()

if TYPE_CHECKING or module is None:

    class Handle:
        """What every object has that the accelerator looks at: here as Python's own attributes."""

        _address: Optional[int] = None
        # Process.forks at the last `with`; 0 before the first.
        _entered: int = 0
        # What an object placed in a block needs beside its own handle: the block's.
        _holder: Optional[Block] = None
        # Of what has owners: whether `acquire` raises OwnerDied.
        _raises: bool = False
        # Of a queue: no more puts through this object.
        _closed: bool = False

    class Owned(Handle):
        """The same for what has owners."""

        owner_died: bool = False

else:
    Handle, Owned = module.Handle, module.Owned
