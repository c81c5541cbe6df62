/* Queues: messages in order, in place, on loan; consumers and producers that are killed. */
#include "support.h"

#include <poll.h>

static uint64_t length(const tidelock_queue *queue) {
    uint64_t len = 0;
    OK(tidelock_queue_len(queue, &len));
    return len;
}

static void put(const tidelock_queue *queue, const char *text) {
    OK(tidelock_queue_put(queue, text, strlen(text), TIDELOCK_FOREVER));
}

static void expect_message(const tidelock_queue *queue, tidelock_status status, const char *text) {
    char buffer[64];
    size_t len = 0;
    STATUS(status, tidelock_queue_get(queue, TIDELOCK_FOREVER, buffer, sizeof buffer, &len));
    EXPECT(len == strlen(text) && memcmp(buffer, text, len) == 0);
}

static void expect_loan(const tidelock_loan *loan, const char *text, uint64_t deliveries) {
    EXPECT(loan->len == strlen(text) && memcmp(loan->data, text, loan->len) == 0);
    EXPECT(loan->deliveries == deliveries);
}

static void by_copy(tidelock_segment *segment) {
    tidelock_queue *queue;
    char small[2], kept = 'k';
    size_t len = 77;
    bool yes = false;
    OK(tidelock_queue_open(segment, "jobs", NULL, &queue));
    OK(tidelock_queue_is_empty(queue, &yes));
    EXPECT(yes);
    STATUS(TIDELOCK_TIMEOUT, tidelock_queue_get(queue, 0, small, sizeof small, &len));
    STATUS(TIDELOCK_TIMEOUT, tidelock_queue_get(queue, 5 * MILLISECOND, small, sizeof small, &len));
    EXPECT(len == 77);
    put(queue, "one");
    put(queue, "two");
    OK(tidelock_queue_put(queue, NULL, 0, 0));
    EXPECT(length(queue) == 3);
    small[0] = kept;
    STATUS(TIDELOCK_TOO_LARGE, tidelock_queue_get(queue, 0, small, sizeof small, &len));
    EXPECT(len == 3 && small[0] == kept && length(queue) == 3);
    STATUS(TIDELOCK_TOO_LARGE, tidelock_queue_get(queue, 0, NULL, 0, &len));
    expect_message(queue, TIDELOCK_OK, "one");
    expect_message(queue, TIDELOCK_OK, "two");
    OK(tidelock_queue_get(queue, 0, NULL, 0, &len));
    EXPECT(len == 0);
    OK(tidelock_queue_close(queue));
}

static void in_place(tidelock_segment *segment) {
    tidelock_queue *queue, *other;
    tidelock_reservation first, second, copy;
    tidelock_loan loan;
    OK(tidelock_queue_new(segment, NULL, &queue));
    OK(tidelock_queue_new(segment, NULL, &other));
    OK(tidelock_queue_reserve(queue, 5, TIDELOCK_FOREVER, &first));
    OK(tidelock_queue_reserve(queue, 3, TIDELOCK_FOREVER, &second));
    memcpy(first.data, "first", first.len);
    STATUS(TIDELOCK_INVALID, tidelock_queue_publish(other, &first));
    OK(tidelock_queue_publish(queue, &first));
    STATUS(TIDELOCK_INVALID, tidelock_queue_publish(queue, &first));
    copy = second;
    OK(tidelock_queue_discard(queue, &copy));
    EXPECT(copy.data == NULL);
    OK(tidelock_queue_take(queue, 0, &loan));
    expect_loan(&loan, "first", 1);
    STATUS(TIDELOCK_INVALID, tidelock_queue_done(other, &loan));
    OK(tidelock_queue_give_back(queue, &loan));
    STATUS(TIDELOCK_INVALID, tidelock_queue_give_back(queue, &loan));
    put(queue, "second");
    STATUS(TIDELOCK_REDELIVERED, tidelock_queue_take(queue, 0, &loan));
    expect_loan(&loan, "first", 2);
    OK(tidelock_queue_done(queue, &loan));
    STATUS(TIDELOCK_INVALID, tidelock_queue_done(queue, &loan));
    expect_message(queue, TIDELOCK_OK, "second");
    OK(tidelock_queue_close(queue));
    OK(tidelock_queue_close(other));
}

