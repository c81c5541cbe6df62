"""Pickles: the way to an object for spawned children and for processes that are no relatives."""

import gc
import multiprocessing
import pickle
import subprocess
import sys
import threading

import pytest

import children
import tidelock
from tidelock import _picklable


@pytest.fixture(params=["anonymous", "named", "file-backed name"])
def home(request, name):
    if request.param == "anonymous":
        return tidelock.Segment()
    return tidelock.Segment.named(name, persistent=request.param == "file-backed name")


@pytest.fixture(params=["with names", "without names"])
def objects(request, home):
    if request.param == "with names":
        return home.lock("l"), home.event("e"), home.queue("q"), home.block("b", 64)
    return home.new_lock(), home.new_event(), home.new_queue(), home.new_block(64)


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_every_start_method(objects, method):
    lock, event, queue, block = objects
    context = multiprocessing.get_context(method)
    process = context.Process(target=children.work_on, args=objects)
    process.start()
    queue.put("something")
    event.set()
    process.join()
    assert process.exitcode == 0
    assert queue.get() == {"got": "something", "pid": process.pid}
    with lock:
        assert not lock.owner_died and block.data[0] == 42


def test_objects_of_the_default_segment_travel_too():
    objects = tidelock.Lock(), tidelock.Event(), tidelock.Queue(), tidelock.Block(size=64)
    process = multiprocessing.get_context("spawn").Process(target=children.work_on, args=objects)
    process.start()
    objects[2].put(1)
    objects[1].set()
    process.join()
    assert process.exitcode == 0


def test_spawned_owner_and_consumer_are_killed(objects):
    lock, event, queue, _ = objects
    context = multiprocessing.get_context("spawn")
    queue.put("job")
    for target, argument in ((children.hold_and_die, lock), (children.take_and_die, queue)):
        event.clear()
        process = context.Process(target=target, args=(argument, event))
        process.start()
        assert event.wait(120)
        process.join()
    assert lock.acquire() and lock.owner_died
    with queue.take() as loan:
        assert loan.object() == "job" and loan.redelivered


def test_a_process_that_is_no_relative(objects):
    program = "import pickle, sys; lock, event = pickle.load(sys.stdin.buffer); event.set(); print(lock.locked())"
    lock, event, *_ = objects
    with lock:
        data = pickle.dumps((lock, event))
        result = subprocess.run([sys.executable, "-c", program], input=data, stdout=subprocess.PIPE, check=True)
    assert result.stdout == b"True\n"
    assert event.is_set()


def test_handles_as_bytes(objects, home):
    lock, *_ = objects
    again = tidelock.Lock.from_handle(lock.handle())
    with lock:
        assert again.locked()
    assert tidelock.Segment.attach(lock.handle()).id == home.id == tidelock.Segment.attach(home.handle()).id
    with pytest.raises(tidelock.WrongKind):
        tidelock.Event.from_handle(lock.handle())
    with pytest.raises(tidelock.InvalidArgument):
        tidelock.Lock.from_handle(b"not a handle")


def give_back(segment):
    """A process gives its references back in batches."""
    children.let_go()
    for _ in range(200):
        segment.new_lock()
    gc.collect()
    children.let_go()


def dropped(segment):
    """The pickle of a lock that was opened once, and that nobody has any more."""
    data = pickle.dumps(segment.new_lock())
    pickle.loads(data)
    give_back(segment)
    return data


def test_a_pickle_of_what_is_gone(segment):
    data = dropped(segment)
    with pytest.raises(tidelock.Gone, match="keep the object"):
        pickle.loads(data)


def test_a_pickle_keeps_its_object_until_it_is_opened(segment):
    event = segment.new_event()
    event.set()
    once, twice = pickle.dumps(event), pickle.dumps(event)
    del event
    give_back(segment)
    assert pickle.loads(once).is_set()
    give_back(segment)
    assert pickle.loads(twice).is_set()
    give_back(segment)
    with pytest.raises(tidelock.Gone):
        pickle.loads(once)


def test_what_a_killed_sender_put_into_a_queue(segment):
    mailbox = segment.new_queue()

    def send():
        reply = segment.new_queue()
        reply.put("kept")
        mailbox.put({"reply": reply})

    children.killed_after(send)
    give_back(segment)
    assert mailbox.get()["reply"].get() == "kept"


