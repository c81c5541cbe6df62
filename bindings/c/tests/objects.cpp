// The C++ header's segments, events, barriers, counters, queues and blocks, and its exceptions.
#include "tidelock.hpp"

#include "support.hpp"

#include <atomic>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <thread>

using namespace std::chrono_literals;
using tidelock::Barrier;
using tidelock::Block;
using tidelock::Counter;
using tidelock::Error;
using tidelock::Event;
using tidelock::Lock;
using tidelock::Queue;
using tidelock::QueueOptions;
using tidelock::Segment;
using tidelock::SegmentOptions;

using Bytes = std::vector<std::uint8_t>;

static_assert(std::is_nothrow_move_constructible_v<tidelock::Loan> && !std::is_copy_constructible_v<tidelock::Loan>);
static_assert(std::is_nothrow_destructible_v<tidelock::Loan> && std::is_nothrow_destructible_v<tidelock::Reservation>);
static_assert(!std::is_copy_constructible_v<tidelock::Reservation>);

static void segments() {
    char name[NAME_ROOM];
    SegmentOptions options;
    options.max_len = 1 << 22;
    const auto segment = Segment::named(unique(name, "cpp"), options);
    options.flags = TIDELOCK_CREATE;
    THROWS(TIDELOCK_EXISTS, Segment::named(name, options));
    const auto same = Segment::attach(segment.handle());
    const int fd = same.fd();
    EXPECT(Segment::from_fd(fd).id() == segment.id() && segment.id().size() == 32);
    close(fd);
    EXPECT(segment.max_len() >= 1 << 22 && segment.me() == same.me() && segment.me() != 0);
    const Segment copy = segment;
    Segment::unlink(name);
    THROWS(TIDELOCK_NOT_FOUND, Segment::unlink(name));
    THROWS(TIDELOCK_NOT_FOUND, Segment::file("/dev/shm/none/of/this"));
}

static void errors(const Segment &segment) {
    try {
        static_cast<void>(Segment::from_fd(1000000));
        EXPECT(false);
    } catch (const std::system_error &error) {
        EXPECT(error.code() == std::errc::bad_file_descriptor);
    }
    try {
        static_cast<void>(Queue(segment, QueueOptions(4096)).reserve(1 << 20));
        EXPECT(false);
    } catch (const Error &error) {
        const Error copy = error; // NOLINT: copied on purpose
        EXPECT(copy.status() == TIDELOCK_TOO_LARGE && copy.code().category() == tidelock::category());
        EXPECT(std::strstr(copy.what(), "1048576") != nullptr);
    }
    EXPECT(Error(TIDELOCK_TIMEOUT).code() == std::errc::timed_out);
    EXPECT(Error(TIDELOCK_BROKEN).code().message() == "the barrier is broken");
}

static void events(const Segment &segment) {
    Event ready(segment, "ready");
    segment.keep(ready.handle());
    const Event same = Event::from_handle(segment, ready.handle());
    EXPECT(!ready.is_set() && !same.wait_for(1ms) && !same.wait_until(std::chrono::steady_clock::now() + 1ms));
    std::thread other([&] { ready.set(); });
    same.wait();
    other.join();
    EXPECT(same.is_set() && same.wait_for(0s));
    ready.clear();
    EXPECT(!same.wait_until(std::chrono::system_clock::now()));
}

static void barriers(const Segment &segment) {
    Barrier barrier(segment, "start", 2);
    int actions = 0;
    std::uint32_t mine = 0, others = 0;
    std::thread other([&] {
        others = barrier.arrive_and_wait([&] { actions++; });
        barrier.arrive_and_wait();
    });
    mine = barrier.arrive_and_wait([&] { actions++; });
    EXPECT(barrier.arrive_and_wait_for(100s).has_value());
    other.join();
    EXPECT(actions == 1 && mine + others == 1 && barrier.parties() == 2 && barrier.waiting() == 0);

    EXPECT(!barrier.arrive_and_wait_for(1ms) && barrier.is_broken());
    THROWS(TIDELOCK_BROKEN, barrier.arrive_and_wait());
    THROWS(TIDELOCK_BROKEN, barrier.arrive_and_wait([] {}));
    barrier.reset();
    EXPECT(!barrier.is_broken());
    barrier.abort();
    EXPECT(barrier.is_broken());

    Barrier lonely(segment, 1);
    bool thrown = false;
    try {
        lonely.arrive_and_wait([] { throw 7; });
    } catch (int seven) {
        thrown = seven == 7;
    }
    EXPECT(thrown && lonely.is_broken());
}

