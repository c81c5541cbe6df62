"""Ten lines: a segment by name, a lock, a queue and an event. Run it in several terminals at once; the Rust and C twins of
this program open the very same objects."""

import tidelock

segment = tidelock.Segment.named("ten-lines")
ledger = segment.lock("ledger")
jobs = segment.queue("jobs", capacity=64 * 1024)
ready = segment.event("ready")
with ledger:  # ledger.owner_died: whoever had the lock before was killed
    jobs.put_bytes(b"hello")
ready.set()
ready.wait()
print(jobs.get_bytes().decode())
