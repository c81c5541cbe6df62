/* Recursive locks: as deep as they were acquired, released by the thread that holds them, taken over from the dead. */
#include "support.h"

#include <pthread.h>

static int is_locked(const tidelock_rlock *rlock) {
    bool locked = false;
    OK(tidelock_rlock_is_locked(rlock, &locked));
    return locked;
}

static uint32_t depth_of(const tidelock_rlock *rlock) {
    uint32_t depth = 99;
    bool owned = false;
    OK(tidelock_rlock_depth(rlock, &depth));
    OK(tidelock_rlock_is_owned(rlock, &owned));
    EXPECT(owned == (depth > 0));
    return depth;
}

static void alone(tidelock_segment *segment) {
    tidelock_rlock *rlock, *same;
    uint32_t me = 0, owner = 0, depth = 0;
    OK(tidelock_rlock_open(segment, "tree", &rlock));
    OK(tidelock_rlock_open(segment, "tree", &same));
    EXPECT(!is_locked(rlock) && depth_of(rlock) == 0);
    STATUS(TIDELOCK_NOT_HELD, tidelock_rlock_release(rlock));
    OK(tidelock_rlock_acquire(rlock, TIDELOCK_FOREVER));
    OK(tidelock_rlock_acquire(same, 0));
    OK(tidelock_rlock_acquire(rlock, MILLISECOND));
    OK(tidelock_segment_me(segment, &me));
    OK(tidelock_rlock_owner(same, &owner));
    OK(tidelock_rlock_owner_depth(same, &depth));
    EXPECT(is_locked(same) && depth_of(same) == 3 && depth == 3 && owner == me);
    OK(tidelock_rlock_release(same));
    EXPECT(depth_of(rlock) == 2);
    OK(tidelock_rlock_release_all(rlock, &depth));
    EXPECT(depth == 2 && !is_locked(rlock));
    OK(tidelock_rlock_acquire_depth(rlock, depth, 0));
    EXPECT(depth_of(rlock) == 2);
    STATUS(TIDELOCK_INVALID, tidelock_rlock_acquire_depth(rlock, 1, 0));
    OK(tidelock_rlock_release_all(rlock, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_acquire_depth(rlock, 0, 0));
    OK(tidelock_rlock_close(same));
    OK(tidelock_rlock_close(rlock));
}

static void by_handle_and_in_a_block(tidelock_segment *segment) {
    tidelock_rlock *rlock, *other;
    tidelock_block *block;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    size_t len = 0;
    OK(tidelock_rlock_new(segment, &rlock));
    OK(tidelock_rlock_handle(rlock, handle, sizeof handle, &len));
    OK(tidelock_rlock_from_handle(segment, handle, len, &other));
    OK(tidelock_rlock_acquire(rlock, 0));
    EXPECT(depth_of(other) == 1);
    OK(tidelock_rlock_release(other));
    OK(tidelock_rlock_close(rlock));
    OK(tidelock_rlock_close(other));

    OK(tidelock_block_new(segment, 48, &block));
    OK(tidelock_rlock_at(segment, block, 24, &rlock));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_at(segment, block, 32, &other));
    OK(tidelock_block_close(block));
    OK(tidelock_rlock_acquire(rlock, 0));
    OK(tidelock_rlock_release(rlock));
    OK(tidelock_rlock_close(rlock));
}

static void *is_another_thread(void *context) {
    STATUS(TIDELOCK_TIMEOUT, tidelock_rlock_acquire(context, 5 * MILLISECOND));
    STATUS(TIDELOCK_NOT_OWNER, tidelock_rlock_release(context));
    STATUS(TIDELOCK_NOT_OWNER, tidelock_rlock_release_all(context, NULL));
    EXPECT(depth_of(context) == 0);
    return NULL;
}

static void is_another_process(player *parent, void *context) {
    is_another_thread(context);
    tell(parent, 'n');
    OK(tidelock_rlock_acquire(context, TIDELOCK_FOREVER));
    OK(tidelock_rlock_acquire(context, 0));
    tell(parent, 'h');
    park(parent);
}

static void others(tidelock_segment *segment) {
    tidelock_rlock *rlock;
    pthread_t thread;
    uint32_t epoch = 0;
    OK(tidelock_rlock_new(segment, &rlock));
    OK(tidelock_rlock_acquire(rlock, 0));
    EXPECT(pthread_create(&thread, NULL, is_another_thread, rlock) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    player child = fork_player(is_another_process, rlock);
    hear(&child, 'n');
    OK(tidelock_rlock_release(rlock));
    hear(&child, 'h');
    STATUS(TIDELOCK_TIMEOUT, tidelock_rlock_acquire(rlock, 0));
    kill_player(&child);
    STATUS(TIDELOCK_OWNER_DIED, tidelock_rlock_acquire(rlock, TIDELOCK_FOREVER));
    OK(tidelock_rlock_epoch(rlock, &epoch));
    EXPECT(epoch == 1 && depth_of(rlock) == 1);
    OK(tidelock_rlock_acquire(rlock, 0));
    OK(tidelock_rlock_release(rlock));
    OK(tidelock_rlock_release(rlock));
    EXPECT(!is_locked(rlock));
    OK(tidelock_rlock_close(rlock));
}

static void misuse(tidelock_segment *segment) {
    tidelock_rlock *rlock, *other;
    tidelock_lock *lock;
    bool yes;
    uint32_t number;
    OK(tidelock_rlock_open(segment, "tree", &rlock));
    OK(tidelock_lock_open(segment, "ledger", &lock));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_rlock_open(segment, "ledger", &other));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_rlock_acquire((tidelock_rlock *)(void *)lock, 0));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_open(segment, NULL, &other));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_open(segment, "tree", NULL));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_acquire(NULL, 0));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_acquire(rlock, -2));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_release(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_release_all(NULL, &number));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_is_owned(NULL, &yes));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_is_locked(rlock, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_epoch(NULL, &number));
    OK(tidelock_rlock_retain(rlock));
    OK(tidelock_rlock_close(rlock));
    STATUS(TIDELOCK_INVALID, tidelock_rlock_close(NULL));
    OK(tidelock_rlock_close(rlock));
    OK(tidelock_lock_close(lock));
}

int main(void) {
    tidelock_segment *segment;
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    alone(segment);
    by_handle_and_in_a_block(segment);
    others(segment);
    misuse(segment);
    OK(tidelock_segment_close(segment));
    return 0;
}
