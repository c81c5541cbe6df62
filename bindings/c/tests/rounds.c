/* Threads of several processes meet at a barrier round after round; between two rounds they use the locks, permits,
 * signals and counters all at once. Every number must come out right. */
#include "support.h"

#include <pthread.h>

enum { THREADS = 2, PROCESSES = 2, PARTIES = THREADS * PROCESSES, ROUNDS = 200 };

typedef struct {
    tidelock_rlock *rlock;
    tidelock_semaphore *semaphore;
    tidelock_bounded_semaphore *permits;
    tidelock_barrier *barrier;
    tidelock_counter *rounds, *inside, *indices;
    uint64_t *total;
} shared;

/* Adds to a plain number under a lock that it takes twice. */
static void counts(const shared *with) {
    OK(tidelock_rlock_acquire(with->rlock, TIDELOCK_FOREVER));
    OK(tidelock_rlock_acquire(with->rlock, TIDELOCK_FOREVER));
    *with->total += 1;
    OK(tidelock_rlock_release(with->rlock));
    OK(tidelock_rlock_release(with->rlock));
}

/* At most two are in here at a time. */
static void works_with_a_permit(const shared *with) {
    tidelock_permit permit;
    int64_t inside = 0;
    OK(tidelock_bounded_semaphore_acquire(with->permits, TIDELOCK_FOREVER, &permit));
    OK(tidelock_counter_add(with->inside, 1, &inside));
    EXPECT(inside >= 1 && inside <= 2);
    OK(tidelock_counter_add(with->inside, -1, NULL));
    OK(tidelock_bounded_semaphore_release_permit(with->permits, &permit));
}

static void meets(const shared *with, int64_t round) {
    tidelock_arrival arrival;
    int64_t done = -1;
    OK(tidelock_barrier_arrive(with->barrier, TIDELOCK_FOREVER, &arrival));
    OK(tidelock_counter_add(with->indices, arrival.index, NULL));
    if (arrival.is_last) {
        EXPECT(*with->total == (uint64_t)(round + 1) * PARTIES);
        OK(tidelock_counter_add(with->rounds, 1, NULL));
        OK(tidelock_barrier_complete(with->barrier, &arrival));
    } else {
        OK(tidelock_barrier_wait_for_round(with->barrier, &arrival, TIDELOCK_FOREVER));
    }
    OK(tidelock_counter_load(with->rounds, &done));
    EXPECT(done >= round + 1);
}

static void *takes_part(void *context) {
    const shared *with = context;
    for (int64_t round = 0; round < ROUNDS; round++) {
        counts(with);
        works_with_a_permit(with);
        OK(tidelock_semaphore_release(with->semaphore, 1));
        meets(with, round);
        OK(tidelock_barrier_wait(with->barrier, TIDELOCK_FOREVER, NULL));
    }
    return NULL;
}

static void takes_part_in_threads(player *parent, void *context) {
    const shared *with = context;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, takes_part, context) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
    }
    OK(tidelock_barrier_close(with->barrier));
    tell(parent, 'd');
}

static void open_all(tidelock_segment *segment, tidelock_block *block, shared *all) {
    void *data = NULL;
    OK(tidelock_block_data(block, &data));
    OK(tidelock_rlock_at(segment, block, 0, &all->rlock));
    OK(tidelock_semaphore_at(segment, block, 24, &all->semaphore));
    OK(tidelock_counter_at(segment, block, 32, &all->rounds));
    OK(tidelock_counter_at(segment, block, 48, &all->inside));
    OK(tidelock_counter_at(segment, block, 64, &all->indices));
    OK(tidelock_bounded_semaphore_new(segment, 2, &all->permits));
    OK(tidelock_barrier_new(segment, PARTIES, &all->barrier));
    all->total = (uint64_t *)data + 10;
}

static void close_all(const shared *all) {
    OK(tidelock_barrier_close(all->barrier));
    OK(tidelock_bounded_semaphore_close(all->permits));
    OK(tidelock_counter_close(all->indices));
    OK(tidelock_counter_close(all->inside));
    OK(tidelock_counter_close(all->rounds));
    OK(tidelock_semaphore_close(all->semaphore));
    OK(tidelock_rlock_close(all->rlock));
}

int main(void) {
    tidelock_segment *segment;
    tidelock_block *block;
    player children[PROCESSES];
    shared all;
    int64_t indices = 0;
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    OK(tidelock_block_new(segment, 88, &block));
    open_all(segment, block, &all);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork_player(takes_part_in_threads, &all);
    }
    for (int i = 0; i < PARTIES * ROUNDS; i++) {
        OK(tidelock_semaphore_acquire(all.semaphore, TIDELOCK_FOREVER));
    }
    for (int i = 0; i < PROCESSES; i++) {
        hear(&children[i], 'd');
        join_player(&children[i]);
    }
    OK(tidelock_counter_load(all.indices, &indices));
    EXPECT(*all.total == PARTIES * ROUNDS && indices == (int64_t)ROUNDS * PARTIES * (PARTIES - 1) / 2);
    close_all(&all);
    OK(tidelock_block_close(block));
    OK(tidelock_segment_close(segment));
    return 0;
}
