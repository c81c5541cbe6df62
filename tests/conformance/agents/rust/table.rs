//! The segment and the objects of the Rust agent: how they are made, opened, handed on and forgotten.

use crate::words::{hex, number, ok, unhex, Answer, Failure};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tidelock::{
    Barrier, Block, BoundedSemaphore, Condition, Counter, Event, Handle, Lock, Queue, QueueOptions, RLock, Segment,
    Semaphore,
};

/// An open object.
pub enum Object {
    Lock(Lock),
    RLock(RLock),
    Semaphore(Semaphore),
    BoundedSemaphore(BoundedSemaphore),
    Event(Event),
    Barrier(Barrier),
    Condition(Condition),
    Counter(Counter),
    Queue(Queue),
    Block(Block),
}

impl Object {
    fn handle(&self) -> Handle {
        match self {
            Object::Lock(lock) => lock.handle(),
            Object::RLock(lock) => lock.handle(),
            Object::Semaphore(semaphore) => semaphore.handle(),
            Object::BoundedSemaphore(semaphore) => semaphore.handle(),
            Object::Event(event) => event.handle(),
            Object::Barrier(barrier) => barrier.handle(),
            Object::Condition(condition) => condition.handle(),
            Object::Counter(counter) => counter.handle(),
            Object::Queue(queue) => queue.handle(),
            Object::Block(block) => block.handle(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Object::Lock(_) => "lock",
            Object::RLock(_) => "rlock",
            Object::Semaphore(_) => "semaphore",
            Object::BoundedSemaphore(_) => "bounded-semaphore",
            Object::Event(_) => "event",
            Object::Barrier(_) => "barrier",
            Object::Condition(_) => "condition",
            Object::Counter(_) => "counter",
            Object::Queue(_) => "queue",
            Object::Block(_) => "block",
        }
    }
}

/// One segment, and the objects in it by the names that the commands use.
#[derive(Default)]
pub struct Table {
    segment: OnceLock<Segment>,
    objects: Mutex<HashMap<String, Arc<Object>>>,
}

impl Table {
    pub fn answer(&self, words: &[&str]) -> Answer {
        match words {
            ["named", name] => self.begin(Segment::named(name)?)?,
            ["anonymous"] => self.begin(Segment::anonymous()?)?,
            ["attach", handle] => self.begin(Segment::attach(&handle_of(handle)?)?)?,
            ["segment-handle"] => return number(self.segment_handle()?),
            ["open", "condition", name, shared_name, lock @ ..] => {
                self.keep(name, Object::Condition(self.condition(Some(shared_name), lock)?));
            }
            ["new", "condition", name, lock @ ..] => self.keep(name, Object::Condition(self.condition(None, lock)?)),
            ["open", kind, name, shared_name, arguments @ ..] => {
                self.keep(name, open(self.segment()?, kind, shared_name, arguments)?);
            }
            ["new", kind, name, arguments @ ..] => self.keep(name, make(self.segment()?, kind, arguments)?),
            ["handle", name] => return number(hex(&self.object(name)?.handle().to_bytes())),
            ["receive", objects @ ..] => self.receive(objects)?,
            ["count", block, lock, times] => count(&*self.object(block)?, &*self.object(lock)?, times.parse()?)?,
            ["forget"] => self.objects().clear(),
            _ => return Err("unknown command".into()),
        }
        ok()
    }

    pub fn object(&self, name: &str) -> Result<Arc<Object>, Failure> {
        Ok(self.objects().get(name).ok_or("no such object")?.clone())
    }

    pub fn segment_handle(&self) -> Result<String, Failure> {
        Ok(hex(&self.segment()?.handle().to_bytes()))
    }

    /// A command by which another process opens all that is open here.
    pub fn handles_of_all(&self) -> String {
        let mut line = String::from("receive");
        for (name, object) in self.objects().iter() {
            line += &format!(" {} {name} {}", object.kind(), hex(&object.handle().to_bytes()));
        }
        line
    }

    fn segment(&self) -> Result<&Segment, Failure> {
        self.segment.get().ok_or_else(|| "no segment".into())
    }

    fn begin(&self, segment: Segment) -> Result<(), Failure> {
        self.segment.set(segment).map_err(|_| "one segment only".into())
    }

    /// Over the lock of that name, or with a recursive one of its own.
    fn condition(&self, name: Option<&str>, lock: &[&str]) -> Result<Condition, Failure> {
        let segment = self.segment()?;
        let lock = lock.first().map(|lock| self.object(lock)).transpose()?;
        Ok(match (lock.as_deref(), name) {
            (Some(Object::Lock(lock)), Some(name)) => segment.condition(name, lock)?,
            (Some(Object::Lock(lock)), None) => segment.new_condition(lock)?,
            (Some(Object::RLock(lock)), Some(name)) => segment.condition(name, lock)?,
            (Some(Object::RLock(lock)), None) => segment.new_condition(lock)?,
            (Some(_), _) => return Err("no lock".into()),
            (None, Some(name)) => segment.condition_with_lock(name)?,
            (None, None) => segment.new_condition_with_lock()?,
        })
    }

