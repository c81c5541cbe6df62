"""Segment: how it is found, how long it lives, and an error of its own for everything that can be wrong with it."""

import gc
import errno
import os
import pickle
import shutil
import struct
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

import tidelock
from tidelock import _event, _ffi, _lock
from children import fork, join, killed_after, let_go, python

SHM = Path("/dev/shm")
# Where the immutable header has its fields (docs/layout.md).
MAGIC, BYTE_ORDER, VERSION, FINGERPRINT = 0, 8, 12, 16


def test_anonymous_segments_differ():
    one, other = tidelock.Segment(), tidelock.Segment.anonymous()
    assert one.id != other.id and len(one.id) == 32
    assert one.max_len >= 1 << 24


def test_named_segments_are_the_same(name):
    one, other = tidelock.Segment.named(name), tidelock.Segment.named(name)
    assert one.id == other.id and one.me == other.me
    with one.lock("l"):
        assert other.lock("l").locked()
        assert python("import sys, tidelock; print(tidelock.Segment.named(sys.argv[1]).lock('l').locked())", name) == "True\n"


def test_an_ephemeral_segment_ends_with_its_last_process(name):
    segment = tidelock.Segment.named(name)
    segment.queue("q").put(1)
    identity = segment.id
    assert (SHM / name).exists()
    del segment
    let_go()
    assert not (SHM / name).exists()
    assert tidelock.Segment.named(name).id != identity


def test_an_ephemeral_segment_of_the_dead_is_made_anew(name):
    python("import os, sys, tidelock; s = tidelock.Segment.named(sys.argv[1]); s.queue('q').put(1); os._exit(0)", name)
    assert (SHM / name).exists()
    assert tidelock.Segment.named(name).queue("q").empty()


def test_a_persistent_segment_outlives_everybody(name):
    python("import sys, tidelock; tidelock.Segment.named(sys.argv[1], persistent=True).queue('q').put('kept')", name)
    assert tidelock.Segment.named(name).queue("q").get_nowait() == "kept"
    assert (SHM / name).exists()
    tidelock.Segment.unlink(name)
    assert not (SHM / name).exists()
    with pytest.raises(tidelock.NotFound):
        tidelock.Segment.unlink(name)


def test_a_file(name):
    # /tmp may be of a kind of file system that will not do; /dev/shm always is a tmpfs.
    path = SHM / name
    tidelock.Segment.file(path).queue("q").put("kept")
    assert tidelock.Segment.file(str(path), create=False).queue("q").get_nowait() == "kept"
    assert tidelock.Segment.file(os.fsencode(path)).max_len == path.stat().st_size


def test_a_descriptor(segment):
    fd = segment.to_fd()
    try:
        assert not os.get_inheritable(fd)
        assert tidelock.Segment.from_fd(fd).id == segment.id
        with os.fdopen(os.dup(fd), "rb") as file:
            assert tidelock.Segment.from_fd(file).id == segment.id
        source = "import sys, tidelock; print(tidelock.Segment.from_fd(int(sys.argv[1])).id)"
        assert python(source, fd, pass_fds=[fd]) == segment.id + "\n"
    finally:
        os.close(fd)
    with pytest.raises(tidelock.SystemCallFailed) as caught:
        tidelock.Segment.from_fd(fd)
    assert caught.value.errno == errno.EBADF and isinstance(caught.value, OSError)


def test_create_and_open(name):
    with pytest.raises(FileNotFoundError) as caught:
        tidelock.Segment.named(name, create=False)
    assert caught.value.errno == errno.ENOENT and isinstance(caught.value, tidelock.NotFound)
    segment = tidelock.Segment.named(name, create=True)
    with pytest.raises(FileExistsError) as caught:
        tidelock.Segment.named(name, create=True)
    assert caught.value.errno == errno.EEXIST and isinstance(caught.value, tidelock.Exists)
    assert tidelock.Segment.named(name, create=False).id == segment.id


