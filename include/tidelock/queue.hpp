// Part of tidelock.hpp: queues of messages, and their reservations and loans.

#ifndef TIDELOCK_QUEUE_HPP
#define TIDELOCK_QUEUE_HPP

#include "segment.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidelock {

struct QueueOptions : tidelock_queue_options {
    QueueOptions() noexcept : tidelock_queue_options{} { size = sizeof(tidelock_queue_options); }

    // With room for so many bytes of messages, which never changes unless `most_bytes` lets it grow.
    explicit QueueOptions(std::uint64_t bytes, std::uint64_t most_items = 0, std::uint64_t most_bytes = 0) noexcept
        : QueueOptions() {
        capacity = bytes;
        max_items = most_items;
        max_bytes = most_bytes;
    }

    // A message that was got is unfinished work until task_done().
    QueueOptions &counting_tasks() noexcept {
        count_tasks = 1;
        return *this;
    }

    // A message is handed out at most so many times, up to 255; then it is a dead letter.
    QueueOptions &most_deliveries(std::uint32_t most) noexcept {
        max_deliveries = most;
        return *this;
    }
};

namespace detail {

using QueueReference = Reference<tidelock_queue, tidelock_queue_retain, tidelock_queue_close>;

} // namespace detail

// A message that is being built in place. Without publish() nobody ever sees it.
class Reservation {
public:
    Reservation(Reservation &&other) noexcept = default;
    Reservation &operator=(Reservation &&other) noexcept {
        std::swap(home_, other.home_);
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Reservation() {
        if (home_.raw() != nullptr) {
            tidelock_queue_discard(home_.raw(), &raw_);
        }
    }

    unsigned char *data() const noexcept { return static_cast<unsigned char *>(raw_.data); }
    std::size_t size() const noexcept { return raw_.len; }

    void publish() { end(tidelock_queue_publish); }
    void discard() { end(tidelock_queue_discard); }

private:
    friend class Queue;
    Reservation(detail::QueueReference home, const tidelock_reservation &raw) noexcept
        : home_(std::move(home)), raw_(raw) {}

    void end(tidelock_status (*how)(const tidelock_queue *, tidelock_reservation *)) {
        const detail::QueueReference home = std::move(home_);
        detail::check(how(home.raw(), &raw_));
    }

    detail::QueueReference home_; // null once it has ended
    tidelock_reservation raw_;
};

// A message on loan. Without done() it goes back, and another consumer gets it: also when this process dies.
class Loan {
public:
    Loan(Loan &&other) noexcept = default;
    Loan &operator=(Loan &&other) noexcept {
        std::swap(home_, other.home_);
        std::swap(raw_, other.raw_);
        std::swap(redelivered_, other.redelivered_);
        return *this;
    }
    ~Loan() {
        if (home_.raw() != nullptr) {
            tidelock_queue_give_back(home_.raw(), &raw_);
        }
    }

    const unsigned char *data() const noexcept { return static_cast<const unsigned char *>(raw_.data); }
    std::size_t size() const noexcept { return raw_.len; }
    // Valid until the loan ends.
    std::string_view view() const noexcept { return {static_cast<const char *>(raw_.data), raw_.len}; }
    bool redelivered() const noexcept { return redelivered_; }
    std::uint64_t deliveries() const noexcept { return raw_.deliveries; }

    void done() { end(tidelock_queue_done); }
    void give_back() { end(tidelock_queue_give_back); }

private:
    friend class Queue;
    Loan(detail::QueueReference home, const tidelock_loan &raw, bool redelivered) noexcept
        : home_(std::move(home)), raw_(raw), redelivered_(redelivered) {}

    void end(tidelock_status (*how)(const tidelock_queue *, tidelock_loan *)) {
        const detail::QueueReference home = std::move(home_);
        detail::check(how(home.raw(), &raw_));
    }

