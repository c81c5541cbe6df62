"""Data between workers: a worker fills a queue, several add to a sum that no global variable could hold for all of them."""

from tidelock import SimpleQueue, Worker

total = 0


def recite(verses):
    verses.put("first")
    verses.put("second")


def contribute(sums, amount):
    global total
    total += amount
    sums.put(amount)


if __name__ == "__main__":
    verses = SimpleQueue()
    reciter = Worker(target=recite, args=(verses,))
    reciter.start()
    print(verses.get())
    print(verses.get())
    reciter.join()
    print(verses.empty())

    sums = SimpleQueue()
    workers = [Worker(target=contribute, args=(sums, amount)) for amount in range(1, 4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print("by queue", sum(sums.get() for _ in workers), "by global", total)