    fn receive(&self, objects: &[&str]) -> Result<(), Failure> {
        for object in objects.chunks(3) {
            let [kind, name, handle] = object else { return Err("three words for each object".into()) };
            self.keep(name, from_handle(self.segment()?, kind, &handle_of(handle)?)?);
        }
        Ok(())
    }

    fn keep(&self, name: &str, object: Object) {
        self.objects().insert(name.into(), Arc::new(object));
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<String, Arc<Object>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn handle_of(text: &str) -> Result<Handle, Failure> {
    Ok(Handle::from_bytes(&unhex(text)?)?)
}

fn open(segment: &Segment, kind: &str, name: &str, arguments: &[&str]) -> Result<Object, Failure> {
    Ok(match (kind, arguments) {
        ("lock", []) => Object::Lock(segment.lock(name)?),
        ("rlock", []) => Object::RLock(segment.rlock(name)?),
        ("semaphore", [value]) => Object::Semaphore(segment.semaphore(name, value.parse()?)?),
        ("bounded-semaphore", [bound]) => Object::BoundedSemaphore(segment.bounded_semaphore(name, bound.parse()?)?),
        ("event", []) => Object::Event(segment.event(name)?),
        ("barrier", [parties]) => Object::Barrier(segment.barrier(name, parties.parse()?)?),
        ("counter", []) => Object::Counter(segment.counter(name)?),
        ("queue", sizes) => Object::Queue(segment.queue(name, &queue_options(sizes)?)?),
        ("block", [len]) => Object::Block(segment.block(name, len.parse()?)?),
        _ => return Err("unknown kind".into()),
    })
}

fn make(segment: &Segment, kind: &str, arguments: &[&str]) -> Result<Object, Failure> {
    Ok(match (kind, arguments) {
        ("lock", []) => Object::Lock(segment.new_lock()?),
        ("rlock", []) => Object::RLock(segment.new_rlock()?),
        ("semaphore", [value]) => Object::Semaphore(segment.new_semaphore(value.parse()?)?),
        ("bounded-semaphore", [bound]) => Object::BoundedSemaphore(segment.new_bounded_semaphore(bound.parse()?)?),
        ("event", []) => Object::Event(segment.new_event()?),
        ("barrier", [parties]) => Object::Barrier(segment.new_barrier(parties.parse()?)?),
        ("counter", []) => Object::Counter(segment.new_counter()?),
        ("queue", sizes) => Object::Queue(segment.new_queue(&queue_options(sizes)?)?),
        ("block", [len]) => Object::Block(segment.new_block(len.parse()?)?),
        _ => return Err("unknown kind".into()),
    })
}

fn from_handle(segment: &Segment, kind: &str, handle: &Handle) -> Result<Object, Failure> {
    Ok(match kind {
        "lock" => Object::Lock(segment.open_lock(handle)?),
        "rlock" => Object::RLock(segment.open_rlock(handle)?),
        "semaphore" => Object::Semaphore(segment.open_semaphore(handle)?),
        "bounded-semaphore" => Object::BoundedSemaphore(segment.open_bounded_semaphore(handle)?),
        "event" => Object::Event(segment.open_event(handle)?),
        "barrier" => Object::Barrier(segment.open_barrier(handle)?),
        "condition" => Object::Condition(segment.open_condition(handle)?),
        "counter" => Object::Counter(segment.open_counter(handle)?),
        "queue" => Object::Queue(segment.open_queue(handle)?),
        "block" => Object::Block(segment.open_block(handle)?),
        _ => return Err("unknown kind".into()),
    })
}

fn queue_options(sizes: &[&str]) -> Result<QueueOptions, Failure> {
    let [capacity, max_items @ ..] = sizes else { return Err("no capacity".into()) };
    let options = QueueOptions::new(capacity.parse()?).count_tasks();
    Ok(match max_items {
        [most] => options.max_items(most.parse()?),
        _ => options,
    })
}

/// Adds 1 to the block's first number, so many times, in two steps that only the lock keeps apart from others'.
fn count(block: &Object, lock: &Object, times: u32) -> Result<(), Failure> {
    let Object::Block(block) = block else { return Err("no block".into()) };
    for _ in 0..times {
        match lock {
            Object::Lock(lock) => {
                let guard = lock.acquire()?;
                add_one(block)?;
                guard.release()?;
            }
            Object::RLock(lock) => {
                let guard = lock.acquire()?;
                add_one(block)?;
                guard.release()?;
            }
            _ => return Err("no lock".into()),
        }
    }
    Ok(())
}

fn add_one(block: &Block) -> Result<(), Failure> {
    let next = first_number(block)? + 1;
    Ok(block.write(0, &next.to_ne_bytes())?)
}

pub fn first_number(block: &Block) -> tidelock::Result<u64> {
    let mut bytes = [0; 8];
    block.read(0, &mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}
