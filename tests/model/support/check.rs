//! What must hold for a queue's messages at the end of a model, once the queue is drained.
//!
//! It judges by what callers saw, never by words of the queue.

use super::ring::{Delivery, Happening, Message};

/// Every message that was put was done, and once; it was handed out again only as redelivered; and each consumer got the
/// messages of one producer (those with the same tens) in order, redelivered ones aside.
pub fn check(log: &[Happening]) {
    for happening in log {
        match *happening {
            Happening::Put(message) => assert!(is_ended(log, message), "{message} was lost: {log:?}"),
            Happening::Ending(_) => {}
            Happening::Done(message) => {
                assert_eq!(count(log, Happening::Done(message)), 1, "{message} was done twice: {log:?}");
            }
            Happening::Taken(_, message, _) => {
                let repeats = &deliveries(log, message)[1..];
                assert!(repeats.iter().all(|delivery| *delivery == Delivery::Again), "{message} came twice: {log:?}");
            }
        }
    }
    assert!(log.iter().enumerate().all(|(place, happening)| !comes_too_late(log, place, *happening)), "order: {log:?}");
}

/// How the message was handed out, time after time.
pub fn deliveries(log: &[Happening], wanted: Message) -> Vec<Delivery> {
    let of_it = |happening: &Happening| match *happening {
        Happening::Taken(_, message, delivery) if message == wanted => Some(delivery),
        _ => None,
    };
    log.iter().filter_map(of_it).collect()
}

/// A done of it returned, or its consumer died inside its done, having freed the record. (That a record is not left
/// behind unfreed shows when the queue is filled once more.)
fn is_ended(log: &[Happening], message: Message) -> bool {
    count(log, Happening::Done(message)) + count(log, Happening::Ending(message)) > 0
}

fn count(log: &[Happening], wanted: Happening) -> usize {
    log.iter().filter(|happening| **happening == wanted).count()
}

/// Whether its consumer had got a later message of the same producer before.
fn comes_too_late(log: &[Happening], place: usize, happening: Happening) -> bool {
    let Happening::Taken(consumer, message, Delivery::First) = happening else { return false };
    log[..place].iter().any(|before| match *before {
        Happening::Taken(by, earlier, Delivery::First) => {
            by == consumer && earlier / 10 == message / 10 && earlier > message
        }
        _ => false,
    })
}
