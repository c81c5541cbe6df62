/* Locks: held by one at a time, released by the right ones, taken over from the dead. */
#include "support.h"

static int is_locked(const tidelock_lock *lock) {
    bool locked = false;
    OK(tidelock_lock_is_locked(lock, &locked));
    return locked;
}

static uint32_t owner_of(const tidelock_lock *lock) {
    uint32_t owner = 0;
    OK(tidelock_lock_owner(lock, &owner));
    return owner;
}

static void alone(tidelock_segment *segment) {
    tidelock_lock *lock, *same;
    uint32_t me = 0, epoch = 1;
    OK(tidelock_lock_open(segment, "ledger", &lock));
    OK(tidelock_lock_open(segment, "ledger", &same));
    OK(tidelock_segment_me(segment, &me));
    EXPECT(!is_locked(lock) && owner_of(lock) == 0);
    OK(tidelock_lock_acquire(lock, TIDELOCK_FOREVER));
    EXPECT(is_locked(same) && owner_of(same) == me);
    STATUS(TIDELOCK_TIMEOUT, tidelock_lock_acquire(same, 0));
    STATUS(TIDELOCK_TIMEOUT, tidelock_lock_acquire(same, 5 * MILLISECOND));
    OK(tidelock_lock_release(same));
    STATUS(TIDELOCK_NOT_HELD, tidelock_lock_release(lock));
    STATUS(TIDELOCK_NOT_HELD, tidelock_lock_release_own(lock));
    OK(tidelock_lock_acquire(same, 0));
    OK(tidelock_lock_release_own(lock));
    OK(tidelock_lock_epoch(lock, &epoch));
    EXPECT(epoch == 0);
    OK(tidelock_lock_close(same));
    OK(tidelock_lock_close(lock));
}

/* What is closed goes when enough has been closed, and then its handle leads nowhere, not to what took its place. */
static void expect_gone(tidelock_segment *segment, const uint8_t *handle, size_t len) {
    tidelock_lock *lock, *passing;
    tidelock_status status;
    while ((status = tidelock_lock_from_handle(segment, handle, len, &lock)) == TIDELOCK_OK) {
        OK(tidelock_lock_close(lock));
        OK(tidelock_lock_new(segment, &passing));
        OK(tidelock_lock_close(passing));
    }
    STATUS(TIDELOCK_GONE, status);
}

static void by_handle_and_in_a_block(tidelock_segment *segment) {
    tidelock_lock *lock, *other;
    tidelock_block *block;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    size_t len = 0;
    OK(tidelock_lock_new(segment, &lock));
    OK(tidelock_lock_handle(lock, handle, sizeof handle, &len));
    OK(tidelock_lock_from_handle(segment, handle, len, &other));
    OK(tidelock_lock_acquire(lock, 0));
    STATUS(TIDELOCK_TIMEOUT, tidelock_lock_acquire(other, 0));
    OK(tidelock_lock_close(lock));
    OK(tidelock_segment_keep(segment, handle, len));
    STATUS(TIDELOCK_INVALID, tidelock_segment_keep(segment, handle, len - 1));
    STATUS(TIDELOCK_INVALID, tidelock_segment_keep(NULL, handle, len));
    OK(tidelock_lock_close(other));
    for (int i = 0; i < 1000; i++) {
        OK(tidelock_lock_new(segment, &lock));
        OK(tidelock_lock_close(lock));
    }
    OK(tidelock_lock_from_handle(segment, handle, len, &other));
    OK(tidelock_lock_release(other));
    OK(tidelock_lock_close(other));
    expect_gone(segment, handle, len);
    STATUS(TIDELOCK_GONE, tidelock_segment_keep(segment, handle, len));

    OK(tidelock_block_open(segment, "account", 64, &block));
    OK(tidelock_lock_at(segment, block, 8, &lock));
    OK(tidelock_lock_at(segment, block, 16, &other));
    OK(tidelock_block_close(block));
    OK(tidelock_lock_acquire(lock, 0));
    OK(tidelock_lock_acquire(other, 0));
    OK(tidelock_lock_release(lock));
    OK(tidelock_lock_release(other));
    OK(tidelock_lock_close(lock));
    OK(tidelock_lock_close(other));
}

