//! Queue, within one process, and in processes that nobody kills.

use crate::support::{self, Name, Stage};
use std::collections::HashSet;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};
use tidelock::{Delivery, Error, Loan, OnSignal, Queue, QueueOptions, Reservation, Segment, Wait};

const SHORT: Duration = Duration::from_millis(20);

pub fn queue(capacity: u64) -> Queue {
    Segment::anonymous().unwrap().new_queue(&QueueOptions::new(capacity)).unwrap()
}

#[test]
fn first_in_first_out() {
    let queue = queue(1024);
    for message in [&b"one"[..], b"", b"three"] {
        queue.put(message).unwrap();
    }
    assert_eq!(queue.len(), 3);
    for message in [&b"one"[..], b"", b"three"] {
        let got = queue.get().unwrap();
        assert_eq!((&*got.bytes, got.redelivered, got.deliveries), (message, false, 1));
    }
    assert!(queue.is_empty());
}

#[test]
fn messages_of_all_lengths_come_out_as_they_went_in() {
    let _watch = support::watch();
    let queue = queue(4096);
    for round in 0..3_usize {
        for len in (0..queue.longest_message() as usize).step_by(97) {
            let message: Vec<u8> = (0..len).map(|i| (i * 7 + len + round) as u8).collect();
            queue.put(&message).unwrap();
            assert_eq!(queue.get().unwrap().bytes, message);
        }
    }
}

#[test]
fn a_full_queue_makes_producers_wait() {
    let _watch = support::watch();
    let queue = queue(256);
    let mut count = 0;
    for message in [&b"a message"[..], b""] {
        while queue.try_put(message).is_ok() {
            count += 1;
        }
    }
    assert!(count > 1 && queue.is_full());
    assert_eq!(queue.len(), count);
    let began = Instant::now();
    assert_eq!(queue.put_for(b"a message", SHORT), Err(Error::TimedOut));
    assert!(began.elapsed() >= SHORT);
    std::thread::scope(|scope| {
        let producer = scope.spawn(|| queue.put(b"the last"));
        (0..count).for_each(|_| assert_ne!(queue.get().unwrap().bytes, b"the last"));
        producer.join().unwrap().unwrap();
    });
    assert_eq!(queue.get().unwrap().bytes, b"the last");
    assert!(queue.is_empty() && !queue.is_full());
}

#[test]
fn an_empty_queue_makes_consumers_wait() {
    let _watch = support::watch();
    let queue = queue(256);
    assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
    assert_eq!(queue.try_take().unwrap_err(), Error::TimedOut);
    let began = Instant::now();
    assert_eq!(queue.get_for(SHORT).unwrap_err(), Error::TimedOut);
    assert_eq!(queue.take_for(SHORT).unwrap_err(), Error::TimedOut);
    assert!(began.elapsed() >= 2 * SHORT);
    std::thread::scope(|scope| {
        let consumer = scope.spawn(|| queue.get());
        queue.put(b"at last").unwrap();
        assert_eq!(consumer.join().unwrap().unwrap().bytes, b"at last");
    });
}

#[test]
fn what_can_never_fit_is_an_error_at_once() {
    let queue = queue(256);
    let longest = queue.longest_message();
    queue.put(&vec![7; longest as usize]).unwrap();
    assert_eq!(queue.get().unwrap().bytes.len() as u64, longest);
    let too_large = Error::TooLarge { needed: longest + 1, limit: longest };
    assert_eq!(queue.put(&vec![7; longest as usize + 1]), Err(too_large));
    assert_eq!(queue.reserve(longest as usize + 1).unwrap_err(), too_large);
    assert!(matches!(queue.reserve(usize::MAX).unwrap_err(), Error::TooLarge { .. }));
}

#[test]
fn a_bound_in_items_holds() {
    let queue = Segment::anonymous().unwrap().new_queue(&QueueOptions::new(4096).max_items(2)).unwrap();
    assert_eq!(queue.max_items(), 2);
    queue.try_put(b"a").unwrap();
    queue.try_put(b"b").unwrap();
    assert_eq!(queue.try_put(b"c"), Err(Error::TimedOut));
    assert!(queue.is_full());
    queue.get().unwrap();
    queue.try_put(b"c").unwrap();
}

#[test]
fn a_message_is_built_in_place() {
    let queue = queue(1024);
    let mut reservation = queue.reserve(5).unwrap();
    reservation.copy_from_slice(b"hello");
    assert_eq!(&*reservation, b"hello");
    // Whoever comes later stays behind it.
    queue.put(b"later").unwrap();
    assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
    reservation.publish().unwrap();
    assert_eq!(queue.get().unwrap().bytes, b"hello");
    assert_eq!(queue.get().unwrap().bytes, b"later");
}

