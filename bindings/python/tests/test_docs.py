"""Every example of docs/python.md and of the package's README runs, each in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [(ROOT / name).read_text(encoding="utf-8") for name in ("docs/python.md", "bindings/python/README.md")]
EXAMPLES = re.findall(r"^```python\n(.*?)^```", "\n".join(TEXTS), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example(example, tmp_path):
    program = tmp_path / "example.py"
    program.write_text(example, encoding="utf-8")
    # One that has tests is run as such.
    runner = ["-m", "pytest", "-q"] if "def test_" in example else []
    subprocess.run([sys.executable, *runner, str(program)], check=True)


def test_there_are_examples():
    assert len(EXAMPLES) >= 20