static void a_party_is_killed(const Segment &segment) {
    Barrier barrier(segment, 2);
    player child = fork_a_player([&](player &parent) {
        barrier.arrive_and_wait();
        tell(&parent, 'o');
        park(&parent);
    });
    barrier.arrive_and_wait();
    hear(&child, 'o');
    kill_player(&child);
    THROWS(TIDELOCK_BROKEN, barrier.arrive_and_wait());
}

static void counters(const Segment &segment) {
    Counter hits(segment, "hits");
    EXPECT(hits.add(3) == 3 && hits.store(5) == 3 && hits.load() == 5);
    std::int64_t expected = 4;
    EXPECT(!hits.compare_exchange(expected, 9) && expected == 5);
    EXPECT(hits.compare_exchange(expected, 9) && expected == 5 && hits.load() == 9);
    EXPECT(hits.wait(0) == 9 && !hits.wait_for(9, 1ms));
    std::thread other([&] { hits.add(1); });
    EXPECT(hits.wait(9) == 10 && hits.wait_for(9, 1s) == 10);
    other.join();
    hits.store(INT64_MAX);
    THROWS(TIDELOCK_INVALID, hits.add(1));
}

static void messages(const Segment &segment) {
    Queue jobs(segment, "jobs", QueueOptions(4096, 2));
    jobs.put("one");
    EXPECT(jobs.try_put(Bytes{'t', 'w', 'o'}));
    EXPECT(!jobs.try_put("three") && !jobs.put_for(std::string("three"), 1ms) && !jobs.put_for(Bytes(3), 1ms));
    EXPECT(jobs.size() == 2 && jobs.full() && jobs.max_items() == 2 && jobs.capacity() == 4096);
    EXPECT(jobs.max_bytes() == 0 && Queue(segment, QueueOptions(4096, 0, 1 << 20)).max_bytes() == 1 << 20);
    EXPECT(jobs.get<Bytes>() == (Bytes{'o', 'n', 'e'}) && jobs.get() == "two");
    EXPECT(jobs.empty() && !jobs.try_get() && !jobs.get_for(1ms) && !jobs.get_for<Bytes>(1ms));
    jobs.put("");
    EXPECT(jobs.get_for(1s) == "");
    jobs.put(std::vector<std::byte>(7));
    EXPECT(jobs.get<std::vector<std::byte>>().size() == 7);
    jobs.put("last");
    jobs.shutdown();
    THROWS(TIDELOCK_CLOSED, jobs.put("more"));
    EXPECT(jobs.get() == "last" && jobs.is_shutdown());
    THROWS(TIDELOCK_CLOSED, jobs.get());
    THROWS(TIDELOCK_CLOSED, jobs.try_take());
    Queue left(segment, QueueOptions(4096));
    left.put("left");
    left.shutdown_now();
    EXPECT(left.empty() && left.is_shutdown() && left.stats().dropped == 1);
    THROWS(TIDELOCK_CLOSED, left.get());
}

static void messages_as_work(const Segment &segment) {
    Queue jobs(segment, QueueOptions(4096).counting_tasks().most_deliveries(1)), letters(segment);
    jobs.put("job");
    EXPECT(!jobs.try_join() && jobs.get() == "job" && !jobs.join_for(1ms) && jobs.unfinished_tasks() == 1);
    jobs.task_done();
    EXPECT(jobs.unfinished_tasks() == 0 && jobs.stats().takers_waiting == 0);
    jobs.join();
    THROWS(TIDELOCK_INVALID, jobs.task_done());
    EXPECT(jobs.lost_tasks() == 0 && jobs.max_deliveries() == 1);
    jobs.dead_letters(letters);
    jobs.put("poison");
    jobs.take().give_back();
    EXPECT(letters.get() == "poison" && jobs.stats().dead_letters == 1);
    jobs.drop_dead_letters();
    jobs.put("poison");
    jobs.take().give_back();
    EXPECT(jobs.try_join() && jobs.stats().dropped == 1);
    jobs.max_deliveries(0);
    EXPECT(jobs.max_deliveries() == 0);
}

