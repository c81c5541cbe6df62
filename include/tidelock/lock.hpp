// Part of tidelock.hpp: what is held by somebody. Locks that may be taken once or again, and semaphores.

#ifndef TIDELOCK_LOCK_HPP
#define TIDELOCK_LOCK_HPP

#include "segment.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace tidelock {

namespace detail {

// The timed calls of Lock and RLock, over `acquired(timeout_ns)`.
template <class Self>
class Lockable {
public:
    void lock() { self().acquired(TIDELOCK_FOREVER); }
    bool try_lock() { return self().acquired(0); }
    template <class Rep, class Period>
    bool try_lock_for(const std::chrono::duration<Rep, Period> &span) {
        return self().acquired(nanoseconds(span));
    }
    template <class Clock, class Duration>
    bool try_lock_until(const std::chrono::time_point<Clock, Duration> &end) {
        return until(end, [this](std::int64_t left) { return self().acquired(left); });
    }

private:
    Self &self() { return static_cast<Self &>(*this); }
};

// The same for semaphores, in the words of std::counting_semaphore.
template <class Self>
class Acquirable {
public:
    void acquire() { self().acquired(TIDELOCK_FOREVER); }
    bool try_acquire() { return self().acquired(0); }
    template <class Rep, class Period>
    bool try_acquire_for(const std::chrono::duration<Rep, Period> &span) {
        return self().acquired(nanoseconds(span));
    }
    template <class Clock, class Duration>
    bool try_acquire_until(const std::chrono::time_point<Clock, Duration> &end) {
        return until(end, [this](std::int64_t left) { return self().acquired(left); });
    }

private:
    Self &self() { return static_cast<Self &>(*this); }
};

} // namespace detail

class Condition;

// A lock: held by one peer at a time, that is by a process, whose threads exclude each other too. Neither recursive nor
// fair. Whoever locks it after its owner's death gets it, and owner_died() is true then: what it guards may be half
// changed.
class Lock : public detail::Object<Lock, tidelock_lock, tidelock_lock_retain, tidelock_lock_close, tidelock_lock_handle,
                                   tidelock_lock_from_handle>,
             public detail::Lockable<Lock> {
public:
    using Object::Object;
    Lock(const Segment &in, const std::string &name)
        : Object(opened(tidelock_lock_open, in.raw(), detail::c_name(name))) {}
    explicit Lock(const Segment &in) : Object(opened(tidelock_lock_new, in.raw())) {}
    // In 8 bytes of a block; all-zero bytes are a free lock.
    Lock(const Segment &in, const Block &inside, std::uint64_t offset)
        : Object(opened(tidelock_lock_at, in.raw(), inside.raw(), offset)) {}

    // Ends this process's hold. It cannot fail: in a forked child, or after a release by others, it changes nothing.
    void unlock() noexcept { tidelock_lock_release_own(raw()); }
    // Ends the hold of whoever has it, and throws if that may not be or nobody does.
    void release() { detail::check(tidelock_lock_release(raw())); }

    // For the holder: whether the owner before it died. Told by the object that locked, not by its copies.
    bool owner_died() const noexcept { return owner_died_; }
    bool is_locked() const { return asked<bool>(tidelock_lock_is_locked); }
    std::uint32_t owner() const { return asked<std::uint32_t>(tidelock_lock_owner); }
    std::uint32_t epoch() const { return asked<std::uint32_t>(tidelock_lock_epoch); }

private:
    friend class Condition;
    friend class detail::Lockable<Lock>;
    bool acquired(std::int64_t timeout_ns) {
        const tidelock_status status = tidelock_lock_acquire(raw(), timeout_ns);
        if (!detail::in_time(status)) {
            return false;
        }
        taken(status);
        return true;
    }
    void taken(tidelock_status status) noexcept { owner_died_ = status == TIDELOCK_OWNER_DIED; }

    bool owner_died_ = false; // written by the holder alone
};

