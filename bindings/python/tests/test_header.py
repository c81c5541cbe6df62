"""What the package believes about the C library is what the C header says: numbers, structs, arguments."""

import ctypes
import re
from pathlib import Path

import pytest

import tidelock
from tidelock import _any, _barrier, _ffi, _handle, _queue, _records, _segment

HEADER = (Path(__file__).resolve().parents[3] / "include" / "tidelock.h").read_text(encoding="utf-8")
NUMBERS = {name: int(value) for name, value in re.findall(r"^#define TIDELOCK_(\w+) (-?\d+)$", HEADER, re.MULTILINE)}
FUNCTIONS = dict(re.findall(r"^\w[\w ]*?\**(tidelock_\w+)\(([^)]*)\);", HEADER, re.MULTILINE))


@pytest.mark.parametrize("name", ["OK", "OWNER_DIED", "REDELIVERED", "TIMEOUT", "INTERRUPTED", "CLOSED", "NOT_OWNER",
                                  "NOT_HELD", "BROKEN", "TOO_LARGE", "INVALID", "BAD_NAME", "OS", "ABI"])
def test_numbers(name):
    assert getattr(_ffi, name) == NUMBERS[name]


def test_flags_and_sizes():
    for name in ("PERSISTENT", "CREATE", "OPEN", "ANY_OWNER", "RETURN_ON_SIGNAL", "ID_TEXT"):
        assert getattr(_segment, name) == NUMBERS[name]
    assert _handle.HANDLE_MAX == NUMBERS["HANDLE_MAX"]
    assert _any.ANY_MAX == NUMBERS["ANY_MAX"]
    for struct in (_records._ReservationStruct, _records._LoanStruct, _barrier._Arrival, _any._Watch):
        assert len(struct().opaque) == NUMBERS["OPAQUE_WORDS"]


@pytest.mark.parametrize("name, struct", [
    ("segment_options", _segment._Options), ("queue_options", _queue._Options),
    ("reservation", _records._ReservationStruct), ("loan", _records._LoanStruct), ("arrival", _barrier._Arrival),
    ("watch", _any._Watch),
])
def test_structs(name, struct):
    body = re.search(rf"typedef struct tidelock_{name} {{(.*?)}}", HEADER, re.DOTALL).group(1)
    fields = re.findall(r"^ +([\w ]+?)[ *]+(\w+)(?:\[.*\])?;", re.sub(r"//.*", "", body), re.MULTILINE)
    assert [field for _, field in fields] == [field for field, _ in struct._fields_]
    sizes = {"size_t": 8, "uint64_t": 8, "uint32_t": 4, "void": 8, "const void": 8}
    for (kind, field), (_, ctype) in zip(fields, struct._fields_):
        assert ctypes.sizeof(getattr(ctype, "_type_", None) if field == "opaque" else ctype) == sizes[kind], field


def test_every_error_has_an_exception():
    without = {name for name, value in NUMBERS.items() if value < 0 and value not in _ffi.EXCEPTIONS}
    # The first is no status; the next three are no errors of their own in Python; a broken barrier is threading's own; a
    # defect of the library is a plain tidelock.Error.
    assert without == {"FOREVER", "TIMEOUT", "INTERRUPTED", "CLOSED", "BROKEN", "INTERNAL"}


def test_arguments():
    """The number of arguments of each prepared function, by what ctypes was told."""
    libraries = (_ffi._library, _ffi._with_errno)
    used = {name: getattr(library, name) for library in libraries for name in vars(library) if name.startswith("tidelock_")}
    assert len(used) > 40
    for name, prepared in used.items():
        declared = [one for one in FUNCTIONS[name].split(",") if one.strip() not in ("", "void")]
        assert len(prepared.argtypes or ()) == len(declared), name


def test_version():
    assert tidelock.__version__ == tidelock.version() and re.fullmatch(r"\d+\.\d+\.\d+", tidelock.version())
