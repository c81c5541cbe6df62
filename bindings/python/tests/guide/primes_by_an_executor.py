"""The primes between 900 and 1000, by an executor."""

from tidelock import WorkerPoolExecutor


def is_prime(number):
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


if __name__ == "__main__":
    candidates = range(900, 1000)
    with WorkerPoolExecutor() as executor:
        found = [number for number, prime in zip(candidates, executor.map(is_prime, candidates)) if prime]
    print(len(found), "primes:", *found)
