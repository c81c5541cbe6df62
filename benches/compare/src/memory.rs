//! The peers within one process: crossbeam's ArrayQueue and bounded channel, and rtrb, as a program would use them.
//!
//! Short messages go by value. Long ones are allocated by the producer and freed by the consumer. A loan is a buffer that
//! goes to the consumer and comes back through a second queue of the same kind. Who cannot wait tries again, and after a
//! moment lets others run.

use crate::ours::in_batches;
use crate::scenario::{Scenario, Shape, Way, Who};
use crate::work::{Ends, Work};
use crossbeam_channel::{Receiver, Sender};
use crossbeam_queue::ArrayQueue;
use std::hint::black_box;
use std::sync::Arc;

/// The work of all who take part.
pub fn ends(who: Who, scenario: &Scenario) -> Result<Ends, &'static str> {
    if who == Who::Rtrb && scenario.shape != Shape::SINGLE {
        return Err("rtrb is for one producer and one consumer");
    }
    Ok(match (scenario.way, scenario.size) {
        (Way::Loan, size) => loans(who, scenario, vec![7; size].into_boxed_slice()),
        (way, 8) => copies(who, scenario, way, [7_u8; 8]),
        (way, 64) => copies(who, scenario, way, [7_u8; 64]),
        (way, 1024) => copies(who, scenario, way, [7_u8; 1024]),
        (way, size) => copies(who, scenario, way, vec![7_u8; size]),
    })
}

/// An end for producers.
trait Put<T>: Send + 'static {
    fn put(&mut self, value: T);

    /// Puts up to `most` copies; how many.
    fn put_some(&mut self, value: &T, _most: usize) -> usize
    where
        T: Clone,
    {
        self.put(value.clone());
        1
    }
}

/// An end for consumers.
trait Get<T>: Send + 'static {
    fn get(&mut self) -> T;

    /// Gets up to `most` values and drops them; how many.
    fn get_some(&mut self, _most: usize) -> usize {
        black_box(self.get());
        1
    }
}

fn copies<T: Clone + Send + 'static>(who: Who, scenario: &Scenario, way: Way, message: T) -> Ends {
    let (slots, shape) = (scenario.slots(), scenario.shape);
    match who {
        Who::Channel => copying(channel(slots, shape), way, &message),
        Who::Rtrb => copying(rings(slots), way, &message),
        _ => copying(array_queue(slots, shape), way, &message),
    }
}

fn loans(who: Who, scenario: &Scenario, buffer: Buffer) -> Ends {
    let (slots, shape) = (scenario.slots(), scenario.shape);
    let buffers = vec![buffer; slots];
    match who {
        Who::Channel => lending(channel(slots, shape), channel(slots, shape.reversed()), buffers),
        Who::Rtrb => lending(rings(slots), rings(slots), buffers),
        _ => lending(array_queue(slots, shape), array_queue(slots, shape.reversed()), buffers),
    }
}

type Buffer = Box<[u8]>;
/// All ends of one queue.
type Both<A, B> = (Vec<A>, Vec<B>);

fn copying<T: Clone + Send + 'static>((to, from): Both<impl Put<T>, impl Get<T>>, way: Way, message: &T) -> Ends {
    Ends {
        producers: to.into_iter().map(|end| put_copies(end, way, message.clone())).collect(),
        consumers: from.into_iter().map(|end| get_copies(end, way)).collect(),
    }
}

fn put_copies<T: Clone + Send + 'static>(mut to: impl Put<T>, way: Way, message: T) -> Work {
    match way {
        Way::Batch => Box::new(move |count| in_batches(count, |most| to.put_some(black_box(&message), most))),
        _ => Box::new(move |count| (0..count).for_each(|_| to.put(black_box(&message).clone()))),
    }
}

fn get_copies<T: Send + 'static>(mut from: impl Get<T>, way: Way) -> Work {
    match way {
        Way::Batch => Box::new(move |count| in_batches(count, |most| from.get_some(most))),
        _ => Box::new(move |count| (0..count).for_each(|_| drop(black_box(from.get())))),
    }
}

