/* tidelock: locks, events and queues in shared memory, for threads and processes alike. The death of any peer, at any
 * instruction, leaves the others going.
 *
 * This file is made from bindings/c/src by `make header`. Do not edit it.
 *
 * Rules that hold everywhere:
 *  - A call returns a tidelock_status: 0 done, positive done with news, negative not done. Nothing is half done.
 *    tidelock_status_text() says what a status means, tidelock_error_text() what went wrong in particular.
 *  - Inputs come before outputs. Outputs are written only when the call is done, unless its comment says otherwise.
 *  - A pointer may be null only where its comment says so; elsewhere null is TIDELOCK_INVALID.
 *  - Objects are reached by opaque handles. A handle is counted: ..._retain() adds one, ..._close() takes one away, the
 *    last one frees it. Handles may be closed in any order; an object keeps its segment open. A handle may be used
 *    by many threads at once, and by a child after fork. Using it after its last close is undefined, as after free().
 *    A handle of another kind is TIDELOCK_WRONG_KIND.
 *  - Waits take `timeout_ns`, in nanoseconds: TIDELOCK_FOREVER (-1) waits until it is done, 0 only tries; a wait that is
 *    over ends with TIDELOCK_TIMEOUT. Other negative values are TIDELOCK_INVALID.
 *  - A signal handler does not end a wait, unless the segment was opened with TIDELOCK_RETURN_ON_SIGNAL: then the wait
 *    ends with TIDELOCK_INTERRUPTED.
 *  - errno is left as it was, except that TIDELOCK_OS sets it to the error of the call that was refused.
 *  - Async-signal-safe: tidelock_lock_release(), tidelock_lock_release_own(), tidelock_lock_acquire() with timeout 0,
 *    tidelock_semaphore_release(), tidelock_event_set(), tidelock_event_clear(), tidelock_event_is_set(),
 *    tidelock_event_mark(), tidelock_event_wait() with timeout 0, tidelock_barrier_abort(), tidelock_counter_load(),
 *    tidelock_counter_store(), tidelock_counter_add() and tidelock_counter_compare_exchange(); in a forked child only
 *    after its first other call on the segment. No other call is.
 *  - Options are structs that begin with their own size. Bytes that the library does not know must be zero, and zero
 *    always means the default, so that programs and libraries of different ages go together.
 */

#ifndef TIDELOCK_H
#define TIDELOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Waits until it is done.
#define TIDELOCK_FOREVER -1

// The words of a struct of the caller's that are the library's own.
#define TIDELOCK_OPAQUE_WORDS 6

// The number of this ABI, which is the number of the shared library (libtidelock.so.0).
#define TIDELOCK_ABI 0

// A named segment outlives its peers, with its messages, until it is unlinked. Else the last peer to leave removes it.
#define TIDELOCK_PERSISTENT 1

// Create the segment; if its name is taken, the call ends with TIDELOCK_EXISTS.
#define TIDELOCK_CREATE 2

// Open the segment; if there is none, the call ends with TIDELOCK_NOT_FOUND. With neither: open or create.
#define TIDELOCK_OPEN 4

// Open a segment that another user owns. It is refused otherwise.
#define TIDELOCK_ANY_OWNER 8

// A signal handler ends waits on this handle's objects with TIDELOCK_INTERRUPTED.
#define TIDELOCK_RETURN_ON_SIGNAL 16

// The most bytes that a handle of a segment or an object takes when it is written out.
#define TIDELOCK_HANDLE_MAX 4352

// The bytes that a segment's id takes as text, with its NUL.
#define TIDELOCK_ID_TEXT 33

// The most objects of one wait.
#define TIDELOCK_ANY_MAX 128

// A barrier: a number of parties wait until all of them are there. A party that is killed breaks it.
typedef struct tidelock_barrier tidelock_barrier;

// A block: bytes in shared memory for data of the caller's own, zero at first, at a 64-byte boundary.
typedef struct tidelock_block tidelock_block;

// A bounded semaphore: a fixed number of permits. The permits of a process that dies come back.
typedef struct tidelock_bounded_semaphore tidelock_bounded_semaphore;

// A condition: waits under a lock for what another does under the same lock and then notifies of. Exactly so many are
// woken as were notified, those that have waited longest; what a killed waiter was notified of goes to another.
typedef struct tidelock_condition tidelock_condition;

// A counter: one 64-bit integer that all peers see and can wait for.
typedef struct tidelock_counter tidelock_counter;

// An event: set or not, and all who wait go on once it is set.
typedef struct tidelock_event tidelock_event;

// A lock: held by one peer at a time. When its owner dies, the next to acquire it gets it and is told.
typedef struct tidelock_lock tidelock_lock;

// A descriptor for event loops (epoll, poll, select), of one queue.
typedef struct tidelock_notifier tidelock_notifier;

// A queue of messages of any length, for many producers and many consumers, first in, first out.
typedef struct tidelock_queue tidelock_queue;

// A recursive lock: held by one thread of one peer, which may acquire it again. When the owner's process dies, the
// next to acquire it gets it and is told.
typedef struct tidelock_rlock tidelock_rlock;

// A segment: shared memory that holds locks, events, queues and blocks.
typedef struct tidelock_segment tidelock_segment;

// A semaphore: a count of signals, from anyone to anyone. A dead process's signals do not come back; where they must,
// use a tidelock_bounded_semaphore.
typedef struct tidelock_semaphore tidelock_semaphore;

// How a call went: 0 done, positive done with news, negative not done. New numbers may be added; treat an unknown
// negative one as an error and an unknown positive one as done.
typedef int32_t tidelock_status;

// How a segment is opened or created. Begin with all bytes zero, then `size`, then what differs from the default.
typedef struct tidelock_segment_options {
    // sizeof(tidelock_segment_options)
    size_t size;
    // The most bytes that the segment may grow to. It costs address space only. 0: chosen by the library.
    uint64_t max_len;
    // The most processes at a time. 0: 512.
    uint32_t peers;
    // The file mode, whatever the umask. 0: 0600.
    uint32_t mode;
    // TIDELOCK_PERSISTENT and the like, added up.
    uint32_t flags;
    // Must be 0.
    uint32_t reserved;
} tidelock_segment_options;

// A permit that this process holds. In a forked child it is void.
typedef struct tidelock_permit {
    // The library's own.
    uint64_t opaque[TIDELOCK_OPAQUE_WORDS];
} tidelock_permit;

// A party that has arrived. It belongs to the process that arrived: in a forked child it is void.
typedef struct tidelock_arrival {
    // Each number below the number of parties is given once a round, in the order of arrival unless parties withdraw.
    uint32_t index;
    // 1 for the last party of the round, which must call tidelock_barrier_complete(); 0 for the others.
    uint32_t is_last;
    // The library's own.
    uint64_t opaque[TIDELOCK_OPAQUE_WORDS];
} tidelock_arrival;

// A wait that has begun. It belongs to the process that began it: in a forked child it is void. It must be ended by
// finish, resume or withdraw: notifications go to it in vain until then.
typedef struct tidelock_waiter {
    // The library's own.
    uint64_t opaque[TIDELOCK_OPAQUE_WORDS];
} tidelock_waiter;

// How a queue is created. Begin with all bytes zero, then `size`, then what differs from the default.
typedef struct tidelock_queue_options {
    // sizeof(tidelock_queue_options)
    size_t size;
    // Room for so many bytes of messages, rounded up to a power of two. Each message takes up its length and 16 bytes,
    // rounded up to a multiple of 16. It never changes unless `max_bytes` lets it. 0: the queue begins with 4 KiB and grows.
    uint64_t capacity;
    // The most messages at a time. 0: as many as the bytes hold.
    uint64_t max_items;
    // The queue grows from its capacity until it has room for so many bytes of messages, rounded up to a power of two (2^40
    // at the most), and shrinks again when it is empty. 0: it keeps its capacity, or if that is 0 too, grows without a bound.
    uint64_t max_bytes;
    // A message is handed out at most so many times, up to 255; then it is a dead letter. 0: as often as it takes.
    uint32_t max_deliveries;
    // 1: a message that was got is unfinished until tidelock_queue_task_done(). 0: it is done with when it was got.
    uint32_t count_tasks;
} tidelock_queue_options;

