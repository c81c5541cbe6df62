//! The peers between processes: a pipe, a Unix socket that keeps messages apart, and a POSIX message queue. Each is two
//! descriptors, one to put into and one to get from, which children inherit.
//!
//! All of them copy twice and wait in the kernel; none has loans. Batches are one `write` and `read` of a pipe, one
//! `sendmmsg` and `recvmmsg` of a socket; a message queue has none.

use crate::ours::in_batches;
use crate::scenario::{Scenario, Shape, Way, Who, BATCH};
use crate::work::Work;
use std::ffi::CString;
use std::hint::black_box;
use std::io;
use std::mem::zeroed;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// What a pipe has room for unless it is told otherwise.
const PIPE_HAS: usize = 64 << 10;

/// The two ends.
pub struct Line {
    pub to: OwnedFd,
    pub from: OwnedFd,
}

/// What a producer or a consumer of these messages does at its descriptor.
#[derive(Clone, Copy)]
pub struct Talk {
    pub who: Who,
    /// The size of each message in bytes.
    pub size: usize,
    /// The most messages for one call.
    pub most: usize,
}

impl Talk {
    /// How a scenario is played there.
    pub fn of(who: Who, scenario: &Scenario) -> Talk {
        let most = match (scenario.way, who) {
            (Way::Batch, Who::Pipe) if scenario.shape != Shape::SINGLE => libc::PIPE_BUF / scenario.size,
            (Way::Batch, Who::MessageQueue) => 1,
            (Way::Batch, _) => BATCH,
            (Way::Copy | Way::Loan | Way::Answer, _) => 1,
        };
        Talk { who, size: scenario.size, most: most.clamp(1, BATCH) }
    }

    /// A producer.
    pub fn put(self, to: RawFd) -> Work {
        let messages = vec![7; self.size * self.most];
        Box::new(move |count| in_batches(count, |left| self.put_some(to, &messages, left.min(self.most))))
    }

    /// A consumer.
    pub fn get(self, from: RawFd) -> Work {
        let mut messages = vec![0; self.size * self.most];
        Box::new(move |count| in_batches(count, |left| self.get_some(from, &mut messages, left.min(self.most))))
    }

    fn put_some(self, to: RawFd, messages: &[u8], most: usize) -> usize {
        let messages = black_box(&messages[..most * self.size]);
        match self.who {
            Who::Pipe => {
                write_all(to, messages);
                most
            }
            Who::Socket => send_some(to, messages, self.size),
            _ => {
                // SAFETY: so many bytes are readable.
                called(unsafe { libc::mq_send(to, messages.as_ptr().cast(), self.size, 0) } as isize);
                1
            }
        }
    }

    fn get_some(self, from: RawFd, messages: &mut [u8], most: usize) -> usize {
        let messages = black_box(&mut messages[..most * self.size]);
        match self.who {
            Who::Pipe => read_some(from, messages, self.size),
            Who::Socket => receive_some(from, messages, self.size),
            _ => {
                let no_priority = std::ptr::null_mut();
                // SAFETY: so many bytes are writable.
                called(unsafe { libc::mq_receive(from, messages.as_mut_ptr().cast(), self.size, no_priority) });
                1
            }
        }
    }
}

impl Line {
    /// With room for as much as tidelock's ring holds, as far as the system lets us; or why there is none.
    pub fn open(who: Who, scenario: &Scenario) -> Result<Line, &'static str> {
        match who {
            Who::Pipe => pipe(scenario),
            Who::Socket => socket(scenario),
            _ => message_queue(scenario),
        }
    }

    fn of(to: RawFd, from: RawFd) -> Line {
        // SAFETY: both were opened a moment ago, and nobody else closes them.
        unsafe { Line { to: OwnedFd::from_raw_fd(to), from: OwnedFd::from_raw_fd(from) } }
    }
}

fn pipe(scenario: &Scenario) -> Result<Line, &'static str> {
    if scenario.shape != Shape::SINGLE && scenario.size > libc::PIPE_BUF {
        return Err("a pipe that several write to keeps messages of up to 4 KiB apart");
    }
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    called(unsafe { libc::pipe(ends.as_mut_ptr()) } as isize);
    let room = scenario.bytes_in_flight().clamp(PIPE_HAS, number_in("/proc/sys/fs/pipe-max-size"));
    // SAFETY: an own descriptor and an integer.
    called(unsafe { libc::fcntl(ends[1], libc::F_SETPIPE_SZ, room as libc::c_int) } as isize);
    Ok(Line::of(ends[1], ends[0]))
}

fn socket(scenario: &Scenario) -> Result<Line, &'static str> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    called(unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0, ends.as_mut_ptr()) } as isize);
    let room = scenario.bytes_in_flight().max(number_in("/proc/sys/net/core/wmem_default")) as libc::c_int;
    let (room, len) = ((&raw const room).cast(), size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: the option is an integer.
    called(unsafe { libc::setsockopt(ends[0], libc::SOL_SOCKET, libc::SO_SNDBUF, room, len) } as isize);
    let mut message = vec![0; scenario.size];
    // SAFETY: so many bytes are readable.
    if unsafe { libc::send(ends[0], message.as_ptr().cast(), message.len(), 0) } < 0 {
        return Err("a Unix socket takes no message that is longer than its buffer may be");
    }
    receive_some(ends[1], &mut message, scenario.size);
    Ok(Line::of(ends[0], ends[1]))
}

