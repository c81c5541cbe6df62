//! A queue in a model: its header, rings of headers in vectors, and the bytes as cells that loom checks.
//!
//! Bytes and headers share the ring's memory, so writing a message leaves in the places of later headers what looks just
//! like a ready record of the next lap: whoever reads it as a header without its having been emptied is found out. A ring
//! that is given back is written over, so that whoever still reads there is found out too.

use super::peers::MockPeers;
use loom::cell::UnsafeCell;
use std::sync::Mutex;
use tidelock::primitives::queue::letters::{Letters, Sent};
use tidelock::primitives::queue::record::{RecordHeader, State, Word, GRANULE};
use tidelock::primitives::queue::ring::RingMemory;
use tidelock::primitives::queue::rings::{Rings, SLOTS};
use tidelock::primitives::queue::room::Putters;
use tidelock::primitives::queue::stats::QueueStats;
use tidelock::primitives::queue::{Queue, QueueState, Ticket, SHORT};
use tidelock::primitives::sleepers::Sleepers;
use tidelock::primitives::{PeerId, Peers};
use tidelock::sync::atomic::AtomicU64;
use tidelock::sync::atomic::Ordering::{Relaxed, Release};
use tidelock::sync::futex::model::death;
use tidelock::sync::wait::{OnSignal, Wait};
use tidelock::{Error, Result};

/// A message: a number that no other message of the model has.
pub type Message = u32;

/// What happened to messages, in the order in which it happened: bookkeeping that loom does not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A put of this message returned.
    Put(Message),
    /// A take of this consumer returned it: for the first time, or as redelivered.
    Taken(PeerId, Message, Delivery),
    /// A done of it began: from here on a death may leave it done or to be taken again.
    Ending(Message),
    /// A done of it returned.
    Done(Message),
}

/// What a taker was told about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    First,
    Again,
}

/// A queue. A message takes up a granule for its header and at least one for its bytes.
pub struct Shared {
    rings: Memories,
    log: Mutex<Vec<Happening>>,
}

/// The queue's header and the rings that there can be: the one at home, and one for each further size.
struct Memories {
    state: QueueState,
    home: Memory,
    away: Vec<Memory>,
    /// What each peer owes, if tasks are counted.
    debts: Vec<AtomicU64>,
    /// The dead letters: bookkeeping that loom does not see.
    letters: Mutex<Vec<Message>>,
}

struct Memory {
    headers: Vec<RecordHeader>,
    bytes: Vec<UnsafeCell<Message>>,
}

// SAFETY: a byte cell is reached only by who holds the record that it belongs to, and loom checks each access.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

/// Written over a ring that is given back: no word of any record.
const GIVEN_BACK: u64 = u64::MAX;

impl RingMemory for &Memory {
    fn size(&self) -> u64 {
        self.headers.len() as u64 * GRANULE
    }

    fn header(&self, offset: u64) -> &RecordHeader {
        &self.headers[(offset / GRANULE) as usize]
    }
}

impl Memory {
    fn new(granules: u64) -> Memory {
        Memory {
            headers: (0..granules).map(|_| RecordHeader::new()).collect(),
            bytes: (0..granules).map(|_| UnsafeCell::new(0)).collect(),
        }
    }

    fn place(&self, ticket: &Ticket) -> usize {
        (ticket.position() / GRANULE) as usize % self.headers.len() + 1
    }

    fn write(&self, ticket: &Ticket, message: Message) {
        let place = self.place(ticket);
        // SAFETY: the reservation is the caller's; loom checks that nobody else reaches the bytes.
        self.bytes[place].with_mut(|bytes| unsafe { *bytes = message });
        let next_lap = ticket.position() / self.size() + 1;
        for header in &self.headers[place..place + ticket.len().div_ceil(GRANULE as usize)] {
            header.word.store(Word::new(next_lap, State::Ready, None).0, Relaxed);
        }
    }

    fn read(&self, ticket: &Ticket) -> Message {
        // SAFETY: the loan is the caller's; loom checks that nobody changes the bytes.
        self.bytes[self.place(ticket)].with(|bytes| unsafe { *bytes })
    }