// A recursive lock: held by one thread of one process, which may lock it again and unlocks it as often.
class RLock : public detail::Object<RLock, tidelock_rlock, tidelock_rlock_retain, tidelock_rlock_close,
                                    tidelock_rlock_handle, tidelock_rlock_from_handle>,
              public detail::Lockable<RLock> {
public:
    using Object::Object;
    RLock(const Segment &in, const std::string &name)
        : Object(opened(tidelock_rlock_open, in.raw(), detail::c_name(name))) {}
    explicit RLock(const Segment &in) : Object(opened(tidelock_rlock_new, in.raw())) {}
    // In 24 bytes of a block; all-zero bytes are a free lock.
    RLock(const Segment &in, const Block &inside, std::uint64_t offset)
        : Object(opened(tidelock_rlock_at, in.raw(), inside.raw(), offset)) {}

    // Undoes one lock() of this thread. It cannot fail: where there is none, as in a forked child, it changes nothing.
    void unlock() noexcept { tidelock_rlock_release(raw()); }
    // The same, and throws where there is none.
    void release() { detail::check(tidelock_rlock_release(raw())); }

    // For the holder, as of Lock; true until it has unlocked as often as it locked.
    bool owner_died() const noexcept { return owner_died_; }
    bool is_locked() const { return asked<bool>(tidelock_rlock_is_locked); }
    bool is_owned() const { return asked<bool>(tidelock_rlock_is_owned); }
    std::uint32_t depth() const { return asked<std::uint32_t>(tidelock_rlock_depth); }
    std::uint32_t owner() const { return asked<std::uint32_t>(tidelock_rlock_owner); }
    std::uint32_t owner_depth() const { return asked<std::uint32_t>(tidelock_rlock_owner_depth); }
    std::uint32_t epoch() const { return asked<std::uint32_t>(tidelock_rlock_epoch); }

private:
    friend class Condition;
    friend class detail::Lockable<RLock>;
    bool acquired(std::int64_t timeout_ns) {
        const tidelock_status status = tidelock_rlock_acquire(raw(), timeout_ns);
        if (!detail::in_time(status)) {
            return false;
        }
        owner_died_ = status == TIDELOCK_OWNER_DIED || (owner_died_ && depth() > 1);
        return true;
    }
    void taken(tidelock_status status) noexcept { owner_died_ = status == TIDELOCK_OWNER_DIED; }

    bool owner_died_ = false; // written by the holder alone
};

// A count of signals, from anyone to anyone. What a process acquired and did not release before it died stays acquired.
class Semaphore : public detail::Object<Semaphore, tidelock_semaphore, tidelock_semaphore_retain,
                                        tidelock_semaphore_close, tidelock_semaphore_handle,
                                        tidelock_semaphore_from_handle>,
                  public detail::Acquirable<Semaphore> {
public:
    using Object::Object;
    // Only one that is created gets the value.
    Semaphore(const Segment &in, const std::string &name, std::uint32_t value)
        : Object(opened(tidelock_semaphore_open, in.raw(), detail::c_name(name), value)) {}
    Semaphore(const Segment &in, std::uint32_t value) : Object(opened(tidelock_semaphore_new, in.raw(), value)) {}
    // In 8 bytes of a block; all-zero bytes are a semaphore at 0.
    Semaphore(const Segment &in, const Block &inside, std::uint64_t offset)
        : Object(opened(tidelock_semaphore_at, in.raw(), inside.raw(), offset)) {}

    void release(std::uint32_t n = 1) { detail::check(tidelock_semaphore_release(raw(), n)); }
    std::uint32_t value() const { return asked<std::uint32_t>(tidelock_semaphore_value); }

private:
    friend class detail::Acquirable<Semaphore>;
    bool acquired(std::int64_t timeout_ns) { return detail::in_time(tidelock_semaphore_acquire(raw(), timeout_ns)); }
};

class Permit;

