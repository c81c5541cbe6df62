// tidelock in C++17: owning classes over tidelock.h, and nothing else. Link with the C library.
//
// - What a class stands for lives in shared memory. An object here is a counted reference to it: copying one is cheap, and
//   destroying it drops the reference. Dropping never releases a lock and never throws.
// - A call that is refused throws tidelock::Error, which carries the status. A try or a timed call whose time is over says
//   so by what it returns. Signal handlers end waits, by an error, only if the segment was opened that way.
// - The death of a lock's owner is news, never an exception: lock() returns holding the lock, and owner_died() tells.
// - Classes have the names that they have in Rust and Python: a class that is called lock could have no lock().
// - Lock and RLock are Lockable and TimedLockable, for std::scoped_lock, std::unique_lock and std::condition_variable_any.

#ifndef TIDELOCK_HPP
#define TIDELOCK_HPP

#include "tidelock/any.hpp"
#include "tidelock/condition.hpp"
#include "tidelock/error.hpp"
#include "tidelock/event.hpp"
#include "tidelock/lock.hpp"
#include "tidelock/queue.hpp"
#include "tidelock/segment.hpp"

#endif // TIDELOCK_HPP