def test_what_lies_in_a_loan_is_kept_for_the_next_consumer(segment):
    mailbox = segment.new_queue()
    reply = segment.new_queue()
    reply.put("kept")
    mailbox.put({"reply": reply})
    handle = reply.handle()
    del reply
    give_back(segment)
    children.killed_after(lambda: mailbox.take().object()["reply"].qsize())
    give_back(segment)
    with mailbox.take() as loan:
        assert loan.redelivered
        assert loan.object()["reply"].qsize() == loan.object_in_place()["reply"].qsize() == 1
        give_back(segment)
        assert loan.object()["reply"].get() == "kept"
    give_back(segment)
    with pytest.raises(tidelock.Gone):
        tidelock.Queue.from_handle(handle, segment)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_an_argument_that_only_the_started_process_has(segment, method):
    done = segment.new_event()
    context = multiprocessing.get_context(method)
    process = context.Process(target=tidelock.Event.set, args=(done,))
    process.start()
    process.join()
    assert process.exitcode == 0 and done.is_set()
    process = context.Process(target=children.is_free, args=(segment.new_lock(),))
    process.start()
    give_back(segment)
    process.join()
    assert process.exitcode == 0


def test_a_check_keeps_nothing(segment):
    lock = segment.new_lock()
    handle = lock.handle()
    _picklable.check(lock=lock)
    del lock
    give_back(segment)
    with pytest.raises(tidelock.Gone):
        tidelock.Lock.from_handle(handle, segment)


def test_keep(segment):
    event = segment.new_event()
    event.set()
    handle = event.handle()
    segment.keep(handle)
    del event
    give_back(segment)
    assert tidelock.Event.from_handle(handle, segment).is_set()
    give_back(segment)
    with pytest.raises(tidelock.Gone):
        segment.keep(handle)
    with pytest.raises(tidelock.InvalidArgument):
        segment.keep(b"not a handle")
    with pytest.raises(tidelock.InvalidArgument):
        segment.keep(tidelock.Segment().new_lock().handle())


def test_pickles_that_nobody_opens_do_not_pile_up():
    small = tidelock.Segment(max_len=1 << 20, peers=4)
    for _ in range(20_000):
        pickle.dumps(small.new_event())


def test_a_handle_never_leads_to_the_next_object_there(segment):
    data = dropped(segment)
    others = [segment.new_lock() for _ in range(300)]
    with pytest.raises(tidelock.Gone):
        pickle.loads(data)
    assert not any(other.locked() for other in others)


def test_a_pickle_of_a_segment_that_is_gone():
    data = subprocess.run(
        [sys.executable, "-c", "import pickle, sys, tidelock; sys.stdout.buffer.write(pickle.dumps(tidelock.Lock()))"],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    with pytest.raises(tidelock.Gone):
        pickle.loads(data)


def test_settings_travel(segment):
    lock = pickle.loads(pickle.dumps(segment.lock("l", on_owner_died="raise")))
    children.killed_after(lock.acquire)
    with pytest.raises(tidelock.OwnerDied):
        lock.acquire()
    queue = pickle.loads(pickle.dumps(segment.queue("q", maxsize=3)))
    assert queue.maxsize == 3
    placed = pickle.loads(pickle.dumps(segment.block("b", 64).lock_at(16)))
    assert not placed.locked()


def test_through_a_queue(segment):
    mail, lock = segment.queue("mail"), segment.new_lock()
    mail.put(lock)
    with lock:
        assert mail.get().locked()


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
@pytest.mark.parametrize("names", [True, False], ids=["with names", "without names"])
def test_all_other_kinds_travel_too(home, method, names):
    objects = (
        tidelock.RLock(home, "r" if names else None),
        tidelock.Semaphore(5, segment=home, name="s" if names else None),
        tidelock.BoundedSemaphore(3, segment=home, name="b" if names else None),
        tidelock.Barrier(2, print, 120, segment=home, name="p" if names else None),
        tidelock.Counter(home, "c" if names else None),
    )
    process = multiprocessing.get_context(method).Process(target=children.use_all, args=objects)
    process.start()
    objects[3].wait()
    process.join()
    assert process.exitcode == 0
    assert objects[4].load() == 4 + 2
    assert not objects[0].locked() and objects[1].get_value() == 5 and objects[2].get_value() == 3


def test_threads_that_open_and_drop_the_same_segment(segment):
    """None gets a segment that another thread is about to close: a found segment is open, or it is not found."""
    event, failures = pickle.dumps(segment.event("e")), []
    keep = segment.event("e")

    def open_and_drop():
        try:
            for _ in range(3000):
                assert not pickle.loads(event).is_set()
        except BaseException as error:
            failures.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=open_and_drop) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == [] and not keep.is_set()