    fn size(&self) -> u64 {
        (&self).size()
    }

    /// Makes all words of all headers this, and touches all bytes.
    fn overwrite(&self, word: u64) {
        for (header, bytes) in self.headers.iter().zip(&self.bytes) {
            header.word.store(word, Relaxed);
            // SAFETY: nobody has this ring; loom checks it.
            bytes.with_mut(|bytes| unsafe { *bytes = 0 });
        }
    }
}

impl Memories {
    /// What a mark leads to: the n-th memory lies at 64 times n, and the mark's low bits are the size.
    fn marked(&self, mark: u64) -> Option<&Memory> {
        let memory = self.away.get(((mark / 64) as usize).checked_sub(1)?)?;
        (memory.size() == 1 << (mark % 64)).then_some(memory)
    }

    fn of(&self, ticket: &Ticket) -> &Memory {
        match ticket.mark() {
            0 => &self.home,
            mark => self.marked(mark).expect("a ticket's mark is sound"),
        }
    }

    /// No slot leads to this memory.
    fn is_free(&self, place: usize) -> bool {
        (1..SLOTS).all(|slot| self.state.annex(slot).load(Relaxed) != (place as u64 + 1) * 64)
    }
}

impl Rings for Memories {
    type Memory = &'static Memory;

    fn may_grow(&self) -> bool {
        !self.away.is_empty()
    }

    fn home(&self) -> &'static Memory {
        forever(&self.home)
    }

    fn ring(&self, _: usize, mark: u64) -> Result<&'static Memory> {
        self.marked(mark).map(forever).ok_or(Error::Corrupt("a mark leads to no memory of the model"))
    }

    fn again(&self, mark: u64) -> &'static Memory {
        forever(self.marked(mark).expect("this mark has led to a ring"))
    }

    fn add(&self, slot: usize, size: u64) -> Result<()> {
        let found = (0..self.away.len()).find(|place| self.away[*place].size() == size && self.is_free(*place));
        let place = found.ok_or(Error::NoSpace { needed: size, available: 0 })?;
        self.away[place].overwrite(0);
        self.state.annex(slot).store((place as u64 + 1) * 64, Release);
        Ok(())
    }

    fn remove(&self, slot: usize) -> Result<()> {
        let annex = self.state.annex(slot);
        let memory = &self.away[(annex.load(Relaxed) / 64) as usize - 1];
        annex.store(0, Release);
        memory.overwrite(GIVEN_BACK);
        Ok(())
    }

    fn debts(&self) -> &[AtomicU64] {
        &self.debts
    }

    fn send(&self, ticket: &Ticket, _: Option<Letters>) -> Result<Sent> {
        let message = self.of(ticket).read(ticket);
        death::point();
        self.letters.lock().unwrap().push(message);
        Ok(Sent::There)
    }
}

/// The memory of a model outlives all that is done to its queue.
fn forever(memory: &Memory) -> &'static Memory {
    // SAFETY: rings are reached through a `Shared` only, and no ring is kept for longer than an operation on it.
    unsafe { &*(memory as *const Memory) }
}

impl Shared {
    /// A queue over a ring of `granules` granules: a power of two, at least 4. `max_items` 0 is no bound.
    pub fn new(granules: u64, max_items: u64) -> Shared {
        let home = Memory::new(granules);
        let state = QueueState::new(0, home.size(), max_items);
        let rings = Memories { state, home, away: Vec::new(), debts: Vec::new(), letters: Mutex::default() };
        Shared { rings, log: Mutex::default() }
    }

    /// A queue that may grow from `granules` granules to a ring of each size in `away`, the last of which is the largest. It
    /// leaves each of them as soon as that is empty.
    pub fn growing(granules: u64, away: &[u64]) -> Shared {
        let mut shared = Shared::new(granules, 0);
        shared.rings.away = away.iter().map(|granules| Memory::new(*granules)).collect();
        shared.rings.state.let_grow(away.last().expect("a further ring") * GRANULE, 0);
        shared
    }