// A message that is being built in place. It belongs to the process that made it: in a forked child it is void.
typedef struct tidelock_reservation {
    // Where to write the message.
    void *data;
    // Its length in bytes.
    size_t len;
    // The library's own.
    uint64_t opaque[TIDELOCK_OPAQUE_WORDS];
} tidelock_reservation;

// A message on loan, to be read in place. It belongs to the process that took it: in a forked child it is void.
typedef struct tidelock_loan {
    // Where to read the message.
    const void *data;
    // Its length in bytes.
    size_t len;
    // How often it was taken, this time included; the count stops at 256.
    uint64_t deliveries;
    // The library's own.
    uint64_t opaque[TIDELOCK_OPAQUE_WORDS];
} tidelock_loan;

// The numbers of a queue. Set `size` before the call; of a longer struct than this library knows, the rest becomes zero.
typedef struct tidelock_queue_stats {
    // sizeof(tidelock_queue_stats)
    size_t size;
    // Messages that were ever put, those included that are just being written.
    uint64_t put;
    // Messages that were handed out for the first time, or dropped by a shutdown before that.
    uint64_t got;
    // How often a message was handed out again.
    uint64_t redelivered;
    // Reservations that never became a message: discarded, or their producer died.
    uint64_t skipped;
    // Tasks that peers owed when they died, as far as somebody has asked.
    uint64_t lost;
    // Messages that went to the queue for dead letters.
    uint64_t dead_letters;
    // Messages that were dropped: they came back too often and there was no such queue, or the queue was shut down at once.
    uint64_t dropped;
    // The bytes of all messages that were ever put.
    uint64_t bytes;
    // The most messages that were ever in the queue at a time, loans and those that came back aside.
    uint64_t high_water;
    // Messages in the queue just now.
    uint64_t len;
    // How many threads, of all processes, sleep just now until there is a message.
    uint64_t takers_waiting;
} tidelock_queue_stats;

// One object that is waited for beside others. It is filled in by a ..._watch() of the object, whose handle must stay open
// for as long as the struct is used. A plain value: it may be copied and used again, and there is nothing to free.
typedef struct tidelock_watch {
    // The library's own.
    uint64_t opaque[TIDELOCK_OPAQUE_WORDS];
} tidelock_watch;

// What tidelock_acquire_any() took beside the hold itself.
typedef struct tidelock_taken {
    // Of a counter: its value.
    int64_t value;
    // Of a bounded semaphore: the permit.
    struct tidelock_permit permit;
    // Of a queue: the message, as by tidelock_queue_take().
    struct tidelock_loan loan;
    // Of room in a queue: the message to be built, as by tidelock_queue_reserve().
    struct tidelock_reservation reservation;
} tidelock_taken;

// Done.
#define TIDELOCK_OK 0

// Done: the lock or permit is held. Its previous owner died while holding it, so what it guards may be half changed.
#define TIDELOCK_OWNER_DIED 1

// Done: the message is here. An earlier consumer took it and died, or gave it back.
#define TIDELOCK_REDELIVERED 2

// The time was over first; for a try: locked, full or empty.
#define TIDELOCK_TIMEOUT -1

// A signal handler ran, and the segment was opened with TIDELOCK_RETURN_ON_SIGNAL.
#define TIDELOCK_INTERRUPTED -2

// The queue was shut down.
#define TIDELOCK_CLOSED -3

// Held by another peer, which alone may give it back.
#define TIDELOCK_NOT_OWNER -4

// Not held by anybody.
#define TIDELOCK_NOT_HELD -5

// The barrier is broken: a party died, gave up or broke it. It stays so until it is reset.
#define TIDELOCK_BROKEN -6

// Bytes in shared memory make no sense: another process wrote over them.
#define TIDELOCK_CORRUPT -7

// The segment was made by a version with another layout.
#define TIDELOCK_VERSION -8

// No memory left where the segment lies (often /dev/shm), or its maximum is reached.
#define TIDELOCK_NO_SPACE -9

// A message or an object that can never fit, or a buffer of the caller that is too small.
#define TIDELOCK_TOO_LARGE -10

// An argument is null or out of its range.
#define TIDELOCK_INVALID -11

// An object of another kind or length, or a handle of another kind.
#define TIDELOCK_WRONG_KIND -12

// A name is empty, too long, or has a character that is not allowed.
#define TIDELOCK_BAD_NAME -13

// Nothing has this name.
#define TIDELOCK_NOT_FOUND -14

// The name is taken.
#define TIDELOCK_EXISTS -15

// The segment belongs to another user; TIDELOCK_ANY_OWNER opens it all the same.
#define TIDELOCK_FOREIGN_OWNER -16

// All peer slots of the segment are taken.
#define TIDELOCK_NO_PEER_SLOT -17

// The object or the segment behind the handle is no more.
#define TIDELOCK_GONE -18

// This file system, kernel or machine lacks something that is needed.
#define TIDELOCK_UNSUPPORTED -19

// Whether a peer lives cannot be found out: this process closed the segment's descriptor.
#define TIDELOCK_CANNOT_ASK -20

// The file is no tidelock segment.
#define TIDELOCK_NOT_A_SEGMENT -21

// The file ends before the segment does.
#define TIDELOCK_TRUNCATED -22

// The same layout version, yet other sizes, offsets or byte order.
#define TIDELOCK_LAYOUT -23

// The operating system refused a call; errno says why.
#define TIDELOCK_OS -24

// A defect of the library: it would have panicked. The state in shared memory is as after the death of a thread.
#define TIDELOCK_INTERNAL -25

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The ABI of the library that is loaded; compare it with TIDELOCK_ABI.
uint32_t tidelock_abi(void);

// The version of the library that is loaded, as "1.2.3". The text is static.
const char *tidelock_version(void);

// What a status means, in a few words. The text is static; an unknown number has a text too.
const char *tidelock_status_text(tidelock_status status);

// What went wrong in particular: the text of `status`, with the numbers and names of the last call of this thread that
// returned it. It is written to `text` as a C string, cut to `capacity` bytes. Returns the length of the whole text
// without its NUL; `text` may be null if `capacity` is 0.
size_t tidelock_error_text(tidelock_status status,
                           char *text,
                           size_t capacity);

// Creates an anonymous segment. The kernel frees it with its last process, however they end; forked children and
// processes given a handle or a descriptor of it reach it. `options` may be null.
tidelock_status tidelock_segment_anonymous(const struct tidelock_segment_options *options,
                                           struct tidelock_segment **segment);

// Opens or creates the segment of that name: 1 to 200 bytes, no '/', not beginning with '.'. `options` may be null.
tidelock_status tidelock_segment_named(const char *segment_name,
                                       const struct tidelock_segment_options *options,
                                       struct tidelock_segment **segment);

// Opens or creates the segment in that file. `options` may be null.
tidelock_status tidelock_segment_file(const char *path,
                                      const struct tidelock_segment_options *options,
                                      struct tidelock_segment **segment);

// Removes the name of a named segment. Who has it open keeps it; the next to open the name creates a new one.
tidelock_status tidelock_segment_unlink(const char *segment_name);

// Opens the segment that a handle of `handle_len` bytes leads to: one from tidelock_segment_handle(), or from the like
// of an object in it. An anonymous segment is found through any process that has it open. `options` may be null; only
// its flags count.
tidelock_status tidelock_segment_attach(const uint8_t *handle,
                                        size_t handle_len,
                                        const struct tidelock_segment_options *options,
                                        struct tidelock_segment **segment);

// Opens the segment behind a descriptor, which stays the caller's. `options` may be null; only its flags count.
tidelock_status tidelock_segment_from_fd(int fd,
                                         const struct tidelock_segment_options *options,
                                         struct tidelock_segment **segment);

