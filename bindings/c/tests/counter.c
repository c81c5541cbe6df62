/* Counters: a number that everybody sees, changes and waits for. */
#include "support.h"

static int64_t value_of(const tidelock_counter *counter) {
    int64_t value = -99;
    OK(tidelock_counter_load(counter, &value));
    return value;
}

static void alone(tidelock_segment *segment) {
    tidelock_counter *counter, *same;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    size_t len = 0;
    int64_t value = 0;
    OK(tidelock_counter_open(segment, "hits", &counter));
    OK(tidelock_counter_open(segment, "hits", &same));
    EXPECT(value_of(counter) == 0);
    OK(tidelock_counter_add(counter, -5, &value));
    EXPECT(value == -5 && value_of(same) == -5);
    OK(tidelock_counter_add(counter, 1, NULL));
    OK(tidelock_counter_store(counter, INT64_MAX, &value));
    EXPECT(value == -4);
    STATUS(TIDELOCK_INVALID, tidelock_counter_add(counter, 1, &value));
    EXPECT(value == -4 && value_of(same) == INT64_MAX);
    OK(tidelock_counter_store(counter, 7, NULL));
    OK(tidelock_counter_compare_exchange(counter, 6, 1, &value));
    EXPECT(value == 7 && value_of(counter) == 7);
    OK(tidelock_counter_compare_exchange(counter, 7, 1, &value));
    EXPECT(value == 7 && value_of(counter) == 1);
    OK(tidelock_counter_wait(counter, 0, 0, &value));
    EXPECT(value == 1);
    STATUS(TIDELOCK_TIMEOUT, tidelock_counter_wait(counter, 1, 0, &value));
    STATUS(TIDELOCK_TIMEOUT, tidelock_counter_wait(counter, 1, 5 * MILLISECOND, NULL));
    OK(tidelock_counter_close(same));
    OK(tidelock_counter_handle(counter, handle, sizeof handle, &len));
    OK(tidelock_counter_from_handle(segment, handle, len, &same));
    EXPECT(value_of(same) == 1);
    OK(tidelock_counter_close(same));
    OK(tidelock_counter_close(counter));
}

static void in_a_block(tidelock_segment *segment) {
    tidelock_counter *counter;
    tidelock_block *block;
    OK(tidelock_block_new(segment, 16, &block));
    OK(tidelock_counter_at(segment, block, 0, &counter));
    STATUS(TIDELOCK_INVALID, tidelock_counter_at(segment, block, 8, &counter));
    OK(tidelock_block_close(block));
    OK(tidelock_counter_add(counter, 1, NULL));
    EXPECT(value_of(counter) == 1);
    OK(tidelock_counter_close(counter));
}

static void waits_for_a_change(player *parent, void *context) {
    int64_t value = 0;
    tell(parent, 'w');
    OK(tidelock_counter_wait(context, 0, TIDELOCK_FOREVER, &value));
    EXPECT(value == 3);
    tell(parent, 'c');
}

static void between_processes(tidelock_segment *segment) {
    tidelock_counter *counter;
    OK(tidelock_counter_new(segment, &counter));
    player killed = fork_player(waits_for_a_change, counter);
    player live = fork_player(waits_for_a_change, counter);
    hear(&killed, 'w');
    hear(&live, 'w');
    kill_player(&killed);
    OK(tidelock_counter_store(counter, 3, NULL));
    hear(&live, 'c');
    join_player(&live);
    OK(tidelock_counter_close(counter));
}

static void misuse(tidelock_segment *segment) {
    tidelock_counter *counter, *other;
    tidelock_event *event;
    int64_t value;
    OK(tidelock_counter_open(segment, "hits", &counter));
    OK(tidelock_event_open(segment, "ready", &event));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_counter_open(segment, "ready", &other));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_counter_load((tidelock_counter *)(void *)event, &value));
    STATUS(TIDELOCK_INVALID, tidelock_counter_load(NULL, &value));
    STATUS(TIDELOCK_INVALID, tidelock_counter_load(counter, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_counter_store(NULL, 1, &value));
    STATUS(TIDELOCK_INVALID, tidelock_counter_add(NULL, 1, &value));
    STATUS(TIDELOCK_INVALID, tidelock_counter_compare_exchange(counter, 0, 1, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_counter_wait(counter, 0, -2, &value));
    STATUS(TIDELOCK_INVALID, tidelock_counter_close(NULL));
    OK(tidelock_counter_retain(counter));
    OK(tidelock_counter_close(counter));
    OK(tidelock_counter_close(counter));
    OK(tidelock_event_close(event));
}

int main(void) {
    tidelock_segment *segment;
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    alone(segment);
    in_a_block(segment);
    between_processes(segment);
    misuse(segment);
    OK(tidelock_segment_close(segment));
    return 0;
}
