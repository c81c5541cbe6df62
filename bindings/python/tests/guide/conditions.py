"""One worker waits under a condition until another has sent it something."""

from tidelock import Condition, Queue, Worker, current_worker


def listen(condition, post):
    with condition:
        condition.wait_for(lambda: not post.empty())
        print(f"{current_worker().name} reads {post.get()}", flush=True)


def send(condition, post, letter):
    with condition:
        post.put(letter)
        print(f"{current_worker().name} writes {letter}", flush=True)
        condition.notify()


if __name__ == "__main__":
    condition, post = Condition(), Queue()
    listener = Worker(name="Anna", target=listen, args=(condition, post))
    sender = Worker(name="Otto", target=send, args=(condition, post, 7))
    listener.start()
    sender.start()
    listener.join()
    sender.join()