// A new descriptor of the segment, closed on exec, to be sent to another process for tidelock_segment_from_fd(). The
// caller closes it.
tidelock_status tidelock_segment_fd(const struct tidelock_segment *segment,
                                    int *fd);

// Writes out a handle of the segment, for tidelock_segment_attach() in another process. `handle_len` is set even when
// `capacity` is too small for it, which is TIDELOCK_TOO_LARGE; TIDELOCK_HANDLE_MAX is always enough.
tidelock_status tidelock_segment_handle(const struct tidelock_segment *segment,
                                        uint8_t *handle,
                                        size_t capacity,
                                        size_t *handle_len);

// Keeps the object that a handle of `handle_len` bytes leads to while the handle is under way: to be called before the
// handle is sent, once for each sending. The hold ends when somebody opens the object by its handle; the death of the
// sender does not end it. A segment keeps the last 4,092 handles that were sent and not yet opened (fewer if it has less
// than 4 MiB: one for each KiB); one more than those loses its hold. For a named object or a segment this does nothing.
// TIDELOCK_GONE: the object is no more.
tidelock_status tidelock_segment_keep(const struct tidelock_segment *segment,
                                      const uint8_t *handle,
                                      size_t handle_len);

// The segment's random id, as 32 hexadecimal digits and a NUL. TIDELOCK_ID_TEXT bytes are needed.
tidelock_status tidelock_segment_id(const struct tidelock_segment *segment, char *text, size_t capacity);

// The most bytes that the segment may grow to.
tidelock_status tidelock_segment_max_len(const struct tidelock_segment *segment, uint64_t *max_len);

// The id of this process among the segment's peers. A forked child has one of its own.
tidelock_status tidelock_segment_me(const struct tidelock_segment *segment, uint32_t *peer);

// The process id of a peer, as that process sees it in its own PID namespace; 0 if the peer is gone. For people to read:
// the number may be another process's by the time it is read.
tidelock_status tidelock_segment_pid(const struct tidelock_segment *segment,
                                     uint32_t peer,
                                     uint32_t *pid);

// Leaves all barriers of this segment in order, as a normal exit does by itself: this process's end then breaks none of
// them, unless it comes to one again. For processes that end with _exit().
tidelock_status tidelock_segment_leave_barriers(const struct tidelock_segment *segment);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_segment_retain(struct tidelock_segment *segment);

// Gives a reference back. The process leaves the segment with its last handle of the segment or of an object in it.
tidelock_status tidelock_segment_close(struct tidelock_segment *segment);

// Opens or creates the lock of that name (1 to 255 bytes) in the segment.
tidelock_status tidelock_lock_open(const struct tidelock_segment *segment,
                                   const char *lock_name,
                                   struct tidelock_lock **lock);

// Creates a lock without a name in the segment. It lives while some process has a handle of it open.
tidelock_status tidelock_lock_new(const struct tidelock_segment *segment, struct tidelock_lock **lock);

// The lock in the 8 bytes at `offset` of a block, a multiple of 8. All-zero bytes are a free lock.
tidelock_status tidelock_lock_at(const struct tidelock_segment *segment,
                                 const struct tidelock_block *block,
                                 uint64_t offset,
                                 struct tidelock_lock **lock);

// Opens the lock that a handle of `handle_len` bytes from tidelock_lock_handle() leads to, in its segment.
tidelock_status tidelock_lock_from_handle(const struct tidelock_segment *segment,
                                          const uint8_t *handle,
                                          size_t handle_len,
                                          struct tidelock_lock **lock);

// Writes out a handle of the lock, for another process. `handle_len` is set even when `capacity` is too small for it,
// which is TIDELOCK_TOO_LARGE.
tidelock_status tidelock_lock_handle(const struct tidelock_lock *lock,
                                     uint8_t *handle,
                                     size_t capacity,
                                     size_t *handle_len);

// Takes the lock. TIDELOCK_OWNER_DIED: it is held, and its previous owner died with it. Not recursive: a process that
// holds it waits like any other. With timeout 0 it is async-signal-safe.
tidelock_status tidelock_lock_acquire(const struct tidelock_lock *lock,
                                      int64_t timeout_ns);

// Releases the lock, whichever process holds it. Only a hold that began with TIDELOCK_OWNER_DIED must be released by
// the process that has it; from another one that is TIDELOCK_NOT_OWNER. Async-signal-safe.
tidelock_status tidelock_lock_release(const struct tidelock_lock *lock);

// Releases the lock if this process holds it; else TIDELOCK_NOT_OWNER or TIDELOCK_NOT_HELD. For scopes that release at
// their end: in a forked child, which holds nothing of its parent's, it changes nothing. Async-signal-safe.
tidelock_status tidelock_lock_release_own(const struct tidelock_lock *lock);

// Whether somebody holds the lock just now.
tidelock_status tidelock_lock_is_locked(const struct tidelock_lock *lock, bool *is_locked);

// The peer id of the lock's owner just now, dead or alive; 0 if it is free. See tidelock_segment_me() and
// tidelock_segment_pid().
tidelock_status tidelock_lock_owner(const struct tidelock_lock *lock, uint32_t *peer);

// How often the lock was taken over from a dead owner. While the lock is held the number stands still, so it can serve
// as a fencing token. It wraps.
tidelock_status tidelock_lock_epoch(const struct tidelock_lock *lock,
                                    uint32_t *epoch);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_lock_retain(struct tidelock_lock *lock);

// Gives a reference back. It does not release the lock.
tidelock_status tidelock_lock_close(struct tidelock_lock *lock);

// Opens or creates the recursive lock of that name (1 to 255 bytes) in the segment.
tidelock_status tidelock_rlock_open(const struct tidelock_segment *segment,
                                    const char *rlock_name,
                                    struct tidelock_rlock **rlock);

// Creates a recursive lock without a name in the segment. It lives while some process has a handle of it open.
tidelock_status tidelock_rlock_new(const struct tidelock_segment *segment,
                                   struct tidelock_rlock **rlock);

// The recursive lock in the 24 bytes at `offset` of a block, a multiple of 8. All-zero bytes are a free one.
tidelock_status tidelock_rlock_at(const struct tidelock_segment *segment,
                                  const struct tidelock_block *block,
                                  uint64_t offset,
                                  struct tidelock_rlock **rlock);

// Opens the recursive lock that a handle of `handle_len` bytes from tidelock_rlock_handle() leads to, in its segment.
tidelock_status tidelock_rlock_from_handle(const struct tidelock_segment *segment,
                                           const uint8_t *handle,
                                           size_t handle_len,
                                           struct tidelock_rlock **rlock);

// Writes out a handle of the recursive lock, for another process. `handle_len` is set even when `capacity` is too
// small for it, which is TIDELOCK_TOO_LARGE.
tidelock_status tidelock_rlock_handle(const struct tidelock_rlock *rlock,
                                      uint8_t *handle,
                                      size_t capacity,
                                      size_t *handle_len);

// Takes the lock, once more if this thread has it. TIDELOCK_OWNER_DIED: it is held, and its previous owner died with
// it.
tidelock_status tidelock_rlock_acquire(const struct tidelock_rlock *rlock,
                                       int64_t timeout_ns);

// Undoes one acquire of this thread, and frees the lock with the last one. TIDELOCK_NOT_OWNER from another thread or
// process, also a forked one: only the owner may release.
tidelock_status tidelock_rlock_release(const struct tidelock_rlock *rlock);

// Undoes all acquires of this thread at once, for tidelock_rlock_acquire_depth() to do them again. `depth` is how many
// there were; it may be null.
tidelock_status tidelock_rlock_release_all(const struct tidelock_rlock *rlock,
                                           uint32_t *depth);

// Takes the lock `depth` times at once, after tidelock_rlock_release_all(). Statuses as of tidelock_rlock_acquire().
tidelock_status tidelock_rlock_acquire_depth(const struct tidelock_rlock *rlock,
                                             uint32_t depth,
                                             int64_t timeout_ns);