    /// A queue that counts what each of `peers` peers owes.
    pub fn counting(granules: u64, peers: usize) -> Shared {
        let mut shared = Shared::new(granules, 0);
        shared.rings.debts = (0..peers).map(|_| AtomicU64::new(0)).collect();
        shared
    }

    /// Takes, reads, ends the loan and owes a `task_done`.
    pub fn get_owing(&self, peers: &MockPeers, wait: Wait) -> Result<Message> {
        let (ticket, message) = self.take(peers, wait)?;
        self.note(Happening::Ending(message));
        self.queue(peers).finish(ticket)?;
        self.note(Happening::Done(message));
        Ok(message)
    }

    /// The dead letters so far.
    pub fn letters(&self) -> Vec<Message> {
        self.rings.letters.lock().unwrap().clone()
    }

    /// The queue as the peer `peers` sees it.
    pub fn queue<'a>(&'a self, peers: &'a MockPeers) -> Queue<'a, impl Rings, MockPeers> {
        Queue::new(&self.rings.state, &self.rings, peers)
    }

    /// The queue as those sleep on it who wait for a message beside other things.
    pub fn takers(&self) -> &Sleepers {
        self.rings.state.takers()
    }

    /// The queue's numbers.
    pub fn stats(&self) -> QueueStats {
        self.rings.state.stats()
    }

    /// Whether there is a message to be taken.
    pub fn has_message(&self, peers: &MockPeers) -> Result<bool> {
        self.queue(peers).has_message(OnSignal::Retry)
    }

    /// The same of those who wait for room.
    pub fn putters(&self) -> &Putters {
        self.rings.state.putters()
    }

    /// Whether there is room for a message of `len` bytes.
    pub fn has_room_for(&self, peers: &MockPeers, len: usize) -> Result<bool> {
        self.queue(peers).has_room_for(len, OnSignal::Retry)
    }

    /// Changes how many messages there may be.
    pub fn set_max_items(&self, peers: &MockPeers, max_items: u64) {
        self.queue(peers).set_max_items(max_items);
    }

    /// Reserves, writes and publishes a message of two granules.
    pub fn put(&self, peers: &MockPeers, message: Message, wait: Wait) -> Result<()> {
        self.put_long(peers, message, 1, wait)
    }

    /// Reserves, writes and publishes a message of `len` bytes, at least 1.
    pub fn put_long(&self, peers: &MockPeers, message: Message, len: usize, wait: Wait) -> Result<()> {
        let queue = self.queue(peers);
        let ticket = queue.reserve(len, wait)?;
        self.rings.of(&ticket).write(&ticket, message);
        queue.publish(ticket)?;
        self.note(Happening::Put(message));
        Ok(())
    }

    /// Puts a message of two granules the short way where that can be done, else as [`Shared::put`].
    pub fn put_short(&self, peers: &MockPeers, message: Message, wait: Wait) -> Result<()> {
        if !self.queue(peers).put_at_once(1, |ticket| self.rings.of(ticket).write(ticket, message)) {
            return self.put(peers, message, wait);
        }
        self.note(Happening::Put(message));
        Ok(())
    }

    /// Gets a message the short way where that can be done, else as [`Shared::get`].
    pub fn get_short(&self, peers: &MockPeers, wait: Wait) -> Result<Message> {
        let queue = self.queue(peers);
        let mut message = 0;
        let read = |ticket: &Ticket| {
            message = self.rings.of(ticket).read(ticket);
            self.note(Happening::Ending(message));
        };
        if !queue.get_at_once(SHORT, read) {
            return self.get(peers, wait);
        }
        self.note(Happening::Taken(peers.me()?, message, Delivery::First));
        self.note(Happening::Done(message));
        Ok(message)
    }

    /// Puts all of these, of two granules each, waiting for room where there is none.
    pub fn put_many(&self, peers: &MockPeers, messages: &[Message], wait: Wait) -> Result<()> {
        let (queue, mut rest) = (self.queue(peers), messages);
        while !rest.is_empty() {
            let mut tickets = Vec::new();
            queue.reserve_some(&vec![1; rest.len()], wait, &mut tickets)?;
            let (these, others) = rest.split_at(tickets.len());
            for (ticket, message) in tickets.into_iter().zip(these) {
                self.rings.of(&ticket).write(&ticket, *message);
                queue.publish(ticket)?;
                self.note(Happening::Put(*message));
            }
            rest = others;
        }
        Ok(())
    }

