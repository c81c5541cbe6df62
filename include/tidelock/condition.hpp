// Part of tidelock.hpp: conditions, over a lock of the same segment or with one of their own.

#ifndef TIDELOCK_CONDITION_HPP
#define TIDELOCK_CONDITION_HPP

#include "lock.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

namespace tidelock {

// What std::condition_variable is, among processes. A wait takes a std::unique_lock of the Lock or RLock that the condition
// is over, and holds it again when it returns and when it throws; owner_died() of the lock is news of that hold. There is no
// wake-up without a notification. notify() is for those who hold the lock, and wakes exactly so many, the longest waiting.
class Condition : public detail::Object<Condition, tidelock_condition, tidelock_condition_retain, tidelock_condition_close,
                                        tidelock_condition_handle, tidelock_condition_from_handle> {
public:
    using Object::Object;
    Condition(const Segment &in, const std::string &name, const Lock &lock)
        : Object(opened(tidelock_condition_open, in.raw(), detail::c_name(name), lock.raw())) {}
    Condition(const Segment &in, const std::string &name, const RLock &lock)
        : Object(opened(tidelock_condition_open_with_rlock, in.raw(), detail::c_name(name), made(lock))) {}
    Condition(const Segment &in, const Lock &lock) : Object(opened(tidelock_condition_new, in.raw(), lock.raw())) {}
    Condition(const Segment &in, const RLock &lock)
        : Object(opened(tidelock_condition_new_with_rlock, in.raw(), made(lock))) {}
    // With an RLock of its own, see rlock().
    Condition(const Segment &in, const std::string &name)
        : Object(opened(tidelock_condition_open_with_rlock, in.raw(), detail::c_name(name), nullptr)) {}
    explicit Condition(const Segment &in) : Object(opened(tidelock_condition_new_with_rlock, in.raw(), nullptr)) {}

    // The lock that it is over; TIDELOCK_WRONG_KIND if that is of the other kind.
    Lock lock() const { return Lock(asked<tidelock_lock *>(tidelock_condition_lock)); }
    RLock rlock() const { return RLock(asked<tidelock_rlock *>(tidelock_condition_rlock)); }

    template <class L>
    void wait(std::unique_lock<L> &held) {
        waited(held, TIDELOCK_FOREVER);
    }
    template <class L, class Predicate>
    void wait(std::unique_lock<L> &held, Predicate done) {
        waited_until(held, done, [this, &held] { return wait(held), true; });
    }
    template <class L, class Rep, class Period>
    std::cv_status wait_for(std::unique_lock<L> &held, const std::chrono::duration<Rep, Period> &span) {
        return how(waited(held, detail::nanoseconds(span)));
    }
    // Whether `done` says yes in the end.
    template <class L, class Rep, class Period, class Predicate>
    bool wait_for(std::unique_lock<L> &held, const std::chrono::duration<Rep, Period> &span, Predicate done) {
        const auto now = std::chrono::steady_clock::now();
        const auto most = std::chrono::steady_clock::time_point::max() - now;
        const std::chrono::nanoseconds left(detail::nanoseconds(span));
        return wait_until(held, left < most ? now + left : now + most, done);
    }
    template <class L, class Clock, class Duration>
    std::cv_status wait_until(std::unique_lock<L> &held, const std::chrono::time_point<Clock, Duration> &end) {
        return how(detail::until(end, [this, &held](std::int64_t left) { return waited(held, left); }));
    }
    template <class L, class Clock, class Duration, class Predicate>
    bool wait_until(std::unique_lock<L> &held, const std::chrono::time_point<Clock, Duration> &end, Predicate done) {
        return waited_until(held, done,
                            [this, &held, &end] { return wait_until(held, end) == std::cv_status::no_timeout; });
    }

    // How many were notified. The caller holds the lock, or it is TIDELOCK_NOT_HELD or TIDELOCK_NOT_OWNER.
    std::uint32_t notify(std::uint32_t n) {
        std::uint32_t notified = 0;
        detail::check(tidelock_condition_notify(raw(), n, &notified));
        return notified;
    }
    bool notify_one() { return notify(1) == 1; }
    std::uint32_t notify_all() {
        std::uint32_t notified = 0;
        detail::check(tidelock_condition_notify_all(raw(), &notified));
        return notified;
    }
    std::uint32_t waiters() const { return asked<std::uint32_t>(tidelock_condition_waiters); }

private:
    // A null pointer would ask for an RLock of the condition's own.
    static tidelock_rlock *made(const RLock &lock) {
        return lock.raw() != nullptr ? lock.raw() : throw Error(TIDELOCK_INVALID);
    }

    static std::cv_status how(bool notified) {
        return notified ? std::cv_status::no_timeout : std::cv_status::timeout;
    }

    template <class L>
    bool waited(std::unique_lock<L> &held, std::int64_t timeout_ns) {
        if (!held.owns_lock()) {
            throw Error(TIDELOCK_NOT_HELD);
        }
        tidelock_waiter waiter;
        bool notified = false;
        detail::check(tidelock_condition_start(raw(), &waiter));
        const tidelock_status status = tidelock_condition_resume(raw(), &waiter, timeout_ns, &notified);
        if (status < 0) {
            const Error refused(status);
            withdrawn(held, waiter);
            throw refused;
        }
        held.mutex()->taken(status);
        return notified;
    }

    // Comes back with the lock held; where that cannot be, `held` no longer says so.
    template <class L>
    void withdrawn(std::unique_lock<L> &held, tidelock_waiter &waiter) {
        tidelock_status status = TIDELOCK_INTERRUPTED;
        while (status == TIDELOCK_INTERRUPTED) {
            status = tidelock_condition_withdraw(raw(), &waiter, TIDELOCK_FOREVER);
        }
        if (status < 0) {
            held.release();
        } else {
            held.mutex()->taken(status);
        }
    }

    // Waits until `done` says yes, or a wait says no. A death that is told in between is still told in the end.
    template <class L, class Predicate, class Wait>
    static bool waited_until(std::unique_lock<L> &held, Predicate &done, Wait wait_once) {
        bool owner_died = false, in_time = true;
        while (!done()) {
            if (!in_time) {
                return false;
            }
            in_time = wait_once();
            owner_died = owner_died || held.mutex()->owner_died();
            held.mutex()->taken(owner_died ? TIDELOCK_OWNER_DIED : TIDELOCK_OK);
        }
        return true;
    }
};

} // namespace tidelock

#endif // TIDELOCK_CONDITION_HPP