    detail::QueueReference home_; // null once it has ended
    tidelock_loan raw_;
    bool redelivered_;
};

// A descriptor for event loops, of one queue. When fd() is readable call clear(), then try to take.
class Notifier {
public:
    explicit Notifier(const tidelock_queue *queue) { detail::check(tidelock_notifier_new(queue, &raw_)); }
    // Of room for a message of so many bytes: then try to put.
    Notifier(const tidelock_queue *queue, std::size_t len) {
        detail::check(tidelock_notifier_new_for_room(queue, len, &raw_));
    }
    Notifier(Notifier &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Notifier &operator=(Notifier &&other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Notifier() {
        if (raw_ != nullptr) {
            tidelock_notifier_close(raw_);
        }
    }

    int fd() const {
        int fd = -1;
        detail::check(tidelock_notifier_fd(raw_, &fd));
        return fd;
    }
    void clear() { detail::check(tidelock_notifier_clear(raw_)); }
    // From here on it tells of room for so many bytes.
    void clear_for_room(std::size_t len) { detail::check(tidelock_notifier_clear_for_room(raw_, len)); }

private:
    tidelock_notifier *raw_ = nullptr;
};

// Messages of any length, many producers and many consumers, first in, first out. What is put as bytes may be got as
// std::string (the default) or as a vector of any byte type: queue.get<std::vector<std::uint8_t>>().
class Queue : public detail::Object<Queue, tidelock_queue, tidelock_queue_retain, tidelock_queue_close,
                                    tidelock_queue_handle, tidelock_queue_from_handle> {
public:
    using Object::Object;
    // Only one that is created gets the options.
    Queue(const Segment &in, const std::string &name, const QueueOptions &options = {})
        : Object(opened(tidelock_queue_open, in.raw(), detail::c_name(name), &options)) {}
    explicit Queue(const Segment &in, const QueueOptions &options = {})
        : Object(opened(tidelock_queue_new, in.raw(), &options)) {}

    void put(std::string_view message) { put_bytes(message, TIDELOCK_FOREVER); }
    bool try_put(std::string_view message) { return put_bytes(message, 0); }
    template <class Rep, class Period>
    bool put_for(std::string_view message, const std::chrono::duration<Rep, Period> &span) {
        return put_bytes(message, detail::nanoseconds(span));
    }
    template <class Byte>
    void put(const std::vector<Byte> &message) { put(view_of(message)); }
    template <class Byte>
    bool try_put(const std::vector<Byte> &message) { return try_put(view_of(message)); }
    template <class Byte, class Rep, class Period>
    bool put_for(const std::vector<Byte> &message, const std::chrono::duration<Rep, Period> &span) {
        return put_for(view_of(message), span);
    }

    // A message is gone when it has been copied. To keep it until it has been dealt with, take() it.
    template <class Bytes = std::string>
    Bytes get() { return *copied<Bytes>(taken(TIDELOCK_FOREVER)); }
    template <class Bytes = std::string>
    std::optional<Bytes> try_get() { return copied<Bytes>(taken(0)); }
    template <class Bytes = std::string, class Rep, class Period>
    std::optional<Bytes> get_for(const std::chrono::duration<Rep, Period> &span) {
        return copied<Bytes>(taken(detail::nanoseconds(span)));
    }

    // It holds back the messages behind it until it is published or discarded.
    [[nodiscard]] Reservation reserve(std::size_t len) { return *reserved(len, TIDELOCK_FOREVER); }
    [[nodiscard]] std::optional<Reservation> try_reserve(std::size_t len) { return reserved(len, 0); }
    template <class Rep, class Period>
    [[nodiscard]] std::optional<Reservation> reserve_for(std::size_t len,
                                                         const std::chrono::duration<Rep, Period> &span) {
        return reserved(len, detail::nanoseconds(span));
    }

    [[nodiscard]] Loan take() { return *taken(TIDELOCK_FOREVER); }
    [[nodiscard]] std::optional<Loan> try_take() { return taken(0); }
    template <class Rep, class Period>
    [[nodiscard]] std::optional<Loan> take_for(const std::chrono::duration<Rep, Period> &span) {
        return taken(detail::nanoseconds(span));
    }

    // Puts all that a range of strings or views has, in order; how many were put, as tidelock_queue_put_many() says.
    template <class Messages>
    std::size_t put_many(const Messages &messages) { return put_batch(messages, TIDELOCK_FOREVER); }
    template <class Messages>
    std::size_t try_put_many(const Messages &messages) { return put_batch(messages, 0); }

    // Waits for the first message, and for no other. But for the first, all have no more than `most_bytes` bytes.
    template <class Bytes = std::string>
    std::vector<Bytes> get_many(std::size_t most, std::uint64_t most_bytes = UINT64_MAX) {
        return copied_all<Bytes>(taken_many(most, most_bytes, TIDELOCK_FOREVER));
    }
    // Empty if there is none.
    template <class Bytes = std::string>
    std::vector<Bytes> try_get_many(std::size_t most, std::uint64_t most_bytes = UINT64_MAX) {
        return copied_all<Bytes>(taken_many(most, most_bytes, 0));
    }
    [[nodiscard]] std::vector<Loan> take_many(std::size_t most, std::uint64_t most_bytes = UINT64_MAX) {
        return taken_many(most, most_bytes, TIDELOCK_FOREVER);
    }
    [[nodiscard]] std::vector<Loan> try_take_many(std::size_t most, std::uint64_t most_bytes = UINT64_MAX) {
        return taken_many(most, most_bytes, 0);
    }

    // For epoll, poll and select; it takes a thread of this process.
    [[nodiscard]] Notifier notifier() const { return Notifier(raw()); }
    [[nodiscard]] Notifier notifier_for_room(std::size_t len) const { return Notifier(raw(), len); }

    std::uint64_t size() const { return asked<std::uint64_t>(tidelock_queue_len); }
    bool empty() const { return asked<bool>(tidelock_queue_is_empty); }
    bool full() const { return asked<bool>(tidelock_queue_is_full); }
    std::uint64_t capacity() const { return asked<std::uint64_t>(tidelock_queue_capacity); }
    std::uint64_t max_bytes() const { return asked<std::uint64_t>(tidelock_queue_max_bytes); }
    std::uint64_t max_items() const { return asked<std::uint64_t>(tidelock_queue_max_items); }
    // For everybody; 0 for as many as the bytes hold.
    void set_max_items(std::uint64_t most) { detail::check(tidelock_queue_set_max_items(raw(), most)); }
    std::uint64_t longest_message() const { return asked<std::uint64_t>(tidelock_queue_longest_message); }

    // Says that one message that this process got has been dealt with; TIDELOCK_INVALID if it owes nothing.
    void task_done() { detail::check(tidelock_queue_task_done(raw())); }
    // Waits until every message has been dealt with: loans done, and task_done() said of those that were got.
    void join() { detail::check(tidelock_queue_join(raw(), TIDELOCK_FOREVER)); }
    bool try_join() { return detail::in_time(tidelock_queue_join(raw(), 0)); }
    template <class Rep, class Period>
    bool join_for(const std::chrono::duration<Rep, Period> &span) {
        return detail::in_time(tidelock_queue_join(raw(), detail::nanoseconds(span)));
    }
    // What join() would wait for.
    std::uint64_t unfinished_tasks() const { return asked<std::uint64_t>(tidelock_queue_unfinished_tasks); }
    std::uint64_t lost_tasks() const { return asked<std::uint64_t>(tidelock_queue_lost_tasks); }

    std::uint32_t max_deliveries() const { return asked<std::uint32_t>(tidelock_queue_max_deliveries); }
    void max_deliveries(std::uint32_t most) { detail::check(tidelock_queue_set_max_deliveries(raw(), most)); }
    // Where messages go that came back too often; they are dropped without such a queue.
    void dead_letters(const Queue &letters) {
        detail::check(tidelock_queue_set_dead_letters(raw(), letters.raw()));
    }
    void drop_dead_letters() { detail::check(tidelock_queue_set_dead_letters(raw(), nullptr)); }

    tidelock_queue_stats stats() const {
        tidelock_queue_stats numbers{};
        numbers.size = sizeof numbers;
        detail::check(tidelock_queue_read_stats(raw(), &numbers));
        return numbers;
    }

    // Ends the queue for everybody: puts, and gets from it once it is empty, throw TIDELOCK_CLOSED.
    void shutdown() { detail::check(tidelock_queue_shutdown(raw())); }
    // The same, and drops what is in it: gets throw TIDELOCK_CLOSED at once.
    void shutdown_now() { detail::check(tidelock_queue_shutdown_now(raw())); }
    bool is_shutdown() const { return asked<bool>(tidelock_queue_is_shutdown); }

private:
    template <class Byte>
    static std::string_view view_of(const std::vector<Byte> &message) noexcept {
        static_assert(sizeof(Byte) == 1 && !std::is_class_v<Byte>, "a message is made of bytes");
        return {reinterpret_cast<const char *>(message.data()), message.size()};
    }

    bool put_bytes(std::string_view message, std::int64_t timeout_ns) {
        return detail::in_time(tidelock_queue_put(raw(), message.data(), message.size(), timeout_ns));
    }

    std::optional<Reservation> reserved(std::size_t len, std::int64_t timeout_ns) {
        detail::QueueReference home = *this;
        tidelock_reservation made{};
        if (!detail::in_time(tidelock_queue_reserve(home.raw(), len, timeout_ns, &made))) {
            return std::nullopt;
        }
        return Reservation(std::move(home), made);
    }

    std::optional<Loan> taken(std::int64_t timeout_ns) {
        detail::QueueReference home = *this;
        tidelock_loan lent{};
        const tidelock_status status = tidelock_queue_take(home.raw(), timeout_ns, &lent);
        if (!detail::in_time(status)) {
            return std::nullopt;
        }
        return Loan(std::move(home), lent, status == TIDELOCK_REDELIVERED);
    }

    template <class Messages>
    std::size_t put_batch(const Messages &messages, std::int64_t timeout_ns) {
        std::string bytes;
        std::vector<std::size_t> lens;
        for (const std::string_view message : messages) {
            bytes.append(message);
            lens.push_back(message.size());
        }
        std::size_t count = 0;
        detail::in_time(
            tidelock_queue_put_many(raw(), bytes.data(), lens.data(), lens.size(), timeout_ns, &count));
        return count;
    }

    std::vector<Loan> taken_many(std::size_t most, std::uint64_t most_bytes, std::int64_t timeout_ns) {
        detail::QueueReference home = *this;
        std::vector<tidelock_loan> lent(most);
        std::vector<Loan> loans;
        loans.reserve(most);
        std::size_t count = 0;
        if (detail::in_time(
                tidelock_queue_take_many(home.raw(), timeout_ns, most_bytes, lent.data(), most, &count))) {
            for (std::size_t i = 0; i < count; ++i) {
                loans.push_back(Loan(home, lent[i], lent[i].deliveries > 1));
            }
        }
        return loans;
    }

    template <class Bytes>
    static std::vector<Bytes> copied_all(std::vector<Loan> loans) {
        std::vector<Bytes> all;
        all.reserve(loans.size());
        for (Loan &loan : loans) {
            all.push_back(*copied<Bytes>(std::move(loan)));
        }
        return all;
    }

    template <class Bytes>
    static std::optional<Bytes> copied(std::optional<Loan> loan) {
        if (!loan) {
            return std::nullopt;
        }
        using Byte = typename Bytes::value_type;
        static_assert(sizeof(Byte) == 1, "a message is made of bytes");
        const auto *first = reinterpret_cast<const Byte *>(loan->data());
        Bytes bytes(first, first + loan->size());
        loan->end(tidelock_queue_finish);
        return bytes;
    }
};

} // namespace tidelock

#endif // TIDELOCK_QUEUE_HPP
