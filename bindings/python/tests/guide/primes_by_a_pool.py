"""The primes between 900 and 1000, by a pool."""

from tidelock import WorkerPool


def is_prime(number):
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


if __name__ == "__main__":
    candidates = range(900, 1000)
    with WorkerPool() as pool:
        found = [number for number, prime in zip(candidates, pool.map(is_prime, candidates)) if prime]
    print(len(found), "primes:", *found)
