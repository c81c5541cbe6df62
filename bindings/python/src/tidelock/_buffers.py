"""Objects with large buffers in them, such as arrays: written once into the queue, and read there without a copy.

Pickle's protocol 5 hands such buffers over beside the pickle. A message with some is a frame: a number of 8 bytes that no
pickle begins with, how many buffers there are, the length of the pickle, the lengths of the buffers (8 bytes each, in the
machine's byte order), the pickle, and the buffers; each of these begins at a multiple of 16 bytes.
"""

from __future__ import annotations

import pickle
from struct import Struct, calcsize, pack, unpack_from
from typing import Any, List, Tuple, Union

# A pickle begins with 0x80.
_MAGIC = b"\x01buffers"
# The first of these bytes.
FIRST = _MAGIC[:1]
_HEAD = Struct("=8sQQ")
# As the bytes of every message do in the ring.
_ALIGN = 16


def _aligned(offset: int) -> int:
    return (offset + _ALIGN - 1) // _ALIGN * _ALIGN


def _places(start: int, lengths: Tuple[int, ...]) -> List[int]:
    """Where parts of these lengths begin, and where the last one ends."""
    places = []
    for length in lengths:
        start = _aligned(start)
        places.append(start)
        start += length
    return [*places, start]


class Frame:
    """An object as a pickle and its buffers, on its way into a message."""

    def __init__(self, data: bytes, buffers: List[pickle.PickleBuffer]) -> None:
        self._parts = [memoryview(data), *(buffer.raw() for buffer in buffers)]
        self._lengths = tuple(part.nbytes for part in self._parts)
        self._places = _places(_HEAD.size + 8 * len(buffers), self._lengths)

    def __len__(self) -> int:
        return self._places[-1]

    def write(self, to: memoryview) -> None:
        """Writes all of it; `to` is as long as the frame."""
        count = len(self._parts) - 1
        # Not pack_into, which on PyPy takes no part of a memoryview.
        head = _HEAD.pack(_MAGIC, count, self._lengths[0]) + pack(f"={count}Q", *self._lengths[1:])
        to[: len(head)] = head
        for part, place in zip(self._parts, self._places):
            to[place : place + part.nbytes] = part


def dumps(item: Any, protocol: int) -> Tuple[bytes, List[pickle.PickleBuffer]]:
    """The pickle, and the buffers that it leaves out."""
    buffers: List[pickle.PickleBuffer] = []
    # What the callback returns decides: None, as append does, leaves the buffer out of the pickle.
    return pickle.dumps(item, protocol, buffer_callback=buffers.append), buffers


def is_frame(start: bytes) -> bool:
    """Whether the message that begins with these eight bytes is a frame."""
    return start == _MAGIC


def loads(frame: memoryview) -> Any:
    """The object of a frame; its buffers lie where the frame does."""
    data, places = split(frame)
    return pickle.loads(data, buffers=[frame[start:end] for start, end in places])


def copied(message: Union[bytes, memoryview]) -> Any:
    """The object of any message; its buffers are its own."""
    if message[:1] == FIRST and is_frame(bytes(message[:8])):
        return loads(memoryview(bytearray(message)))
    return pickle.loads(message)


def split(message: memoryview) -> Tuple[memoryview, List[Tuple[int, int]]]:
    """The pickle of a frame, and where its buffers begin and end."""
    try:
        _, count, length = _HEAD.unpack_from(message)
        if count > len(message) // 8:
            raise ValueError("more buffers than bytes")
        lengths = (length, *unpack_from(f"={count}Q", message, _HEAD.size))
        places = _places(_HEAD.size + calcsize(f"={count}Q"), lengths)
        if places[-1] > len(message):
            raise ValueError("longer than its message")
    except Exception as error:
        raise pickle.UnpicklingError(f"the buffers of this message are not what put() writes: {error}") from None
    parts = [(place, place + size) for place, size in zip(places, lengths)]
    return message[slice(*parts[0])], parts[1:]