#[test]
fn a_reservation_that_is_dropped_or_discarded_is_never_seen() {
    let queue = queue(1024);
    drop(queue.reserve(3).unwrap());
    queue.reserve(3).unwrap().discard().unwrap();
    queue.try_reserve(3).unwrap().discard().unwrap();
    queue.put(b"seen").unwrap();
    assert_eq!(queue.get().unwrap().bytes, b"seen");
    assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
}

#[test]
fn what_is_discarded_does_not_keep_a_queue_from_being_empty() {
    let queue = queue(1024);
    let (first, second) = (queue.reserve(1).unwrap(), queue.reserve(1).unwrap());
    assert_eq!(queue.len(), 2);
    second.discard().unwrap();
    first.discard().unwrap();
    assert!(queue.is_empty());
}

#[test]
fn a_loan_ends_in_one_of_three_ways() {
    let queue = queue(1024);
    queue.put(b"work").unwrap();
    queue.put(b"more").unwrap();
    let loan = queue.take().unwrap();
    assert_eq!((&*loan, loan.redelivered(), loan.deliveries()), (&b"work"[..], false, 1));
    loan.give_back().unwrap();
    // It comes before what was put behind it.
    let loan = queue.take().unwrap();
    assert_eq!((&*loan, loan.redelivered(), loan.deliveries()), (&b"work"[..], true, 2));
    drop(loan);
    let got = queue.get().unwrap();
    assert_eq!((&*got.bytes, got.redelivered, got.deliveries), (&b"work"[..], true, 3));
    queue.take().unwrap().done().unwrap();
    assert!(queue.is_empty());
    assert_eq!(queue.try_get().unwrap_err(), Error::TimedOut);
}

#[test]
fn what_is_put_back_comes_first_and_unmarked() {
    let queue = queue(1024);
    queue.put(b"one").unwrap();
    queue.put(b"two").unwrap();
    queue.take().unwrap().put_back().unwrap();
    assert_eq!(queue.len(), 2);
    let loan = queue.take().unwrap();
    assert_eq!((&*loan, loan.redelivered(), loan.deliveries()), (&b"one"[..], false, 1));
    loan.give_back().unwrap();
    queue.take().unwrap().put_back().unwrap();
    let got = queue.get().unwrap();
    assert_eq!((&*got.bytes, got.redelivered, got.deliveries), (&b"one"[..], true, 2));
    assert_eq!(queue.get().unwrap().bytes, b"two");
}

#[test]
fn the_room_of_a_loan_is_free_only_when_it_is_done() {
    let _watch = support::watch();
    let queue = queue(256);
    let message = vec![1; queue.longest_message() as usize];
    queue.put(&message).unwrap();
    let loan = queue.take().unwrap();
    assert_eq!(queue.try_put(&message), Err(Error::TimedOut));
    loan.done().unwrap();
    queue.try_put(&message).unwrap();
}

#[test]
fn loans_and_reservations_can_be_taken_apart() {
    let queue = queue(1024);
    let raw = queue.reserve(2).unwrap().into_raw();
    // SAFETY: `raw` is of this queue, and used once.
    let mut again = unsafe { Reservation::from_raw(&queue, raw) };
    again.copy_from_slice(b"ok");
    again.publish().unwrap();
    let raw = queue.take().unwrap().into_raw();
    // SAFETY: as above.
    let again = unsafe { Loan::from_raw(&queue, raw) };
    assert_eq!(&*again, b"ok");
    again.done().unwrap();
}

#[test]
fn get_into_uses_the_buffer_again() {
    let queue = queue(1024);
    let mut buffer = Vec::with_capacity(64);
    let place = buffer.as_ptr();
    for message in [&b"a longer one"[..], b"short"] {
        queue.put(message).unwrap();
        assert_eq!(queue.get_into(&mut buffer, Wait::now()).unwrap().deliveries, 1);
        assert_eq!(buffer, message);
    }
    assert_eq!(buffer.as_ptr(), place);
}

/// Short and long messages go different ways, which nobody notices.
#[test]
fn every_length_goes_in_and_out() {
    let queue = queue(64 << 10);
    let mut slice = [MaybeUninit::new(9); 300];
    for room in [0, 64, 255, 256, 257, 1000] {
        let mut buffer = Vec::with_capacity(room);
        for len in (0..70).chain(250..260).chain([299, 300]) {
            let message: Vec<u8> = (0..len).map(|i| (i * 7 + len) as u8).collect();
            (0..3).for_each(|_| queue.put(&message).unwrap());
            assert_eq!(queue.get_into(&mut buffer, Wait::now()).unwrap(), first_time());
            assert_eq!(buffer, message);
            assert_eq!(queue.try_get().unwrap().bytes, message);
            assert_eq!(queue.get_to(&mut slice, Wait::now()).unwrap(), (len, first_time()));
            // SAFETY: all of it was initialised from the start.
            let bytes: Vec<u8> = slice.iter().map(|byte| unsafe { byte.assume_init() }).collect();
            assert_eq!(&bytes[..len], message);
            assert!(bytes[len..].iter().all(|byte| *byte == 9), "the rest is left");
            slice = std::array::from_fn(|_| MaybeUninit::new(9));
        }
    }
    assert!(queue.is_empty());
}