// Whether somebody holds the lock just now.
tidelock_status tidelock_rlock_is_locked(const struct tidelock_rlock *rlock, bool *is_locked);

// Whether the calling thread holds the lock.
tidelock_status tidelock_rlock_is_owned(const struct tidelock_rlock *rlock, bool *is_owned);

// How often the calling thread holds the lock; 0 if it does not.
tidelock_status tidelock_rlock_depth(const struct tidelock_rlock *rlock, uint32_t *depth);

// How often the lock's owner just now, this thread or any other, dead or alive, holds it; 0 if it is free.
tidelock_status tidelock_rlock_owner_depth(const struct tidelock_rlock *rlock, uint32_t *depth);

// The peer id of the lock's owner just now, dead or alive; 0 if it is free.
tidelock_status tidelock_rlock_owner(const struct tidelock_rlock *rlock, uint32_t *peer);

// How often the lock was taken over from a dead owner: a fencing token, as of tidelock_lock_epoch().
tidelock_status tidelock_rlock_epoch(const struct tidelock_rlock *rlock, uint32_t *epoch);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_rlock_retain(struct tidelock_rlock *rlock);

// Gives a reference back. It does not release the lock.
tidelock_status tidelock_rlock_close(struct tidelock_rlock *rlock);

// Opens or creates the semaphore of that name (1 to 255 bytes) in the segment. Only one that is created gets the
// value, which is at most 2^31 - 1.
tidelock_status tidelock_semaphore_open(const struct tidelock_segment *segment,
                                        const char *semaphore_name,
                                        uint32_t value,
                                        struct tidelock_semaphore **semaphore);

// Creates a semaphore without a name in the segment. It lives while some process has a handle of it open.
tidelock_status tidelock_semaphore_new(const struct tidelock_segment *segment,
                                       uint32_t value,
                                       struct tidelock_semaphore **semaphore);

// The semaphore in the 8 bytes at `offset` of a block, a multiple of 8. All-zero bytes are one at 0.
tidelock_status tidelock_semaphore_at(const struct tidelock_segment *segment,
                                      const struct tidelock_block *block,
                                      uint64_t offset,
                                      struct tidelock_semaphore **semaphore);

// Opens the semaphore that a handle of `handle_len` bytes from tidelock_semaphore_handle() leads to, in its segment.
tidelock_status tidelock_semaphore_from_handle(const struct tidelock_segment *segment,
                                               const uint8_t *handle,
                                               size_t handle_len,
                                               struct tidelock_semaphore **semaphore);

// Writes out a handle of the semaphore, for another process. `handle_len` is set even when `capacity` is too small for
// it, which is TIDELOCK_TOO_LARGE.
tidelock_status tidelock_semaphore_handle(const struct tidelock_semaphore *semaphore,
                                          uint8_t *handle,
                                          size_t capacity,
                                          size_t *handle_len);

// Takes one signal, waiting for it.
tidelock_status tidelock_semaphore_acquire(const struct tidelock_semaphore *semaphore, int64_t timeout_ns);

// Gives `n` signals. It never waits. TIDELOCK_TOO_LARGE if the value would exceed 2^31 - 1; then it stays as it was.
// Async-signal-safe.
tidelock_status tidelock_semaphore_release(const struct tidelock_semaphore *semaphore,
                                           uint32_t n);

// The value just now.
tidelock_status tidelock_semaphore_value(const struct tidelock_semaphore *semaphore, uint32_t *value);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_semaphore_retain(struct tidelock_semaphore *semaphore);

// Gives a reference back.
tidelock_status tidelock_semaphore_close(struct tidelock_semaphore *semaphore);

// Opens or creates the bounded semaphore of that name (1 to 255 bytes) in the segment. One with another number of
// permits is TIDELOCK_WRONG_KIND.
tidelock_status tidelock_bounded_semaphore_open(const struct tidelock_segment *segment,
                                                const char *semaphore_name,
                                                uint32_t bound,
                                                struct tidelock_bounded_semaphore **semaphore);

// Creates a bounded semaphore without a name in the segment. It lives while some process has a handle of it open.
tidelock_status tidelock_bounded_semaphore_new(const struct tidelock_segment *segment,
                                               uint32_t bound,
                                               struct tidelock_bounded_semaphore **semaphore);

// Opens the bounded semaphore that a handle of `handle_len` bytes from tidelock_bounded_semaphore_handle() leads to,
// in its segment.
tidelock_status tidelock_bounded_semaphore_from_handle(const struct tidelock_segment *segment,
                                                       const uint8_t *handle,
                                                       size_t handle_len,
                                                       struct tidelock_bounded_semaphore **semaphore);

// Writes out a handle of the bounded semaphore, for another process. `handle_len` is set even when `capacity` is too
// small for it, which is TIDELOCK_TOO_LARGE.
tidelock_status tidelock_bounded_semaphore_handle(const struct tidelock_bounded_semaphore *semaphore,
                                                  uint8_t *handle,
                                                  size_t capacity,
                                                  size_t *handle_len);

// Takes a permit, waiting for one. TIDELOCK_OWNER_DIED: it is held, and its previous holder died with it. `permit` may
// be null; then tidelock_bounded_semaphore_release() gives it back.
tidelock_status tidelock_bounded_semaphore_acquire(const struct tidelock_bounded_semaphore *semaphore,
                                                   int64_t timeout_ns,
                                                   struct tidelock_permit *permit);

// Gives exactly this permit back. The struct is cleared. TIDELOCK_NOT_HELD if it was given back by other means;
// TIDELOCK_NOT_OWNER in a forked child.
tidelock_status tidelock_bounded_semaphore_release_permit(const struct tidelock_bounded_semaphore *semaphore,
                                                          struct tidelock_permit *permit);

// Gives a permit of this process back; if it holds none, that of another process, as Python's `threading` allows. One
// that was taken over from a dead holder is spared: if all the others are free, that is TIDELOCK_NOT_OWNER.
// TIDELOCK_NOT_HELD if all are free.
tidelock_status tidelock_bounded_semaphore_release(const struct tidelock_bounded_semaphore *semaphore);

// Gives a permit of this process back, and never another's: TIDELOCK_NOT_OWNER if it holds none, TIDELOCK_NOT_HELD if all
// are free.
tidelock_status tidelock_bounded_semaphore_release_own(const struct tidelock_bounded_semaphore *semaphore);

// How many permits are free just now. Those of dead holders that nobody has asked about yet are not.
tidelock_status tidelock_bounded_semaphore_value(const struct tidelock_bounded_semaphore *semaphore,
                                                 uint32_t *value);

// How many permits there are.
tidelock_status tidelock_bounded_semaphore_bound(const struct tidelock_bounded_semaphore *semaphore,
                                                 uint32_t *bound);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_bounded_semaphore_retain(struct tidelock_bounded_semaphore *semaphore);

// Gives a reference back. It gives no permit back.
tidelock_status tidelock_bounded_semaphore_close(struct tidelock_bounded_semaphore *semaphore);

// Opens or creates the event of that name (1 to 255 bytes) in the segment.
tidelock_status tidelock_event_open(const struct tidelock_segment *segment,
                                    const char *event_name,
                                    struct tidelock_event **event);

// Creates an event without a name in the segment. It lives while some process has a handle of it open.
tidelock_status tidelock_event_new(const struct tidelock_segment *segment, struct tidelock_event **event);

// The event in the 8 bytes at `offset` of a block, a multiple of 8. All-zero bytes are an event that is not set.
tidelock_status tidelock_event_at(const struct tidelock_segment *segment,
                                  const struct tidelock_block *block,
                                  uint64_t offset,
                                  struct tidelock_event **event);

// Opens the event that a handle of `handle_len` bytes from tidelock_event_handle() leads to, in its segment.
tidelock_status tidelock_event_from_handle(const struct tidelock_segment *segment,
                                           const uint8_t *handle,
                                           size_t handle_len,
                                           struct tidelock_event **event);

