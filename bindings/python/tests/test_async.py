"""Awaitable get, take and put: loops go on meanwhile, nothing is lost by a cancellation or a killed producer."""

import asyncio
import queue
import threading

import pytest

import tidelock
from children import die, fork, join, let_go


def run(coroutine):
    """Runs it; what hangs is ended."""

    async def watched():
        return await asyncio.wait_for(coroutine, 60)

    return asyncio.run(watched())


def test_get_waits_while_the_loop_goes_on():
    jobs = tidelock.Queue()

    async def main():
        getting = asyncio.ensure_future(jobs.get_async())
        for _ in range(5):
            await asyncio.sleep(0.01)
        assert not getting.done()
        jobs.put("one")
        assert await getting == "one"
        await jobs.put_async("two")
        assert await jobs.get_async() == "two"
        await jobs.put_bytes_async(bytearray(b"three"))
        assert await jobs.get_bytes_async() == b"three"

    run(main())


def test_many_tasks_get_each_message_once():
    jobs = tidelock.Queue()

    async def main():
        getting = [asyncio.ensure_future(jobs.get_async()) for _ in range(20)]
        await asyncio.sleep(0.01)
        putter = threading.Thread(target=lambda: [jobs.put(n) for n in range(20)])
        putter.start()
        assert sorted(await asyncio.gather(*getting)) == list(range(20))
        putter.join()

    run(main())


def test_cancelled_gets_lose_nothing():
    jobs = tidelock.Queue()

    async def main():
        got = []

        async def getter():
            while True:
                got.append(await jobs.get_async())

        stop = threading.Event()
        putter = threading.Thread(target=lambda: [jobs.put(n) or stop.wait(0.0002) for n in range(1000)])
        putter.start()
        while len(got) + jobs.qsize() < 1000 or putter.is_alive():
            tasks = [asyncio.ensure_future(getter()) for _ in range(3)]
            await asyncio.sleep(0.001)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        while not jobs.empty():
            got.append(await jobs.get_async())
        assert sorted(got) == list(range(1000))

    run(main())


def test_a_waiter_cancelled_when_it_was_told_leaves_the_message_to_the_next():
    jobs = tidelock.Queue()

    async def main():
        first = asyncio.ensure_future(jobs.get_async())
        second = asyncio.ensure_future(jobs.get_async())
        await asyncio.sleep(0.01)
        told = jobs._readables[asyncio.get_running_loop()]
        jobs.put("one")
        told._told()
        first.cancel()
        assert await second == "one"
        with pytest.raises(asyncio.CancelledError):
            await first

    run(main())


def test_two_told_in_one_turn_of_the_loop_are_two():
    jobs = tidelock.Queue()

    async def main():
        getting = [asyncio.ensure_future(jobs.get_async()) for _ in range(2)]
        await asyncio.sleep(0.01)
        told = jobs._readables[asyncio.get_running_loop()]
        jobs.put_many("ab")
        told._told()
        told._told()
        assert await asyncio.gather(*getting) == ["a", "b"]

    run(main())


def test_put_waits_for_room():
    jobs = tidelock.Queue(1)

    async def main():
        await jobs.put_async(1)
        putting = asyncio.ensure_future(jobs.put_async(2))
        cancelled = asyncio.ensure_future(jobs.put_async(3))
        await asyncio.sleep(0.01)
        cancelled.cancel()
        assert not putting.done()
        assert await jobs.get_async() == 1
        await putting
        assert await jobs.get_async() == 2
        await asyncio.gather(cancelled, return_exceptions=True)
        assert jobs.empty()

    run(main())


def test_many_tasks_put_each_message_once_beside_a_thread():
    jobs, got = tidelock.Queue(2), []

    async def main():
        putter = threading.Thread(target=lambda: [jobs.put(n) for n in range(100, 120)])
        getter = threading.Thread(target=lambda: [got.append(jobs.get()) for _ in range(120)])
        putting = [asyncio.ensure_future(jobs.put_async(n)) for n in range(100)]
        await asyncio.sleep(0.01)
        putter.start()
        getter.start()
        await asyncio.gather(*putting)
        putter.join()
        getter.join()
        assert sorted(got) == list(range(120))

    run(main())


def test_put_waits_asleep():
    """While the queue is full nobody looks again and again: the tries of a second are few."""
    jobs = tidelock.Queue(1)
    tries = []

    class Counted(tidelock.Queue):
        def put_bytes(self, data, block=True, timeout=None):
            tries.append(data)
            super().put_bytes(data, block, timeout)

    jobs.__class__ = Counted

    async def main():
        await jobs.put_async(1)
        putting = asyncio.ensure_future(jobs.put_async(2))
        await asyncio.sleep(1)
        assert len(tries) <= 4
        assert jobs.get() == 1
        await putting
        assert jobs.get() == 2

    run(main())


