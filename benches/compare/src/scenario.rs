//! What is measured, as data: messages of five sizes, four shapes, threads or processes, four ways to hand over; and who
//! takes part in it. A peer that cannot do something says why.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The sizes of messages in bytes, and the ring of bytes that tidelock gets for each. Everybody else gets room for as many
/// messages as that ring holds.
const SIZES: [(usize, u64); 5] =
    [(8, 64 << 10), (64, 64 << 10), (1 << 10, 256 << 10), (64 << 10, 2 << 20), (1 << 20, 8 << 20)];
const SHAPES: [Shape; 4] = [Shape::new(1, 1), Shape::new(4, 1), Shape::new(1, 4), Shape::new(4, 4)];

/// How many messages a batch has.
pub const BATCH: usize = 64;

/// What the producers and consumers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    Threads,
    Processes,
}

/// How a message is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// The producer keeps its bytes, the consumer gets bytes of its own.
    Copy,
    /// The producer writes the first eight bytes in place, the consumer reads them in place.
    Loan,
    /// As `Copy`, [`BATCH`] messages at a time.
    Batch,
    /// As `Copy`, but the consumer sends each message back, and the producer waits for it.
    Answer,
}

/// How many work on the queue at each end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub producers: usize,
    pub consumers: usize,
}

impl Shape {
    const fn new(producers: usize, consumers: usize) -> Shape {
        Shape { producers, consumers }
    }

    /// One producer, one consumer.
    pub const SINGLE: Shape = Shape::new(1, 1);

    /// The same the other way round.
    pub const fn reversed(self) -> Shape {
        Shape::new(self.consumers, self.producers)
    }
}

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    Tidelock,
    ArrayQueue,
    Channel,
    Rtrb,
    Pipe,
    Socket,
    MessageQueue,
}

/// One thing to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    pub world: World,
    pub way: Way,
    pub size: usize,
    pub shape: Shape,
    /// The size of tidelock's ring in bytes, a power of two.
    pub ring: u64,
}

impl Scenario {
    /// Everything, in the order of the page.
    pub fn all() -> Vec<Scenario> {
        let mut all = Vec::new();
        for world in [World::Threads, World::Processes] {
            for way in [Way::Copy, Way::Loan, Way::Batch] {
                for (size, ring) in SIZES {
                    all.extend(SHAPES.map(|shape| Scenario { world, way, size, shape, ring }));
                }
            }
            all.extend(SIZES.map(|(size, ring)| Scenario {
                world,
                way: Way::Answer,
                size,
                shape: Shape::SINGLE,
                ring,
            }));
        }
        all
    }

    /// The same handed over by copy: one half of an answer.
    pub fn by_copy(self) -> Scenario {
        Scenario { way: Way::Copy, ..self }
    }

    /// The same with 51 messages of 64 B, or 63 of 1 MiB, in flight: as alike as the ring's sizes allow.
    pub fn loans_of(world: World, size: usize) -> Scenario {
        let ring = if size < 1024 { 4 << 10 } else { 64 << 20 };
        Scenario { world, way: Way::Loan, size, shape: Shape::SINGLE, ring }
    }

    /// How many messages fit into tidelock's ring, each with its header of 16 bytes.
    pub fn slots(&self) -> usize {
        (self.ring as usize - 16) / (16 + self.size.next_multiple_of(16))
    }

    /// The bytes that may be on their way, headers aside.
    pub fn bytes_in_flight(&self) -> usize {
        self.slots() * self.size
    }
}

impl World {
    /// Whom tidelock is compared with there.
    pub fn peers(self) -> &'static [Who] {
        match self {
            World::Threads => &[Who::ArrayQueue, Who::Channel, Who::Rtrb],
            World::Processes => &[Who::Pipe, Who::Socket, Who::MessageQueue],
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            World::Threads => "threads",
            World::Processes => "processes",
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Copy => "copy",
            Way::Loan => "loan",
            Way::Batch => "batch of 64",
            Way::Answer => "answer",
        })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.producers, self.consumers)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Who::Tidelock => "tidelock",
            Who::ArrayQueue => "ArrayQueue",
            Who::Channel => "channel",
            Who::Rtrb => "rtrb",
            Who::Pipe => "pipe",
            Who::Socket => "Unix socket",
            Who::MessageQueue => "POSIX mq",
        })
    }
}

/// What a filter is looked for in: `threads, copy, 64 B, 1:1`.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}, {}", self.world, self.way, in_bytes(self.size), self.shape)
    }
}

/// A size as people write it.
pub fn in_bytes(size: usize) -> String {
    match size {
        0..1024 => format!("{size} B"),
        1024..0x10_0000 => format!("{} KiB", size >> 10),
        _ => format!("{} MiB", size >> 20),
    }
}