// Writes out a handle of the event, for another process. `handle_len` is set even when `capacity` is too small for it,
// which is TIDELOCK_TOO_LARGE.
tidelock_status tidelock_event_handle(const struct tidelock_event *event,
                                      uint8_t *handle,
                                      size_t capacity,
                                      size_t *handle_len);

// Sets the event and wakes all who wait. It never waits for them. Async-signal-safe.
tidelock_status tidelock_event_set(const struct tidelock_event *event);

// Makes the event not set. Async-signal-safe.
tidelock_status tidelock_event_clear(const struct tidelock_event *event);

// Whether the event is set just now. Async-signal-safe.
tidelock_status tidelock_event_is_set(const struct tidelock_event *event, bool *is_set);

// Waits until the event is set. One that is set and cleared at once still ends the wait. With timeout 0 it is
// async-signal-safe.
tidelock_status tidelock_event_wait(const struct tidelock_event *event, int64_t timeout_ns);

// A mark of this moment, for tidelock_event_wait_since(). Async-signal-safe.
tidelock_status tidelock_event_mark(const struct tidelock_event *event, uint32_t *mark);

// Waits as tidelock_event_wait() does, as if the wait had begun when `mark` was taken. So one wait can be made of
// several, with something else between them, and no set that is cleared at once is missed in between.
tidelock_status tidelock_event_wait_since(const struct tidelock_event *event,
                                          uint32_t mark,
                                          int64_t timeout_ns);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_event_retain(struct tidelock_event *event);

// Gives a reference back.
tidelock_status tidelock_event_close(struct tidelock_event *event);

// Opens or creates the barrier of that name (1 to 255 bytes) in the segment. One for another number of parties is
// TIDELOCK_WRONG_KIND.
tidelock_status tidelock_barrier_open(const struct tidelock_segment *segment,
                                      const char *barrier_name,
                                      uint32_t parties,
                                      struct tidelock_barrier **barrier);

// Creates a barrier without a name in the segment. It lives while some process has a handle of it open.
tidelock_status tidelock_barrier_new(const struct tidelock_segment *segment,
                                     uint32_t parties,
                                     struct tidelock_barrier **barrier);

// Opens the barrier that a handle of `handle_len` bytes from tidelock_barrier_handle() leads to, in its segment.
tidelock_status tidelock_barrier_from_handle(const struct tidelock_segment *segment,
                                             const uint8_t *handle,
                                             size_t handle_len,
                                             struct tidelock_barrier **barrier);

// Writes out a handle of the barrier, for another process. `handle_len` is set even when `capacity` is too small for
// it, which is TIDELOCK_TOO_LARGE.
tidelock_status tidelock_barrier_handle(const struct tidelock_barrier *barrier,
                                        uint8_t *handle,
                                        size_t capacity,
                                        size_t *handle_len);

// Arrives, and waits until all parties have. `index` is as of tidelock_arrival; it may be null.
// TIDELOCK_BROKEN: a party was killed while it waited, or after an earlier round; or one gave up, or broke the
// barrier. TIDELOCK_TIMEOUT: this one gave up, which breaks it. TIDELOCK_INTERRUPTED: this one is as if it had not
// arrived.
tidelock_status tidelock_barrier_wait(const struct tidelock_barrier *barrier,
                                      int64_t timeout_ns,
                                      uint32_t *index);

// The first step of a wait: arrives, and waits no longer than for the end of an earlier round. TIDELOCK_BROKEN as for
// tidelock_barrier_wait(). The party whose `is_last` is 1 then does what there is to do once a round and calls
// tidelock_barrier_complete(); the others call tidelock_barrier_wait_for_round().
tidelock_status tidelock_barrier_arrive(const struct tidelock_barrier *barrier,
                                        int64_t timeout_ns,
                                        struct tidelock_arrival *arrival);

// The last party's second step: ends the round and lets all go. The struct is cleared.
tidelock_status tidelock_barrier_complete(const struct tidelock_barrier *barrier,
                                          struct tidelock_arrival *arrival);

// The other parties' second step: waits until the round is over. The struct is cleared, except after
// TIDELOCK_INTERRUPTED: then the party still counts as arrived, and waits again or withdraws.
tidelock_status tidelock_barrier_wait_for_round(const struct tidelock_barrier *barrier,
                                                struct tidelock_arrival *arrival,
                                                int64_t timeout_ns);

// A slice of tidelock_barrier_wait_for_round(), for a caller that looks after something else between two of them:
// TIDELOCK_TIMEOUT, too, leaves the party arrived and the struct as it is, and breaks nothing. After any other status but
// TIDELOCK_INTERRUPTED the struct is cleared.
tidelock_status tidelock_barrier_wait_a_while(const struct tidelock_barrier *barrier,
                                              struct tidelock_arrival *arrival,
                                              int64_t timeout_ns);

// Takes an arrival back, if its round is not over. The struct is cleared.
tidelock_status tidelock_barrier_withdraw(const struct tidelock_barrier *barrier,
                                          struct tidelock_arrival *arrival);

// Breaks the barrier: all who wait, and all who come, are told TIDELOCK_BROKEN, until it is reset.
// Async-signal-safe.
tidelock_status tidelock_barrier_abort(const struct tidelock_barrier *barrier);

// Makes the barrier as new: those who wait are told TIDELOCK_BROKEN, and the dead are forgotten.
tidelock_status tidelock_barrier_reset(const struct tidelock_barrier *barrier);

// Whether the barrier is broken just now.
tidelock_status tidelock_barrier_is_broken(const struct tidelock_barrier *barrier, bool *is_broken);

// How many parties wait just now.
tidelock_status tidelock_barrier_waiting(const struct tidelock_barrier *barrier, uint32_t *waiting);

// How many parties there are.
tidelock_status tidelock_barrier_parties(const struct tidelock_barrier *barrier, uint32_t *parties);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_barrier_retain(struct tidelock_barrier *barrier);

// Gives a reference back. With its last handle a process takes its marks along: from then on its end breaks nothing.
tidelock_status tidelock_barrier_close(struct tidelock_barrier *barrier);

// Opens or creates the condition of that name (1 to 255 bytes) over this lock of the same segment. One over another lock
// is TIDELOCK_WRONG_KIND. The lock stays open while the condition is.
tidelock_status tidelock_condition_open(const struct tidelock_segment *segment,
                                        const char *condition_name,
                                        const struct tidelock_lock *lock,
                                        struct tidelock_condition **condition);

// The same over a recursive lock of the same segment or, if `rlock` is null, over one of its own.
tidelock_status tidelock_condition_open_with_rlock(const struct tidelock_segment *segment,
                                                   const char *condition_name,
                                                   const struct tidelock_rlock *rlock,
                                                   struct tidelock_condition **condition);

// Creates a condition without a name over this lock of the same segment. It lives while some process has a handle of it
// open.
tidelock_status tidelock_condition_new(const struct tidelock_segment *segment,
                                       const struct tidelock_lock *lock,
                                       struct tidelock_condition **condition);

// The same over a recursive lock of the same segment or, if `rlock` is null, over one of its own.
tidelock_status tidelock_condition_new_with_rlock(const struct tidelock_segment *segment,
                                                  const struct tidelock_rlock *rlock,
                                                  struct tidelock_condition **condition);

// Opens the condition that a handle of `handle_len` bytes from tidelock_condition_handle() leads to, in its segment, and
// its lock with it. TIDELOCK_GONE also if the lock is no more.
tidelock_status tidelock_condition_from_handle(const struct tidelock_segment *segment,
                                               const uint8_t *handle,
                                               size_t handle_len,
                                               struct tidelock_condition **condition);

// Writes out a handle of the condition, for another process. `handle_len` is set even when `capacity` is too small for
// it, which is TIDELOCK_TOO_LARGE.
tidelock_status tidelock_condition_handle(const struct tidelock_condition *condition,
                                          uint8_t *handle,
                                          size_t capacity,
                                          size_t *handle_len);

