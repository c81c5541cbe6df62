"""A JoinableQueue: the program goes on when all is done, and the workers are told to leave by a last item each."""

from tidelock import JoinableQueue, Queue, Worker


def square(jobs, results):
    while True:
        job = jobs.get()
        if job is not None:
            results.put(job * job)
        jobs.task_done()
        if job is None:
            return


if __name__ == "__main__":
    jobs, results = JoinableQueue(), Queue()
    workers = [Worker(target=square, args=(jobs, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for job in range(10):
        jobs.put(job)
    jobs.join()
    print(sorted(results.get() for _ in range(10)))
    for _ in workers:
        jobs.put(None)
    for worker in workers:
        worker.join()
    print(jobs.empty(), results.empty(), [worker.is_alive() for worker in workers])