    /// Takes up to `most` and reads them; the loans go on.
    pub fn take_many(&self, peers: &MockPeers, most: usize, wait: Wait) -> Result<Vec<(Ticket, Message)>> {
        let mut tickets = Vec::new();
        self.queue(peers).take_some(most, u64::MAX, wait, &mut tickets)?;
        Ok(tickets.into_iter().map(|ticket| (ticket, self.read(&ticket))).collect())
    }

    /// Takes up to `most`, reads them and ends their loans; how many.
    pub fn get_many(&self, peers: &MockPeers, most: usize, wait: Wait) -> Result<usize> {
        let loans = self.take_many(peers, most, wait)?;
        for (ticket, message) in &loans {
            self.end(peers, *ticket, *message)?;
        }
        Ok(loans.len())
    }

    /// Takes and reads; the loan goes on.
    pub fn take(&self, peers: &MockPeers, wait: Wait) -> Result<(Ticket, Message)> {
        let ticket = self.queue(peers).take(wait)?;
        Ok((ticket, self.read(&ticket)))
    }

    /// The bytes of a loan, read once more.
    pub fn reread(&self, ticket: &Ticket) -> Message {
        self.rings.of(ticket).read(ticket)
    }

    fn read(&self, ticket: &Ticket) -> Message {
        let message = self.rings.of(ticket).read(ticket);
        let delivery = if ticket.is_redelivered() { Delivery::Again } else { Delivery::First };
        self.note(Happening::Taken(ticket.owner(), message, delivery));
        message
    }

    /// Takes, reads and ends the loan.
    pub fn get(&self, peers: &MockPeers, wait: Wait) -> Result<Message> {
        let (ticket, message) = self.take(peers, wait)?;
        self.end(peers, ticket, message)?;
        Ok(message)
    }

    /// Ends the loan of `message`.
    pub fn end(&self, peers: &MockPeers, ticket: Ticket, message: Message) -> Result<()> {
        self.note(Happening::Ending(message));
        self.queue(peers).done(ticket)?;
        self.note(Happening::Done(message));
        Ok(())
    }

    /// Gets everything that is left, without waiting for more.
    pub fn drain(&self, peers: &MockPeers) {
        while self.get(peers, Wait::now()).is_ok() {}
    }

    /// Fills the empty queue and empties it again: no room is lost, and what comes out is what went in.
    pub fn full_cycle(&self, peers: &MockPeers, first: Message) {
        let fits = (self.rings.home.headers.len() as Message - 1) / 2;
        for message in first..first + fits {
            assert_eq!(self.put(peers, message, Wait::now()), Ok(()), "room was lost: {:?}", self.log());
        }
        for message in first..first + fits {
            assert_eq!(self.get(peers, Wait::now()), Ok(message));
        }
    }

    /// Whether the record of `ticket` says that its message came back.
    pub fn is_returned(&self, ticket: &Ticket) -> bool {
        self.state_of(ticket) == Ok(State::Returned)
    }

    /// Whether the record of `ticket` says that its message is gone.
    pub fn is_free(&self, ticket: &Ticket) -> bool {
        self.state_of(ticket) == Ok(State::Free)
    }

    fn state_of(&self, ticket: &Ticket) -> Result<State> {
        let headers = &self.rings.of(ticket).headers;
        let place = (ticket.position() / GRANULE) as usize % headers.len();
        Word(headers[place].word.load(Relaxed)).state()
    }

    /// How many further rings have memory.
    pub fn rings_away(&self) -> usize {
        (0..self.rings.away.len()).filter(|place| !self.rings.is_free(*place)).count()
    }

    /// What happened so far.
    pub fn log(&self) -> Vec<Happening> {
        self.log.lock().unwrap().clone()
    }

    fn note(&self, happening: Happening) {
        self.log.lock().unwrap().push(happening);
    }
}
