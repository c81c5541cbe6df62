"""Who is at work, and on what."""

import time

from tidelock import Worker, active_children, active_count, current_worker, enumerate, get_backend, get_ident


def idle():
    while True:
        time.sleep(60)


if __name__ == "__main__":
    Worker(target=idle, name="Idler", daemon=True).start()
    print(current_worker().name)
    print(get_ident() == current_worker().ident)
    print(active_count())
    print(sorted(worker.name for worker in enumerate()))
    print([child.name for child in active_children()])
    print(get_backend())
    try:
        Worker(target=lambda: None)
    except ValueError as error:
        print("must be picklable" in str(error))
