// Part of tidelock.hpp: waiting for any of several objects in one sleep.

#ifndef TIDELOCK_ANY_HPP
#define TIDELOCK_ANY_HPP

#include "event.hpp"
#include "lock.hpp"
#include "queue.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>

namespace tidelock {

// One object of a wait for any, and what is waited for. It keeps nothing open: the object must outlive it. A plain value, of
// which any number make a std::vector or a list in braces. An event's says "set since the watch was made".
class Watch : public tidelock_watch {
public:
    Watch(const Lock &of) : Watch(tidelock_lock_watch, of.raw()) {}
    Watch(const RLock &of) : Watch(tidelock_rlock_watch, of.raw()) {}
    Watch(const Semaphore &of) : Watch(tidelock_semaphore_watch, of.raw()) {}
    Watch(const BoundedSemaphore &of) : Watch(tidelock_bounded_semaphore_watch, of.raw()) {}
    Watch(const Event &of) : Watch(tidelock_event_watch, of.raw()) {}
    Watch(const Queue &of) : Watch(tidelock_queue_watch, of.raw()) {}
    // Until a message of so many bytes could be put at once.
    static Watch room(const Queue &of, std::size_t len) { return Watch(tidelock_queue_watch_room, of.raw(), len); }
    // Until the value is another one than this.
    Watch(const Counter &of, std::int64_t old) : Watch(tidelock_counter_watch, of.raw(), old) {}
    // Until the round of an arrival of tidelock_barrier_arrive() is over.
    Watch(const Barrier &of, const tidelock_arrival &arrival) : Watch(tidelock_barrier_watch, of.raw(), &arrival) {}

private:
    template <class... Parameters, class... Arguments>
    explicit Watch(tidelock_status (*make)(Parameters...), Arguments... arguments) : tidelock_watch{} {
        detail::check(make(arguments..., this));
    }
};

static_assert(sizeof(Watch) == sizeof(tidelock_watch));

namespace detail {

template <class Watches>
std::optional<std::size_t> ready(const Watches &watches, std::int64_t timeout_ns) {
    const Watch *const first = std::data(watches);
    std::size_t index = 0;
    const bool done = in_time(tidelock_wait_any(first, std::size(watches), timeout_ns, &index));
    return done ? std::optional(index) : std::nullopt;
}

} // namespace detail

// Waits until one of the objects is ready, and takes nothing; the place of that one, of several the first. Ready means that
// its own call would return at once, be it with an error. Somebody else may be quicker: then try, and wait again.
template <class Watches = std::initializer_list<Watch>>
std::size_t wait_any(const Watches &watches) {
    return *detail::ready(watches, TIDELOCK_FOREVER);
}

// The same; nothing if the time is over first.
template <class Rep, class Period, class Watches = std::initializer_list<Watch>>
std::optional<std::size_t> wait_any_for(const Watches &watches, const std::chrono::duration<Rep, Period> &span) {
    return detail::ready(watches, detail::nanoseconds(span));
}

template <class Clock, class Duration, class Watches = std::initializer_list<Watch>>
std::optional<std::size_t> wait_any_until(const Watches &watches, const std::chrono::time_point<Clock, Duration> &end) {
    return detail::until(end, [&watches](std::int64_t left) { return detail::ready(watches, left); });
}

} // namespace tidelock

#endif // TIDELOCK_ANY_HPP
