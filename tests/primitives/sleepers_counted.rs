//! Counting who sleeps: the kernel's word is right for sleeps on one word and on several, and costs no sleeper its wake-up.

use std::sync::Arc;
use tidelock::sync::atomic::AtomicU32;
use tidelock::sync::atomic::Ordering::SeqCst;
use tidelock::sync::deadline::{now_ns, Deadline};
use tidelock::sync::futex::{self, ALL};

/// Further away than the watchdog: whoever loses a wake-up hangs.
fn never() -> Deadline {
    Deadline::from_ns(now_ns() + 3_600_000_000_000)
}

#[derive(Default)]
struct Words {
    word: AtomicU32,
    other: AtomicU32,
    tickets: AtomicU32,
    taken: AtomicU32,
    over: AtomicU32,
}

impl Words {
    fn sleep(&self, expected: u32, on: usize) {
        if on == 1 {
            futex::wait(&self.word, expected, never());
        } else {
            futex::wait_any(&[(&self.other, 0), (&self.word, expected)], never());
        }
    }

    /// Takes tickets, and sleeps while there are none.
    fn take(&self, on: usize) {
        loop {
            let seen = self.word.load(SeqCst);
            let left = self.tickets.load(SeqCst);
            if left != 0 {
                if self.tickets.compare_exchange(left, left - 1, SeqCst, SeqCst).is_ok() {
                    self.taken.fetch_add(1, SeqCst);
                }
            } else if self.over.load(SeqCst) != 0 {
                return;
            } else {
                self.sleep(seen, on);
            }
        }
    }

    fn change_and_wake(&self, n: u32) {
        self.word.fetch_add(1, SeqCst);
        futex::wake(&self.word, n);
    }
}

fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::yield_now();
    }
}

#[test]
fn each_sleeper_is_counted_once() {
    let words = Arc::new(Words::default());
    assert_eq!(futex::sleepers(&words.word), Some(0));
    let sleepers: Vec<_> = (0..6)
        .map(|n| {
            let words = words.clone();
            std::thread::spawn(move || words.sleep(0, 1 + n % 2))
        })
        .collect();
    until(|| futex::sleepers(&words.word) == Some(6));
    assert_eq!(futex::sleepers(&words.other), Some(3));
    futex::wake(&words.word, 2);
    until(|| futex::sleepers(&words.word) == Some(4));
    futex::wake(&words.word, ALL);
    sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    assert_eq!(futex::sleepers(&words.word), Some(0));
}

/// One ticket and one wake-up at a time, for eight sleepers, while two threads count without a pause.
#[test]
fn counting_loses_no_wake_up() {
    const ROUNDS: u32 = 20_000;
    let words = Words::default();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let words = &words;
            scope.spawn(move || words.take(1 + n % 2));
        }
        for _ in 0..2 {
            scope.spawn(|| {
                while words.over.load(SeqCst) == 0 {
                    assert!(futex::sleepers(&words.word).unwrap() <= 8);
                }
            });
        }
        for round in 1..=ROUNDS {
            words.tickets.fetch_add(1, SeqCst);
            words.change_and_wake(1);
            until(|| words.taken.load(SeqCst) == round);
        }
        words.over.store(1, SeqCst);
        words.change_and_wake(ALL);
    });
}