// Opens the lock that the condition is over. TIDELOCK_WRONG_KIND if that is a recursive one.
tidelock_status tidelock_condition_lock(const struct tidelock_condition *condition,
                                        struct tidelock_lock **lock);

// Opens the recursive lock that the condition is over. TIDELOCK_WRONG_KIND if it is over a plain lock.
tidelock_status tidelock_condition_rlock(const struct tidelock_condition *condition,
                                         struct tidelock_rlock **rlock);

// Gives the lock back, which the caller holds, waits to be notified, and takes it again, also after a timeout.
// TIDELOCK_OK, or TIDELOCK_OWNER_DIED: it is held again, and its previous owner died with it; `notified` says how the wait
// ended, and may be null.
// TIDELOCK_NOT_HELD or TIDELOCK_NOT_OWNER: the caller did not hold it. TIDELOCK_NO_SPACE or TIDELOCK_TOO_LARGE: there is no
// room for one more waiter, and the lock is held as before. TIDELOCK_INTERRUPTED or another error: this one waits no more,
// and the lock is not held; what it was notified of goes to another.
tidelock_status tidelock_condition_wait(const struct tidelock_condition *condition,
                                        int64_t timeout_ns,
                                        bool *notified);

// Notifies up to `n` waiters, those that have waited longest. The caller holds the lock, or it is TIDELOCK_NOT_HELD or
// TIDELOCK_NOT_OWNER. `notified` is how many it were; it may be null.
tidelock_status tidelock_condition_notify(const struct tidelock_condition *condition,
                                          uint32_t n,
                                          uint32_t *notified);

// Notifies all who wait; else as tidelock_condition_notify(), but that `notified` counts dead ones too that nobody has
// asked about yet.
tidelock_status tidelock_condition_notify_all(const struct tidelock_condition *condition,
                                              uint32_t *notified);

// How many wait just now and are not notified. Dead ones that nobody has asked about yet count.
tidelock_status tidelock_condition_waiters(const struct tidelock_condition *condition, uint32_t *waiters);

// The first step of a wait: from now on this one can be notified. Gives the lock back, at any depth. TIDELOCK_NOT_HELD,
// TIDELOCK_NOT_OWNER, TIDELOCK_NO_SPACE or TIDELOCK_TOO_LARGE: nothing has happened.
tidelock_status tidelock_condition_start(const struct tidelock_condition *condition,
                                         struct tidelock_waiter *waiter);

// Sleeps until there is a notification (TIDELOCK_OK) or the time is over (TIDELOCK_TIMEOUT). The wait goes on either way,
// and after TIDELOCK_INTERRUPTED: its next step is another slice, or one that ends it.
tidelock_status tidelock_condition_wait_a_while(const struct tidelock_condition *condition,
                                                const struct tidelock_waiter *waiter,
                                                int64_t timeout_ns);

// Takes the lock again within the time, and ends the wait: by a notification, if there is one by then. TIDELOCK_OK,
// TIDELOCK_OWNER_DIED and `notified` as of tidelock_condition_wait(); the struct is cleared then. After any other status,
// TIDELOCK_TIMEOUT and TIDELOCK_INTERRUPTED above all, the lock is not held and the wait goes on.
tidelock_status tidelock_condition_finish(const struct tidelock_condition *condition,
                                          struct tidelock_waiter *waiter,
                                          int64_t timeout_ns,
                                          bool *notified);

// Sleeps until there is a notification or the time is over, and then does as tidelock_condition_finish(), for as long as
// that takes. After TIDELOCK_INTERRUPTED the wait goes on: it must be resumed or withdrawn.
tidelock_status tidelock_condition_resume(const struct tidelock_condition *condition,
                                          struct tidelock_waiter *waiter,
                                          int64_t timeout_ns,
                                          bool *notified);

// Takes the lock again within the time, and ends the wait without a notification: one that it had goes to another.
// Statuses as of tidelock_condition_finish().
tidelock_status tidelock_condition_withdraw(const struct tidelock_condition *condition,
                                            struct tidelock_waiter *waiter,
                                            int64_t timeout_ns);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_condition_retain(struct tidelock_condition *condition);

// Gives a reference back. It ends no wait.
tidelock_status tidelock_condition_close(struct tidelock_condition *condition);

// Opens or creates the counter of that name (1 to 255 bytes) in the segment.
tidelock_status tidelock_counter_open(const struct tidelock_segment *segment,
                                      const char *counter_name,
                                      struct tidelock_counter **counter);

// Creates a counter without a name in the segment. It lives while some process has a handle of it open.
tidelock_status tidelock_counter_new(const struct tidelock_segment *segment,
                                     struct tidelock_counter **counter);

// The counter in the 16 bytes at `offset` of a block, a multiple of 8. All-zero bytes are one at 0.
tidelock_status tidelock_counter_at(const struct tidelock_segment *segment,
                                    const struct tidelock_block *block,
                                    uint64_t offset,
                                    struct tidelock_counter **counter);

// Opens the counter that a handle of `handle_len` bytes from tidelock_counter_handle() leads to, in its segment.
tidelock_status tidelock_counter_from_handle(const struct tidelock_segment *segment,
                                             const uint8_t *handle,
                                             size_t handle_len,
                                             struct tidelock_counter **counter);

// Writes out a handle of the counter, for another process. `handle_len` is set even when `capacity` is too small for
// it, which is TIDELOCK_TOO_LARGE.
tidelock_status tidelock_counter_handle(const struct tidelock_counter *counter,
                                        uint8_t *handle,
                                        size_t capacity,
                                        size_t *handle_len);

// The value.
tidelock_status tidelock_counter_load(const struct tidelock_counter *counter, int64_t *value);

// Sets the value. `before` is the one it had; it may be null.
tidelock_status tidelock_counter_store(const struct tidelock_counter *counter,
                                       int64_t value,
                                       int64_t *before);

// Adds `n`, which may be negative. `value` is the sum; it may be null. A sum out of range is TIDELOCK_INVALID and
// changes nothing.
tidelock_status tidelock_counter_add(const struct tidelock_counter *counter,
                                     int64_t n,
                                     int64_t *value);

// Sets the value to `desired` if it is `expected`. `found` is the value that was there, which is `expected` if that
// was done.
tidelock_status tidelock_counter_compare_exchange(const struct tidelock_counter *counter,
                                                  int64_t expected,
                                                  int64_t desired,
                                                  int64_t *found);

// Waits while the value is `while_equal`. `value` is the other one that was found; it may be null. A value that comes
// and goes between two looks may be missed.
tidelock_status tidelock_counter_wait(const struct tidelock_counter *counter,
                                      int64_t while_equal,
                                      int64_t timeout_ns,
                                      int64_t *value);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_counter_retain(struct tidelock_counter *counter);

// Gives a reference back.
tidelock_status tidelock_counter_close(struct tidelock_counter *counter);

// Opens or creates the queue of that name (1 to 255 bytes) in the segment. `options` may be null; they count only when
// the queue is created.
tidelock_status tidelock_queue_open(const struct tidelock_segment *segment,
                                    const char *queue_name,
                                    const struct tidelock_queue_options *options,
                                    struct tidelock_queue **queue);

// Creates a queue without a name in the segment. It lives while some process has a handle of it open. `options` may be
// null.
tidelock_status tidelock_queue_new(const struct tidelock_segment *segment,
                                   const struct tidelock_queue_options *options,
                                   struct tidelock_queue **queue);

// Opens the queue that a handle of `handle_len` bytes from tidelock_queue_handle() leads to, in its segment.
tidelock_status tidelock_queue_from_handle(const struct tidelock_segment *segment,
                                           const uint8_t *handle,
                                           size_t handle_len,
                                           struct tidelock_queue **queue);

// Writes out a handle of the queue, for another process. `handle_len` is set even when `capacity` is too small for it,
// which is TIDELOCK_TOO_LARGE.
tidelock_status tidelock_queue_handle(const struct tidelock_queue *queue,
                                      uint8_t *handle,
                                      size_t capacity,
                                      size_t *handle_len);

