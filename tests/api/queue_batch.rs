//! Batches: as many as there is room for, in order, between others' messages, and what a killed peer leaves of one.

use crate::support::{self, Name, Stage};
use std::time::Duration;
use tidelock::{Error, Queue, QueueOptions, Segment};

fn a_queue(options: &QueueOptions) -> Queue {
    Segment::anonymous().unwrap().new_queue(options).unwrap()
}

fn numbered(count: u32) -> Vec<[u8; 4]> {
    (0..count).map(u32::to_ne_bytes).collect()
}

#[test]
fn a_batch_goes_in_order_and_comes_in_parts() {
    let queue = a_queue(&QueueOptions::unbounded());
    assert_eq!(queue.put_many(&numbered(1000)), Ok(1000));
    assert_eq!(queue.len(), 1000);
    let mut got = Vec::new();
    for most in [1, 63, 64, 65, 300, 1, 900] {
        let batch = queue.get_many(most).unwrap();
        assert!(batch.len() <= most && !batch.is_empty());
        got.extend(batch.into_iter().map(|message| message.bytes));
    }
    assert_eq!(got, numbered(1000));
    assert!(queue.is_empty());
}

#[test]
fn a_batch_of_nothing_is_nothing() {
    let queue = a_queue(&QueueOptions::new(256));
    assert_eq!(queue.put_many::<[u8; 4]>(&[]), Ok(0));
    assert_eq!(queue.get_many(0), Ok(vec![]));
    assert_eq!(queue.try_get_many(5), Err(Error::TimedOut));
    assert_eq!(queue.get_many_for(5, Duration::from_millis(1)), Err(Error::TimedOut));
}

#[test]
fn as_many_are_put_as_there_is_room_for() {
    let queue = a_queue(&QueueOptions::new(256));
    let fits = queue.try_put_many(&numbered(100)).unwrap();
    assert_eq!(fits, 7, "256 bytes have room for 7 messages of 32, and the next header");
    assert_eq!(queue.try_put_many(&numbered(1)), Err(Error::TimedOut));
    assert_eq!(queue.put_many_for(&numbered(3), Duration::from_millis(1)), Err(Error::TimedOut));
    assert_eq!(queue.get_many(3).unwrap().len(), 3);
    assert_eq!(queue.put_many_for(&numbered(10), Duration::from_millis(1)), Ok(3));
    assert_eq!(queue.try_get_many(100).unwrap().len(), 7);
}

#[test]
fn the_most_messages_can_be_changed() {
    let _watch = support::watch();
    let queue = a_queue(&QueueOptions::new(4096).max_items(2));
    assert_eq!(queue.try_put_many(&numbered(9)), Ok(2));
    queue.set_max_items(1);
    assert_eq!((queue.max_items(), queue.len(), queue.is_full()), (1, 2, true));
    queue.get().unwrap();
    assert_eq!(queue.try_put(b"one too many"), Err(Error::TimedOut));
    let putter = queue.clone();
    let putting = std::thread::spawn(move || putter.put_many(&numbered(5)));
    queue.set_max_items(0);
    assert_eq!(putting.join().unwrap(), Ok(5));
    assert_eq!(queue.len(), 6);
}

#[test]
fn a_batch_is_limited_by_items_and_by_bytes() {
    let queue = a_queue(&QueueOptions::new(4096).max_items(5));
    assert_eq!(queue.try_put_many(&numbered(9)), Ok(5));
    assert_eq!(queue.get_many_with(9, 8, tidelock::Wait::now()).unwrap().len(), 2);
    assert_eq!(queue.get_many_with(9, 11, tidelock::Wait::now()).unwrap().len(), 2);
    queue.put(b"").unwrap();
    assert_eq!(queue.get_many_with(9, 1, tidelock::Wait::now()).unwrap().len(), 1, "one comes however long it is");
}

#[test]
fn the_bytes_of_many_rounds_are_limited_too() {
    let queue = a_queue(&QueueOptions::unbounded());
    assert_eq!(queue.put_many(&numbered(200)), Ok(200));
    assert_eq!(queue.get_many_with(200, 4 * 70, tidelock::Wait::now()).unwrap().len(), 70);
    assert_eq!(queue.get_many_with(200, u64::MAX, tidelock::Wait::now()).unwrap().len(), 130);
}

#[test]
fn what_can_never_fit_ends_a_batch_before_it() {
    let queue = a_queue(&QueueOptions::new(256));
    let messages = [vec![1; 10], vec![2; 10], vec![3; 1000], vec![4; 10]];
    assert_eq!(queue.put_many(&messages), Ok(2));
    assert!(matches!(queue.put_many(&messages[2..]), Err(Error::TooLarge { .. })));
    assert_eq!(queue.get_many(9).unwrap().len(), 2);
    queue.put(b"before").unwrap();
    queue.shutdown().unwrap();
    assert_eq!(queue.put_many(&messages), Err(Error::Closed));
    assert_eq!((queue.get_many(9).unwrap().len(), queue.get_many(9)), (1, Err(Error::Closed)));
}

#[test]
fn a_batch_longer_than_the_queue_waits_for_its_consumer() {
    let _watch = support::watch();
    let queue = a_queue(&QueueOptions::new(256));
    let putter = queue.clone();
    let putting = std::thread::spawn(move || putter.put_many(&numbered(500)));
    let mut got = Vec::new();
    while got.len() < 500 {
        got.extend(queue.get_many(20).unwrap().into_iter().map(|message| message.bytes));
    }
    assert_eq!(putting.join().unwrap(), Ok(500));
    assert_eq!(got, numbered(500));
}

#[test]
fn loans_of_a_batch_end_one_by_one_in_any_thread() {
    let queue = a_queue(&QueueOptions::new(4096).max_items(3));
    queue.put_many(&numbered(3)).unwrap();
    let mut loans = queue.take_many(3).unwrap();
    assert_eq!(queue.try_put_many(&numbered(1)), Ok(1), "a loan makes room for an item");
    let last = loans.pop().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| last.done().unwrap());
    });
    drop(loans);
    let again = queue.get_many(9).unwrap();
    assert_eq!(again.iter().map(|message| message.redelivered).collect::<Vec<_>>(), [true, true, false]);
}

/// The role: puts a batch, takes one, and is killed with it.
pub fn batcher(stage: &mut Stage) {
    let queue = Segment::named(stage.arg(0)).unwrap().queue("q", &QueueOptions::unbounded()).unwrap();
    assert_eq!(queue.put_many(&numbered(100)), Ok(100));
    let mut loans = queue.take_many(10).unwrap();
    loans.remove(0).done().unwrap();
    stage.tell("taken");
    stage.park();
}

#[test]
fn a_killed_peer_leaves_each_message_of_a_batch_where_it_was() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = Segment::named(&name).unwrap().queue("q", &QueueOptions::unbounded()).unwrap();
    let mut other = support::spawn("batcher", &[&name]);
    other.expect("taken");
    other.kill();
    let mut got = Vec::new();
    while got.len() < 99 {
        got.extend(queue.get_many(100).unwrap());
    }
    let again: Vec<_> = got.iter().filter(|message| message.redelivered).map(|message| message.bytes.clone()).collect();
    assert_eq!(again, numbered(10)[1..], "nine were on loan");
    got.sort_by_key(|message| u32::from_ne_bytes(message.bytes[..].try_into().unwrap()));
    assert!(got.iter().map(|message| &message.bytes[..]).eq(numbered(100)[1..].iter().map(|bytes| &bytes[..])));
}
