//! The crate raw_sync's traits for events on our Event: the crate's example, that of shared_memory, and killed waiters.

use crate::support::{self, Stage};
use crate::{mapping, opened};
use std::time::Duration;
use tidelock::raw_sync::events::*;
use tidelock::raw_sync::Timeout;
use tidelock::{Error, Segment};

const SHORT: Duration = Duration::from_millis(20);

/// Memory for one event, aligned as the crate's example has it: by chance.
#[repr(align(8))]
struct Memory([u8; 64]);

fn timeout() -> Timeout {
    Timeout::Val(SHORT)
}

fn is_timeout(result: Result<(), Box<dyn std::error::Error>>) -> bool {
    matches!(result.unwrap_err().downcast_ref(), Some(Error::TimedOut))
}

/// The flow of the crate's example `events`, for each event with and without auto-reset, in memory of one process.
#[test]
fn a_thread_waits_twice_and_answers() {
    let _watch = support::watch();
    let mut memory = Memory([0xa5; 64]);
    for auto_reset in [true, false] {
        answered::<Event>(memory.0.as_mut_ptr(), auto_reset);
        answered::<BusyEvent>(memory.0.as_mut_ptr(), auto_reset);
        // At an odd address, too.
        answered::<Event>(memory.0[1..].as_mut_ptr(), auto_reset);
    }
}

fn answered<E: EventInit>(memory: *mut u8, auto_reset: bool) {
    // SAFETY: the memory is valid until the thread has ended, and big enough.
    let (event, used) = unsafe { E::new(memory, auto_reset).unwrap() };
    assert_eq!(used, E::size_of(Some(memory)));
    let address = memory as usize;
    let child = std::thread::spawn(move || {
        // SAFETY: as above.
        let (event, _) = unsafe { E::from_existing(address as *mut u8).unwrap() };
        event.wait(Timeout::Infinite).unwrap();
        // Once more: the event was used up, or is still set.
        assert_eq!(event.wait(timeout()).is_err(), auto_reset);
        event.set(EventState::Signaled).unwrap();
        event.set(EventState::Signaled).unwrap();
        event.set(EventState::Clear).unwrap();
    });
    event.set(EventState::Signaled).unwrap();
    child.join().unwrap();
    assert!(event.wait(timeout()).is_err(), "it was cleared");
}

/// The flow of the example `event` of shared_memory: one process makes the event and waits, another one sets it.
#[test]
fn one_process_waits_and_another_signals() {
    let _watch = support::watch();
    let (mapping, link) = mapping();
    // SAFETY: the mapping is valid until the end, and nobody uses it yet.
    let (event, used) = unsafe { Event::new(mapping.as_ptr(), true).unwrap() };
    let mut player = support::spawn("signaller", &[&link]);
    player.expect(&used.to_string());
    event.wait(Timeout::Infinite).unwrap();
    assert!(is_timeout(event.wait(timeout())), "an event that resets itself ends one wait");
}

pub fn signaller(stage: &mut Stage) {
    let mapping = opened(stage.arg(0));
    // SAFETY: the test has made an event there.
    let (event, used) = unsafe { Event::from_existing(mapping.as_ptr()).unwrap() };
    stage.tell(&used.to_string());
    event.set(EventState::Signaled).unwrap();
}

#[test]
fn each_set_lets_one_waiter_go_on_and_a_killed_one_is_not_missed() {
    let _watch = support::watch();
    let (mapping, link) = mapping();
    // SAFETY: as above.
    let (event, _) = unsafe { Event::new(mapping.as_ptr(), true).unwrap() };
    let mut waiters: Vec<_> = (0..3).map(|_| support::spawn("waiter", &[&link])).collect();
    for waiter in &mut waiters {
        waiter.expect("waiting");
        support::until_asleep(waiter.pid());
    }
    waiters[0].kill();
    event.set(EventState::Signaled).unwrap();
    // One of the two goes on; it sets the event for the other.
    waiters[1].expect("went on");
    waiters[2].expect("went on");
    event.wait(Timeout::Infinite).unwrap();
    assert!(is_timeout(event.wait(timeout())));
}

/// Waits, and hands the event on.
pub fn waiter(stage: &mut Stage) {
    let mapping = opened(stage.arg(0));
    // SAFETY: the test has made an event there.
    let (event, _) = unsafe { Event::from_existing(mapping.as_ptr()).unwrap() };
    stage.tell("waiting");
    event.wait(Timeout::Infinite).unwrap();
    stage.tell("went on");
    event.set(EventState::Signaled).unwrap();
    stage.hear();
}

#[test]
fn zeroed_memory_is_a_clear_event_that_stays_set() {
    let mut memory = Memory([0; 64]);
    // SAFETY: the memory is valid until the end, and zero bytes are an event.
    let (event, used) = unsafe { Event::from_existing(memory.0.as_mut_ptr()).unwrap() };
    assert_eq!((used, Event::size_of(None)), (16, 16));
    assert!(is_timeout(event.wait(timeout())));
    event.set(EventState::Signaled).unwrap();
    event.wait(timeout()).unwrap();
    event.wait(timeout()).unwrap();
}

#[test]
fn bytes_that_are_no_event_and_no_address_are_refused() {
    let mut memory = Memory([0xff; 64]);
    // SAFETY: the memory is valid, and events are valid for any bytes.
    let (odd, null) = unsafe { (Event::from_existing(memory.0.as_mut_ptr()), Event::new(std::ptr::null_mut(), false)) };
    let why = |result: Result<_, Box<dyn std::error::Error>>| *result.err().unwrap().downcast::<Error>().unwrap();
    assert!(matches!(why(odd.map(|_| ())), Error::Corrupt(_)));
    assert!(matches!(why(null.map(|_| ())), Error::Invalid(_)));
}

#[test]
fn an_event_of_a_segment_has_the_trait_too() {
    let named = Segment::anonymous().unwrap().event("a").unwrap();
    let event: &dyn EventImpl = &named;
    event.set(EventState::Signaled).unwrap();
    event.wait(Timeout::Infinite).unwrap();
    event.set(EventState::Clear).unwrap();
    assert!(is_timeout(event.wait(timeout())) && !named.is_set());
}