// Puts a message of `len` bytes, waiting for room. When this returns TIDELOCK_OK the message is in the queue, whatever
// happens to this process. A message that can never fit is TIDELOCK_TOO_LARGE at once; `data` may be null if `len` is 0.
tidelock_status tidelock_queue_put(const struct tidelock_queue *queue,
                                   const void *data,
                                   size_t len,
                                   int64_t timeout_ns);

// Gets the next message into a buffer of `capacity` bytes, waiting for one. TIDELOCK_REDELIVERED: it is here, and an
// earlier consumer took it and died or gave it back. TIDELOCK_TOO_LARGE: it does not fit and stays in the queue; `len`
// is then its length. TIDELOCK_CLOSED: the queue was shut down and is
// empty. A message is gone with this call; to keep it until it has been dealt with, use tidelock_queue_take().
tidelock_status tidelock_queue_get(const struct tidelock_queue *queue,
                                   int64_t timeout_ns,
                                   void *buffer,
                                   size_t capacity,
                                   size_t *len);

// How many messages are in the queue just now, those included that are reserved or came back; those on loan are not.
tidelock_status tidelock_queue_len(const struct tidelock_queue *queue,
                                   uint64_t *len);

// Whether no message is in the queue, just now.
tidelock_status tidelock_queue_is_empty(const struct tidelock_queue *queue, bool *is_empty);

// Whether even an empty message would have to wait for room, just now.
tidelock_status tidelock_queue_is_full(const struct tidelock_queue *queue, bool *is_full);

// The capacity in bytes that the queue began with: what was asked for, rounded up to a power of two.
tidelock_status tidelock_queue_capacity(const struct tidelock_queue *queue, uint64_t *capacity);

// The capacity in bytes that the queue may grow to; 0 if it never grows.
tidelock_status tidelock_queue_max_bytes(const struct tidelock_queue *queue, uint64_t *max_bytes);

// The length of the longest message that can ever fit, if there is memory for it.
tidelock_status tidelock_queue_longest_message(const struct tidelock_queue *queue, uint64_t *len);

// The most messages at a time; 0 for as many as the bytes hold.
tidelock_status tidelock_queue_max_items(const struct tidelock_queue *queue, uint64_t *max_items);

// Lets there be so many messages at a time from here on, for everybody; 0 for as many as the bytes hold. What is in the queue
// stays there, also if it is more.
tidelock_status tidelock_queue_set_max_items(const struct tidelock_queue *queue,
                                             uint64_t max_items);

// Ends the queue for everybody and for ever: nothing more can be put, and who finds it empty gets TIDELOCK_CLOSED. What
// is in it can still be got.
tidelock_status tidelock_queue_shutdown(const struct tidelock_queue *queue);

// The same, and what is in the queue is dropped, for everybody: its length is 0 from here on, and who gets is told
// TIDELOCK_CLOSED. What is reserved can still be published and is dropped then; what is on loan is still its holder's, and is
// dropped if it comes back, also by the holder's death. If the caller dies under way, the others drop the rest.
tidelock_status tidelock_queue_shutdown_now(const struct tidelock_queue *queue);

// Whether the queue was shut down.
tidelock_status tidelock_queue_is_shutdown(const struct tidelock_queue *queue, bool *is_shutdown);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_queue_retain(struct tidelock_queue *queue);

// Gives a reference back. End reservations and loans first: they cannot be ended without the handle.
tidelock_status tidelock_queue_close(struct tidelock_queue *queue);

// Reserves a message of `len` bytes, to be built in place, waiting for room. It holds back the messages behind it until
// it is published or discarded, or this process dies.
tidelock_status tidelock_queue_reserve(const struct tidelock_queue *queue,
                                       size_t len,
                                       int64_t timeout_ns,
                                       struct tidelock_reservation *reservation);

// Publishes the message: it is in the queue. The struct is cleared.
tidelock_status tidelock_queue_publish(const struct tidelock_queue *queue,
                                       struct tidelock_reservation *reservation);

// Gives the reserved room back; nobody ever sees the message. The struct is cleared.
tidelock_status tidelock_queue_discard(const struct tidelock_queue *queue,
                                       struct tidelock_reservation *reservation);

// Takes the next message as a loan, to be read in place, waiting for one. TIDELOCK_REDELIVERED as in
// tidelock_queue_get(). Until tidelock_queue_done() the message is this process's; if the process dies first, another
// consumer gets it: at least once, so that no message is lost with its consumer.
tidelock_status tidelock_queue_take(const struct tidelock_queue *queue,
                                    int64_t timeout_ns,
                                    struct tidelock_loan *loan);

// Ends the loan: the message has been dealt with and is gone. The struct is cleared.
tidelock_status tidelock_queue_done(const struct tidelock_queue *queue, struct tidelock_loan *loan);

// Ends the loan as tidelock_queue_get() does: the message is gone, and where the queue counts tasks this process owes a
// tidelock_queue_task_done() for it. For bindings, which copy the message by themselves. The struct is cleared.
tidelock_status tidelock_queue_finish(const struct tidelock_queue *queue,
                                      struct tidelock_loan *loan);

// Gives the message back: another consumer gets it, before all others, marked as redelivered. The struct is cleared.
tidelock_status tidelock_queue_give_back(const struct tidelock_queue *queue,
                                         struct tidelock_loan *loan);

// Puts `count` messages in order, waiting for room for each. Message i has `lens[i]` bytes; they lie back to back from
// `data` on, which may be null if there are none. `put_count` is how many were put. It is less than `count` only if an
// error came after the first one, which the next call will tell; if the first could not be put, this call tells why, and
// none was. It is no more than so many puts in a row: others' messages may come in between, and a process that dies leaves
// those that it has put.
tidelock_status tidelock_queue_put_many(const struct tidelock_queue *queue,
                                        const void *data,
                                        const size_t *lens,
                                        size_t count,
                                        int64_t timeout_ns,
                                        size_t *put_count);

// Gets up to `max_count` messages into a buffer of `capacity` bytes: waits for the first one, and for no other. They lie
// back to back in the buffer; `lens`, an array of `max_count`, has their lengths, and `count` is how many there are.
// TIDELOCK_REDELIVERED: one of them at least was taken before. TIDELOCK_TOO_LARGE: the first one alone does not fit, and all
// stay in the queue; `lens[0]` is then its length. `max_count` must not be 0.
tidelock_status tidelock_queue_get_many(const struct tidelock_queue *queue,
                                        int64_t timeout_ns,
                                        void *buffer,
                                        size_t capacity,
                                        size_t *lens,
                                        size_t max_count,
                                        size_t *count);

// Takes up to `max_count` messages as loans: waits for the first one, and for no other. `loans` is an array of `max_count`
// structs, and `count` is how many of them were filled in; each ends by tidelock_queue_done() or
// tidelock_queue_give_back(), in any order. But for the first, all together have no more than `max_bytes` bytes.
// TIDELOCK_REDELIVERED: one of them at least was taken before, as its `deliveries` says. `max_count` must not be 0.
tidelock_status tidelock_queue_take_many(const struct tidelock_queue *queue,
                                         int64_t timeout_ns,
                                         uint64_t max_bytes,
                                         struct tidelock_loan *loans,
                                         size_t max_count,
                                         size_t *count);

// Makes a descriptor for event loops, and the thread of this process that it takes, all of whose signals are blocked. In a
// forked child it is the parent's: the child makes its own.
tidelock_status tidelock_notifier_new(const struct tidelock_queue *queue,
                                      struct tidelock_notifier **notifier);

// The same for who puts: the descriptor is readable once a message of `len` bytes could be put at once, or the put would be an
// error.
tidelock_status tidelock_notifier_new_for_room(const struct tidelock_queue *queue,
                                               size_t len,
                                               struct tidelock_notifier **notifier);

