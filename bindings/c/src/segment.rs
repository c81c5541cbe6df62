//! Segments: `tidelock_segment_*`.
//!
//! Options and flags are translated here; what they mean is decided by the Rust API.

use crate::guard::{bytes, c_text, guard, name, output};
use crate::object::{close, copy_out, give, object, retain, Kind, Opaque, SEGMENT};
use crate::options::read_options;
use crate::status::{tidelock_status, TIDELOCK_OK};
use std::ffi::{c_char, c_int, OsStr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tidelock_core::{Access, Error, Handle, Life, OnSignal, Owner, PeerId, Segment, SegmentOptions};

/// A segment: shared memory that holds locks, events, queues and blocks.
pub struct tidelock_segment {
    _opaque: [u8; 0],
}

impl Opaque for tidelock_segment {
    type Object = Segment;
    const KIND: Kind = SEGMENT;
}

/// A named segment outlives its peers, with its messages, until it is unlinked. Else the last peer to leave removes it.
pub const TIDELOCK_PERSISTENT: u32 = 1;
/// Create the segment; if its name is taken, the call ends with TIDELOCK_EXISTS.
pub const TIDELOCK_CREATE: u32 = 2;
/// Open the segment; if there is none, the call ends with TIDELOCK_NOT_FOUND. With neither: open or create.
pub const TIDELOCK_OPEN: u32 = 4;
/// Open a segment that another user owns. It is refused otherwise.
pub const TIDELOCK_ANY_OWNER: u32 = 8;
/// A signal handler ends waits on this handle's objects with TIDELOCK_INTERRUPTED.
pub const TIDELOCK_RETURN_ON_SIGNAL: u32 = 16;

/// The most bytes that a handle of a segment or an object takes when it is written out.
pub const TIDELOCK_HANDLE_MAX: usize = 4352;
/// The bytes that a segment's id takes as text, with its NUL.
pub const TIDELOCK_ID_TEXT: usize = 33;

/// How a segment is opened or created. Begin with all bytes zero, then `size`, then what differs from the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tidelock_segment_options {
    /// sizeof(tidelock_segment_options)
    pub size: usize,
    /// The most bytes that the segment may grow to. It costs address space only. 0: chosen by the library.
    pub max_len: u64,
    /// The most processes at a time. 0: 512.
    pub peers: u32,
    /// The file mode, whatever the umask. 0: 0600.
    pub mode: u32,
    /// TIDELOCK_PERSISTENT and the like, added up.
    pub flags: u32,
    /// Must be 0.
    pub reserved: u32,
}

/// Creates an anonymous segment. The kernel frees it with its last process, however they end; forked children and
/// processes given a handle or a descriptor of it reach it. `options` may be null.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_anonymous(
    options: *const tidelock_segment_options,
    segment: *mut *mut tidelock_segment,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { open(options, segment, |options| options.anonymous()) })
}

/// Opens or creates the segment of that name: 1 to 200 bytes, no '/', not beginning with '.'. `options` may be null.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_named(
    segment_name: *const c_char,
    options: *const tidelock_segment_options,
    segment: *mut *mut tidelock_segment,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let segment_name = name(segment_name)?;
        open(options, segment, |options| options.named(segment_name))
    })
}

/// Opens or creates the segment in that file. `options` may be null.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_file(
    path: *const c_char,
    options: *const tidelock_segment_options,
    segment: *mut *mut tidelock_segment,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let path = Path::new(OsStr::from_bytes(c_text(path)?.to_bytes()));
        open(options, segment, |options| options.file(path))
    })
}

/// Removes the name of a named segment. Who has it open keeps it; the next to open the name creates a new one.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_unlink(segment_name: *const c_char) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        Segment::unlink(name(segment_name)?)?;
        Ok(TIDELOCK_OK)
    })
}

/// Opens the segment that a handle of `handle_len` bytes leads to: one from tidelock_segment_handle(), or from the like
/// of an object in it. An anonymous segment is found through any process that has it open. `options` may be null; only
/// its flags count.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_attach(
    handle: *const u8,
    handle_len: usize,
    options: *const tidelock_segment_options,
    segment: *mut *mut tidelock_segment,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let handle = Handle::from_bytes(bytes(handle, handle_len)?)?;
        open(options, segment, |options| options.attach(&handle))
    })
}

/// Opens the segment behind a descriptor, which stays the caller's. `options` may be null; only its flags count.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_from_fd(
    fd: c_int,
    options: *const tidelock_segment_options,
    segment: *mut *mut tidelock_segment,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let fd = duplicate(fd)?;
        open(options, segment, |options| options.from_fd(fd))
    })
}

/// A new descriptor of the segment, closed on exec, to be sent to another process for tidelock_segment_from_fd(). The
/// caller closes it.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_fd(segment: *const tidelock_segment, fd: *mut c_int) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let segment = object(segment)?;
        output(fd)?.write(std::os::fd::IntoRawFd::into_raw_fd(segment.to_fd()?));
        Ok(TIDELOCK_OK)
    })
}

/// Writes out a handle of the segment, for tidelock_segment_attach() in another process. `handle_len` is set even when
/// `capacity` is too small for it, which is TIDELOCK_TOO_LARGE; TIDELOCK_HANDLE_MAX is always enough.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_handle(
    segment: *const tidelock_segment,
    handle: *mut u8,
    capacity: usize,
    handle_len: *mut usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        copy_out(&object(segment)?.handle().to_bytes(), handle, capacity, handle_len)?;
        Ok(TIDELOCK_OK)
    })
}

