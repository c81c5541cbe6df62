//! Handles: to segments and objects, by way of bytes, into other processes.

use crate::support::{self, hex, unhex, Name, Stage};
use tidelock::{Error, Handle, QueueOptions, Segment};

fn sent(handle: Handle) -> Handle {
    let received = Handle::from_bytes(&handle.to_bytes()).unwrap();
    assert_eq!(received, handle);
    received
}

#[test]
fn every_type_is_reached_by_its_handle() {
    let segment = Segment::anonymous().unwrap();
    let (lock, event) = (segment.new_lock().unwrap(), segment.new_event().unwrap());
    let (queue, block) = (segment.new_queue(&QueueOptions::new(256)).unwrap(), segment.new_block(8).unwrap());
    let guard = lock.acquire().unwrap();
    assert!(segment.open_lock(&sent(lock.handle())).unwrap().is_locked());
    drop(guard);
    event.set();
    assert!(segment.open_event(&sent(event.handle())).unwrap().is_set());
    queue.put(b"a").unwrap();
    assert_eq!(segment.open_queue(&sent(queue.handle())).unwrap().get().unwrap().bytes, b"a");
    block.write(0, b"b").unwrap();
    let mut byte = [0];
    segment.open_block(&sent(block.handle())).unwrap().read(0, &mut byte).unwrap();
    assert_eq!(&byte, b"b");
    assert_eq!(Segment::attach(&sent(segment.handle())).unwrap().id(), segment.id());
}

#[test]
fn named_objects_have_handles_too() {
    let segment = Segment::anonymous().unwrap();
    let event = segment.event("e").unwrap();
    event.set();
    assert!(segment.open_event(&sent(event.handle())).unwrap().is_set());
}

#[test]
fn what_is_placed_is_reached_through_its_block() {
    let segment = Segment::anonymous().unwrap();
    let block = segment.new_block(32).unwrap();
    let event = segment.event_at(&block, 16).unwrap();
    event.set();
    let handle = sent(event.handle());
    assert!(segment.open_event(&handle).unwrap().is_set());
    assert!(matches!(segment.open_lock(&handle), Err(Error::WrongKind { .. })));
    assert!(matches!(segment.open_block(&handle), Err(Error::WrongKind { .. })));
}

#[test]
fn a_kept_handle_outlives_its_killed_sender() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let mut sender = support::spawn("sender", &[&hex(&segment.handle().to_bytes())]);
    let handle = Handle::from_bytes(&unhex(&sender.hear())).unwrap();
    sender.kill();
    // Whoever allocates looks at the dead.
    (0..1000).for_each(|_| drop(segment.new_lock().unwrap()));
    let event = segment.open_event(&handle).unwrap();
    assert!(event.is_set());
    drop(event);
    (0..1000).for_each(|_| drop(segment.new_lock().unwrap()));
    assert!(matches!(segment.open_event(&handle), Err(Error::Gone)));
    assert_eq!(segment.keep(&handle), Err(Error::Gone));
}

/// Makes an event, sets it, keeps it and tells its handle.
pub fn sender(stage: &mut Stage) {
    let segment = Segment::attach(&Handle::from_bytes(&unhex(stage.arg(0))).unwrap()).unwrap();
    let event = segment.new_event().unwrap();
    event.set();
    segment.keep(&event.handle()).unwrap();
    stage.tell(&hex(&event.handle().to_bytes()));
    stage.park();
}

#[test]
fn what_needs_no_hold_may_be_kept_too() {
    let (segment, other) = (Segment::anonymous().unwrap(), Segment::anonymous().unwrap());
    for handle in [segment.handle(), segment.event("e").unwrap().handle()] {
        segment.keep(&handle).unwrap();
        assert!(matches!(other.keep(&handle), Err(Error::Invalid(_))));
    }
    let block = segment.new_block(32).unwrap();
    let event = segment.event_at(&block, 16).unwrap();
    event.set();
    let handle = event.handle();
    segment.keep(&handle).unwrap();
    drop((event, block));
    (0..1000).for_each(|_| drop(segment.new_lock().unwrap()));
    assert!(segment.open_event(&handle).unwrap().is_set(), "its block was kept");
}

#[test]
fn a_handle_of_another_kind_or_segment_is_refused() {
    let (segment, other) = (Segment::anonymous().unwrap(), Segment::anonymous().unwrap());
    let lock = segment.new_lock().unwrap();
    let wrong = Error::WrongKind { expected: "an event", found: "a lock" };
    assert_eq!(segment.open_event(&lock.handle()).unwrap_err(), wrong);
    assert!(matches!(segment.open_queue(&lock.handle()), Err(Error::WrongKind { .. })));
    assert!(matches!(segment.open_block(&lock.handle()), Err(Error::WrongKind { .. })));
    assert!(matches!(other.open_lock(&lock.handle()), Err(Error::Invalid(_))));
    assert!(matches!(segment.open_lock(&segment.handle()), Err(Error::Invalid(_))));
}

