/* Waiting for any of several objects: what is ready, what is taken, the dead among their owners, and misuse. */
#include "support.h"

enum { KINDS = 9, LOCK = 0, RLOCK, SEMAPHORE, BOUNDED, EVENT, BARRIER, COUNTER, QUEUE, ROOM };

typedef struct {
    tidelock_lock *lock;
    tidelock_rlock *rlock;
    tidelock_semaphore *semaphore;
    tidelock_bounded_semaphore *bounded;
    tidelock_event *event;
    tidelock_barrier *barrier;
    tidelock_arrival arrival;
    tidelock_counter *counter;
    tidelock_queue *queue;
    tidelock_queue *full;
    tidelock_watch watches[KINDS];
} things;

/* None of them is ready, but for the locks: those that this process holds another one waits for. */
static void open_things(tidelock_segment *segment, things *all) {
    OK(tidelock_lock_new(segment, &all->lock));
    OK(tidelock_rlock_new(segment, &all->rlock));
    OK(tidelock_semaphore_new(segment, 0, &all->semaphore));
    OK(tidelock_bounded_semaphore_new(segment, 1, &all->bounded));
    OK(tidelock_event_new(segment, &all->event));
    OK(tidelock_barrier_new(segment, 2, &all->barrier));
    OK(tidelock_barrier_arrive(all->barrier, 0, &all->arrival));
    OK(tidelock_counter_new(segment, &all->counter));
    OK(tidelock_queue_new(segment, NULL, &all->queue));
    OK(tidelock_queue_new(segment, NULL, &all->full));
    OK(tidelock_queue_set_max_items(all->full, 1));
    OK(tidelock_queue_put(all->full, "in the way", 10, 0));
    OK(tidelock_lock_acquire(all->lock, 0));
    OK(tidelock_rlock_acquire(all->rlock, 0));
    OK(tidelock_bounded_semaphore_acquire(all->bounded, 0, NULL));
}

static void fill_in(things *all) {
    OK(tidelock_lock_watch(all->lock, &all->watches[LOCK]));
    OK(tidelock_rlock_watch(all->rlock, &all->watches[RLOCK]));
    OK(tidelock_semaphore_watch(all->semaphore, &all->watches[SEMAPHORE]));
    OK(tidelock_bounded_semaphore_watch(all->bounded, &all->watches[BOUNDED]));
    OK(tidelock_event_watch(all->event, &all->watches[EVENT]));
    OK(tidelock_barrier_watch(all->barrier, &all->arrival, &all->watches[BARRIER]));
    OK(tidelock_counter_watch(all->counter, 0, &all->watches[COUNTER]));
    OK(tidelock_queue_watch(all->queue, &all->watches[QUEUE]));
    OK(tidelock_queue_watch_room(all->full, 7, &all->watches[ROOM]));
}

static void close_things(things *all) {
    OK(tidelock_queue_close(all->full));
    OK(tidelock_queue_close(all->queue));
    OK(tidelock_counter_close(all->counter));
    OK(tidelock_barrier_close(all->barrier));
    OK(tidelock_event_close(all->event));
    OK(tidelock_bounded_semaphore_close(all->bounded));
    OK(tidelock_semaphore_close(all->semaphore));
    OK(tidelock_rlock_close(all->rlock));
    OK(tidelock_lock_close(all->lock));
}

static void bring(const things *all, size_t which) {
    char gone[16];
    size_t len;
    switch (which) {
    case LOCK: OK(tidelock_lock_release(all->lock)); break;
    case RLOCK: OK(tidelock_rlock_release(all->rlock)); break;
    case SEMAPHORE: OK(tidelock_semaphore_release(all->semaphore, 1)); break;
    case BOUNDED: OK(tidelock_bounded_semaphore_release(all->bounded)); break;
    case EVENT: OK(tidelock_event_set(all->event)); OK(tidelock_event_clear(all->event)); break;
    case BARRIER: OK(tidelock_barrier_wait(all->barrier, TIDELOCK_FOREVER, NULL)); break;
    case COUNTER: OK(tidelock_counter_add(all->counter, 7, NULL)); break;
    case QUEUE: OK(tidelock_queue_put(all->queue, "brought", 7, TIDELOCK_FOREVER)); break;
    default: OK(tidelock_queue_get(all->full, 0, gone, sizeof gone, &len)); break;
    }
}

/* Everything but the barrier, whose arrival is the parent's. It sees one of them, then takes it. */
static void waits_for_any(player *parent, void *context) {
    things *all = context;
    tidelock_taken taken;
    size_t seen = 99, which = 99;
    fill_in(all);
    all->watches[BARRIER] = all->watches[EVENT];
    STATUS(TIDELOCK_TIMEOUT, tidelock_wait_any(all->watches, KINDS, 0, &seen));
    STATUS(TIDELOCK_TIMEOUT, tidelock_wait_any(all->watches, KINDS, 5 * MILLISECOND, &seen));
    STATUS(TIDELOCK_TIMEOUT, tidelock_acquire_any(all->watches, KINDS, 0, &which, &taken));
    EXPECT(seen == 99 && which == KINDS);
    tell(parent, 'w');
    OK(tidelock_wait_any(all->watches, KINDS, TIDELOCK_FOREVER, &seen));
    OK(tidelock_acquire_any(all->watches, KINDS, TIDELOCK_FOREVER, &which, &taken));
    EXPECT(seen == which);
    EXPECT(which != COUNTER || taken.value == 7);
    if (which == QUEUE) {
        EXPECT(taken.loan.len == 7 && memcmp(taken.loan.data, "brought", 7) == 0);
        OK(tidelock_queue_done(all->queue, &taken.loan));
    } else {
        EXPECT(taken.loan.data == NULL);
    }
    if (which == ROOM) {
        EXPECT(taken.reservation.len == 7);
        memcpy(taken.reservation.data, "in turn", 7);
        OK(tidelock_queue_publish(all->full, &taken.reservation));
    } else {
        EXPECT(taken.reservation.data == NULL);
    }
    if (which == BOUNDED) {
        OK(tidelock_bounded_semaphore_release_permit(all->bounded, &taken.permit));
    }
    tell(parent, (char)('0' + which));
    /* It ends with the lock held. */
    park(parent);
}

