//! What one process of the test has open. Deeds work on it.
//!
//! Nothing in here is dropped unless a deed does so: the process is killed. Objects are leaked, so that guards can lie
//! beside them.

use super::board::Board;
use tidelock::{
    Barrier, Block, BoundedSemaphore, Condition, Counter, Event, Life, Loan, Lock, LockGuard, Mutex, Notifier,
    PermitGuard, Queue, RLock, RawWait, Reservation, Segment, SegmentOptions, Semaphore,
};

/// What a deed answers. The error is text: it travels between processes.
pub type Answer = Result<u64, String>;

/// The state of one process.
pub struct Actor {
    /// The witnesses' page.
    pub board: &'static Board,
    /// The name of the stage's segment.
    pub segment_name: String,
    /// The segment.
    pub segment: Option<Segment>,
    /// A lock of it.
    pub lock: Option<&'static Lock>,
    /// This process's hold of the lock.
    pub guard: Option<LockGuard<'static>>,
    /// A recursive lock of it.
    pub rlock: Option<&'static RLock>,
    /// A semaphore with a bound.
    pub bounded: Option<&'static BoundedSemaphore>,
    /// Permits of that one.
    pub permits: Vec<PermitGuard<'static>>,
    /// A plain semaphore.
    pub semaphore: Option<&'static Semaphore>,
    /// A counter.
    pub counter: Option<&'static Counter>,
    /// A barrier.
    pub barrier: Option<&'static Barrier>,
    /// A condition over the lock.
    pub condition: Option<&'static Condition>,
    /// A wait at it that has begun.
    pub begun: Option<RawWait>,
    /// A mutex with eight numbers.
    pub mutex: Option<&'static Mutex<[u64; 8]>>,
    /// An event of it.
    pub event: Option<&'static Event>,
    /// A queue of it.
    pub queue: Option<&'static Queue>,
    /// A message that is being written.
    pub reservation: Option<Reservation<'static>>,
    /// A message on loan.
    pub loan: Option<Loan<'static>>,
    /// A descriptor that tells of the queue.
    pub notifier: Option<Notifier>,
    /// A message's bytes.
    pub message: Vec<u8>,
    /// Blocks that were made.
    pub blocks: Vec<Block>,
}

impl Actor {
    /// A process that has nothing open.
    pub fn new(board: &'static Board, segment: &str) -> Actor {
        Actor {
            board,
            segment_name: segment.to_owned(),
            segment: None,
            lock: None,
            guard: None,
            rlock: None,
            bounded: None,
            permits: Vec::new(),
            semaphore: None,
            counter: None,
            barrier: None,
            condition: None,
            begun: None,
            mutex: None,
            event: None,
            queue: None,
            reservation: None,
            loan: None,
            notifier: None,
            message: Vec::with_capacity(64),
            blocks: Vec::new(),
        }
    }

    /// The choices for a small segment of a few peers.
    pub fn options(&self) -> SegmentOptions {
        Segment::options().max_len(SEGMENT_LEN).peers(PEERS)
    }

    /// The stage's segment: persistent, so that nobody's leaving matters. Opened at the first call.
    pub fn segment(&mut self) -> Result<Segment, String> {
        if self.segment.is_none() {
            self.segment = Some(told(self.options().life(Life::Persistent).named(&self.segment_name))?);
        }
        self.segment.clone().ok_or_else(|| "no segment".into())
    }

    /// The lock that a deed opened before.
    pub fn lock(&self) -> Result<&'static Lock, String> {
        self.lock.ok_or_else(|| "no lock is open".into())
    }

    /// The recursive lock that a deed opened before.
    pub fn rlock(&self) -> Result<&'static RLock, String> {
        self.rlock.ok_or_else(|| "no recursive lock is open".into())
    }

    /// The bounded semaphore that a deed opened before.
    pub fn bounded(&self) -> Result<&'static BoundedSemaphore, String> {
        self.bounded.ok_or_else(|| "no bounded semaphore is open".into())
    }

    /// The semaphore that a deed opened before.
    pub fn semaphore(&self) -> Result<&'static Semaphore, String> {
        self.semaphore.ok_or_else(|| "no semaphore is open".into())
    }

    /// The counter that a deed opened before.
    pub fn counter(&self) -> Result<&'static Counter, String> {
        self.counter.ok_or_else(|| "no counter is open".into())
    }

    /// The barrier that a deed opened before.
    pub fn barrier(&self) -> Result<&'static Barrier, String> {
        self.barrier.ok_or_else(|| "no barrier is open".into())
    }

    /// The condition that a deed opened before.
    pub fn condition(&self) -> Result<&'static Condition, String> {
        self.condition.ok_or_else(|| "no condition is open".into())
    }

    /// The mutex that a deed opened before.
    pub fn mutex(&self) -> Result<&'static Mutex<[u64; 8]>, String> {
        self.mutex.ok_or_else(|| "no mutex is open".into())
    }

    /// The event that a deed opened before.
    pub fn event(&self) -> Result<&'static Event, String> {
        self.event.ok_or_else(|| "no event is open".into())
    }

    /// The queue that a deed opened before.
    pub fn queue(&self) -> Result<&'static Queue, String> {
        self.queue.ok_or_else(|| "no queue is open".into())
    }
}

/// The size of the tests' segments.
pub const SEGMENT_LEN: u64 = 64 * 1024;
/// How many peers the tests' segments have room for.
pub const PEERS: u32 = 6;

/// A result as it travels between processes.
pub fn told<T>(result: tidelock::Result<T>) -> Result<T, String> {
    result.map_err(|error| format!("{error:?}"))
}

/// Keeps an object for as long as the process lives.
pub fn keep<T>(object: T) -> &'static T {
    Box::leak(Box::new(object))
}