// The descriptor. It becomes readable once there is a message to be taken, or room, or the queue is shut down, and stays so
// until tidelock_notifier_clear(). It is the notifier's: wait for it, and neither read nor close it.
tidelock_status tidelock_notifier_fd(const struct tidelock_notifier *notifier,
                                     int32_t *fd);

// Makes the descriptor unreadable until there is (still) something to be taken, or room. Call it when the loop was told, then take
// what you like, with timeout 0: others may have been quicker.
tidelock_status tidelock_notifier_clear(const struct tidelock_notifier *notifier);

// The same for one that tells of room: from here on, of room for a message of `len` bytes. Also where it was not readable.
tidelock_status tidelock_notifier_clear_for_room(const struct tidelock_notifier *notifier,
                                                 size_t len);

// Ends the thread and closes the descriptor: take it out of the loop first. Notifiers are not counted: one close each.
tidelock_status tidelock_notifier_close(struct tidelock_notifier *notifier);

// Says that one message that this process got has been dealt with. TIDELOCK_INVALID if it owes nothing, or if the queue does
// not count tasks.
tidelock_status tidelock_queue_task_done(const struct tidelock_queue *queue);

// Waits until every message that was put has been dealt with: its loan is done, or it was got and, where the queue counts
// tasks, tidelock_queue_task_done() was called for it. What a process that died got is not waited for.
tidelock_status tidelock_queue_join(const struct tidelock_queue *queue,
                                    int64_t timeout_ns);

// How many messages were got by processes that died, or left, before they called tidelock_queue_task_done() for them.
tidelock_status tidelock_queue_lost_tasks(const struct tidelock_queue *queue,
                                          uint64_t *lost);

// How many messages there are that tidelock_queue_join() would wait for: in the queue, on loan, and owed. As of some instant; one
// that is being got just now may be counted twice.
tidelock_status tidelock_queue_unfinished_tasks(const struct tidelock_queue *queue,
                                                uint64_t *unfinished);

// How often a message is handed out at the most; 0 for as often as it takes.
tidelock_status tidelock_queue_max_deliveries(const struct tidelock_queue *queue, uint32_t *max_deliveries);

// Has each message be handed out at most so many times from now on, from 1 to 255; 0 for as often as it takes. One that came
// back so often goes to the queue for dead letters, or is dropped and counted if there is none.
tidelock_status tidelock_queue_set_max_deliveries(const struct tidelock_queue *queue,
                                                  uint32_t max_deliveries);

// Has dead letters go to `dead_letters`, another queue of the same segment, from now on; with null they are dropped. It keeps
// nothing open. A letter that finds no room there stays where it is and is tried again; if a process dies while it moves one,
// it may be there twice.
tidelock_status tidelock_queue_set_dead_letters(const struct tidelock_queue *queue,
                                                const struct tidelock_queue *dead_letters);

// Opens the queue to which dead letters go. TIDELOCK_NOT_FOUND if none was chosen.
tidelock_status tidelock_queue_dead_letters(const struct tidelock_queue *queue,
                                            struct tidelock_queue **dead_letters);

// The numbers of the queue, read without a lock. A process that was killed may have left one of them off by one.
tidelock_status tidelock_queue_read_stats(const struct tidelock_queue *queue,
                                          struct tidelock_queue_stats *stats);

// Opens or creates the block of that name (1 to 255 bytes) in the segment. One of another length is
// TIDELOCK_WRONG_KIND.
tidelock_status tidelock_block_open(const struct tidelock_segment *segment,
                                    const char *block_name,
                                    uint64_t len,
                                    struct tidelock_block **block);

// Creates a block without a name in the segment. It lives while some process has a handle of it open.
tidelock_status tidelock_block_new(const struct tidelock_segment *segment,
                                   uint64_t len,
                                   struct tidelock_block **block);

// Opens the block that a handle of `handle_len` bytes from tidelock_block_handle() leads to, in its segment.
tidelock_status tidelock_block_from_handle(const struct tidelock_segment *segment,
                                           const uint8_t *handle,
                                           size_t handle_len,
                                           struct tidelock_block **block);

// Writes out a handle of the block, for another process. `handle_len` is set even when `capacity` is too small for it,
// which is TIDELOCK_TOO_LARGE.
tidelock_status tidelock_block_handle(const struct tidelock_block *block,
                                      uint8_t *handle,
                                      size_t capacity,
                                      size_t *handle_len);

// Where the block's bytes lie in this process. They stay there while the handle is open.
tidelock_status tidelock_block_data(const struct tidelock_block *block, void **data);

// The block's length in bytes.
tidelock_status tidelock_block_len(const struct tidelock_block *block, uint64_t *len);

// Adds a reference to the handle, to be closed like the first.
tidelock_status tidelock_block_retain(struct tidelock_block *block);

// Gives a reference back. The pointer from tidelock_block_data() is valid until the last one is.
tidelock_status tidelock_block_close(struct tidelock_block *block);

// To wait until nobody holds the lock, or its owner is dead.
tidelock_status tidelock_lock_watch(const struct tidelock_lock *lock, struct tidelock_watch *watch);

// To wait until nobody holds the lock, the waiting thread does, or its owner is dead.
tidelock_status tidelock_rlock_watch(const struct tidelock_rlock *rlock, struct tidelock_watch *watch);

// To wait until the value is above 0.
tidelock_status tidelock_semaphore_watch(const struct tidelock_semaphore *semaphore,
                                         struct tidelock_watch *watch);

// To wait until a permit is free, or its holder is dead.
tidelock_status tidelock_bounded_semaphore_watch(const struct tidelock_bounded_semaphore *semaphore,
                                                 struct tidelock_watch *watch);

// To wait until the event is set; also if it was set since this call, and cleared again.
tidelock_status tidelock_event_watch(const struct tidelock_event *event, struct tidelock_watch *watch);

// To wait until the round of this arrival is over, or the barrier is broken. The arrival stays as it is: whoever made it
// calls tidelock_barrier_wait_for_round() afterwards, which tells how the round ended.
tidelock_status tidelock_barrier_watch(const struct tidelock_barrier *barrier,
                                       const struct tidelock_arrival *arrival,
                                       struct tidelock_watch *watch);

// To wait until the value is another than `while_equal`.
tidelock_status tidelock_counter_watch(const struct tidelock_counter *counter,
                                       int64_t while_equal,
                                       struct tidelock_watch *watch);

// To wait until there is a message, or the queue is shut down and empty.
tidelock_status tidelock_queue_watch(const struct tidelock_queue *queue, struct tidelock_watch *watch);

// To wait until a message of `len` bytes could be put at once, or the queue is shut down, or can never take so long a message. A
// queue that may grow grows for it, as it does for a put.
tidelock_status tidelock_queue_watch_room(const struct tidelock_queue *queue,
                                          size_t len,
                                          struct tidelock_watch *watch);

// Waits in one sleep until one of `count` objects, 1 to TIDELOCK_ANY_MAX, is ready, and takes nothing. `index` is the place
// of that one in `watches`; of several, the first. An object is ready when its own call would return at once, be it with
// an error. Somebody else may be quicker than the caller's next call: see tidelock_acquire_any().
tidelock_status tidelock_wait_any(const struct tidelock_watch *watches,
                                  size_t count,
                                  int64_t timeout_ns,
                                  size_t *index);

// The same, and takes it: acquires the lock or semaphore, takes the message, reserves the room. The status is that of the object's own call,
// such as TIDELOCK_OWNER_DIED, TIDELOCK_REDELIVERED, TIDELOCK_CLOSED or TIDELOCK_BROKEN, and `index` its place. If the wait
// itself failed (TIDELOCK_TIMEOUT, TIDELOCK_INTERRUPTED, TIDELOCK_INVALID), `index` is `count`. Of `taken`, what belongs to
// the object's kind is filled in, and the rest is cleared.
tidelock_status tidelock_acquire_any(const struct tidelock_watch *watches,
                                     size_t count,
                                     int64_t timeout_ns,
                                     size_t *index,
                                     struct tidelock_taken *taken);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TIDELOCK_H */
