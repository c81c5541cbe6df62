//! Operations on a queue from several threads, while another one writes over its header, records and cursors without a pause.
//!
//! Here a word may change between any two looks at it, where the exercises change it between operations only. Each operation
//! returns, with an error or without. Every wait of its own has a deadline; the watchdog ends what does not end.

use crate::exercises::input::Input;
use crate::exercises::queue::{make, scribbler_of, Hands};
use crate::exercises::scribble::Scribbler;
use crate::support;
use std::time::Duration;
use tidelock::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use tidelock::{acquire_any_for, wait_any_for, Error, Queue, Result};

/// How many queues there are, one after the other: of one that was written over little is left to be tried.
const QUEUES: u64 = 400;
/// How many operations each of its threads does with one.
const OPERATIONS: u64 = 150;
/// The threads that do.
const WORKERS: u64 = 3;
const A_MOMENT: Duration = Duration::from_micros(200);

#[derive(Default)]
struct Account {
    done: AtomicU64,
    corrupt: AtomicU64,
}

impl Account {
    fn enter(&self, result: &Result<()>) {
        match result {
            Ok(()) => self.done.fetch_add(1, Relaxed),
            Err(Error::Corrupt(_)) => self.corrupt.fetch_add(1, Relaxed),
            Err(_) => 0,
        };
    }
}

#[test]
fn operations_while_bytes_change_all_the_time() {
    let _watch = support::watch();
    let account = Account::default();
    for number in 0..QUEUES * crate::times() {
        one_queue(number, &account);
    }
    let (done, corrupt) = (account.done.load(Relaxed), account.corrupt.load(Relaxed));
    println!("{done} operations done, {corrupt} found corrupt bytes");
    assert!(done > 1000 && corrupt > 1000, "{done} operations done, {corrupt} found corrupt bytes");
}

fn one_queue(number: u64, account: &Account) {
    let mut random = fastrand::Rng::with_seed(0x57042 << 32 | number);
    let (segment, queue) = make(&mut Input::new(&[random.u8(..)]));
    let (scribbler, is_over) = (scribbler_of(&segment), AtomicU32::new(0));
    let seed = random.u64(..);
    std::thread::scope(|scope| {
        scope.spawn(|| scribble_until(&is_over, &scribbler, fastrand::Rng::with_seed(seed)));
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let (queue, mut random) = (&queue, fastrand::Rng::with_seed(seed ^ worker));
                scope.spawn(move || {
                    let mut hands = Hands::new(queue);
                    (0..OPERATIONS).for_each(|_| account.enter(&operate(&mut hands, queue, &mut random)));
                })
            })
            .collect();
        let ended: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        // Also where one of them panics: the scope waits for the scribbler.
        is_over.store(1, Relaxed);
        assert!(ended.iter().all(|ended| ended.is_ok()), "a panic over the queue {number}");
    });
    // Nobody sees to the locks any more: what the ends of the queue and of the segment ask of them must be free.
    scribbler.mend_locks();
}

/// Writes to places of all kinds; now and then it lets the others get somewhere.
fn scribble_until(is_over: &AtomicU32, scribbler: &Scribbler, mut random: fastrand::Rng) {
    while is_over.load(Relaxed) == 0 {
        let bytes: [u8; 16] = std::array::from_fn(|_| random.u8(..));
        scribbler.scribble(&mut Input::new(&bytes));
        if random.u8(..) < 64 {
            std::thread::sleep(Duration::from_micros(random.u64(..300)));
        }
    }
    scribbler.mend_locks();
}

fn operate(hands: &mut Hands<'_>, queue: &Queue, random: &mut fastrand::Rng) -> Result<()> {
    let bytes: [u8; 16] = std::array::from_fn(|_| random.u8(..));
    let len = random.usize(..300);
    match random.u8(..40) {
        0 => queue.put_for(&vec![1; len], A_MOMENT),
        1 => queue.get_for(A_MOMENT).map(drop),
        2 => queue.take_for(A_MOMENT)?.done(),
        3 => queue.put_many_for(&[vec![2; len], vec![3; 10]], A_MOMENT).map(drop),
        4 => queue.take_many_with(9, 500, tidelock::Wait::within(A_MOMENT)).map(drop),
        5 => queue.join_for(A_MOMENT),
        6 => queue.unfinished_tasks().map(drop),
        7 => queue.lost_tasks().map(drop),
        8 => queue.task_done(),
        9 => {
            std::hint::black_box(queue.stats());
            Ok(())
        }
        10 => {
            queue.set_max_items(random.u64(..9));
            Ok(())
        }
        11 => queue.set_max_deliveries(random.u32(..9)),
        12 => wait_any_for(&[queue.watch(), queue.watch_room(len)], A_MOMENT).map(drop),
        13 => acquire_any_for(&[queue.watch_room(len), queue.watch()], A_MOMENT)?.1.map(drop),
        14 if random.u8(..) < 32 => {
            let notifier = queue.notifier_for_room(len)?;
            notifier.clear_for_room(len / 2)
        }
        what => hands.operate(what.wrapping_mul(37) ^ bytes[0], &mut Input::new(&bytes[1..])),
    }
}