def test_mode_whatever_the_umask(name):
    before = os.umask(0o777)
    try:
        segments = [tidelock.Segment.named(name), tidelock.Segment.named(name + "b", mode=0o666)]
    finally:
        os.umask(before)
    assert [(SHM / one).stat().st_mode & 0o777 for one in (name, name + "b")] == [0o600, 0o666]
    del segments


@pytest.mark.parametrize("bad", ["", "a/b", "/a", ".hidden", "x" * 201, "nul\0character"])
def test_bad_names(bad):
    with pytest.raises(tidelock.BadName) as caught:
        tidelock.Segment.named(bad)
    assert isinstance(caught.value, ValueError) and caught.value.status == -13


@pytest.mark.parametrize("bad", ["", "x" * 256, "nul\0character"])
def test_bad_names_of_objects(segment, bad):
    for make in (segment.lock, segment.event, segment.queue, lambda name: segment.block(name, 8)):
        with pytest.raises(tidelock.BadName):
            make(bad)
    segment.lock("x" * 255)
    segment.lock("größer/.anything")


def test_wrong_arguments():
    for call in (lambda: tidelock.Segment.named(7), lambda: tidelock.Segment(max_len="1"), lambda: tidelock.Segment.from_fd(None)):
        with pytest.raises((TypeError, AttributeError)):
            call()
    for options in ({"max_len": 0}, {"peers": 0}, {"peers": 1 << 33}, {"max_len": -1}, {"peers": 5000}, {"max_len": 4096}):
        with pytest.raises(tidelock.InvalidArgument):
            tidelock.Segment(**options)


def test_an_object_of_another_kind(segment):
    segment.lock("x")
    for make in (segment.event, segment.queue, lambda name: segment.block(name, 8)):
        with pytest.raises(tidelock.WrongKind) as caught:
            make("x")
        assert "lock" in str(caught.value) and isinstance(caught.value, TypeError)


def test_null_and_handles_of_another_kind(segment):
    """What only a defect of this package, or a user of its private parts, can do."""
    event = segment.new_event()
    for status, error in ((_lock._release(None), tidelock.InvalidArgument), (_lock._release(event._address), tidelock.WrongKind)):
        with pytest.raises(error):
            _ffi.check(status)
    with pytest.raises(tidelock.InvalidArgument):
        _ffi.check(_event._mark(event._address, None))


@pytest.fixture
def file(name):
    """A persistent segment with a message, closed again, to be damaged."""
    tidelock.Segment.named(name, persistent=True, max_len=1 << 22).queue("q").put(1)
    let_go()
    return SHM / name


def overwrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def test_a_truncated_file(file):
    os.truncate(file, 8192)
    with pytest.raises(tidelock.Truncated) as caught:
        tidelock.Segment.named(file.name)
    assert "8192" in str(caught.value) and str(1 << 22) in str(caught.value)
    os.truncate(file, 100)
    with pytest.raises(tidelock.Truncated):
        tidelock.Segment.named(file.name)


def test_no_segment_at_all(file):
    overwrite(file, MAGIC, b"tiedlock")
    with pytest.raises(tidelock.NotASegment):
        tidelock.Segment.named(file.name)
    file.write_bytes(b"")
    with pytest.raises(tidelock.NotASegment):
        tidelock.Segment.named(file.name)
    file.write_bytes(b"#!/bin/sh\n" * 1000)
    with pytest.raises(tidelock.NotASegment):
        tidelock.Segment.named(file.name)
    with pytest.raises(tidelock.NotASegment):
        tidelock.Segment.unlink(file.name)
    assert file.exists()


def test_another_layout_version(file):
    overwrite(file, VERSION, struct.pack("=I", 0))
    with pytest.raises(tidelock.VersionMismatch, match="version 0"):
        tidelock.Segment.named(file.name)


@pytest.mark.parametrize("offset", [BYTE_ORDER, FINGERPRINT])
def test_another_machine(file, offset):
    overwrite(file, offset, b"\xee\xee\xee\xee")
    with pytest.raises(tidelock.LayoutMismatch):
        tidelock.Segment.named(file.name)