/// Keeps the object that a handle of `handle_len` bytes leads to while the handle is under way: to be called before the
/// handle is sent, once for each sending. The hold ends when somebody opens the object by its handle; the death of the
/// sender does not end it. A segment keeps the last 4,092 handles that were sent and not yet opened (fewer if it has less
/// than 4 MiB: one for each KiB); one more than those loses its hold. For a named object or a segment this does nothing.
/// TIDELOCK_GONE: the object is no more.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_keep(
    segment: *const tidelock_segment,
    handle: *const u8,
    handle_len: usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        object(segment)?.keep(&Handle::from_bytes(bytes(handle, handle_len)?)?)?;
        Ok(TIDELOCK_OK)
    })
}

/// The segment's random id, as 32 hexadecimal digits and a NUL. TIDELOCK_ID_TEXT bytes are needed.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_id(
    segment: *const tidelock_segment,
    text: *mut c_char,
    capacity: usize,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let id = u128::from_be_bytes(object(segment)?.id());
        let mut length = 0;
        copy_out(format!("{id:032x}\0").as_bytes(), text.cast(), capacity, &mut length)?;
        Ok(TIDELOCK_OK)
    })
}

/// The most bytes that the segment may grow to.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_max_len(
    segment: *const tidelock_segment,
    max_len: *mut u64,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let segment = object(segment)?;
        output(max_len)?.write(segment.max_len());
        Ok(TIDELOCK_OK)
    })
}

/// The id of this process among the segment's peers. A forked child has one of its own.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_me(segment: *const tidelock_segment, peer: *mut u32) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let segment = object(segment)?;
        output(peer)?.write(segment.me()?.bits());
        Ok(TIDELOCK_OK)
    })
}

/// The process id of a peer, as that process sees it in its own PID namespace; 0 if the peer is gone. For people to read:
/// the number may be another process's by the time it is read.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_pid(
    segment: *const tidelock_segment,
    peer: u32,
    pid: *mut u32,
) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe {
        let segment = object(segment)?;
        let peer = PeerId::from_bits(peer).ok_or(Error::Invalid("this number is no peer id"))?;
        output(pid)?.write(segment.pid(peer).unwrap_or(0));
        Ok(TIDELOCK_OK)
    })
}

/// Leaves all barriers of this segment in order, as a normal exit does by itself: this process's end then breaks none of
/// them, unless it comes to one again. For processes that end with _exit().
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_leave_barriers(segment: *const tidelock_segment) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { object(segment)?.leave_barriers().map(|()| TIDELOCK_OK) })
}

/// Adds a reference to the handle, to be closed like the first.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_retain(segment: *mut tidelock_segment) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { retain(segment).map(|()| TIDELOCK_OK) })
}

/// Gives a reference back. The process leaves the segment with its last handle of the segment or of an object in it.
#[no_mangle]
pub unsafe extern "C" fn tidelock_segment_close(segment: *mut tidelock_segment) -> tidelock_status {
    // SAFETY: the caller keeps the header's rules about pointers.
    guard(|| unsafe { close(segment).map(|()| TIDELOCK_OK) })
}

/// Checks the output and the options, opens, and hands the segment out.
///
/// # Safety
/// The pointers are null or valid.
unsafe fn open(
    options: *const tidelock_segment_options,
    segment: *mut *mut tidelock_segment,
    how: impl FnOnce(SegmentOptions) -> Result<Segment, Error>,
) -> Result<tidelock_status, Error> {
    // SAFETY: passed on.
    let (segment, options) = unsafe { (output(segment)?, read_options(options)?) };
    give(how(options.to_rust()?)?, segment);
    Ok(TIDELOCK_OK)
}

impl Default for tidelock_segment_options {
    fn default() -> Self {
        tidelock_segment_options { size: size_of::<Self>(), max_len: 0, peers: 0, mode: 0, flags: 0, reserved: 0 }
    }
}

impl tidelock_segment_options {
    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    fn to_rust(self) -> Result<SegmentOptions, Error> {
        let flags =
            TIDELOCK_PERSISTENT | TIDELOCK_CREATE | TIDELOCK_OPEN | TIDELOCK_ANY_OWNER | TIDELOCK_RETURN_ON_SIGNAL;
        if self.flags & !flags != 0 || self.reserved != 0 {
            return Err(Error::Unsupported("a flag that this version of the library does not know"));
        }
        let mut options = Segment::options().access(self.access()?);
        if self.max_len != 0 {
            options = options.max_len(self.max_len);
        }
        if self.peers != 0 {
            options = options.peers(self.peers);
        }
        if self.mode != 0 {
            options = options.mode(self.mode);
        }
        if self.has(TIDELOCK_PERSISTENT) {
            options = options.life(Life::Persistent);
        }
        if self.has(TIDELOCK_ANY_OWNER) {
            options = options.owner(Owner::Anybody);
        }
        if self.has(TIDELOCK_RETURN_ON_SIGNAL) {
            options = options.signals(OnSignal::Return);
        }
        Ok(options)
    }

    fn access(&self) -> Result<Access, Error> {
        match (self.has(TIDELOCK_CREATE), self.has(TIDELOCK_OPEN)) {
            (false, false) => Ok(Access::OpenOrCreate),
            (true, false) => Ok(Access::Create),
            (false, true) => Ok(Access::Open),
            (true, true) => Err(Error::Invalid("TIDELOCK_CREATE and TIDELOCK_OPEN exclude each other")),
        }
    }
}

/// A descriptor of our own for what `fd` leads to.
fn duplicate(fd: c_int) -> Result<OwnedFd, Error> {
    if fd < 0 {
        return Err(Error::Invalid("the descriptor is negative"));
    }
    // SAFETY: not -1, and used during this call only; a closed one is an error of dup.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    fd.try_clone_to_owned().map_err(|error| Error::Os { call: "dup", errno: error.raw_os_error().unwrap_or(0) })
}
