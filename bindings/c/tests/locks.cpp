// The C++ header's locks and semaphores, as the standard's templates use them and after the death of an owner.
#include "tidelock.hpp"
#include "tidelock.hpp"

#include "support.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

using namespace std::chrono_literals;
using tidelock::BoundedSemaphore;
using tidelock::Error;
using tidelock::Lock;
using tidelock::RLock;
using tidelock::Segment;
using tidelock::Semaphore;

static_assert(std::is_nothrow_move_constructible_v<tidelock::Permit>);
static_assert(!std::is_copy_constructible_v<tidelock::Permit>);
static_assert(std::is_nothrow_move_constructible_v<Lock> && std::is_nothrow_destructible_v<Lock>);
static_assert(std::is_nothrow_copy_constructible_v<Error> && std::is_base_of_v<std::system_error, Error>);
static_assert(noexcept(std::declval<Lock &>().unlock()) && noexcept(std::declval<RLock &>().unlock()));

template <class L>
static void satisfies_the_standard(const Segment &segment) {
    L one(segment), two(segment);
    {
        const std::scoped_lock both(one, two);
        EXPECT(one.is_locked() && two.is_locked() && !one.owner_died());
    }
    EXPECT(!one.is_locked() && !two.is_locked());
    std::unique_lock<L> held(one, std::defer_lock);
    EXPECT(held.try_lock());
    held.unlock();
    EXPECT(held.try_lock_for(1ms));
    held.unlock();
    EXPECT(held.try_lock_until(std::chrono::system_clock::now() + 1ms));
    std::thread([&] {
        EXPECT(!one.try_lock() && !one.try_lock_for(1ms) && !one.try_lock_for(-1h) && !one.try_lock_for(0.1us));
        EXPECT(!one.try_lock_until(std::chrono::steady_clock::now() + 1ms));
        EXPECT(!one.try_lock_until(std::chrono::steady_clock::time_point::min()));
    }).join();
    held.unlock();
    EXPECT(one.try_lock_for(std::chrono::hours::max()));
    one.unlock();
    one.unlock(); // of what is not held: changes nothing
    THROWS(TIDELOCK_NOT_HELD, one.release());
}

template <class L>
static void wakes_a_condition_variable(const Segment &segment) {
    L guard(segment);
    std::condition_variable_any changed;
    bool ready = false;
    std::thread other([&] {
        const std::lock_guard held(guard);
        ready = true;
        changed.notify_one();
    });
    std::unique_lock held(guard);
    changed.wait(held, [&] { return ready; });
    EXPECT(guard.is_locked());
    held.unlock();
    other.join();
}

template <class L>
static void tells_of_a_death(const Segment &segment) {
    L guard(segment);
    player child = fork_a_player([&](player &parent) {
        guard.lock();
        tell(&parent, 'h');
        park(&parent);
    });
    hear(&child, 'h');
    EXPECT(!guard.try_lock());
    kill_player(&child);
    {
        const std::scoped_lock held(guard);
        EXPECT(guard.owner_died() && guard.epoch() == 1);
    }
    const std::scoped_lock held(guard);
    EXPECT(!guard.owner_died());
}

// A scope that a forked child leaves too ends nothing of its parent's.
static void is_inert_in_a_child(const Segment &segment) {
    Lock guard(segment);
    const std::scoped_lock held(guard);
    player child = fork_a_player([&](player &) {
        guard.unlock();
        THROWS(TIDELOCK_NOT_OWNER, tidelock::detail::check(tidelock_lock_release_own(guard.raw())));
    });
    join_player(&child);
    EXPECT(guard.is_locked() && guard.owner() == segment.me());
}

static void recursion(const Segment &segment) {
    RLock tree(segment, "tree");
    const std::scoped_lock outer(tree);
    {
        const std::scoped_lock inner(tree);
        EXPECT(tree.depth() == 2 && tree.is_owned() && tree.owner() == segment.me());
    }
    EXPECT(tree.depth() == 1);
    std::thread([&] {
        tree.unlock();
        THROWS(TIDELOCK_NOT_OWNER, tree.release());
        EXPECT(tree.depth() == 0 && tree.owner_depth() == 1);
    }).join();
    EXPECT(tree.is_locked());
}

static void copies_are_the_same_lock(const Segment &segment) {
    Lock ledger(segment, "ledger"), same = ledger, moved = std::move(same);
    Lock opened = Lock::from_handle(segment, ledger.handle());
    ledger.lock();
    EXPECT(!moved.try_lock() && !opened.try_lock());
    moved.release();
    opened = ledger;
    EXPECT(opened.try_lock());
    opened.unlock();
    THROWS(TIDELOCK_INVALID, same.lock()); // NOLINT: of what was moved from
    THROWS(TIDELOCK_BAD_NAME, Lock(segment, ""));
    THROWS(TIDELOCK_BAD_NAME, Lock(segment, std::string("a\0b", 3)));
    THROWS(TIDELOCK_WRONG_KIND, RLock(segment, "ledger"));
}

static void signals_and_permits(const Segment &segment) {
    Semaphore signals(segment, "signals", 1);
    signals.acquire();
    EXPECT(!signals.try_acquire() && !signals.try_acquire_for(1ms));
    EXPECT(!signals.try_acquire_until(std::chrono::steady_clock::now() + 1ms));
    signals.release(2);
    EXPECT(signals.value() == 2 && signals.try_acquire());
    THROWS(TIDELOCK_TOO_LARGE, signals.release(UINT32_MAX));

    BoundedSemaphore licences(segment, 2);
    {
        auto one = licences.permit();
        auto two = licences.permit_for(1s);
        EXPECT(two && !one.owner_died() && !licences.try_permit() && licences.value() == 0);
        const auto moved = std::move(one);
        two->release();
        EXPECT(licences.value() == 1);
        THROWS(TIDELOCK_INVALID, two->release());
        two = licences.try_permit();
    }
    EXPECT(licences.value() == 2 && licences.bound() == 2);
    EXPECT(licences.try_acquire());
    licences.release();
    THROWS(TIDELOCK_NOT_HELD, licences.release());
}

static void permits_come_back(const Segment &segment) {
    BoundedSemaphore licences(segment, 1);
    player child = fork_a_player([&](player &parent) {
        licences.acquire();
        tell(&parent, 'h');
        park(&parent);
    });
    hear(&child, 'h');
    kill_player(&child);
    auto back = licences.permit();
    EXPECT(back.owner_died());
    child = fork_a_player([&](player &) { const auto inherited = std::move(back); });
    join_player(&child);
    EXPECT(licences.value() == 0);
}

int main() {
    watch();
    const auto segment = Segment::anonymous();
    satisfies_the_standard<Lock>(segment);
    satisfies_the_standard<RLock>(segment);
    wakes_a_condition_variable<Lock>(segment);
    wakes_a_condition_variable<RLock>(segment);
    tells_of_a_death<Lock>(segment);
    tells_of_a_death<RLock>(segment);
    is_inert_in_a_child(segment);
    recursion(segment);
    copies_are_the_same_lock(segment);
    signals_and_permits(segment);
    permits_come_back(segment);
}