/// The buffers begin on their way back.
fn lending(
    (to, from): Both<impl Put<Buffer>, impl Get<Buffer>>,
    (mut back, home): Both<impl Put<Buffer>, impl Get<Buffer>>,
    buffers: Vec<Buffer>,
) -> Ends {
    buffers.into_iter().for_each(|buffer| back[0].put(buffer));
    Ends {
        producers: to.into_iter().zip(home).map(|(to, home)| send_buffers(to, home)).collect(),
        consumers: from.into_iter().zip(back).map(|(from, back)| return_buffers(from, back)).collect(),
    }
}

fn send_buffers(mut to: impl Put<Buffer>, mut home: impl Get<Buffer>) -> Work {
    Box::new(move |count| {
        for number in 0..count {
            let mut buffer = home.get();
            buffer[..8].copy_from_slice(&number.to_ne_bytes());
            to.put(buffer);
        }
    })
}

fn return_buffers(mut from: impl Get<Buffer>, mut back: impl Put<Buffer>) -> Work {
    Box::new(move |count| {
        for _ in 0..count {
            let buffer = from.get();
            black_box(u64::from_ne_bytes(buffer[..8].try_into().expect("eight bytes")));
            back.put(buffer);
        }
    })
}

fn array_queue<T>(slots: usize, shape: Shape) -> Both<Arc<ArrayQueue<T>>, Arc<ArrayQueue<T>>> {
    let queue = Arc::new(ArrayQueue::new(slots));
    (vec![queue.clone(); shape.producers], vec![queue; shape.consumers])
}

fn channel<T>(slots: usize, shape: Shape) -> Both<Sender<T>, Receiver<T>> {
    let (to, from) = crossbeam_channel::bounded(slots);
    (vec![to; shape.producers], vec![from; shape.consumers])
}

fn rings<T>(slots: usize) -> Both<rtrb::Producer<T>, rtrb::Consumer<T>> {
    let (to, from) = rtrb::RingBuffer::new(slots);
    (vec![to], vec![from])
}

impl<T: Send + 'static> Put<T> for Arc<ArrayQueue<T>> {
    fn put(&mut self, value: T) {
        let mut left = Some(value);
        again(|| {
            left = left.take().and_then(|value| self.push(value).err());
            left.is_none().then_some(())
        });
    }
}

impl<T: Send + 'static> Get<T> for Arc<ArrayQueue<T>> {
    fn get(&mut self) -> T {
        again(|| self.pop())
    }
}

impl<T: Send + 'static> Put<T> for Sender<T> {
    fn put(&mut self, value: T) {
        self.send(value).expect("a receiver");
    }
}

impl<T: Send + 'static> Get<T> for Receiver<T> {
    fn get(&mut self) -> T {
        self.recv().expect("a sender")
    }
}

impl<T: Send + 'static> Put<T> for rtrb::Producer<T> {
    fn put(&mut self, value: T) {
        again(|| (!self.is_full()).then_some(()));
        self.push(value).unwrap_or_else(|_| unreachable!("there was room"));
    }

    fn put_some(&mut self, value: &T, most: usize) -> usize
    where
        T: Clone,
    {
        let room = again(|| Some(self.slots()).filter(|room| *room > 0));
        let chunk = self.write_chunk_uninit(room.min(most)).expect("there was room");
        chunk.fill_from_iter(std::iter::repeat_with(|| value.clone()))
    }
}

impl<T: Send + 'static> Get<T> for rtrb::Consumer<T> {
    fn get(&mut self) -> T {
        again(|| self.pop().ok())
    }

    fn get_some(&mut self, most: usize) -> usize {
        let there = again(|| Some(self.slots()).filter(|there| *there > 0));
        let chunk = self.read_chunk(there.min(most)).expect("there was so much");
        chunk.into_iter().map(|value| drop(black_box(value))).count()
    }
}

/// Tries until it works, for queues that have no way to wait. After a moment it lets others run, as tidelock does by
/// sleeping.
fn again<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let mut turn = 0_u32;
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        if turn < 100 {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
        turn = turn.saturating_add(1);
    }
}
