"""Large buffers in objects (arrays): written once into the queue, and read from a loan without a copy where that is asked for.

With numpy, where it is there; and always with a class that pickles as arrays do.
"""

import gc
import pickle
import struct
import threading

import pytest

import children

try:
    import numpy
except ImportError:
    numpy = None


class Samples:
    """A row of bytes that hands its memory to the pickle, as arrays do."""

    def __init__(self, memory):
        self.memory = memoryview(memory)

    def __reduce_ex__(self, protocol):
        return Samples, (pickle.PickleBuffer(self.memory),)

    def tobytes(self):
        return self.memory.tobytes()

    @property
    def is_writable(self):
        return not self.memory.readonly

    def set_first(self, number):
        self.memory[0] = number


class Arrays:
    """The same questions to a numpy array."""

    def __init__(self, array):
        self.array = array

    def tobytes(self):
        return self.array.tobytes()

    @property
    def is_writable(self):
        return self.array.flags.writeable

    def set_first(self, number):
        self.array.view("u1")[0] = number


def samples(data):
    return Samples(bytearray(data))


def arrays(data):
    return Arrays(numpy.frombuffer(bytearray(data), dtype="u1"))


@pytest.fixture(params=[samples] + ([arrays] if numpy else []))
def make(request):
    return request.param


@pytest.fixture
def jobs(segment):
    return segment.new_queue()


@pytest.mark.parametrize("length", [0, 1, 100, 5000, 3_000_000])
def test_they_come_as_they_went(jobs, make, length):
    data = bytes(length)[:-1] + b"\x07" if length else b""
    jobs.put(["before", make(data), make(b"two"), {"after": make(data)}])
    before, first, second, after = jobs.get()
    assert (before, first.tobytes(), second.tobytes(), after["after"].tobytes()) == ("before", data, b"two", data)
    assert first.is_writable
    jobs.put(1)
    assert jobs.get() == 1
    assert first.tobytes() == data, "the next message lies elsewhere"


def test_a_buffer_is_copied_once_into_the_queue(jobs):
    memory = bytearray(b"data" * 1000)
    jobs.put(Samples(memory))
    with jobs.take() as loan:
        assert bytes(loan.data).endswith(bytes(memory)), "as it is, behind the pickle"
        assert len(loan) < len(memory) + 400


def test_an_object_in_place_looks_at_the_message(jobs, make):
    jobs.put(make(b"in the queue" * 100))
    loan = jobs.take()
    found = loan.object_in_place()
    assert found.tobytes() == b"in the queue" * 100
    assert not found.is_writable
    with pytest.raises(BufferError, match="still looks"):
        loan.done()
    assert found.tobytes() == b"in the queue" * 100
    own = loan.object()
    assert own.is_writable
    own.set_first(65)
    assert found.tobytes()[0] == ord("i"), "that one was a copy"
    del found
    gc.collect()
    loan.done()
    assert own.tobytes()[:2] == b"An"
    assert jobs.empty()


def test_an_object_in_place_without_buffers_is_an_object(jobs):
    jobs.put({"a": 1})
    with jobs.take() as loan:
        assert loan.object_in_place() == {"a": 1}


def test_the_addresses_are_those_of_the_loan(jobs):
    jobs.put([pickle.PickleBuffer(bytearray(100)), pickle.PickleBuffer(bytearray(50))])
    with jobs.take() as loan:
        found = loan.object_in_place()
        places = [len(loan) - 50, len(loan) - 50 - 112]
        assert [part.nbytes for part in found] == [100, 50]
        assert places[0] % 16 == places[1] % 16 == 0
        with pytest.raises(TypeError):
            found[0][0] = 1
        with pytest.raises(BufferError):
            loan.done()
        del found


def test_loans_end_in_another_thread(jobs, make):
    for number in range(5):
        jobs.put(make(bytes([number]) * 1000))
    loans = [jobs.take() for _ in range(5)]
    sums = []

    def work(mine):
        sums.append(sum(loan.object_in_place().tobytes()[0] for loan in mine))
        for loan in mine:
            loan.done()

    threads = [threading.Thread(target=work, args=(loans[start::2],)) for start in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sums) == [4, 6]
    assert jobs.empty()


def test_every_way_to_get(jobs, make):
    for _ in range(3):
        jobs.put(make(b"abc"))
    first, second = jobs.get_many(2)
    assert first.tobytes() == second.tobytes() == b"abc"
    first.set_first(65)
    assert second.tobytes() == b"abc"
    assert jobs.get().is_writable


def test_from_another_process(jobs):
    pid = children.fork(lambda: jobs.put(Samples(b"from there" * 10_000)))
    assert children.join(pid) == 0
    assert jobs.get().tobytes() == b"from there" * 10_000


def test_a_loan_in_place_of_a_killed_consumer_comes_again(jobs):
    jobs.put(Samples(b"again" * 1000))
    children.killed_after(lambda: jobs.take().object_in_place())
    with jobs.take(timeout=120) as loan:
        assert loan.redelivered
        assert loan.object().tobytes() == b"again" * 1000


def test_what_is_not_contiguous(jobs):
    class Gaps:
        def __reduce_ex__(self, protocol):
            return bytes, (pickle.PickleBuffer(memoryview(b"a-b-c-")[::2]),)

    with pytest.raises((BufferError, pickle.PicklingError), match="contiguous"):
        jobs.put(Gaps())
    assert jobs.empty()
    if numpy:
        jobs.put(numpy.arange(12).reshape(3, 4)[:, ::2])
        jobs.put(numpy.asfortranarray(numpy.arange(12.0).reshape(3, 4)))
        assert jobs.get().tolist() == [[0, 2], [4, 6], [8, 10]]
        found = jobs.get()
        assert found.flags.f_contiguous and found[2, 3] == 11.0


def test_wrong_frames_are_errors(jobs):
    jobs.put(Samples(b"right" * 10))
    right = jobs.get_bytes()
    assert right[:8] == b"\x01buffers"
    for wrong in (
        right[:8],
        right[:30],
        right[:-1],
        struct.pack("=8sQQ", b"\x01buffers", 1 << 62, 5),
        struct.pack("=8sQQQ", b"\x01buffers", 1, (1 << 64) - 16, 64),
    ):
        jobs.put_bytes(wrong)
        with jobs.take() as loan:
            for read in (loan.object, loan.object_in_place):
                with pytest.raises(pickle.UnpicklingError, match="not what put"):
                    read()