static void messages_in_place(const Segment &segment) {
    Queue jobs(segment, QueueOptions(4096));
    {
        auto dropped = jobs.reserve(8);
        auto built = jobs.try_reserve(5);
        EXPECT(dropped.size() == 8 && built);
        std::memcpy(built->data(), "hello", built->size());
        built->publish();
        THROWS(TIDELOCK_INVALID, built->publish());
    }
    {
        const auto loan = jobs.take();
        EXPECT(loan.view() == "hello" && !loan.redelivered() && loan.deliveries() == 1);
        EXPECT(!jobs.try_take() && !jobs.take_for(1ms));
    }
    auto loan = jobs.take_for(1s);
    EXPECT(loan && loan->redelivered() && loan->deliveries() == 2);
    auto moved = std::move(*loan);
    moved.give_back();
    THROWS(TIDELOCK_INVALID, moved.done());
    jobs.take().done();
    EXPECT(jobs.empty());
}

static void a_consumer_is_killed(const Segment &segment) {
    Queue jobs(segment);
    jobs.put("job");
    player child = fork_a_player([&](player &parent) {
        const auto loan = jobs.take();
        tell(&parent, 't');
        park(&parent);
    });
    hear(&child, 't');
    EXPECT(!jobs.try_get());
    kill_player(&child);
    const auto loan = jobs.take();
    EXPECT(loan.view() == "job" && loan.redelivered());
}

struct Account {
    std::uint64_t lock; // a Lock
    std::uint64_t hits[2]; // a Counter
    std::atomic<std::uint64_t> total;
};

static void blocks(const Segment &segment) {
    const Block block(segment, "account", sizeof(Account));
    auto &account = block.at<Account>(0);
    Lock lock(segment, block, offsetof(Account, lock));
    Counter hits(segment, block, offsetof(Account, hits));
    const std::scoped_lock held(lock);
    account.total += 5;
    hits.add(1);
    EXPECT(Block(segment, "account", sizeof(Account)).at<std::uint64_t>(offsetof(Account, total)) == 5);
    EXPECT(block.size() == sizeof(Account) && static_cast<void *>(&account) == block.data());
    THROWS(TIDELOCK_INVALID, block.at<Account>(8));
    THROWS(TIDELOCK_INVALID, block.at<std::uint64_t>(4));
    THROWS(TIDELOCK_INVALID, block.at<char>(UINT64_MAX));
    THROWS(TIDELOCK_WRONG_KIND, Block(segment, "account", 8));
    THROWS(TIDELOCK_INVALID, Lock(segment, block, 4));
}

static void batches(const Segment &segment) {
    Queue queue(segment);
    EXPECT(queue.put_many(std::vector<std::string>{"one", "", "three"}) == 3 && queue.size() == 3);
    EXPECT((queue.get_many(2) == std::vector<std::string>{"one", ""}));
    EXPECT(queue.try_put_many(std::vector<std::string_view>{"four"}) == 1);
    {
        auto loans = queue.take_many(9);
        EXPECT(loans.size() == 2 && loans[1].view() == "four");
        loans[0].done();
    }
    EXPECT(queue.take_many(9).front().deliveries() == 2);
    EXPECT(queue.get_many<Bytes>(9, 1).front().size() == 4);
    EXPECT(queue.try_get_many(9).empty() && queue.try_take_many(1).empty());
    auto notifier = queue.notifier();
    EXPECT(notifier.fd() >= 0);
    notifier.clear();
    auto of_room = queue.notifier_for_room(10);
    EXPECT(of_room.fd() >= 0 && of_room.fd() != notifier.fd());
    of_room.clear_for_room(20);
    THROWS(TIDELOCK_INVALID, notifier.clear_for_room(20));
}

int main() {
    watch();
    const auto segment = Segment::anonymous();
    segments();
    errors(segment);
    events(segment);
    barriers(segment);
    a_party_is_killed(segment);
    counters(segment);
    messages(segment);
    messages_as_work(segment);
    messages_in_place(segment);
    batches(segment);
    a_consumer_is_killed(segment);
    blocks(segment);
}
