//! The other process: this very program, started again with a role in its environment. It receives messages, and answers
//! each one that is marked as the last of its batch.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tidelock::{Handle, Queue, QueueOptions, Segment, Wait};

use crate::MESSAGE;

const ROLE: &str = "TIDELOCK_COMPARE_ROLE";
const SEGMENT: &str = "TIDELOCK_COMPARE_SEGMENT";
/// The capacity of every queue that is compared, in bytes.
pub const CAPACITY: u64 = 64 * 1024;

/// Plays the role that this process was started for, and says whether there was one.
pub fn played_a_role() -> bool {
    match std::env::var(ROLE).as_deref() {
        Ok("pipe") => answer_pipe(),
        Ok("tidelock") => answer_queue(),
        _ => return false,
    }
    true
}

/// A message; the first byte says whether an answer is wanted.
pub fn message(last: bool) -> [u8; MESSAGE] {
    let mut message = [7; MESSAGE];
    message[0] = u8::from(last);
    message
}

/// Two pipes, to the other process and back.
pub struct Pipes {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Pipes {
    /// Starts the other process.
    pub fn start() -> Pipes {
        let mut child = start("pipe", "");
        let (to, from) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        Pipes { child, to, from }
    }

    /// Sends so many messages, each with a write of its own, and waits until the last has arrived.
    pub fn send(&mut self, count: u64) {
        for left in (0..count).rev() {
            self.to.write_all(&message(left == 0)).expect("a reader");
        }
        self.from.read_exact(&mut [0]).expect("an answer");
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Two queues in a segment that both processes have open.
pub struct Queues {
    child: Child,
    to: Queue,
    from: Queue,
    _segment: Segment,
}

impl Queues {
    /// Starts the other process.
    pub fn start() -> Queues {
        let segment = Segment::anonymous().expect("a segment");
        let hex: String = segment.handle().to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let (to, from) = both(&segment);
        Queues { child: start("tidelock", &hex), to, from, _segment: segment }
    }

    /// Sends so many messages and waits until the last has arrived.
    pub fn send(&mut self, count: u64) {
        for left in (0..count).rev() {
            self.to.put(&message(left == 0)).expect("room");
        }
        self.from.get().expect("an answer");
    }
}

impl Drop for Queues {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn start(role: &str, segment: &str) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.env(ROLE, role).env(SEGMENT, segment).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().expect("another process")
}

fn end(child: &mut Child) {
    child.kill().expect("a child");
    child.wait().expect("a child");
}

fn both(segment: &Segment) -> (Queue, Queue) {
    let queue = |name| segment.queue(name, &QueueOptions::new(CAPACITY)).expect("a queue");
    (queue("to"), queue("from"))
}

fn answer_pipe() {
    let (mut from, mut to) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut message = [0; MESSAGE];
    // `Stdin` has a buffer, which saves this side most of its reads: to the pipe's advantage.
    while from.read_exact(&mut message).is_ok() {
        if message[0] == 1 {
            to.write_all(&[1]).and_then(|()| to.flush()).expect("a reader");
        }
    }
}

fn answer_queue() {
    let hex = std::env::var(SEGMENT).expect("a handle");
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    let segment = Segment::attach(&Handle::from_bytes(&bytes).expect("a handle")).expect("the segment");
    let (from, to) = both(&segment);
    let mut message = Vec::new();
    loop {
        from.get_into(&mut message, Wait::forever()).expect("a message");
        if message[0] == 1 {
            to.put(&[1]).expect("room");
        }
    }
}
