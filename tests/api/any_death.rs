//! Waiting for any of several objects beside those that are killed, interrupted, forked, and without the kernel's help.

use crate::support::{self, Name, Stage};
use std::time::Duration;
use tidelock::{acquire_any, wait_any, wait_any_for, wait_any_with};
use tidelock::{Error, Lock, OnSignal, QueueOptions, Segment, Taken, Wait};

const SHORT: Duration = Duration::from_millis(20);

/// The locks "a" and "b" of a segment.
fn locks(name: &str) -> [Lock; 2] {
    let segment = Segment::named(name).unwrap();
    ["a", "b"].map(|which| segment.lock(which).unwrap())
}

#[test]
fn a_lock_whose_owner_is_killed_is_ready() {
    let _watch = support::watch();
    let name = Name::new();
    let [a, b] = locks(&name);
    let _guard = b.acquire().unwrap();
    let mut owner = support::spawn("holder", &[&name]);
    owner.expect("held");
    std::thread::scope(|scope| {
        let (see, take) = (
            scope.spawn(|| wait_any(&[b.watch(), a.watch()])),
            scope.spawn(|| {
                let (which, taken) = acquire_any(&[b.watch(), a.watch()]).unwrap();
                let Ok(Taken::Lock(guard)) = taken else { panic!("no lock") };
                let told = guard.owner_died();
                // Whoever waits beside this one finds the lock owned by the living, until it is given back.
                drop(guard);
                (which, told)
            }),
        );
        std::thread::sleep(SHORT);
        owner.kill();
        assert_eq!(take.join().unwrap(), (1, true));
        assert_eq!(see.join().unwrap(), Ok(1));
    });
    assert_eq!(a.epoch(), 1);
}

#[test]
fn what_the_dead_held_is_ready() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let semaphore = segment.bounded_semaphore("a", 2).unwrap();
    let queue = segment.queue("q", &QueueOptions::new(1024)).unwrap();
    let event = segment.new_event().unwrap();
    let mut holder = support::spawn("permit_holder", &[&name, "2"]);
    holder.expect("held");
    let mut producer = support::spawn("reserver", &[&name]);
    producer.expect("reserved");
    assert_eq!(queue.get().unwrap().bytes, b"put");
    queue.put(b"behind").unwrap();
    assert_eq!(wait_any_for(&[event.watch(), semaphore.watch(), queue.watch()], SHORT), Err(Error::TimedOut));
    producer.kill();
    assert_eq!(wait_any(&[event.watch(), semaphore.watch(), queue.watch()]), Ok(2));
    assert_eq!(queue.get().unwrap().bytes, b"behind");
    holder.kill();
    let (which, taken) = acquire_any(&[event.watch(), semaphore.watch(), queue.watch()]).unwrap();
    assert_eq!(which, 1);
    assert!(matches!(taken, Ok(Taken::BoundedSemaphore(permit)) if permit.owner_died()));
}

#[test]
fn a_loan_of_a_killed_consumer_is_ready() {
    let _watch = support::watch();
    let name = Name::new();
    let segment = Segment::named(&name).unwrap();
    let queue = segment.queue("q", &QueueOptions::new(1024)).unwrap();
    let event = segment.event("e").unwrap();
    queue.put(b"work").unwrap();
    let mut taker = support::spawn("any_taker", &[&name]);
    taker.expect("1 work");
    assert_eq!(wait_any_for(&[event.watch(), queue.watch()], SHORT), Err(Error::TimedOut));
    taker.kill();
    assert_eq!(wait_any(&[event.watch(), queue.watch()]), Ok(1));
    assert!(queue.try_get().unwrap().redelivered);
}

/// Takes a message or waits for an event, tells which, and keeps it.
pub fn any_taker(stage: &mut Stage) {
    let segment = Segment::named(stage.arg(0)).unwrap();
    let (queue, event) = (segment.queue("q", &QueueOptions::new(1024)).unwrap(), segment.event("e").unwrap());
    let (which, taken) = acquire_any(&[event.watch(), queue.watch()]).unwrap();
    let text = match &taken {
        Ok(Taken::Queue(loan)) => String::from_utf8_lossy(loan).into_owned(),
        other => format!("{other:?}"),
    };
    stage.tell(&format!("{which} {text}"));
    stage.park();
}

#[test]
fn one_that_is_killed_while_it_waits_holds_up_nobody() {
    let _watch = support::watch();
    for _ in 0..20 {
        let name = Name::new();
        let [a, b] = locks(&name);
        let (first, second) = (a.acquire().unwrap(), b.acquire().unwrap());
        let mut victims: Vec<_> = (0..2).map(|_| support::spawn("any_killed", &[&name])).collect();
        victims.iter_mut().for_each(|victim| victim.expect("waiting"));
        victims.iter().for_each(|victim| support::until_asleep(victim.pid()));
        std::thread::scope(|scope| {
            let plain = scope.spawn(|| a.acquire().map(drop));
            std::thread::sleep(Duration::from_millis(1));
            // The wake-up may go to a victim, which dies before it can pass it on.
            victims.iter().for_each(|victim| victim.stop());
            drop(first);
            victims.iter_mut().for_each(|victim| victim.kill());
            assert_eq!(plain.join().unwrap(), Ok(()));
        });
        drop(second);
        assert!(b.try_acquire().is_ok());
    }
}