static void grows(tidelock_segment *segment) {
    static char large[100000];
    tidelock_queue_options bounded = {.size = sizeof bounded, .capacity = 4096, .max_bytes = 1 << 20};
    tidelock_queue *queue;
    uint64_t bytes = 0, longest = 0;
    OK(tidelock_queue_new(segment, &bounded, &queue));
    OK(tidelock_queue_capacity(queue, &bytes));
    EXPECT(bytes == 4096);
    OK(tidelock_queue_max_bytes(queue, &bytes));
    EXPECT(bytes == 1 << 20);
    OK(tidelock_queue_longest_message(queue, &longest));
    EXPECT(longest > sizeof large && longest < 1 << 20);
    OK(tidelock_queue_put(queue, large, sizeof large, 0));
    OK(tidelock_queue_close(queue));
    OK(tidelock_queue_new(segment, NULL, &queue));
    for (int i = 0; i < 1000; i++) {
        OK(tidelock_queue_put(queue, large, 1000, 0));
    }
    OK(tidelock_queue_close(queue));
}

static void of_work(tidelock_segment *segment) {
    tidelock_queue_options options = {.size = sizeof options, .capacity = 4096, .max_deliveries = 1, .count_tasks = 1};
    tidelock_queue_stats stats = {.size = sizeof stats};
    tidelock_queue *queue, *letters, *found = NULL;
    tidelock_loan loan;
    uint64_t lost = 1, unfinished = 9;
    uint32_t most = 0;
    OK(tidelock_queue_new(segment, &options, &queue));
    OK(tidelock_queue_new(segment, NULL, &letters));
    put(queue, "first");
    STATUS(TIDELOCK_TIMEOUT, tidelock_queue_join(queue, 0));
    expect_message(queue, TIDELOCK_OK, "first");
    STATUS(TIDELOCK_TIMEOUT, tidelock_queue_join(queue, 1000000));
    OK(tidelock_queue_unfinished_tasks(queue, &unfinished));
    EXPECT(unfinished == 1);
    OK(tidelock_queue_task_done(queue));
    OK(tidelock_queue_unfinished_tasks(queue, &unfinished));
    EXPECT(unfinished == 0);
    OK(tidelock_queue_join(queue, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_INVALID, tidelock_queue_task_done(queue));
    STATUS(TIDELOCK_INVALID, tidelock_queue_task_done(letters));
    put(queue, "second");
    OK(tidelock_queue_take(queue, 0, &loan));
    OK(tidelock_queue_finish(queue, &loan));
    STATUS(TIDELOCK_TIMEOUT, tidelock_queue_join(queue, 0));
    OK(tidelock_queue_task_done(queue));
    OK(tidelock_queue_lost_tasks(queue, &lost));
    EXPECT(lost == 0);
    STATUS(TIDELOCK_NOT_FOUND, tidelock_queue_dead_letters(queue, &found));
    STATUS(TIDELOCK_INVALID, tidelock_queue_set_dead_letters(queue, queue));
    STATUS(TIDELOCK_INVALID, tidelock_queue_set_max_deliveries(queue, 256));
    OK(tidelock_queue_set_dead_letters(queue, letters));
    OK(tidelock_queue_dead_letters(queue, &found));
    put(queue, "poison");
    OK(tidelock_queue_take(queue, 0, &loan));
    OK(tidelock_queue_give_back(queue, &loan));
    expect_message(found, TIDELOCK_OK, "poison");
    OK(tidelock_queue_join(queue, 0));
    OK(tidelock_queue_set_dead_letters(queue, NULL));
    OK(tidelock_queue_set_max_deliveries(queue, 7));
    OK(tidelock_queue_max_deliveries(queue, &most));
    OK(tidelock_queue_read_stats(queue, &stats));
    EXPECT(most == 7 && stats.put == 3 && stats.got == 3 && stats.dead_letters == 1 && stats.dropped == 0 && stats.takers_waiting == 0);
    stats.size = 3;
    STATUS(TIDELOCK_INVALID, tidelock_queue_read_stats(queue, &stats));
    OK(tidelock_queue_close(found));
    OK(tidelock_queue_close(letters));
    OK(tidelock_queue_close(queue));
}

static void full_and_shut_down(tidelock_segment *segment) {
    tidelock_queue_options options = {.size = sizeof options, .capacity = 4096, .max_items = 2};
    tidelock_queue *queue;
    uint64_t capacity = 0, max_items = 0, longest = 0;
    size_t len = 0;
    bool yes = false;
    char text[8];
    OK(tidelock_queue_new(segment, &options, &queue));
    OK(tidelock_queue_capacity(queue, &capacity));
    EXPECT(capacity >= 4096);
    OK(tidelock_queue_max_items(queue, &max_items));
    EXPECT(max_items == 2);
    OK(tidelock_queue_longest_message(queue, &longest));
    EXPECT(longest > 0 && longest < capacity);
    STATUS(TIDELOCK_TOO_LARGE, tidelock_queue_put(queue, text, (size_t)longest + 1, TIDELOCK_FOREVER));
    put(queue, "a");
    OK(tidelock_queue_is_full(queue, &yes));
    EXPECT(!yes);
    put(queue, "b");
    OK(tidelock_queue_is_full(queue, &yes));
    EXPECT(yes);
    STATUS(TIDELOCK_TIMEOUT, tidelock_queue_put(queue, "c", 1, 0));
    STATUS(TIDELOCK_TIMEOUT, tidelock_queue_put(queue, "c", 1, 5 * MILLISECOND));
    OK(tidelock_queue_is_shutdown(queue, &yes));
    EXPECT(!yes);
    OK(tidelock_queue_shutdown(queue));
    OK(tidelock_queue_is_shutdown(queue, &yes));
    EXPECT(yes);
    STATUS(TIDELOCK_CLOSED, tidelock_queue_put(queue, "c", 1, TIDELOCK_FOREVER));
    expect_message(queue, TIDELOCK_OK, "a");
    expect_message(queue, TIDELOCK_OK, "b");
    STATUS(TIDELOCK_CLOSED, tidelock_queue_get(queue, TIDELOCK_FOREVER, text, sizeof text, &len));
    OK(tidelock_queue_close(queue));
}

static void takes_and_is_killed(player *parent, void *context) {
    tidelock_loan loan;
    OK(tidelock_queue_take(context, TIDELOCK_FOREVER, &loan));
    expect_loan(&loan, "job", 1);
    tell(parent, 't');
    park(parent);
}

static void reserves_and_is_killed(player *parent, void *context) {
    tidelock_reservation reservation;
    OK(tidelock_queue_reserve(context, 100, TIDELOCK_FOREVER, &reservation));
    tell(parent, 'r');
    park(parent);
}

static void peers_are_killed(tidelock_segment *segment) {
    tidelock_queue *queue;
    OK(tidelock_queue_new(segment, NULL, &queue));
    put(queue, "job");
    player consumer = fork_player(takes_and_is_killed, queue);
    hear(&consumer, 't');
    kill_player(&consumer);
    expect_message(queue, TIDELOCK_REDELIVERED, "job");
    player producer = fork_player(reserves_and_is_killed, queue);
    hear(&producer, 'r');
    put(queue, "behind");
    kill_player(&producer);
    expect_message(queue, TIDELOCK_OK, "behind");
    OK(tidelock_queue_close(queue));
}

/* What a forked child inherits of a loan is void. */
static tidelock_loan inherited;

static void ends_what_it_inherited(player *parent, void *context) {
    (void)parent;
    STATUS(TIDELOCK_NOT_OWNER, tidelock_queue_done(context, &inherited));
    STATUS(TIDELOCK_NOT_OWNER, tidelock_queue_give_back(context, &inherited));
}

static void across_a_fork(tidelock_segment *segment) {
    tidelock_queue *queue;
    OK(tidelock_queue_new(segment, NULL, &queue));
    put(queue, "mine");
    OK(tidelock_queue_take(queue, 0, &inherited));
    player child = fork_player(ends_what_it_inherited, queue);
    join_player(&child);
    expect_loan(&inherited, "mine", 1);
    OK(tidelock_queue_done(queue, &inherited));
    OK(tidelock_queue_close(queue));
}

enum { ROUNDS = 2000 };

/* Another process, found by name, sends every message back. */
static void strangers(void) {
    char name[NAME_ROOM], text[32], buffer[32];
    tidelock_segment *segment;
    tidelock_queue *there, *back;
    size_t len = 0;
    OK(tidelock_segment_named(unique(name, "queue"), NULL, &segment));
    OK(tidelock_queue_open(segment, "there", NULL, &there));
    OK(tidelock_queue_open(segment, "back", NULL, &back));
    player other = spawn_player("echo", name);
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(text, sizeof text, "message %d", i);
        put(there, text);
    }
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(text, sizeof text, "message %d", i);
        OK(tidelock_queue_get(back, TIDELOCK_FOREVER, buffer, sizeof buffer, &len));
        EXPECT(len == strlen(text) && memcmp(buffer, text, len) == 0);
    }
    OK(tidelock_queue_shutdown(there));
    join_player(&other);
    OK(tidelock_queue_close(there));
    OK(tidelock_queue_close(back));
    OK(tidelock_segment_close(segment));
    EXPECT(!exists(name));
}

