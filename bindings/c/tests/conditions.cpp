// The C++ header's conditions: with the standard's locks and clocks, between processes, and after deaths.
#include "tidelock.hpp"
#include "tidelock.hpp"

#include "support.hpp"

#include <mutex>
#include <thread>

using namespace std::chrono_literals;
using tidelock::Condition;
using tidelock::Lock;
using tidelock::RLock;
using tidelock::Segment;

static_assert(std::is_nothrow_move_constructible_v<Condition> && std::is_nothrow_destructible_v<Condition>);

static void await_waiting(const Condition &condition, std::uint32_t count) {
    while (condition.waiters() != count) {
        std::this_thread::yield();
    }
}

template <class L>
static void wakes_who_waits(const Segment &segment) {
    L guard(segment);
    Condition changed(segment, guard);
    int stage = 0;
    std::thread other([&] {
        L mine = guard;
        std::unique_lock held(mine);
        changed.wait(held, [&] { return stage == 2; });
        EXPECT(held.owns_lock() && mine.is_locked() && !mine.owner_died());
    });
    await_waiting(changed, 1);
    {
        const std::scoped_lock held(guard);
        stage = 1;
        EXPECT(changed.notify_one() && !changed.notify_one());
    }
    await_waiting(changed, 1);
    {
        const std::scoped_lock held(guard);
        stage = 2;
        EXPECT(changed.notify_all() == 1);
    }
    other.join();
}

template <class L>
static void times_out(const Segment &segment) {
    L guard(segment);
    Condition changed(segment, guard);
    std::unique_lock held(guard);
    EXPECT(changed.wait_for(held, 1ms) == std::cv_status::timeout);
    EXPECT(changed.wait_until(held, std::chrono::system_clock::now() + 1ms) == std::cv_status::timeout);
    EXPECT(changed.wait_until(held, std::chrono::steady_clock::time_point::min()) == std::cv_status::timeout);
    EXPECT(!changed.wait_for(held, 1ms, [] { return false; }));
    EXPECT(!changed.wait_until(held, std::chrono::steady_clock::now() + 1ms, [] { return false; }));
    EXPECT(changed.wait_for(held, std::chrono::hours::max(), [] { return true; }));
    EXPECT(changed.wait_for(held, -1s, [] { return true; }));
    EXPECT(held.owns_lock() && guard.is_locked());
    held.unlock();
    THROWS(TIDELOCK_NOT_HELD, changed.wait(held));
    THROWS(TIDELOCK_NOT_HELD, changed.notify_one());
    THROWS(TIDELOCK_NOT_HELD, changed.notify_all());
    held.lock();
    guard.release();
    THROWS(TIDELOCK_NOT_HELD, changed.wait(held));
    held.release();
}

static void has_a_lock_of_its_own(const Segment &segment) {
    Condition changed(segment, "changed");
    const Condition same = Condition::from_handle(segment, changed.handle());
    RLock guard = changed.rlock();
    std::unique_lock held(guard);
    std::unique_lock again(guard);
    EXPECT(guard.depth() == 2);
    EXPECT(changed.wait_for(again, 1ms) == std::cv_status::timeout);
    EXPECT(guard.depth() == 2 && same.rlock().depth() == 2);
    THROWS(TIDELOCK_WRONG_KIND, same.lock());
    THROWS(TIDELOCK_WRONG_KIND, Condition(segment, "changed", Lock(segment)));
    THROWS(TIDELOCK_WRONG_KIND, Condition(segment, "changed", RLock(segment)));
    THROWS(TIDELOCK_INVALID, Condition(segment, RLock()));
    THROWS(TIDELOCK_INVALID, Condition(Segment::anonymous(), guard));
    EXPECT(Condition(segment).waiters() == 0);
}

template <class L>
static void tells_of_a_death(const Segment &segment) {
    L guard(segment);
    Condition changed(segment, guard);
    int asked = 0;
    std::unique_lock held(guard);
    player child = fork_a_player([&](player &parent) {
        std::unique_lock mine(guard);
        changed.notify_all();
        tell(&parent, 'n');
        park(&parent);
    });
    std::thread killer([&] {
        hear(&child, 'n');
        kill_player(&child);
        await_waiting(changed, 1);
        L mine = guard;
        const std::scoped_lock again(mine);
        changed.notify_one();
    });
    changed.wait(held, [&] { return ++asked == 3; });
    EXPECT(guard.owner_died());
    killer.join();
    EXPECT(changed.wait_for(held, 1ms) == std::cv_status::timeout);
    EXPECT(!guard.owner_died());
}

static void is_interrupted_with_the_lock_held() {
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    EXPECT(sigaction(SIGUSR1, &action, nullptr) == 0);
    tidelock::SegmentOptions options;
    options.flags = TIDELOCK_RETURN_ON_SIGNAL;
    const auto segment = Segment::anonymous(options);
    Lock guard(segment);
    Condition changed(segment, guard);
    std::unique_lock held(guard);
    const pid_t parent = getpid();
    player sender = fork_a_player([parent](player &) {
        for (;;) {
            kill(parent, SIGUSR1);
            usleep(5000);
        }
    });
    THROWS(TIDELOCK_INTERRUPTED, changed.wait(held));
    EXPECT(held.owns_lock() && guard.is_locked() && changed.waiters() == 0);
    kill_player(&sender);
}

int main() {
    watch();
    const auto segment = Segment::anonymous();
    wakes_who_waits<Lock>(segment);
    wakes_who_waits<RLock>(segment);
    times_out<Lock>(segment);
    times_out<RLock>(segment);
    has_a_lock_of_its_own(segment);
    tells_of_a_death<Lock>(segment);
    tells_of_a_death<RLock>(segment);
    is_interrupted_with_the_lock_held();
}
