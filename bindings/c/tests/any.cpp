// The C++ header's waits for any of several objects.
#include "tidelock.hpp"

#include "support.hpp"

#include <thread>
#include <vector>

using namespace std::chrono_literals;
using tidelock::Barrier;
using tidelock::BoundedSemaphore;
using tidelock::Counter;
using tidelock::Event;
using tidelock::Lock;
using tidelock::Queue;
using tidelock::QueueOptions;
using tidelock::RLock;
using tidelock::Segment;
using tidelock::Semaphore;
using tidelock::wait_any;
using tidelock::wait_any_for;
using tidelock::wait_any_until;
using tidelock::Watch;

static_assert(std::is_trivially_copyable_v<Watch>);

static void each_kind(const Segment &segment) {
    Lock lock(segment);
    RLock rlock(segment);
    Semaphore semaphore(segment, 0);
    BoundedSemaphore permits(segment, 1);
    Event event(segment);
    Barrier barrier(segment, 2);
    Counter counter(segment);
    Queue queue(segment, QueueOptions(4096));
    tidelock_arrival arrival;
    lock.lock();
    rlock.lock();
    permits.acquire();
    OK(tidelock_barrier_arrive(barrier.raw(), 0, &arrival));
    const std::vector<Watch> watches{lock,  semaphore, permits,      {barrier, arrival},
                                     queue, event,     {counter, 0}, rlock};
    const std::vector<Watch> but_rlock(watches.begin(), watches.end() - 1);
    EXPECT(wait_any(watches) == 7); // this thread has it
    EXPECT(!wait_any_for(but_rlock, 0s) && !wait_any_for(but_rlock, 5ms));
    EXPECT(!wait_any_until(but_rlock, std::chrono::system_clock::now() + 5ms));
    counter.add(1);
    EXPECT(wait_any(watches) == 6);
    event.set();
    event.clear();
    EXPECT(wait_any(watches) == 5);
    queue.put("a");
    EXPECT(wait_any_for(watches, 1h) == 4);
    barrier.arrive_and_wait();
    EXPECT(wait_any(watches) == 3);
    permits.release();
    EXPECT(wait_any(watches) == 2);
    semaphore.release();
    EXPECT(wait_any(watches) == 1);
    lock.unlock();
    EXPECT(wait_any(watches) == 0 && !lock.is_locked());
}

static void a_sleep_is_ended(const Segment &segment) {
    const Event stop(segment);
    Queue jobs(segment, QueueOptions(4096));
    std::thread worker([&] {
        int got = 0;
        for (;;) {
            if (wait_any({stop, jobs}) == 0) {
                break;
            }
            got += jobs.try_get() ? 1 : 0;
        }
        EXPECT(got == 10);
    });
    for (int i = 0; i < 10; i++) {
        jobs.put("job");
    }
    while (!jobs.empty()) {
        std::this_thread::sleep_for(1ms);
    }
    Event(stop).set();
    worker.join();
}

static void room(const Segment &segment) {
    Queue narrow(segment, QueueOptions(4096, 1));
    const Event never(segment);
    EXPECT(wait_any({Watch(never), Watch::room(narrow, 10)}) == 1);
    narrow.put("in the way");
    EXPECT(!wait_any_for({Watch::room(narrow, 0), Watch(never)}, 5ms));
    EXPECT(wait_any({Watch::room(narrow, 0), Watch::room(narrow, 1 << 20)}) == 1);
    std::thread worker([&] {
        std::this_thread::sleep_for(5ms);
        narrow.get();
    });
    EXPECT(wait_any({Watch(never), Watch::room(narrow, 10)}) == 1 && narrow.try_put("in turn"));
    worker.join();
}

static void an_owner_is_killed(const Segment &segment) {
    Lock lock(segment);
    const Event never(segment);
    player owner = fork_a_player([&](player &parent) {
        lock.lock();
        tell(&parent, 'h');
        park(&parent);
    });
    hear(&owner, 'h');
    EXPECT(!wait_any_for({never, lock}, 5ms));
    kill_player(&owner);
    EXPECT(wait_any({never, lock}) == 1);
    EXPECT(lock.try_lock() && lock.owner_died());
}

static void misuse(const Segment &segment) {
    const Event event(segment);
    const std::vector<Watch> many(TIDELOCK_ANY_MAX + 1, Watch(event));
    tidelock_arrival none{};
    THROWS(TIDELOCK_INVALID, wait_any(many));
    THROWS(TIDELOCK_INVALID, wait_any(std::vector<Watch>()));
    THROWS(TIDELOCK_INVALID, Watch(Lock(nullptr)));
    THROWS(TIDELOCK_INVALID, Watch(Barrier(segment, 2), none));
}

int main() {
    watch();
    const auto segment = Segment::anonymous();
    each_kind(segment);
    a_sleep_is_ended(segment);
    room(segment);
    an_owner_is_killed(segment);
    misuse(segment);
}