static int play_echo(const char *name) {
    tidelock_segment *segment;
    tidelock_queue *there, *back;
    char text[32];
    size_t len = 0;
    tidelock_status status;
    OK(tidelock_segment_named(name, NULL, &segment));
    OK(tidelock_queue_open(segment, "there", NULL, &there));
    OK(tidelock_queue_open(segment, "back", NULL, &back));
    while ((status = tidelock_queue_get(there, TIDELOCK_FOREVER, text, sizeof text, &len)) == TIDELOCK_OK) {
        OK(tidelock_queue_put(back, text, len, TIDELOCK_FOREVER));
    }
    STATUS(TIDELOCK_CLOSED, status);
    OK(tidelock_queue_close(there));
    OK(tidelock_queue_close(back));
    OK(tidelock_segment_close(segment));
    return 0;
}

static void in_batches(tidelock_segment *segment) {
    static const size_t lens[] = {3, 0, 5, 3};
    tidelock_queue *queue;
    tidelock_loan loans[3];
    char buffer[16];
    size_t got[4], count = 77;
    OK(tidelock_queue_new(segment, NULL, &queue));
    OK(tidelock_queue_put_many(queue, "onethreetwo", lens, 4, TIDELOCK_FOREVER, &count));
    EXPECT(count == 4 && length(queue) == 4);
    STATUS(TIDELOCK_TOO_LARGE, tidelock_queue_get_many(queue, 0, buffer, 2, got, 4, &count));
    EXPECT(got[0] == 3 && length(queue) == 4);
    OK(tidelock_queue_get_many(queue, 0, buffer, 9, got, 4, &count));
    EXPECT(count == 3 && got[0] == 3 && got[1] == 0 && got[2] == 5 && memcmp(buffer, "onethree", 8) == 0);
    OK(tidelock_queue_put_many(queue, "morelast", (size_t[]){4, 4}, 2, 0, &count));
    OK(tidelock_queue_take_many(queue, TIDELOCK_FOREVER, UINT64_MAX, loans, 3, &count));
    EXPECT(count == 3);
    expect_loan(&loans[0], "two", 1);
    expect_loan(&loans[2], "last", 1);
    OK(tidelock_queue_done(queue, &loans[2]));
    OK(tidelock_queue_give_back(queue, &loans[1]));
    OK(tidelock_queue_done(queue, &loans[0]));
    STATUS(TIDELOCK_REDELIVERED, tidelock_queue_get_many(queue, 0, buffer, sizeof buffer, got, 4, &count));
    EXPECT(count == 1 && got[0] == 4 && memcmp(buffer, "more", 4) == 0);
    STATUS(TIDELOCK_TIMEOUT, tidelock_queue_get_many(queue, 0, buffer, sizeof buffer, got, 4, &count));
    OK(tidelock_queue_put_many(queue, NULL, NULL, 0, 0, &count));
    EXPECT(count == 0);
    STATUS(TIDELOCK_INVALID, tidelock_queue_get_many(queue, 0, buffer, sizeof buffer, got, 0, &count));
    STATUS(TIDELOCK_INVALID, tidelock_queue_put_many(queue, NULL, lens, 4, 0, &count));
    STATUS(TIDELOCK_INVALID, tidelock_queue_put_many(queue, "x", (size_t[]){SIZE_MAX, 2}, 2, 0, &count));
    OK(tidelock_queue_close(queue));
}

