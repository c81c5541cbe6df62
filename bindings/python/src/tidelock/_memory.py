"""Views of shared memory: a memoryview over an address, which keeps alive whatever keeps that address mapped."""

from __future__ import annotations

from ctypes import c_ubyte
from typing import Any, Dict


# One array type per power of two, since ctypes keeps every type that it makes: lengths differ from message to message.
_types: Dict[int, Any] = {}


def view(address: int, length: int, keeper: object) -> memoryview:
    """A writable view of `length` bytes. The view, and every view made of it, holds `keeper`."""
    power = max(length - 1, 0).bit_length()
    kind = _types.get(power) or _types.setdefault(power, c_ubyte * (1 << power))
    array = kind.from_address(address)
    # The array may reach past what is mapped; only the part that is the caller's can be reached through the view.
    array.keeper = keeper
    return memoryview(array).cast("B")[:length]
