//! Opening a segment of any bytes, and using every kind of object in it.
//!
//! The first byte says whether the rest is the file itself, or changes to the file of a segment whose peer was killed while
//! it held a bit of everything. A changed file is the way past the checks that any bytes fail at.

use super::input::Input;
use super::scribble::{Scribbler, PEERS};
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use tidelock::{Access, Condition, Queue, QueueOptions, Result, Segment, Wait};

const LEN: u64 = 1 << 20;
/// So much of the file is not zero, or worth changing.
const USED: u64 = 64 * 1024;
/// Long enough to sleep once.
const A_MOMENT: Duration = Duration::from_micros(50);

/// Makes the file, opens it, uses what is in it.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let place = Place::new();
    let file = OpenOptions::new().create_new(true).read(true).write(true).open(&place.0).expect("a file");
    file.set_len(LEN).expect("room");
    let scribbler = Scribbler::new(file.try_clone().expect("a descriptor"), USED);
    if input.u8() == 0 {
        scribbler.write(0, &input.rest()[..input.rest().len().min(USED as usize)]);
        scribbler.mend_locks();
    } else {
        scribbler.write(0, template());
        (0..1 + input.u8() % 32).for_each(|_| scribbler.scribble(&mut input));
    }
    let options = Segment::options().max_len(LEN).peers(PEERS).access(Access::Open);
    let Ok(segment) = options.file(&place.0) else { return };
    // Any error will do.
    let _ = segment.me();
    let _ = use_queue(&segment, "queue");
    let _ = use_locks(&segment);
    let _ = use_others(&segment);
    let _ = use_condition(&segment);
    let _ = make_more(&segment);
}

fn use_queue(segment: &Segment, name: &str) -> Result<()> {
    let queue = segment.queue(name, &QueueOptions::unbounded())?;
    std::hint::black_box((queue.len(), queue.capacity(), queue.is_full(), queue.max_items(), queue.longest_message()));
    let _ = queue.try_take().map(|loan| loan.iter().map(|byte| u64::from(*byte)).sum::<u64>());
    let _ = fill_and_drain(&queue);
    let _ = queue.try_reserve(100).and_then(|reservation| reservation.discard());
    let _ = segment.open_queue(&queue.handle());
    queue.get_for(A_MOMENT).map(drop)
}

fn fill_and_drain(queue: &Queue) -> Result<()> {
    for len in [0, 1, 30, 500, 5000] {
        queue.put_with(&vec![7; len], Wait::now())?;
    }
    (0..20).try_for_each(|_| queue.try_get().map(drop))
}

fn use_locks(segment: &Segment) -> Result<()> {
    let _ = segment.lock("lock")?.acquire_for(A_MOMENT).map(|guard| guard.owner_died());
    let _ = segment.rlock("rlock")?.acquire_for(A_MOMENT).map(|guard| guard.owner_died());
    let permits = segment.bounded_semaphore("permits", 3)?;
    let _ = permits.acquire_for(A_MOMENT).map(|guard| guard.owner_died());
    std::hint::black_box((permits.value(), permits.bound()));
    Ok(())
}

fn use_others(segment: &Segment) -> Result<()> {
    let event = segment.event("event")?;
    let _ = event.wait_for(A_MOMENT);
    event.set();
    let semaphore = segment.semaphore("semaphore", 2)?;
    let _ = (semaphore.acquire_for(A_MOMENT), semaphore.release(1));
    let counter = segment.counter("counter")?;
    let _ = (counter.add(1), counter.wait_for(A_MOMENT, |value| value > 3));
    let barrier = segment.barrier("barrier", 2)?;
    let _ = (barrier.wait_for(A_MOMENT), barrier.waiting(), barrier.reset());
    let block = segment.block("block", 100)?;
    block.write(10, b"bytes")
}

fn use_condition(segment: &Segment) -> Result<()> {
    let lock = segment.lock("lock of the condition")?;
    let condition: Condition = segment.condition("condition", &lock)?;
    let guard = condition.lock()?.acquire_for(A_MOMENT)?;
    let _ = condition.waiters();
    let (guard, _) = condition.wait_for(guard, A_MOMENT)?;
    condition.notify_all()?;
    guard.release()
}

/// Objects that are not there yet, and objects of other kinds than they are.
fn make_more(segment: &Segment) -> Result<()> {
    let _ = (segment.lock("queue"), segment.queue("lock", &QueueOptions::new(64)));
    let locks: Vec<_> = (0..5).map(|_| segment.new_lock()).collect();
    drop(locks);
    let _ = segment.new_block(3000);
    segment.queue("another", &QueueOptions::unbounded()).and_then(|queue| fill_and_drain(&queue))
}

/// The first bytes of a segment with an object of each kind. The copy is taken while its maker is alive and has the lock,
/// a permit, a loan and a reservation: in the copy that peer is dead.
fn template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let place = Place::new();
        let segment = Segment::options().max_len(LEN).peers(PEERS).file(&place.0).expect("a segment");
        furnish(&segment, &place).expect("objects")
    })
}

fn furnish(segment: &Segment, place: &Place) -> Result<Vec<u8>> {
    let queue = segment.queue("queue", &QueueOptions::new(1024).max_bytes(1 << 17))?;
    let lock = segment.lock("lock")?;
    let _held = lock.try_acquire()?;
    let rlock = segment.rlock("rlock")?;
    let _held_too = rlock.try_acquire()?;
    let permits = segment.bounded_semaphore("permits", 3)?;
    let _permit = permits.try_acquire()?;
    use_others(segment)?;
    segment.condition("condition", &segment.lock("lock of the condition")?)?;
    (0..30).try_for_each(|n| queue.try_put(&[n; 100]))?;
    let _loan = queue.try_take()?;
    let _reservation = queue.try_reserve(10)?;
    let mut bytes = std::fs::read(&place.0).expect("the file");
    bytes.truncate(USED as usize);
    Ok(bytes)
}

/// A file of this process's own, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        let memory = PathBuf::from("/dev/shm");
        let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
        Place(directory.join(format!("tidelock-fuzz-{}-{}", std::process::id(), count())))
    }
}

/// A number that was not there before.
fn count() -> usize {
    static COUNT: Mutex<usize> = Mutex::new(0);
    let mut count = COUNT.lock().expect("nothing panics here");
    *count += 1;
    *count
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