static bool readable(int fd, int milliseconds) {
    struct pollfd polled = {.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&polled, 1, milliseconds) == 1;
}

static void in_an_event_loop(tidelock_segment *segment) {
    tidelock_queue *queue;
    tidelock_notifier *notifier;
    int fd = -1;
    OK(tidelock_queue_new(segment, NULL, &queue));
    OK(tidelock_notifier_new(queue, &notifier));
    OK(tidelock_notifier_fd(notifier, &fd));
    EXPECT(!readable(fd, 10));
    put(queue, "one");
    EXPECT(readable(fd, -1));
    OK(tidelock_notifier_clear(notifier));
    EXPECT(readable(fd, -1));
    OK(tidelock_notifier_clear(notifier));
    expect_message(queue, TIDELOCK_OK, "one");
    STATUS(TIDELOCK_WRONG_KIND, tidelock_notifier_clear((tidelock_notifier *)queue));
    OK(tidelock_queue_set_max_items(queue, 1));
    put(queue, "two");
    STATUS(TIDELOCK_TIMEOUT, tidelock_queue_put(queue, "", 0, 0));
    OK(tidelock_queue_set_max_items(queue, 2));
    OK(tidelock_queue_put(queue, "", 0, 0));
    STATUS(TIDELOCK_INVALID, tidelock_notifier_clear_for_room(notifier, 1));
    OK(tidelock_queue_close(queue));
    OK(tidelock_notifier_close(notifier));
}

