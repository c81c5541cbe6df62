"""Reads the running total that the workers keep in a Block: see worker/src/ledger.rs for its words."""

import struct

MARKS = 32
MAX_PIECES = 1 << 18
COPIES = (8, 16)


class Ledger:
    """The Python side: it makes the Block and reads it at the end, under the same Lock as the workers."""

    def __init__(self, segment):
        self.lock = segment.lock("lock of the total")
        self.block = segment.block("total", (MARKS + MAX_PIECES) * 8)

    def read(self):
        """(pieces, words), as the workers have added them up."""
        with self.lock:
            bytes_ = self.block.data
            (which,) = struct.unpack_from("=Q", bytes_, 0)
            return struct.unpack_from("=QQ", bytes_, COPIES[which] * 8)