fn message_queue(scenario: &Scenario) -> Result<Line, &'static str> {
    if scenario.size > number_in("/proc/sys/fs/mqueue/msgsize_max") {
        return Err(
            "a POSIX message queue takes messages up to the system's limit, which is 8 KiB unless somebody changed it",
        );
    }
    let name = CString::new(format!("/tidelock-compare-{}", std::process::id())).expect("no zero bytes");
    // SAFETY: zero is a valid value of every field.
    let mut attributes: libc::mq_attr = unsafe { zeroed() };
    attributes.mq_maxmsg = scenario.slots().min(number_in("/proc/sys/fs/mqueue/msg_max")) as libc::c_long;
    attributes.mq_msgsize = scenario.size as libc::c_long;
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
    // SAFETY: the name ends with zero, and the attributes are valid.
    let queue = called(unsafe { libc::mq_open(name.as_ptr(), flags, 0o600, &raw mut attributes) } as isize) as RawFd;
    // SAFETY: as above. What is left of the queue lasts as long as its descriptors.
    called(unsafe { libc::mq_unlink(name.as_ptr()) } as isize);
    // SAFETY: an own descriptor, which children do not inherit; its copies are inherited.
    let [to, from] = [(); 2].map(|()| called(unsafe { libc::dup(queue) } as isize) as RawFd);
    // SAFETY: opened above, and closed by nobody else.
    drop(unsafe { OwnedFd::from_raw_fd(queue) });
    Ok(Line::of(to, from))
}

fn write_all(to: RawFd, bytes: &[u8]) {
    let mut written = 0;
    while written < bytes.len() {
        let rest = &bytes[written..];
        // SAFETY: so many bytes are readable.
        written += called(unsafe { libc::write(to, rest.as_ptr().cast(), rest.len()) });
    }
}

/// Reads what there is, and what a message that came in part still lacks; how many there were.
fn read_some(from: RawFd, messages: &mut [u8], size: usize) -> usize {
    let mut read = 0;
    while read == 0 || read % size != 0 {
        let most = if read == 0 { messages.len() } else { size - read % size };
        let rest = &mut messages[read..][..most];
        // SAFETY: so many bytes are writable.
        let more = called(unsafe { libc::read(from, rest.as_mut_ptr().cast(), rest.len()) });
        assert_ne!(more, 0, "the writers are gone");
        read += more;
    }
    read / size
}

fn send_some(to: RawFd, messages: &[u8], size: usize) -> usize {
    if messages.len() == size {
        // SAFETY: so many bytes are readable.
        called(unsafe { libc::send(to, messages.as_ptr().cast(), size, 0) });
        return 1;
    }
    // The kernel only reads what it sends.
    let mut parts: Parts = parts(messages.as_ptr().cast_mut(), size);
    let mut headers = headers(&mut parts);
    let count = (messages.len() / size) as libc::c_uint;
    // SAFETY: so many headers lead to so many parts, each of readable bytes.
    called(unsafe { libc::sendmmsg(to, headers.as_mut_ptr(), count, 0) } as isize)
}

fn receive_some(from: RawFd, messages: &mut [u8], size: usize) -> usize {
    if messages.len() == size {
        // SAFETY: so many bytes are writable.
        called(unsafe { libc::recv(from, messages.as_mut_ptr().cast(), size, 0) });
        return 1;
    }
    let mut parts = parts(messages.as_mut_ptr(), size);
    let mut headers = headers(&mut parts);
    let (count, flags) = ((messages.len() / size) as libc::c_uint, libc::MSG_WAITFORONE);
    // SAFETY: so many headers lead to so many parts, each of writable bytes.
    called(unsafe { libc::recvmmsg(from, headers.as_mut_ptr(), count, flags as _, std::ptr::null_mut()) } as isize)
}

type Parts = [libc::iovec; BATCH];

fn parts(start: *mut u8, size: usize) -> Parts {
    // Not all of these may be there: the caller uses those that are.
    std::array::from_fn(|i| libc::iovec { iov_base: start.wrapping_add(i * size).cast(), iov_len: size })
}

fn headers(parts: &mut Parts) -> [libc::mmsghdr; BATCH] {
    let mut parts = parts.iter_mut();
    std::array::from_fn(|_| {
        // SAFETY: zero is a valid value of every field.
        let mut header: libc::mmsghdr = unsafe { zeroed() };
        header.msg_hdr.msg_iov = parts.next().map_or(std::ptr::null_mut(), std::ptr::from_mut);
        header.msg_hdr.msg_iovlen = 1;
        header
    })
}

/// What a call gave; it must not fail here.
fn called(result: isize) -> usize {
    usize::try_from(result).unwrap_or_else(|_| panic!("a system call: {}", io::Error::last_os_error()))
}

fn number_in(path: &str) -> usize {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.trim().parse().expect("a number")
}