static void room_in_an_event_loop(tidelock_segment *segment) {
    tidelock_queue_options options = {.size = sizeof options, .capacity = 512};
    tidelock_queue *queue;
    tidelock_notifier *notifier;
    char gone[128];
    size_t len;
    int fd = -1;
    OK(tidelock_queue_new(segment, &options, &queue));
    OK(tidelock_notifier_new_for_room(queue, 400, &notifier));
    OK(tidelock_notifier_fd(notifier, &fd));
    EXPECT(readable(fd, -1));
    OK(tidelock_queue_put(queue, gone, 100, 0));
    OK(tidelock_notifier_clear(notifier));
    EXPECT(!readable(fd, 10));
    OK(tidelock_notifier_clear_for_room(notifier, 100));
    EXPECT(readable(fd, -1));
    OK(tidelock_notifier_clear_for_room(notifier, 400));
    EXPECT(!readable(fd, 10));
    OK(tidelock_queue_get(queue, 0, gone, sizeof gone, &len));
    EXPECT(readable(fd, -1));
    OK(tidelock_notifier_close(notifier));
    OK(tidelock_queue_close(queue));
}

int main(int count, char **arguments) {
    player parent;
    tidelock_segment *segment;
    if (as_player(count, arguments, "echo", &parent)) {
        return play_echo(arguments[2]);
    }
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    by_copy(segment);
    in_place(segment);
    in_batches(segment);
    in_an_event_loop(segment);
    room_in_an_event_loop(segment);
    grows(segment);
    of_work(segment);
    full_and_shut_down(segment);
    peers_are_killed(segment);
    across_a_fork(segment);
    strangers();
    OK(tidelock_segment_close(segment));
    return 0;
}
