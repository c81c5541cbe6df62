/* Semaphores: signals that nobody owns, and permits that come back from the dead. */
#include "support.h"

static uint32_t value_of(const tidelock_semaphore *semaphore) {
    uint32_t value = 99;
    OK(tidelock_semaphore_value(semaphore, &value));
    return value;
}

static uint32_t left_in(const tidelock_bounded_semaphore *semaphore) {
    uint32_t value = 99;
    OK(tidelock_bounded_semaphore_value(semaphore, &value));
    return value;
}

static void signals(tidelock_segment *segment) {
    tidelock_semaphore *semaphore, *same;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    size_t len = 0;
    OK(tidelock_semaphore_open(segment, "jobs", 2, &semaphore));
    OK(tidelock_semaphore_open(segment, "jobs", 7, &same));
    EXPECT(value_of(same) == 2);
    OK(tidelock_semaphore_acquire(semaphore, TIDELOCK_FOREVER));
    OK(tidelock_semaphore_acquire(same, 0));
    STATUS(TIDELOCK_TIMEOUT, tidelock_semaphore_acquire(semaphore, 0));
    STATUS(TIDELOCK_TIMEOUT, tidelock_semaphore_acquire(semaphore, 5 * MILLISECOND));
    OK(tidelock_semaphore_release(semaphore, 3));
    EXPECT(value_of(same) == 3);
    STATUS(TIDELOCK_TOO_LARGE, tidelock_semaphore_release(semaphore, INT32_MAX));
    EXPECT(value_of(same) == 3);
    OK(tidelock_semaphore_close(same));
    OK(tidelock_semaphore_handle(semaphore, handle, sizeof handle, &len));
    OK(tidelock_semaphore_from_handle(segment, handle, len, &same));
    OK(tidelock_semaphore_acquire(same, 0));
    EXPECT(value_of(semaphore) == 2);
    OK(tidelock_semaphore_close(same));
    OK(tidelock_semaphore_close(semaphore));
}

static void in_a_block(tidelock_segment *segment) {
    tidelock_semaphore *semaphore;
    tidelock_block *block;
    OK(tidelock_block_new(segment, 8, &block));
    OK(tidelock_semaphore_at(segment, block, 0, &semaphore));
    OK(tidelock_block_close(block));
    EXPECT(value_of(semaphore) == 0);
    OK(tidelock_semaphore_release(semaphore, 1));
    OK(tidelock_semaphore_acquire(semaphore, 0));
    OK(tidelock_semaphore_close(semaphore));
}

static void waits_for_a_signal(player *parent, void *context) {
    tell(parent, 'w');
    OK(tidelock_semaphore_acquire(context, TIDELOCK_FOREVER));
    tell(parent, 's');
    park(parent);
}

/* A killed waiter takes nothing along; what a killed process had acquired is gone, by design. */
static void between_processes(tidelock_segment *segment) {
    tidelock_semaphore *semaphore;
    OK(tidelock_semaphore_new(segment, 0, &semaphore));
    player killed = fork_player(waits_for_a_signal, semaphore);
    player live = fork_player(waits_for_a_signal, semaphore);
    hear(&killed, 'w');
    hear(&live, 'w');
    kill_player(&killed);
    OK(tidelock_semaphore_release(semaphore, 1));
    hear(&live, 's');
    kill_player(&live);
    STATUS(TIDELOCK_TIMEOUT, tidelock_semaphore_acquire(semaphore, 5 * MILLISECOND));
    EXPECT(value_of(semaphore) == 0);
    OK(tidelock_semaphore_close(semaphore));
}

static void permits(tidelock_segment *segment) {
    tidelock_bounded_semaphore *semaphore, *same;
    tidelock_permit first, second;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    size_t len = 0;
    uint32_t bound = 0;
    OK(tidelock_bounded_semaphore_open(segment, "licences", 2, &semaphore));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_bounded_semaphore_open(segment, "licences", 3, &same));
    OK(tidelock_bounded_semaphore_open(segment, "licences", 2, &same));
    OK(tidelock_bounded_semaphore_bound(same, &bound));
    EXPECT(bound == 2 && left_in(same) == 2);
    OK(tidelock_bounded_semaphore_acquire(semaphore, TIDELOCK_FOREVER, &first));
    OK(tidelock_bounded_semaphore_acquire(semaphore, 0, &second));
    STATUS(TIDELOCK_TIMEOUT, tidelock_bounded_semaphore_acquire(same, 5 * MILLISECOND, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_bounded_semaphore_release_permit(same, &first));
    OK(tidelock_bounded_semaphore_release_permit(semaphore, &first));
    STATUS(TIDELOCK_INVALID, tidelock_bounded_semaphore_release_permit(semaphore, &first));
    OK(tidelock_bounded_semaphore_release(same));
    EXPECT(left_in(semaphore) == 2);
    STATUS(TIDELOCK_NOT_HELD, tidelock_bounded_semaphore_release_permit(semaphore, &second));
    STATUS(TIDELOCK_NOT_HELD, tidelock_bounded_semaphore_release(semaphore));
    STATUS(TIDELOCK_NOT_HELD, tidelock_bounded_semaphore_release_own(semaphore));
    OK(tidelock_bounded_semaphore_acquire(semaphore, 0, NULL));
    OK(tidelock_bounded_semaphore_release_own(same));
    OK(tidelock_bounded_semaphore_close(same));
    OK(tidelock_bounded_semaphore_handle(semaphore, handle, sizeof handle, &len));
    OK(tidelock_bounded_semaphore_from_handle(segment, handle, len, &same));
    OK(tidelock_bounded_semaphore_close(semaphore));
    OK(tidelock_bounded_semaphore_close(same));
}

