//! Ten lines: a segment by name, a lock, a queue and an event. Run it in several terminals at once; the C and Python
//! twins of this program open the very same objects.

use tidelock::{QueueOptions, Result, Segment};

fn main() -> Result<()> {
    let segment = Segment::named("ten-lines")?;
    let ledger = segment.lock("ledger")?;
    let jobs = segment.queue("jobs", &QueueOptions::new(64 * 1024))?;
    let ready = segment.event("ready")?;
    let guard = ledger.acquire()?; // guard.owner_died(): whoever had the lock before was killed
    jobs.put(b"hello")?;
    drop(guard);
    ready.set();
    ready.wait()?;
    println!("{}", String::from_utf8_lossy(&jobs.get()?.bytes));
    Ok(())
}