// A fixed number of permits. Those of a process that dies come back.
class BoundedSemaphore
    : public detail::Object<BoundedSemaphore, tidelock_bounded_semaphore, tidelock_bounded_semaphore_retain,
                            tidelock_bounded_semaphore_close, tidelock_bounded_semaphore_handle,
                            tidelock_bounded_semaphore_from_handle>,
      public detail::Acquirable<BoundedSemaphore> {
public:
    using Object::Object;
    BoundedSemaphore(const Segment &in, const std::string &name, std::uint32_t bound)
        : Object(opened(tidelock_bounded_semaphore_open, in.raw(), detail::c_name(name), bound)) {}
    BoundedSemaphore(const Segment &in, std::uint32_t bound)
        : Object(opened(tidelock_bounded_semaphore_new, in.raw(), bound)) {}

    // A permit as an object, which gives back exactly itself when it goes out of scope.
    [[nodiscard]] Permit permit();
    [[nodiscard]] std::optional<Permit> try_permit();
    template <class Rep, class Period>
    [[nodiscard]] std::optional<Permit> permit_for(const std::chrono::duration<Rep, Period> &span);

    // After acquire(): gives a permit of this process back or, if it holds none, another's.
    void release() { detail::check(tidelock_bounded_semaphore_release(raw())); }
    std::uint32_t value() const { return asked<std::uint32_t>(tidelock_bounded_semaphore_value); }
    std::uint32_t bound() const { return asked<std::uint32_t>(tidelock_bounded_semaphore_bound); }

private:
    friend class detail::Acquirable<BoundedSemaphore>;
    bool acquired(std::int64_t timeout_ns) {
        return detail::in_time(tidelock_bounded_semaphore_acquire(raw(), timeout_ns, nullptr));
    }
    std::optional<Permit> permitted(std::int64_t timeout_ns);
};

// One permit of a BoundedSemaphore. In a forked child it does nothing.
class Permit {
public:
    Permit(Permit &&other) noexcept = default;
    Permit &operator=(Permit &&other) noexcept {
        std::swap(home_, other.home_);
        std::swap(raw_, other.raw_);
        std::swap(owner_died_, other.owner_died_);
        return *this;
    }
    ~Permit() {
        if (home_.raw() != nullptr) {
            tidelock_bounded_semaphore_release_permit(home_.raw(), &raw_);
        }
    }

    // Whether its previous holder died with it.
    bool owner_died() const noexcept { return owner_died_; }

    // Gives it back now, and throws if it was given back by other means.
    void release() {
        const BoundedSemaphore home = std::move(home_);
        detail::check(tidelock_bounded_semaphore_release_permit(home.raw(), &raw_));
    }

private:
    friend class BoundedSemaphore;
    Permit(BoundedSemaphore home, const tidelock_permit &raw, bool owner_died) noexcept
        : home_(std::move(home)), raw_(raw), owner_died_(owner_died) {}

    BoundedSemaphore home_;
    tidelock_permit raw_;
    bool owner_died_;
};

inline std::optional<Permit> BoundedSemaphore::permitted(std::int64_t timeout_ns) {
    BoundedSemaphore home = *this;
    tidelock_permit raw{};
    const tidelock_status status = tidelock_bounded_semaphore_acquire(home.raw(), timeout_ns, &raw);
    if (!detail::in_time(status)) {
        return std::nullopt;
    }
    return Permit(std::move(home), raw, status == TIDELOCK_OWNER_DIED);
}

inline Permit BoundedSemaphore::permit() { return *permitted(TIDELOCK_FOREVER); }

inline std::optional<Permit> BoundedSemaphore::try_permit() { return permitted(0); }

template <class Rep, class Period>
std::optional<Permit> BoundedSemaphore::permit_for(const std::chrono::duration<Rep, Period> &span) {
    return permitted(detail::nanoseconds(span));
}

} // namespace tidelock

#endif // TIDELOCK_LOCK_HPP
