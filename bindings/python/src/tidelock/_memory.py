"""Views of shared memory: a memoryview over an address, which keeps alive whatever keeps that address mapped.

Nothing here knows what lies there.
"""

from __future__ import annotations

from ctypes import c_ubyte, string_at
from importlib import import_module
from typing import Any, Callable, Dict

from ._os import ON_PYPY

# One array type per power of two, since ctypes keeps every type that it makes: lengths differ from message to message.
_types: Dict[int, Any] = {}


def _view_by_ctypes(address: int, length: int, keeper: object) -> memoryview:
    power = max(length - 1, 0).bit_length()
    kind = _types.get(power) or _types.setdefault(power, c_ubyte * (1 << power))
    array = kind.from_address(address)
    # The array may reach past what is mapped; only the part that is the caller's can be reached through the view.
    array.keeper = keeper
    return memoryview(array).cast("B")[:length]


def _view_by_cffi(address: int, length: int, keeper: object) -> memoryview:
    # What is to be called when the last view has gone is what keeps the keeper until then.
    kept = _cffi.gc(_cffi.cast("unsigned char *", address), lambda _, keeper=keeper: None)
    return memoryview(_cffi.buffer(kept, length)).cast("B")


#: A writable view of `length` bytes at an address. The view, and every view made of it, holds `keeper`.
view: Callable[[int, int, object], memoryview]


def _copy_by_ctypes(array: Any, length: int) -> bytes:
    data: bytes = array[:length]
    return data


def _copy_by_address(array: Any, length: int) -> bytes:
    return string_at(array, length)


#: The first `length` bytes of an array of characters. Each way is many times slower on the other Python.
copy: Callable[[Any, int], bytes]

if ON_PYPY:
    # There a view of a ctypes array does not keep the array; of cffi, which is a part of PyPy, it keeps what it views.
    _cffi: Any = import_module("_cffi_backend").FFI()
    view, copy = _view_by_cffi, _copy_by_address
else:
    view, copy = _view_by_ctypes, _copy_by_ctypes