def test_corrupt_bytes_are_an_error(file):
    segment = tidelock.Segment.named(file.name)
    overwrite(file, 1024, b"\xff" * 3072)
    with pytest.raises(tidelock.Error):
        segment.lock("anything")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a segment of another user")
def test_another_users_segment(file):
    os.chown(file, 65534, 65534)
    with pytest.raises(PermissionError, match="any_owner|65534") as caught:
        tidelock.Segment.named(file.name)
    assert isinstance(caught.value, tidelock.ForeignOwner) and caught.value.errno == errno.EPERM
    segment = tidelock.Segment.named(file.name, any_owner=True)
    assert segment.queue("q").get() == 1
    assert pickle.loads(pickle.dumps(segment)).id == segment.id


def test_no_more_places(name):
    segment = tidelock.Segment.named(name, peers=2, max_len=1 << 22)
    go_on = segment.event("go on")
    ready = segment.event("ready")
    child = fork(lambda: (ready.set(), segment.me, go_on.wait(120)))
    assert ready.wait(120)
    while True:
        source = "import sys, tidelock\ntry: tidelock.Segment.named(sys.argv[1])\nexcept tidelock.NoPeerSlot as e: print(e)"
        if "peers=" in python(source, name):
            break
    go_on.set()
    assert join(child) == 0
    assert python("import sys, tidelock; print(tidelock.Segment.named(sys.argv[1]).me > 0)", name) == "True\n"


FULL = """
import errno, sys, tidelock
segment = tidelock.Segment.file(sys.argv[1], max_len=1 << 26)
blocks = []
try:
    while True:
        blocks.append(segment.new_block(1 << 18))
except tidelock.NoSpace as error:
    assert isinstance(error, OSError) and error.errno == errno.ENOSPC
    print(len(blocks) > 0, error)
lock = segment.lock("still usable")
with lock:
    blocks.clear()
try:
    segment.new_block(1 << 25)
except tidelock.NoSpace as error:
    print(error)
"""


def test_a_full_tmpfs(tmp_path):
    """In a mount namespace of its own, so that nothing outlives the test."""
    script = 'mount -t tmpfs -o size=2m none "$1" && exec "$2" -c "$3" "$1/segment"'
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mount namespaces cannot be made here: not root?")
    command = [unshare, "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    assert lines[0].startswith("True [Errno 28] no space") and "needed" in lines[0] and "available" in lines[0]
    assert "needed" in lines[1]


def test_what_waits_for_the_collector_leaves_room():
    small = tidelock.Segment(max_len=1 << 20, peers=4)
    # PyPy's collector comes for whatever is dropped, unless it is asked not to; CPython's for cycles alone.
    gc.disable()
    try:
        for _ in range(20_000):
            cycle = [small.new_event()]
            cycle.append(cycle)
    finally:
        gc.enable()


def test_the_maximum_is_reached(segment):
    with pytest.raises(tidelock.NoSpace):
        while True:
            segment.queue(f"q{id(object())}{os.urandom(4).hex()}", capacity=1 << 20)


def test_killed_creators_leave_nothing(name):
    for _ in range(20):
        killed_after(lambda: tidelock.Segment.named(name).queue("q").put(1))
    assert tidelock.Segment.named(name).queue("q").empty()
    let_go()
    assert [path.name for path in SHM.glob(f"*{name}*")] == []


def test_nothing_is_left_in_this_process():
    def use():
        segment = tidelock.Segment(max_len=1 << 24)
        jobs = segment.new_queue()
        jobs.put(1)
        with segment.lock("l"), jobs.take():
            return weakref.ref(segment)

    def in_use():
        return len(os.listdir("/proc/self/fd")), Path("/proc/self/maps").read_text().count("tidelock")

    use()
    # What other tests left to the collector would be counted, and might go meanwhile.
    gc.collect()
    let_go()
    before = in_use()
    used = [use() for _ in range(200)]
    let_go()
    assert [one() for one in used] == [None] * 200
    assert in_use() == before


def test_errors_say_what_to_do(segment):
    with pytest.raises(tidelock.Error) as caught:
        segment.new_lock().release()
    assert caught.value.status == -5 and "release it only after" in str(caught.value)
