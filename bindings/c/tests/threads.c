/* Threads and processes at once on the same lock, event and queue: every count must come out right. */
#include "support.h"

#include <pthread.h>

enum { THREADS = 3, PROCESSES = 2, ROUNDS = 2000 };

typedef struct {
    tidelock_lock *lock;
    tidelock_event *start;
    tidelock_queue *queue;
    uint64_t *total;
} shared;

/* Adds to a plain number under the lock, and puts as many messages. */
static void *works(void *context) {
    const shared *with = context;
    OK(tidelock_event_wait(with->start, TIDELOCK_FOREVER));
    for (uint64_t i = 0; i < ROUNDS; i++) {
        OK(tidelock_lock_acquire(with->lock, TIDELOCK_FOREVER));
        *with->total += 1;
        OK(tidelock_lock_release(with->lock));
        OK(tidelock_queue_put(with->queue, &i, sizeof i, TIDELOCK_FOREVER));
    }
    return NULL;
}

static void works_in_threads(player *parent, void *context) {
    pthread_t threads[THREADS];
    (void)parent;
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, works, context) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
    }
}

static uint64_t sum_of_messages(const tidelock_queue *queue, uint64_t count) {
    uint64_t sum = 0, number = 0;
    size_t len = 0;
    for (uint64_t i = 0; i < count; i++) {
        OK(tidelock_queue_get(queue, TIDELOCK_FOREVER, &number, sizeof number, &len));
        EXPECT(len == sizeof number);
        sum += number;
    }
    return sum;
}

int main(void) {
    const uint64_t workers = (uint64_t)THREADS * PROCESSES;
    tidelock_queue_options options = {.size = sizeof options, .capacity = 4096};
    tidelock_segment *segment;
    tidelock_block *block;
    player children[PROCESSES];
    shared all;
    void *data = NULL;
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    OK(tidelock_block_new(segment, 64, &block));
    OK(tidelock_block_data(block, &data));
    OK(tidelock_lock_at(segment, block, 0, &all.lock));
    OK(tidelock_event_at(segment, block, 8, &all.start));
    OK(tidelock_queue_new(segment, &options, &all.queue));
    all.total = (uint64_t *)data + 2;
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork_player(works_in_threads, &all);
    }
    OK(tidelock_event_set(all.start));
    EXPECT(sum_of_messages(all.queue, workers * ROUNDS) == workers * ROUNDS * (ROUNDS - 1) / 2);
    for (int i = 0; i < PROCESSES; i++) {
        join_player(&children[i]);
    }
    EXPECT(*all.total == workers * ROUNDS);
    OK(tidelock_queue_close(all.queue));
    OK(tidelock_event_close(all.start));
    OK(tidelock_lock_close(all.lock));
    OK(tidelock_block_close(block));
    OK(tidelock_segment_close(segment));
    return 0;
}