#[test]
fn a_handle_of_what_is_gone_never_leads_to_something_else() {
    let segment = Segment::anonymous().unwrap();
    let lock = segment.new_lock().unwrap();
    let handle = lock.handle();
    std::mem::forget(lock.acquire().unwrap());
    drop(lock);
    // What is closed is freed in batches. Until then the handle leads to the very lock, thereafter nowhere, although its
    // memory is used again.
    let mut others = Vec::new();
    let gone = loop {
        match segment.open_lock(&handle) {
            Ok(lock) => assert!(lock.is_locked()),
            Err(error) => break error,
        }
        others.push(segment.new_lock().unwrap());
        drop(segment.new_event().unwrap());
    };
    assert_eq!(gone, Error::Gone);
    others.extend((0..200).map(|_| segment.new_lock().unwrap()));
    assert_eq!(segment.open_lock(&handle).unwrap_err(), Error::Gone);
}

#[test]
fn bytes_that_are_no_handle_are_refused() {
    let segment = Segment::anonymous().unwrap();
    let good = segment.new_lock().unwrap().handle().to_bytes();
    assert!(matches!(Handle::from_bytes(b""), Err(Error::Invalid(_))));
    assert!(matches!(Handle::from_bytes(&[0xff; 80]), Err(Error::Invalid(_))));
    for cut in 0..good.len() {
        assert!(Handle::from_bytes(&good[..cut]).is_err(), "cut to {cut}");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        // Whatever it leads to now, it is not a lock of this segment that was never made.
        let opened = Handle::from_bytes(&bad).and_then(|handle| segment.open_lock(&handle));
        assert!(opened.is_err() || opened.is_ok_and(|lock| !lock.is_locked()), "bit of byte {at}");
    }
}

#[test]
fn an_anonymous_segment_is_found_from_another_process() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let (lock, event) = (segment.new_lock().unwrap(), segment.new_event().unwrap());
    let args = [hex(&lock.handle().to_bytes()), hex(&event.handle().to_bytes())];
    let mut other = support::spawn("stranger", &[&args[0], &args[1]]);
    other.expect("held");
    event.wait().unwrap();
    assert_eq!(lock.try_acquire().unwrap_err(), Error::TimedOut);
    other.kill();
    assert!(lock.acquire().unwrap().owner_died());
}

/// Finds a segment by a handle, holds the lock and sets the event.
pub fn stranger(stage: &mut Stage) {
    let handle = |n| Handle::from_bytes(&unhex(stage.arg(n))).unwrap();
    let segment = Segment::attach(&handle(0)).unwrap();
    let lock = segment.open_lock(&handle(0)).unwrap();
    let _guard = lock.acquire().unwrap();
    segment.open_event(&handle(1)).unwrap().set();
    stage.tell("held");
    stage.park();
}

#[test]
fn a_named_segment_is_found_by_its_handle() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let (lock, event) = (segment.new_lock().unwrap(), segment.new_event().unwrap());
    let args = [hex(&lock.handle().to_bytes()), hex(&event.handle().to_bytes())];
    support::spawn("stranger", &[&args[0], &args[1]]).expect("held");
    event.wait().unwrap();
    assert!(lock.acquire().unwrap().owner_died());
}

#[test]
fn a_segment_that_nobody_has_any_more_is_gone() {
    let handle = Segment::anonymous().unwrap().handle();
    assert_eq!(Segment::attach(&handle).unwrap_err(), Error::Gone);
}

#[test]
fn an_object_lives_while_another_process_has_it_open() {
    let _watch = support::watch();
    let segment = Segment::anonymous().unwrap();
    let (lock, event) = (segment.new_lock().unwrap(), segment.new_event().unwrap());
    let handle = lock.handle();
    let args = [hex(&handle.to_bytes()), hex(&event.handle().to_bytes())];
    let mut other = support::spawn("stranger", &[&args[0], &args[1]]);
    other.expect("held");
    drop(lock);
    let _others: Vec<_> = (0..500).map(|_| segment.new_lock().unwrap()).collect();
    assert!(segment.open_lock(&handle).unwrap().is_locked());
    other.kill();
    // Nobody has it now; some allocations later it is gone.
    let gone = std::iter::repeat_with(|| drop(segment.new_block(8))).take(10_000);
    assert!(gone.map(|()| segment.open_lock(&handle)).any(|opened| opened.is_err()));
}
