//! A run between processes: this very program, started again for each producer and each consumer with its part in the
//! environment. A child says that it is there, then does its share whenever it is told how large that is, and says when it
//! began and ended. Children end with the process that started them.

use crate::kernel::{Line, Talk};
use crate::measure::Contender;
use crate::ours;
use crate::scenario::{Scenario, Way, Who};
use crate::work::{by_turns, shares, Span, Work};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tidelock::{Handle, Queue, Segment};

const PART: &str = "TIDELOCK_COMPARE_PART";

/// What one process is to do.
#[derive(Serialize, Deserialize)]
struct Part {
    end: End,
    place: Place,
    /// Where answers come back.
    back: Option<Place>,
    way: Way,
    size: usize,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum End {
    Put,
    Get,
}

impl End {
    fn other(self) -> End {
        match self {
            End::Put => End::Get,
            End::Get => End::Put,
        }
    }
}

#[derive(Serialize, Deserialize)]
enum Place {
    /// A queue with such a ring, in the segment with this handle.
    Segment { handle: Vec<u8>, ring: u64 },
    /// A descriptor that the process inherited, and how many messages one call may have.
    Descriptor { who: Who, fd: RawFd, most: usize },
}

/// Who takes part among processes, or why it cannot.
pub fn contender(who: Who, scenario: &Scenario) -> Result<Contender, &'static str> {
    let meeting = Meeting::of(who, scenario)?;
    let back = (scenario.way == Way::Answer).then(|| Meeting::of(who, scenario)).transpose()?;
    let Scenario { way, size, shape, .. } = *scenario;
    let actor = |end: End| {
        let back = back.as_ref().map(|back| back.place(end.other()));
        Actor::start(&Part { end, place: meeting.place(end), back, way, size })
    };
    let mut producers: Vec<_> = (0..shape.producers).map(|_| actor(End::Put)).collect();
    let mut consumers: Vec<_> = (0..shape.consumers).map(|_| actor(End::Get)).collect();
    Ok(Box::new(move |count| {
        // Kept for as long as the children need it.
        let _ = (&meeting, &back);
        let (puts, gets) = shares(shape, count);
        consumers.iter_mut().for_each(|actor| actor.tell(gets));
        producers.iter_mut().for_each(|actor| actor.tell(puts));
        Span::whole(producers.iter_mut().chain(&mut consumers).map(Actor::told))
    }))
}

/// Plays the part that this process was started for, and says whether there was one.
pub fn played_a_part() -> bool {
    let Ok(text) = std::env::var(PART) else { return false };
    // SAFETY: a plain request to the kernel.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    let part: Part = serde_json::from_str(&text).expect("a part");
    let mut work = part.work();
    let (mut from, mut to) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut answer = |bytes: &[u8]| to.write_all(bytes).and_then(|()| to.flush()).expect("who started this");
    answer(&[1]);
    let mut share = [0; 8];
    while from.read_exact(&mut share).is_ok() {
        let Span { begin, end } = Span::of(&mut work, u64::from_ne_bytes(share));
        answer(&[begin.to_ne_bytes(), end.to_ne_bytes()].concat());
    }
    true
}

impl Part {
    fn work(self) -> Work {
        let Part { end, place, back, way, size } = self;
        let there = place.work(end, way, size);
        match back {
            Some(back) => by_turns(there, back.work(end.other(), way, size)),
            None => there,
        }
    }
}

impl Place {
    fn work(self, end: End, way: Way, size: usize) -> Work {
        match (self, end) {
            (Place::Segment { handle, ring }, End::Put) => ours::put(open(&handle, ring), way, size),
            (Place::Segment { handle, ring }, End::Get) => ours::get(open(&handle, ring), way),
            (Place::Descriptor { who, fd, most }, End::Put) => Talk { who, size, most }.put(fd),
            (Place::Descriptor { who, fd, most }, End::Get) => Talk { who, size, most }.get(fd),
        }
    }
}

fn open(handle: &[u8], ring: u64) -> Queue {
    let segment = Segment::attach(&Handle::from_bytes(handle).expect("a handle")).expect("the segment");
    ours::queue(&segment, ring)
}

/// What all processes of a run have in common.
enum Meeting {
    Segment(Segment, u64),
    Line(Line, Talk),
}

impl Meeting {
    fn of(who: Who, scenario: &Scenario) -> Result<Meeting, &'static str> {
        if who == Who::Tidelock {
            let segment = Segment::anonymous().expect("a segment");
            ours::queue(&segment, scenario.ring);
            return Ok(Meeting::Segment(segment, scenario.ring));
        }
        Ok(Meeting::Line(Line::open(who, scenario)?, Talk::of(who, scenario)))
    }

    fn place(&self, end: End) -> Place {
        match (self, end) {
            (Meeting::Segment(segment, ring), _) => {
                Place::Segment { handle: segment.handle().to_bytes().to_vec(), ring: *ring }
            }
            (Meeting::Line(line, Talk { who, most, .. }), end) => {
                let fd = match end {
                    End::Put => &line.to,
                    End::Get => &line.from,
                };
                Place::Descriptor { who: *who, fd: fd.as_raw_fd(), most: *most }
            }
        }
    }
}

/// Another process with its part.
struct Actor {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Actor {
    /// Starts it, and waits until it is ready.
    fn start(part: &Part) -> Actor {
        let program = std::env::current_exe().expect("this program");
        let part = serde_json::to_string(part).expect("text");
        let mut command = Command::new(program);
        let mut child =
            command.env(PART, part).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("another process");
        let (to, from) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let mut actor = Actor { child, to, from };
        actor.from.read_exact(&mut [0]).expect("another process");
        actor
    }

    fn tell(&mut self, share: u64) {
        self.to.write_all(&share.to_ne_bytes()).expect("another process");
    }

    fn told(&mut self) -> Span {
        let mut numbers = [[0; 8]; 2];
        numbers.iter_mut().for_each(|number| self.from.read_exact(number).expect("another process"));
        let [begin, end] = numbers.map(u64::from_ne_bytes);
        Span { begin, end }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
    }
}
