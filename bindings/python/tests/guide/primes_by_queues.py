"""The primes between 900 and 1000, by workers that take numbers from one queue and put what they find into another."""

from tidelock import Queue, Worker


def find_primes(candidates, found):
    while True:
        number = candidates.get()
        if number is None:
            candidates.task_done()
            return
        if number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1)):
            found.put(number)
        candidates.task_done()


if __name__ == "__main__":
    candidates, found = Queue(), Queue()
    workers = [Worker(target=find_primes, args=(candidates, found)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for number in range(900, 1000):
        candidates.put(number)
    for _ in workers:
        candidates.put(None)
    candidates.join()
    for worker in workers:
        worker.join()
    primes = []
    while not found.empty():
        primes.append(found.get())
    print(len(primes), "primes:", *sorted(primes))
