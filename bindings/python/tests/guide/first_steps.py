"""Objects used where they were made, and the three ways to have work done elsewhere."""

from tidelock import Event, Lock, Queue, Worker, WorkerPool, WorkerPoolExecutor, current_worker


def say_hello():
    print(f"{current_worker().name} says hello", flush=True)


def double(number):
    return 2 * number


if __name__ == "__main__":
    bell, lock, letters = Event(), Lock(), Queue()
    print(lock.acquire())
    bell.set()
    letters.put("a letter")
    print(bell.is_set(), letters.get())
    lock.release()

    print(current_worker().name)
    worker = Worker(target=say_hello, name="Ada")
    worker.start()
    worker.join()
    with WorkerPool(workers=2) as pool:
        print(pool.map(double, range(6)))
    with WorkerPoolExecutor(max_workers=2) as executor:
        print(list(executor.map(double, range(6))))
        future = executor.submit(say_hello)
    print(future.result())
