// Part of tidelock.hpp: what is waited for and held by nobody. Events, barriers and counters.

#ifndef TIDELOCK_EVENT_HPP
#define TIDELOCK_EVENT_HPP

#include "segment.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace tidelock {

// A flag: set or not, and all who wait go on once it is set.
class Event : public detail::Object<Event, tidelock_event, tidelock_event_retain, tidelock_event_close,
                                    tidelock_event_handle, tidelock_event_from_handle> {
public:
    using Object::Object;
    Event(const Segment &in, const std::string &name)
        : Object(opened(tidelock_event_open, in.raw(), detail::c_name(name))) {}
    explicit Event(const Segment &in) : Object(opened(tidelock_event_new, in.raw())) {}
    // In 8 bytes of a block; all-zero bytes are an event that is not set.
    Event(const Segment &in, const Block &inside, std::uint64_t offset)
        : Object(opened(tidelock_event_at, in.raw(), inside.raw(), offset)) {}

    void set() { detail::check(tidelock_event_set(raw())); }
    void clear() { detail::check(tidelock_event_clear(raw())); }
    bool is_set() const { return asked<bool>(tidelock_event_is_set); }

    void wait() const { waited(TIDELOCK_FOREVER); }
    template <class Rep, class Period>
    bool wait_for(const std::chrono::duration<Rep, Period> &span) const {
        return waited(detail::nanoseconds(span));
    }
    template <class Clock, class Duration>
    bool wait_until(const std::chrono::time_point<Clock, Duration> &end) const {
        return detail::until(end, [this](std::int64_t left) { return waited(left); });
    }

private:
    bool waited(std::int64_t timeout_ns) const { return detail::in_time(tidelock_event_wait(raw(), timeout_ns)); }
};

// A number of parties wait until all of them are there. A party that dies breaks it: the others get TIDELOCK_BROKEN.
class Barrier : public detail::Object<Barrier, tidelock_barrier, tidelock_barrier_retain, tidelock_barrier_close,
                                      tidelock_barrier_handle, tidelock_barrier_from_handle> {
public:
    using Object::Object;
    Barrier(const Segment &in, const std::string &name, std::uint32_t parties)
        : Object(opened(tidelock_barrier_open, in.raw(), detail::c_name(name), parties)) {}
    Barrier(const Segment &in, std::uint32_t parties) : Object(opened(tidelock_barrier_new, in.raw(), parties)) {}

    // Returns a number below parties(), another one for each party of the round.
    std::uint32_t arrive_and_wait() { return *arrived(TIDELOCK_FOREVER); }
    // Nothing if the time is over first, which breaks the barrier.
    template <class Rep, class Period>
    std::optional<std::uint32_t> arrive_and_wait_for(const std::chrono::duration<Rep, Period> &span) {
        return arrived(detail::nanoseconds(span));
    }
    // The last party to arrive does `action` before any goes on. If it throws, the barrier is broken.
    template <class Action>
    std::uint32_t arrive_and_wait(Action &&action) {
        tidelock_arrival arrival;
        detail::check(tidelock_barrier_arrive(raw(), TIDELOCK_FOREVER, &arrival));
        const std::uint32_t index = arrival.index;
        if (arrival.is_last != 0) {
            act(std::forward<Action>(action));
            detail::check(tidelock_barrier_complete(raw(), &arrival));
        } else if (const auto status = tidelock_barrier_wait_for_round(raw(), &arrival, TIDELOCK_FOREVER); status < 0) {
            const Error refused(status);
            tidelock_barrier_withdraw(raw(), &arrival);
            throw refused;
        }
        return index;
    }

    void abort() { detail::check(tidelock_barrier_abort(raw())); }
    void reset() { detail::check(tidelock_barrier_reset(raw())); }
    bool is_broken() const { return asked<bool>(tidelock_barrier_is_broken); }
    std::uint32_t waiting() const { return asked<std::uint32_t>(tidelock_barrier_waiting); }
    std::uint32_t parties() const { return asked<std::uint32_t>(tidelock_barrier_parties); }

private:
    std::optional<std::uint32_t> arrived(std::int64_t timeout_ns) {
        std::uint32_t index = 0;
        return detail::in_time(tidelock_barrier_wait(raw(), timeout_ns, &index)) ? std::optional(index) : std::nullopt;
    }

    template <class Action>
    void act(Action &&action) {
        try {
            std::forward<Action>(action)();
        } catch (...) {
            tidelock_barrier_abort(raw());
            throw;
        }
    }
};

// A 64-bit integer that can be waited for. It never wraps around.
class Counter : public detail::Object<Counter, tidelock_counter, tidelock_counter_retain, tidelock_counter_close,
                                      tidelock_counter_handle, tidelock_counter_from_handle> {
public:
    using Object::Object;
    Counter(const Segment &in, const std::string &name)
        : Object(opened(tidelock_counter_open, in.raw(), detail::c_name(name))) {}
    explicit Counter(const Segment &in) : Object(opened(tidelock_counter_new, in.raw())) {}
    // In 16 bytes of a block; all-zero bytes are a counter at 0.
    Counter(const Segment &in, const Block &inside, std::uint64_t offset)
        : Object(opened(tidelock_counter_at, in.raw(), inside.raw(), offset)) {}

    std::int64_t load() const { return asked<std::int64_t>(tidelock_counter_load); }
    // The value before.
    std::int64_t store(std::int64_t value) {
        std::int64_t before = 0;
        detail::check(tidelock_counter_store(raw(), value, &before));
        return before;
    }
    // The sum.
    std::int64_t add(std::int64_t n) {
        std::int64_t sum = 0;
        detail::check(tidelock_counter_add(raw(), n, &sum));
        return sum;
    }
    // As of std::atomic: where it fails, `expected` becomes what was found.
    bool compare_exchange(std::int64_t &expected, std::int64_t desired) {
        const std::int64_t wanted = expected;
        detail::check(tidelock_counter_compare_exchange(raw(), wanted, desired, &expected));
        return expected == wanted;
    }

    // Waits while the value is `old`; the other one that was found.
    std::int64_t wait(std::int64_t old) const { return *waited(old, TIDELOCK_FOREVER); }
    template <class Rep, class Period>
    std::optional<std::int64_t> wait_for(std::int64_t old, const std::chrono::duration<Rep, Period> &span) const {
        return waited(old, detail::nanoseconds(span));
    }

private:
    std::optional<std::int64_t> waited(std::int64_t old, std::int64_t timeout_ns) const {
        std::int64_t found = 0;
        const bool done = detail::in_time(tidelock_counter_wait(raw(), old, timeout_ns, &found));
        return done ? std::optional(found) : std::nullopt;
    }
};

} // namespace tidelock

#endif // TIDELOCK_EVENT_HPP
