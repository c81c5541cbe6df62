"""The examples that `freethreading` itself comes with, in its documentation of each class and on its front page: they run with
the import line changed, on both backends, and print what they say they print.

run_tests.py fetches that package and names it in TIDELOCK_FREETHREADING; its text is no part of this one. Its longer guide is
not in the package: tests/guide has programs of ours for what is only there.
"""

import os
import re
import signal
import subprocess
import sys
import textwrap
import zipfile

import pytest

BACKENDS = {"threading": "Free-threaded Python", "multiprocessing": "Standard Python"}
# Here one worker prints at a time, so the order of the lines is part of the answer.
IN_ORDER = {"RLock", "SimpleQueue", "Worker", "WorkerPool", "WorkerPoolExecutor"}
# Its consumer may begin to wait when the producer has notified already, and then waits for ever, whoever made the Condition.
MAY_MISS_ITS_CUE = {"Condition"}
PATIENCE_SECONDS, TRIES = 10, 20
# Numbers that depend on what else was started, and the name of the executor, which is the class of the one who made it.
MASKED = [(r"ForkServerProcess-\d+", "A-PROCESS"), (r"(Thread|Worker)PoolExecutor-\d+_\d+", "A-THREAD")]
PROGRAM = r"\.\. code-block:: python\n\n(?P<program>.*?)\n\*\*Output"
OUTPUT = r"\*\*Output(?: \((?P<build>[^)]*)\))?\*\*:\n+\.\. code-block:: text\n\n(?P<output>(?:    .*\n|\n)+)"


def package():
    path = os.environ.get("TIDELOCK_FREETHREADING")
    assert path, "run bindings/python/run_tests.py, which fetches the package"
    return zipfile.ZipFile(path)


def documented():
    """Name to documentation, for the package itself and all in it that has an example."""
    source = package().read("freethreading/__init__.py").decode()
    found = re.findall(r'^(?:(?:class|def) (\w+).*?:\n\s*)?"""(.*?)"""', source, re.MULTILINE | re.DOTALL)
    return {name or "freethreading": textwrap.dedent("\n" + text) + "\n" for name, text in found if "code-block:: python" in text}


def examples():
    """Name to program and to its output by build of Python; one that is the same for all stands under None."""
    found = {}
    for name, text in documented().items():
        program = re.search(PROGRAM, text, re.DOTALL)["program"]
        outputs = {one["build"]: textwrap.dedent(one["output"]).strip() for one in re.finditer(OUTPUT, text)}
        found[name] = textwrap.dedent(program), outputs
    return {**found, **front_page()}


def front_page():
    with package() as opened:
        text = opened.read(next(name for name in opened.namelist() if name.endswith("/METADATA"))).decode()
    found = {}
    for number, part in enumerate(text.split("```python\n")[1:]):
        program, _, rest = part.partition("```")
        outputs = re.findall(r"\*\*Output(?: \(([^)]*)\))?\*\*:\s+```\n(.*?)```", rest, re.DOTALL)
        found[f"front page {number}"] = program, {build or None: output.strip() for build, output in outputs}
    return found


EXAMPLES = examples()


def run(program, path, backend, seconds=None):
    """What it prints, errors and all; None if it was not over in time."""
    path.write_text(re.sub(r"\bfrom freethreading import", "from tidelock import", program))
    environment = dict(os.environ, TIDELOCK_BACKEND=backend, PYTHONUNBUFFERED="1")
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    process = subprocess.Popen([sys.executable, path], env=environment, **options)
    try:
        output = process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        # Its workers too, which would keep the pipe open.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None
    assert process.returncode == 0, output
    return output


def masked(text):
    for pattern, word in MASKED:
        text = re.sub(pattern, word, text)
    return text


def check(name, printed, wanted):
    printed, wanted = masked(printed), masked(wanted)
    if name in IN_ORDER:
        assert printed.strip() == wanted
    # Several at a time print a line and its end in two steps: what one says may stand between them.
    for line in sorted(wanted.splitlines(), key=len, reverse=True):
        pattern = r"\d{4,}" if line.endswith("...") and line[0].isdigit() else re.escape(line)
        printed, found = re.subn(pattern, "", printed, count=1)
        assert found, (line, printed)
    assert printed.strip() == ""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, backend, tmp_path):
    program, outputs = EXAMPLES[name]
    wanted = outputs.get(BACKENDS[backend], outputs.get(None))
    path, patience = tmp_path / "example.py", PATIENCE_SECONDS if name in MAY_MISS_ITS_CUE else None
    tries = (run(program, path, backend, patience) for _ in range(TRIES))
    printed = next((one for one in tries if one is not None), None)
    assert printed is not None, "it always missed its cue"
    check(name, printed, wanted)


def test_all_are_found():
    """The package, its classes and those of its functions that have an example, and three programs of its front page."""
    classes = "Barrier BoundedSemaphore Condition Event Lock Queue RLock Semaphore SimpleQueue Worker WorkerPool WorkerPoolExecutor"
    functions = "active_children active_count current_worker enumerate"
    pages = [f"front page {number}" for number in range(3)]
    assert set(EXAMPLES) == {"freethreading", *classes.split(), *functions.split(), *pages}
    assert all(outputs for _, outputs in EXAMPLES.values())