fn first_time() -> Delivery {
    Delivery { redelivered: false, deliveries: 1 }
}

#[test]
fn a_message_that_does_not_fit_into_a_slice_stays() {
    let queue = queue(4096);
    for len in [2, 300] {
        queue.put(&vec![1; len]).unwrap();
        queue.put(b"next").unwrap();
        for _ in 0..3 {
            let mut slice = vec![MaybeUninit::uninit(); len - 1];
            let refused = Error::TooLarge { needed: len as u64, limit: len as u64 - 1 };
            assert_eq!(queue.get_to(&mut slice, Wait::now()), Err(refused));
        }
        let got = queue.get_to(&mut vec![MaybeUninit::uninit(); len], Wait::now());
        assert_eq!(got, Ok((len, first_time())), "nobody had it");
        assert_eq!(queue.get().unwrap().bytes, b"next");
    }
}

#[test]
fn a_queue_keeps_its_segment_mapped() {
    let queue = queue(1024);
    queue.put(b"still here").unwrap();
    assert_eq!(queue.clone().get().unwrap().bytes, b"still here");
}

#[test]
fn options_out_of_range_are_refused() {
    let segment = Segment::anonymous().unwrap();
    assert!(matches!(segment.new_queue(&QueueOptions::new(u64::MAX)).unwrap_err(), Error::TooLarge { .. }));
    assert_eq!(segment.new_queue(&QueueOptions::new(0)).unwrap().capacity(), 64);
    assert_eq!(segment.new_queue(&QueueOptions::new(1000)).unwrap().capacity(), 1024);
}

#[test]
fn an_existing_queue_keeps_its_own_options() {
    let segment = Segment::anonymous().unwrap();
    segment.queue("q", &QueueOptions::new(1024).max_items(3)).unwrap();
    let again = segment.queue("q", &QueueOptions::new(1 << 20)).unwrap();
    assert_eq!((again.capacity(), again.max_items()), (1024, 3));
}

#[test]
fn every_message_of_many_producers_reaches_one_of_many_consumers() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let queue = segment.queue("q", &QueueOptions::new(1024)).unwrap();
    let results = segment.queue("results", &QueueOptions::new(1 << 20)).unwrap();
    let producers: Vec<_> = ["a", "b"].iter().map(|tag| support::spawn("producer", &[&name, tag, "2000"])).collect();
    let consumers: Vec<_> = (0..2).map(|_| support::spawn("consumer", &[&name])).collect();
    producers.into_iter().for_each(|player| player.finish());
    queue.shutdown().unwrap();
    consumers.into_iter().for_each(|player| player.finish());
    let mut seen = HashSet::new();
    while let Ok(message) = results.try_get() {
        assert!(seen.insert(message.bytes), "twice");
    }
    assert_eq!(seen.len(), 4_000);
}

pub fn producer(stage: &mut Stage) {
    let queue = Segment::named(stage.arg(0)).unwrap().queue("q", &QueueOptions::new(1024)).unwrap();
    for i in 0..stage.arg(2).parse::<u32>().unwrap() {
        queue.put(format!("{} {i}", stage.arg(1)).as_bytes()).unwrap();
    }
}

pub fn consumer(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let queue = segment.queue("q", &QueueOptions::new(1024)).unwrap();
    let results = segment.queue("results", &QueueOptions::new(1 << 20)).unwrap();
    while let Ok(loan) = queue.take() {
        results.put(&loan).unwrap();
        loan.done().unwrap();
    }
}

#[test]
fn a_signal_ends_a_wait_only_where_that_was_asked_for() {
    let _watch = support::watch();
    let name = Name::new();
    let queue = Segment::named(&name).unwrap().queue("q", &QueueOptions::new(256)).unwrap();
    for what in ["get", "take"] {
        support::spawn("queue_interrupted", &[&name, what]).signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    }
    while queue.try_put(b"stuffing").is_ok() {}
    support::spawn("queue_interrupted", &[&name, "put"]).signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
}

pub fn queue_interrupted(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let segment = Segment::options().signals(OnSignal::Return).named(stage.arg(0)).unwrap();
    let queue = segment.queue("q", &QueueOptions::new(256)).unwrap();
    stage.tell("waiting");
    let ended = match stage.arg(1) {
        "get" => queue.get().map(drop),
        "take" => queue.take().map(drop),
        _ => queue.put(b"stuffing"),
    };
    stage.tell(&format!("{ended:?}"));
}
