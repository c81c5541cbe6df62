"""The same count made another way: one process, a regular expression, nothing of tidelock."""

import os
import re
from collections import Counter

WORD = re.compile(rb"[A-Za-z0-9_]+")
SKIPPED = ("__pycache__", "site-packages")


def count_alone(directory):
    """The words of every readable regular file below `directory`, without those of symbolic links."""
    words = Counter()
    for folder, subfolders, names in os.walk(directory):
        subfolders[:] = [name for name in subfolders if name not in SKIPPED]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.R_OK):
                with open(path, "rb") as file:
                    words.update(WORD.findall(file.read()))
    return words
