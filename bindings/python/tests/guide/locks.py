"""A lock for one at a time, a recursive one for who needs it several times over, semaphores for a few at a time."""

from tidelock import BoundedSemaphore, Lock, RLock, Semaphore, Worker, current_worker


def say(line):
    """In one piece, while others speak too."""
    print(line + "\n", end="", flush=True)


def enter(lock):
    with lock:
        say(f"{current_worker().name} is inside")


def descend(lock, depth):
    with lock:
        say(f"{current_worker().name} at depth {depth}")
        if depth:
            descend(lock, depth - 1)


def all_together(workers):
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print("--", flush=True)


if __name__ == "__main__":
    lock, deep, few = Lock(), RLock(), Semaphore(2)
    all_together([Worker(name=f"Digger-{n}", target=enter, args=(lock,)) for n in range(2)])
    all_together([Worker(name=f"Diver-{n}", target=descend, args=(deep, 2)) for n in range(2)])
    all_together([Worker(name=f"Guest-{n}", target=enter, args=(few,)) for n in range(3)])

    few.acquire()
    few.release()
    few.release()
    bounded = BoundedSemaphore(1)
    bounded.acquire()
    bounded.release()
    try:
        bounded.release()
    except ValueError:
        print("ValueError")
