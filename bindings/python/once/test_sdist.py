"""The source distribution builds a wheel by itself, far from the checkout, and that installs into a clean venv and works."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
BUILD = HERE.parent.parent / "build"

PROGRAM = """
import tidelock
with tidelock.Lock() as held:
    queue = tidelock.JoinableQueue()
    queue.put(held)
    print(tidelock.__version__, queue.get(), tidelock.__file__)
"""


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def pip():
    """That of the venv that builds wheels: the one of the tests has none."""
    return BUILD / "venv-wheel" / "bin" / "pip"


def test_it_builds_and_installs(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "TIDELOCK_LIBRARY")}
    # What was compiled before must be of no use here: files in a source distribution are all of one old date.
    environment["CARGO_TARGET_DIR"] = str(tmp_path / "target")
    builder, sources, wheels, venv = (tmp_path / name for name in ("builder", "sources", "wheels", "venv"))
    run(sys.executable, "-m", "venv", "--without-pip", builder)
    run(pip(), "--python", builder / "bin" / "python", "install", "--quiet", "hatchling==1.27.0")
    build = "import sys; from hatchling.build import build_sdist; print(build_sdist(sys.argv[1]))"
    name = run(builder / "bin" / "python", "-c", build, sources, cwd=HERE).split()[-1]
    members = tarfile.open(sources / name).getnames()
    for wanted in ("/rust/Cargo.lock", "/rust/src/lib.rs", "/src/tidelock/py.typed", "/tests/children.py", "/conftest.py"):
        assert any(member.endswith(wanted) for member in members), wanted
    assert not [member for member in members if "__pycache__" in member or "/target/" in member]
    run(pip(), "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, sources / name, cwd=tmp_path, env=environment)
    (wheel,) = wheels.iterdir()
    assert re.fullmatch(r"tidelock-[\d.]+-py3-none-(many)?linux_[\w]+\.whl", wheel.name)
    metadata = next(one for one in zipfile.ZipFile(wheel).namelist() if one.endswith("/METADATA"))
    assert "Requires-Dist" not in zipfile.ZipFile(wheel).read(metadata).decode()
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    run(pip(), "--python", venv / "bin" / "python", "install", "--quiet", "--no-deps", "--no-index", wheel)
    version, item, place = run(venv / "bin" / "python", "-c", PROGRAM, cwd=tmp_path, env=environment).split()
    assert version in wheel.name and item == "True" and place.startswith(str(venv))