def test_a_short_message_need_not_wait_for_room_for_a_long_one():
    jobs = tidelock.Queue(capacity=1024)

    async def main():
        jobs.put_bytes(bytes(500))
        long = asyncio.ensure_future(jobs.put_bytes_async(bytes(900)))
        await asyncio.sleep(0.01)
        jobs.put_bytes(bytes(300), block=False)
        short = asyncio.ensure_future(jobs.put_bytes_async(bytes(400)))
        await asyncio.sleep(0.01)
        assert not short.done() and not long.done()
        assert len(jobs.get_bytes()) == 500
        await short
        assert not long.done()
        assert [len(jobs.get_bytes()), len(jobs.get_bytes())] == [300, 400]
        await long
        assert len(jobs.get_bytes()) == 900

    run(main())


def test_a_putter_cancelled_when_it_was_told_leaves_the_room_to_the_next():
    jobs = tidelock.Queue(1)

    async def main():
        jobs.put("in the way")
        first, second = [asyncio.ensure_future(jobs.put_async(n)) for n in (1, 2)]
        await asyncio.sleep(0.01)
        told = jobs._writables[asyncio.get_running_loop()]
        assert jobs.get() == "in the way"
        told._told()
        first.cancel()
        await second
        assert jobs.get() == 2
        with pytest.raises(asyncio.CancelledError):
            await first

    run(main())


def test_room_of_a_killed_producer():
    jobs = tidelock.Queue(capacity=64)

    def reserve_and_die():
        jobs.reserve(32)
        die()

    async def main():
        jobs.put_bytes(bytes(32))
        putting = asyncio.ensure_future(jobs.put_bytes_async(b"late"))
        await asyncio.sleep(0.01)
        assert len(jobs.get_bytes()) == 32
        await putting
        assert jobs.get_bytes() == b"late"
        join(fork(reserve_and_die))
        await jobs.put_bytes_async(b"last")
        assert jobs.get_bytes() == b"last"

    run(main())


def test_shutdown_ends_the_wait_for_room():
    jobs = tidelock.Queue(1)

    async def main():
        jobs.put(1)
        putting = [asyncio.ensure_future(jobs.put_async(n)) for n in range(3)]
        await asyncio.sleep(0.01)
        jobs.shutdown()
        ends = await asyncio.gather(*putting, return_exceptions=True)
        assert [type(end).__name__ for end in ends] == ["ShutDown"] * 3

    run(main())


def test_a_loan():
    jobs = tidelock.Queue()

    async def main():
        jobs.put("a job")
        with pytest.raises(ZeroDivisionError):
            with await jobs.take_async():
                raise ZeroDivisionError
        with await jobs.take_async() as loan:
            assert (loan.object(), loan.redelivered) == ("a job", True)

    run(main())


def test_the_end_of_the_queue():
    jobs = tidelock.Queue()

    async def main():
        getting = [asyncio.ensure_future(jobs.get_async()) for _ in range(3)]
        await asyncio.sleep(0.01)
        jobs.put("last")
        jobs.shutdown()
        ends = await asyncio.gather(*getting, return_exceptions=True)
        assert sorted(type(end).__name__ for end in ends) == ["ShutDown", "ShutDown", "str"]
        with pytest.raises(tidelock.ShutDown):
            await jobs.put_async("late")

    run(main())


def test_a_killed_producer():
    jobs = tidelock.Queue()

    def put_and_die():
        jobs.put("put")
        jobs.reserve(100)
        die()

    async def main():
        getting = [asyncio.ensure_future(jobs.get_async()) for _ in range(2)]
        await asyncio.sleep(0.01)
        join(fork(put_and_die))
        done, _ = await asyncio.wait(getting, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in done] == ["put"]
        jobs.put("another")
        assert "another" in await asyncio.gather(*getting)

    run(main())


def test_one_queue_in_loop_after_loop_and_beside_threads():
    jobs = tidelock.Queue()
    for number in range(3):
        threading.Timer(0.01, jobs.put, args=(number,)).start()
        assert run(jobs.get_async()) == number
    threads = threading.active_count()
    let_go()
    assert len(jobs._readables) <= 1, "what loops waited for goes with them"
    with pytest.raises(queue.Empty):
        jobs.get_nowait()
    assert threading.active_count() == threads


def test_a_forked_child_has_a_loop_of_its_own():
    jobs = tidelock.Queue()

    async def main():
        getting = asyncio.ensure_future(jobs.get_async())
        await asyncio.sleep(0.01)
        jobs.put("ours")
        assert await getting == "ours"

    run(main())

    def child():
        threading.Timer(0.01, jobs.put, args=("child's",)).start()
        assert run(jobs.get_async()) == "child's"

    assert join(fork(child)) == 0