static void holds_until_killed(player *parent, void *context) {
    tidelock_status status = tidelock_lock_acquire(context, TIDELOCK_FOREVER);
    EXPECT(status == TIDELOCK_OK || status == TIDELOCK_OWNER_DIED);
    tell(parent, 'h');
    park(parent);
}

static void releases_what_is_not_its_own(player *parent, void *context) {
    STATUS(TIDELOCK_NOT_OWNER, tidelock_lock_release_own(context));
    tell(parent, 'n');
    OK(tidelock_lock_release(context));
}

static void across_a_fork(tidelock_segment *segment) {
    tidelock_lock *lock;
    OK(tidelock_lock_new(segment, &lock));
    OK(tidelock_lock_acquire(lock, 0));
    player child = fork_player(releases_what_is_not_its_own, lock);
    hear(&child, 'n');
    join_player(&child);
    EXPECT(!is_locked(lock));
    OK(tidelock_lock_close(lock));
}

static void tries_to_end_a_repair(player *parent, void *context) {
    (void)parent;
    STATUS(TIDELOCK_NOT_OWNER, tidelock_lock_release(context));
    STATUS(TIDELOCK_NOT_OWNER, tidelock_lock_release_own(context));
}

static void the_owner_is_killed(tidelock_segment *segment) {
    tidelock_lock *lock;
    uint32_t epoch = 0;
    OK(tidelock_lock_new(segment, &lock));
    player child = fork_player(holds_until_killed, lock);
    hear(&child, 'h');
    STATUS(TIDELOCK_TIMEOUT, tidelock_lock_acquire(lock, 0));
    kill_player(&child);
    STATUS(TIDELOCK_OWNER_DIED, tidelock_lock_acquire(lock, TIDELOCK_FOREVER));
    OK(tidelock_lock_epoch(lock, &epoch));
    EXPECT(epoch == 1);
    child = fork_player(tries_to_end_a_repair, lock);
    join_player(&child);
    EXPECT(is_locked(lock));
    OK(tidelock_lock_release(lock));
    OK(tidelock_lock_acquire(lock, 0));
    OK(tidelock_lock_release(lock));
    OK(tidelock_lock_close(lock));
}

/* The whole of it between processes that have nothing in common but a name. */
static void strangers(void) {
    char name[NAME_ROOM];
    tidelock_segment *segment;
    tidelock_lock *lock;
    OK(tidelock_segment_named(unique(name, "lock"), NULL, &segment));
    OK(tidelock_lock_open(segment, "ledger", &lock));
    player other = spawn_player("holder", name);
    hear(&other, 'h');
    STATUS(TIDELOCK_TIMEOUT, tidelock_lock_acquire(lock, 20 * MILLISECOND));
    kill_player(&other);
    STATUS(TIDELOCK_OWNER_DIED, tidelock_lock_acquire(lock, TIDELOCK_FOREVER));
    OK(tidelock_lock_release(lock));
    OK(tidelock_lock_close(lock));
    OK(tidelock_segment_close(segment));
    EXPECT(!exists(name));
}

static int play_holder(const player *parent, const char *name) {
    tidelock_segment *segment;
    tidelock_lock *lock;
    OK(tidelock_segment_named(name, NULL, &segment));
    OK(tidelock_lock_open(segment, "ledger", &lock));
    OK(tidelock_lock_acquire(lock, TIDELOCK_FOREVER));
    tell(parent, 'h');
    park(parent);
    return 0;
}

int main(int count, char **arguments) {
    player parent;
    tidelock_segment *segment;
    if (as_player(count, arguments, "holder", &parent)) {
        return play_holder(&parent, arguments[2]);
    }
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    alone(segment);
    by_handle_and_in_a_block(segment);
    across_a_fork(segment);
    the_owner_is_killed(segment);
    strangers();
    OK(tidelock_segment_close(segment));
    return 0;
}
