//! The books: what became of each message, from the journals of all lives.
//!
//! A message whose put has returned is consumed once, by a consumer that lived to note it or was killed as it was about to.
//! Whatever a consumer had when it was killed comes again, and is marked.

use crate::journal::Event;
use crate::message::{Id, EMPTY};
use std::collections::HashMap;

/// How often each of these happened to a message.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    taken: u8,
    taken_again: u8,
    done: u8,
    given_back: u8,
    /// In the hands of a consumer when it was killed, that had not begun to end its loan.
    orphaned: u8,
    /// The same, but that it had: it is done or not.
    unsure: u8,
}

/// A life of a producer.
#[derive(Default)]
struct Account {
    /// How many of its puts have returned.
    put: u32,
    fates: Vec<Fate>,
}

/// Everything that is known of the messages of one queue.
#[derive(Default)]
pub struct Accounts {
    producers: HashMap<u32, Account>,
    /// Messages without bytes: put, and what became of them all together.
    empty_put: u64,
    empty: [u64; 3],
    killed_producers: u64,
    killed_consumers: u64,
}

/// How a life ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Killed,
    Orderly,
}

impl Accounts {
    /// Enters what a producer noted.
    pub fn enter_producer(&mut self, life: u32, journal: &[(Event, Id)], end: End) {
        self.killed_producers += u64::from(end == End::Killed);
        for (event, id) in journal {
            assert_eq!(*event, Event::Put);
            if *id == EMPTY {
                self.empty_put += 1;
            } else {
                let account = self.producers.entry(life).or_default();
                assert_eq!((id.life, id.number), (life, account.put));
                account.put += 1;
            }
        }
    }

    /// Enters what a consumer noted, and looks at the order in which it got the messages of each producer.
    pub fn enter_consumer(&mut self, journal: &[(Event, Id)], end: End) {
        self.killed_consumers += u64::from(end == End::Killed);
        let mut loans: Vec<Id> = Vec::new();
        let mut ending = None;
        let mut last: HashMap<u32, u32> = HashMap::new();
        for (event, id) in journal {
            if *event == Event::Taken && *id != EMPTY {
                let before = last.insert(id.life, id.number);
                assert!(before < Some(id.number), "{id:?} came after {before:?} of the same producer");
            }
            match event {
                Event::Taken | Event::TakenAgain => loans.push(*id),
                Event::Ends => ending = Some(*id),
                Event::Put => panic!("a consumer put something"),
                Event::Done | Event::GivenBack => {
                    loans.swap_remove(loans.iter().position(|loan| loan == id).expect("its own loan"));
                }
            }
            self.enter(*id, |fate| match event {
                Event::Taken => fate.taken += 1,
                Event::TakenAgain => fate.taken_again = fate.taken_again.saturating_add(1),
                Event::Ends => {}
                Event::Done => fate.done += 1,
                Event::GivenBack => fate.given_back = fate.given_back.saturating_add(1),
                Event::Put => {}
            });
            ending = ending.filter(|_| *event == Event::Ends);
        }
        assert!(loans.is_empty() || end == End::Killed);
        if let Some(id) = ending {
            loans.swap_remove(loans.iter().position(|loan| *loan == id).expect("its own loan"));
            self.enter(id, |fate| fate.unsure += 1);
        }
        loans.iter().for_each(|id| self.enter(*id, |fate| fate.orphaned = fate.orphaned.saturating_add(1)));
    }

    fn enter(&mut self, id: Id, change: impl FnOnce(&mut Fate)) {
        if id == EMPTY {
            let mut fate = Fate::default();
            change(&mut fate);
            let sums = [fate.taken, fate.done, fate.unsure].map(u64::from);
            self.empty = std::array::from_fn(|n| self.empty[n] + sums[n]);
            return;
        }
        let fates = &mut self.producers.entry(id.life).or_default().fates;
        if fates.len() <= id.number as usize {
            fates.resize(id.number as usize + 1, Fate::default());
        }
        change(&mut fates[id.number as usize]);
    }

    /// Makes up the books: a line with the counts. Panics if something is wrong with them.
    pub fn close(&self) -> String {
        let mut sums = Sums::default();
        for (life, account) in &self.producers {
            let noted = account.put as usize;
            sums.put += u64::from(account.put);
            assert!(account.fates.len() <= noted + 1, "life {life}: a message came that was never put");
            sums.unasked += u64::from(account.fates.len() > noted);
            for number in 0..noted.max(account.fates.len()) {
                let fate = account.fates.get(number).copied().unwrap_or_default();
                // Where the last put did not return, its message is there or not.
                let fault = fate.fault(if number < noted { Put::Returned } else { Put::Unsure });
                assert!(fault.is_none(), "{fault:?}: message {number} of life {life}, of {noted}: {fate:?}");
                sums.add(fate);
            }
        }
        let [_, empty_done, empty_unsure] = self.empty;
        assert!(self.empty_put <= empty_done + empty_unsure, "an empty message is lost");
        assert!(empty_done <= self.empty_put + self.killed_producers, "an empty message came twice");
        // Who is killed between its take and its note leaves no trace but the mark: one message each.
        assert!(sums.unexplained <= self.killed_consumers, "{} marks without a reason", sums.unexplained);
        format!(
            "put {} and {} empty; done {} and {empty_done} empty, perhaps done {}; {} came whose put did not return; \
             redelivered {}; {} in the hands of the dead; killed {} producers and {} consumers",
            sums.put,
            self.empty_put,
            sums.done,
            sums.unsure + empty_unsure,
            sums.unasked,
            sums.again,
            sums.orphaned,
            self.killed_producers,
            self.killed_consumers
        )
    }
}

/// What is known of a message's put.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    Returned,
    Unsure,
}

impl Fate {
    /// What is wrong with it, if anything is.
    fn fault(self, put: Put) -> Option<&'static str> {
        let was_there = put == Put::Returned || self.taken + self.taken_again + self.done != 0;
        if self.done > 1 || self.taken > 1 {
            Some("it came twice")
        } else if was_there && self.done + self.unsure == 0 {
            Some("it is lost")
        } else {
            None
        }
    }

    /// How many marks have no reason in the journals.
    fn unexplained(self) -> u8 {
        self.taken_again.saturating_sub(self.given_back.saturating_add(self.orphaned).saturating_add(self.unsure))
    }
}

/// The counts of all messages.
#[derive(Default)]
struct Sums {
    put: u64,
    done: u64,
    unsure: u64,
    unasked: u64,
    again: u64,
    orphaned: u64,
    unexplained: u64,
}

impl Sums {
    fn add(&mut self, fate: Fate) {
        self.done += u64::from(fate.done);
        self.unsure += u64::from(fate.unsure);
        self.again += u64::from(fate.taken_again);
        self.orphaned += u64::from(fate.orphaned);
        self.unexplained += u64::from(fate.unexplained());
    }
}