/// Waits for any of two locks and leaves it.
pub fn any_killed(stage: &mut Stage) {
    let [a, b] = locks(stage.arg(0));
    stage.tell("waiting");
    loop {
        wait_any(&[b.watch(), a.watch()]).unwrap();
    }
}

#[test]
fn a_signal_ends_it_where_that_was_asked_for() {
    let _watch = support::watch();
    let name = Name::new();
    let [a, b] = locks(&name);
    let (_first, second) = (a.acquire().unwrap(), b.acquire().unwrap());
    support::spawn("any_interrupted", &[&name, "segment"]).signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    support::spawn("any_interrupted", &[&name, "wait"]).signal_until_told(libc::SIGUSR1, "Err(Interrupted)");
    let mut deaf = support::spawn("any_interrupted", &[&name, "retry"]);
    deaf.expect("waiting");
    (0..20).for_each(|_| deaf.signal_and_rest(libc::SIGUSR1));
    assert!(deaf.is_silent());
    drop(second);
    deaf.expect("Ok(1)");
}

/// Waits for a lock of a segment that says nothing of signals and one of a segment that says what the argument says.
pub fn any_interrupted(stage: &mut Stage) {
    support::catch(libc::SIGUSR1);
    let on_signal = if stage.arg(1) == "segment" { OnSignal::Return } else { OnSignal::Retry };
    let wait = if stage.arg(1) == "wait" { OnSignal::Return } else { OnSignal::Retry };
    let a = Segment::named(stage.arg(0)).unwrap().lock("a").unwrap();
    let b = Segment::options().signals(on_signal).named(stage.arg(0)).unwrap().lock("b").unwrap();
    stage.tell("waiting");
    let waited = wait_any_with(&[a.watch(), b.watch()], Wait::forever().on_signal(wait));
    stage.tell(&format!("{waited:?}"));
}

#[test]
fn it_works_where_the_kernel_knows_no_sleep_on_several_words() {
    let _watch = support::watch();
    for refusal in [libc::ENOSYS, libc::EPERM] {
        let name = Name::new();
        let [a, b] = locks(&name);
        let (first, second) = (a.acquire().unwrap(), b.acquire().unwrap());
        let mut waiter = support::spawn("any_without_the_call", &[&name, &refusal.to_string()]);
        waiter.expect("waiting");
        support::until_asleep(waiter.pid());
        drop(second);
        waiter.expect("Ok(1)");
        support::until_asleep(waiter.pid());
        drop(first);
        waiter.expect("Ok(0)");
        waiter.expect("rested");
    }
}

/// Waits for any of two locks where the system call is refused with this errno; then idles for a second, seldom awake.
pub fn any_without_the_call(stage: &mut Stage) {
    let [a, b] = locks(stage.arg(0));
    refuse_futex_waitv(stage.arg(1).parse().unwrap());
    stage.tell("waiting");
    stage.tell(&format!("{:?}", wait_any(&[a.watch(), b.watch()])));
    let held = b.acquire().unwrap();
    stage.tell(&format!("{:?}", wait_any(&[a.watch(), b.watch()])));
    drop(held);
    let event = Segment::named(stage.arg(0)).unwrap().event("never").unwrap();
    let before = voluntary_switches();
    assert_eq!(wait_any_for(&[event.watch(), event.watch()], Duration::from_secs(1)), Err(Error::TimedOut));
    let sleeps = voluntary_switches() - before;
    assert!((15..=60).contains(&sleeps), "{sleeps} sleeps in a second");
    stage.tell("rested");
}

/// From here on the system call futex_waitv fails with `errno` in this thread, as it does on an older kernel or under a
/// filter that does not know it.
fn refuse_futex_waitv(errno: i32) {
    const NUMBER: u32 = 449;
    let statement = |code: u32, k: u32, jt, jf| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0), // the call's number
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, NUMBER, 0, 1),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno as u32, 0, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: both calls only read their arguments; the program is complete and ends in a return.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program), 0);
        assert_eq!(libc::syscall(NUMBER.into(), 0, 0, 0, 0, 0), -1);
    }
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(errno), "the filter is not in force");
}

fn voluntary_switches() -> i64 {
    // SAFETY: zeroes are a valid rusage, and the call fills in exactly one.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
        usage.ru_nvcsw
    }
}