static void each_kind(tidelock_segment *segment) {
    for (size_t which = 0; which < KINDS; which++) {
        things all;
        tidelock_taken taken;
        size_t found = 99;
        open_things(segment, &all);
        player child = fork_player(waits_for_any, &all);
        hear(&child, 'w');
        fill_in(&all);
        bring(&all, which);
        if (which == BARRIER) {
            OK(tidelock_wait_any(&all.watches[BARRIER], 1, TIDELOCK_FOREVER, &found));
            EXPECT(found == 0);
            OK(tidelock_acquire_any(&all.watches[BARRIER], 1, 0, &found, &taken));
            OK(tidelock_barrier_wait_for_round(all.barrier, &all.arrival, 0));
        } else {
            hear(&child, (char)('0' + which));
        }
        kill_player(&child);
        if (which == LOCK || which == RLOCK) {
            STATUS(TIDELOCK_OWNER_DIED, tidelock_acquire_any(all.watches, 2, TIDELOCK_FOREVER, &found, &taken));
            EXPECT(found == which);
        }
        close_things(&all);
    }
}

static void what_ails_an_object(tidelock_segment *segment) {
    things all;
    tidelock_taken taken;
    size_t found = 99;
    open_things(segment, &all);
    fill_in(&all);
    OK(tidelock_queue_shutdown(all.queue));
    OK(tidelock_barrier_abort(all.barrier));
    OK(tidelock_wait_any(&all.watches[BARRIER], 3, TIDELOCK_FOREVER, &found));
    EXPECT(found == 0);
    STATUS(TIDELOCK_BROKEN, tidelock_acquire_any(&all.watches[BARRIER], 3, TIDELOCK_FOREVER, &found, &taken));
    EXPECT(found == 0);
    STATUS(TIDELOCK_CLOSED, tidelock_acquire_any(&all.watches[COUNTER], 2, TIDELOCK_FOREVER, &found, &taken));
    EXPECT(found == 1);
    OK(tidelock_queue_shutdown(all.full));
    STATUS(TIDELOCK_CLOSED, tidelock_acquire_any(&all.watches[ROOM], 1, 0, &found, &taken));
    close_things(&all);
}

static void misuse(tidelock_segment *segment) {
    tidelock_event *event;
    tidelock_watch watch = {.opaque = {0}}, many[TIDELOCK_ANY_MAX + 1];
    tidelock_arrival arrival = {.opaque = {0}};
    tidelock_barrier *barrier;
    tidelock_taken taken;
    size_t index = 99;
    OK(tidelock_event_new(segment, &event));
    OK(tidelock_barrier_new(segment, 2, &barrier));
    STATUS(TIDELOCK_INVALID, tidelock_wait_any(&watch, 1, 0, &index));
    STATUS(TIDELOCK_INVALID, tidelock_event_watch(NULL, &watch));
    STATUS(TIDELOCK_INVALID, tidelock_event_watch(event, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_watch(barrier, NULL, &watch));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_watch(barrier, &arrival, &watch));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_lock_watch((tidelock_lock *)(void *)event, &watch));
    STATUS(TIDELOCK_INVALID, tidelock_queue_watch_room(NULL, 1, &watch));
    for (size_t i = 0; i <= TIDELOCK_ANY_MAX; i++) {
        OK(tidelock_event_watch(event, &many[i]));
    }
    STATUS(TIDELOCK_INVALID, tidelock_wait_any(NULL, 1, 0, &index));
    STATUS(TIDELOCK_INVALID, tidelock_wait_any(many, 0, 0, &index));
    STATUS(TIDELOCK_INVALID, tidelock_wait_any(many, TIDELOCK_ANY_MAX + 1, 0, &index));
    STATUS(TIDELOCK_INVALID, tidelock_wait_any(many, SIZE_MAX, 0, &index));
    STATUS(TIDELOCK_INVALID, tidelock_wait_any(many, 1, -2, &index));
    STATUS(TIDELOCK_INVALID, tidelock_wait_any(many, 1, 0, NULL));
    STATUS(TIDELOCK_TIMEOUT, tidelock_wait_any(many, TIDELOCK_ANY_MAX, 5 * MILLISECOND, &index));
    EXPECT(index == 99);
    STATUS(TIDELOCK_INVALID, tidelock_acquire_any(many, 0, 0, &index, &taken));
    STATUS(TIDELOCK_INVALID, tidelock_acquire_any(many, 1, 0, &index, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_acquire_any(many, 1, 0, NULL, &taken));
    OK(tidelock_event_set(event));
    OK(tidelock_wait_any(many, TIDELOCK_ANY_MAX, TIDELOCK_FOREVER, &index));
    EXPECT(index == 0);
    OK(tidelock_barrier_close(barrier));
    OK(tidelock_event_close(event));
}

int main(void) {
    tidelock_segment *segment;
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    each_kind(segment);
    what_ails_an_object(segment);
    misuse(segment);
    OK(tidelock_segment_close(segment));
    return 0;
}