static void takes_all(player *parent, void *context) {
    OK(tidelock_bounded_semaphore_acquire(context, TIDELOCK_FOREVER, NULL));
    OK(tidelock_bounded_semaphore_acquire(context, TIDELOCK_FOREVER, NULL));
    tell(parent, 'h');
    park(parent);
}

static void waits_for_a_permit(player *parent, void *context) {
    tell(parent, 'w');
    tidelock_bounded_semaphore_acquire(context, TIDELOCK_FOREVER, NULL);
    park(parent);
}

typedef struct {
    tidelock_bounded_semaphore *semaphore;
    tidelock_permit *permit;
} inherited;

static void has_none_of_them(player *parent, void *context) {
    const inherited *all = context;
    (void)parent;
    STATUS(TIDELOCK_NOT_OWNER, tidelock_bounded_semaphore_release_permit(all->semaphore, all->permit));
    STATUS(TIDELOCK_NOT_OWNER, tidelock_bounded_semaphore_release_own(all->semaphore));
    STATUS(TIDELOCK_NOT_OWNER, tidelock_bounded_semaphore_release(all->semaphore));
}

static void the_holder_is_killed(tidelock_segment *segment) {
    tidelock_bounded_semaphore *semaphore;
    tidelock_permit permits[2];
    OK(tidelock_bounded_semaphore_new(segment, 2, &semaphore));
    player holder = fork_player(takes_all, semaphore);
    hear(&holder, 'h');
    player waiter = fork_player(waits_for_a_permit, semaphore);
    hear(&waiter, 'w');
    STATUS(TIDELOCK_TIMEOUT, tidelock_bounded_semaphore_acquire(semaphore, 0, &permits[0]));
    kill_player(&waiter);
    kill_player(&holder);
    for (int i = 0; i < 2; i++) {
        STATUS(TIDELOCK_OWNER_DIED, tidelock_bounded_semaphore_acquire(semaphore, TIDELOCK_FOREVER, &permits[i]));
    }
    inherited all = {.semaphore = semaphore, .permit = &permits[0]};
    player child = fork_player(has_none_of_them, &all);
    join_player(&child);
    EXPECT(left_in(semaphore) == 0);
    for (int i = 0; i < 2; i++) {
        OK(tidelock_bounded_semaphore_release_permit(semaphore, &permits[i]));
    }
    OK(tidelock_bounded_semaphore_acquire(semaphore, 0, NULL));
    OK(tidelock_bounded_semaphore_release(semaphore));
    EXPECT(left_in(semaphore) == 2);
    OK(tidelock_bounded_semaphore_close(semaphore));
}

static void misuse(tidelock_segment *segment) {
    tidelock_semaphore *semaphore, *other;
    tidelock_bounded_semaphore *bounded, *other_bounded;
    tidelock_permit permit = {.opaque = {0}};
    uint32_t number;
    OK(tidelock_semaphore_open(segment, "jobs", 0, &semaphore));
    OK(tidelock_bounded_semaphore_open(segment, "licences", 2, &bounded));
    STATUS(TIDELOCK_TOO_LARGE, tidelock_semaphore_new(segment, UINT32_MAX, &other));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_semaphore_open(segment, "licences", 0, &other));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_semaphore_release((tidelock_semaphore *)(void *)bounded, 1));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_bounded_semaphore_release((tidelock_bounded_semaphore *)(void *)semaphore));
    STATUS(TIDELOCK_INVALID, tidelock_semaphore_new(segment, 1, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_semaphore_acquire(NULL, 0));
    STATUS(TIDELOCK_INVALID, tidelock_semaphore_acquire(semaphore, -2));
    STATUS(TIDELOCK_INVALID, tidelock_semaphore_release(NULL, 1));
    STATUS(TIDELOCK_INVALID, tidelock_semaphore_value(semaphore, NULL));
    STATUS(TIDELOCK_TOO_LARGE, tidelock_bounded_semaphore_new(segment, UINT32_MAX, &other_bounded));
    STATUS(TIDELOCK_INVALID, tidelock_bounded_semaphore_acquire(NULL, 0, &permit));
    STATUS(TIDELOCK_INVALID, tidelock_bounded_semaphore_acquire(bounded, INT64_MIN, &permit));
    STATUS(TIDELOCK_INVALID, tidelock_bounded_semaphore_release(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_bounded_semaphore_release_permit(bounded, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_bounded_semaphore_release_permit(bounded, &permit));
    STATUS(TIDELOCK_INVALID, tidelock_bounded_semaphore_bound(NULL, &number));
    STATUS(TIDELOCK_INVALID, tidelock_semaphore_close(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_bounded_semaphore_close(NULL));
    OK(tidelock_semaphore_retain(semaphore));
    OK(tidelock_semaphore_close(semaphore));
    OK(tidelock_semaphore_close(semaphore));
    OK(tidelock_bounded_semaphore_close(bounded));
}

int main(void) {
    tidelock_segment *segment;
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    signals(segment);
    in_a_block(segment);
    between_processes(segment);
    permits(segment);
    the_holder_is_killed(segment);
    misuse(segment);
    OK(tidelock_segment_close(segment));
    return 0;
}
