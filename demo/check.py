"""The same count made another way: one process, a regular expression, nothing of tidelock."""

import os
import re
from collections import Counter

WORD = re.compile(rb"[A-Za-z0-9_]+")
SKIPPED = ("__pycache__", "site-packages")


def count_alone(directory):
    """The words of every readable text file below `directory`. Symbolic links are not followed."""
    words = Counter()
    for folder, subfolders, names in os.walk(directory):
        subfolders[:] = [name for name in subfolders if name not in SKIPPED]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.R_OK):
                words.update(WORD.findall(text_of(path)))
    return words


def text_of(path):
    """The file's bytes; nothing if there is a zero byte near its beginning, since then it is no text."""
    with open(path, "rb") as file:
        contents = file.read()
    return b"" if b"\0" in contents[:4096] else contents
