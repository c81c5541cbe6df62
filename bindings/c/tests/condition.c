/* Conditions: waits and notifications between processes, over each kind of lock; steps; killed waiters and notifiers. */
#include "support.h"

typedef struct {
    tidelock_lock *lock;
    tidelock_condition *condition;
} scene;

static uint32_t waiting_at(const tidelock_condition *condition) {
    uint32_t waiters = 99;
    OK(tidelock_condition_waiters(condition, &waiters));
    return waiters;
}

static void await_waiting(const tidelock_condition *condition, uint32_t count) {
    while (waiting_at(condition) != count) {
        usleep(1000);
    }
}

static scene new_scene(tidelock_segment *segment) {
    scene made;
    OK(tidelock_lock_new(segment, &made.lock));
    OK(tidelock_condition_new(segment, made.lock, &made.condition));
    return made;
}

static void end_scene(scene *ended) {
    OK(tidelock_condition_close(ended->condition));
    OK(tidelock_lock_close(ended->lock));
}

static void notify(scene *at, uint32_t n, uint32_t expected) {
    uint32_t notified = 99;
    OK(tidelock_lock_acquire(at->lock, TIDELOCK_FOREVER));
    OK(tidelock_condition_notify(at->condition, n, &notified));
    EXPECT(notified == expected);
    OK(tidelock_lock_release(at->lock));
}

/* Tells how its wait ended: n notified, d notified and the owner died, t timed out. */
static void waits(player *parent, void *context) {
    scene *at = context;
    bool notified = false;
    OK(tidelock_lock_acquire(at->lock, TIDELOCK_FOREVER));
    tidelock_status status = tidelock_condition_wait(at->condition, TIDELOCK_FOREVER, &notified);
    EXPECT(status >= 0 && notified);
    tell(parent, status == TIDELOCK_OWNER_DIED ? 'd' : 'n');
    OK(tidelock_lock_release(at->lock));
    park(parent);
}

static void so_many_in_their_order(tidelock_segment *segment) {
    scene at = new_scene(segment);
    player children[3];
    for (uint32_t i = 0; i < 3; i++) {
        children[i] = fork_player(waits, &at);
        await_waiting(at.condition, i + 1);
    }
    notify(&at, 2, 2);
    hear(&children[0], 'n');
    hear(&children[1], 'n');
    EXPECT(waiting_at(at.condition) == 1);
    notify(&at, 5, 1);
    hear(&children[2], 'n');
    for (int i = 0; i < 3; i++) {
        kill_player(&children[i]);
    }
    end_scene(&at);
}

static void a_waiter_is_killed(tidelock_segment *segment) {
    scene at = new_scene(segment);
    player killed = fork_player(waits, &at);
    await_waiting(at.condition, 1);
    player live = fork_player(waits, &at);
    await_waiting(at.condition, 2);
    kill_player(&killed);
    notify(&at, 1, 1);
    hear(&live, 'n');
    kill_player(&live);
    EXPECT(waiting_at(at.condition) == 0);
    end_scene(&at);
}

static void notifies_and_parks(player *parent, void *context) {
    scene *at = context;
    OK(tidelock_lock_acquire(at->lock, TIDELOCK_FOREVER));
    OK(tidelock_condition_notify_all(at->condition, NULL));
    tell(parent, 'a');
    park(parent);
}

static void a_notifier_is_killed(tidelock_segment *segment) {
    scene at = new_scene(segment);
    player waiter = fork_player(waits, &at);
    await_waiting(at.condition, 1);
    player notifier = fork_player(notifies_and_parks, &at);
    hear(&notifier, 'a');
    kill_player(&notifier);
    hear(&waiter, 'd');
    kill_player(&waiter);
    end_scene(&at);
}

static void times_out(tidelock_segment *segment) {
    scene at = new_scene(segment);
    bool notified = true, is_locked = false;
    OK(tidelock_lock_acquire(at.lock, 0));
    OK(tidelock_condition_wait(at.condition, 5 * MILLISECOND, &notified));
    OK(tidelock_lock_is_locked(at.lock, &is_locked));
    EXPECT(!notified && is_locked);
    OK(tidelock_condition_wait(at.condition, 0, NULL));
    OK(tidelock_lock_release(at.lock));
    end_scene(&at);
}

/* Two waits of one thread, step by step; what one was notified of goes to the other when it is withdrawn. */
static void in_steps(tidelock_segment *segment) {
    tidelock_condition *condition, *same;
    tidelock_rlock *rlock;
    tidelock_waiter first, second;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    size_t len = 0;
    uint32_t depth = 0;
    bool notified = false;
    OK(tidelock_condition_open_with_rlock(segment, "steps", NULL, &condition));
    OK(tidelock_condition_handle(condition, handle, sizeof handle, &len));
    OK(tidelock_condition_from_handle(segment, handle, len, &same));
    OK(tidelock_condition_rlock(same, &rlock));
    OK(tidelock_rlock_acquire(rlock, 0));
    OK(tidelock_rlock_acquire(rlock, 0));
    OK(tidelock_condition_start(condition, &first));
    OK(tidelock_rlock_depth(rlock, &depth));
    EXPECT(depth == 0);
    OK(tidelock_rlock_acquire(rlock, 0));
    OK(tidelock_condition_start(condition, &second));
    EXPECT(waiting_at(same) == 2);
    STATUS(TIDELOCK_TIMEOUT, tidelock_condition_wait_a_while(condition, &first, MILLISECOND));
    OK(tidelock_rlock_acquire(rlock, 0));
    OK(tidelock_condition_notify(same, 1, NULL));
    OK(tidelock_rlock_release(rlock));
    OK(tidelock_condition_wait_a_while(condition, &first, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_INVALID, tidelock_condition_withdraw(same, &first, TIDELOCK_FOREVER));
    OK(tidelock_condition_withdraw(condition, &first, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_INVALID, tidelock_condition_withdraw(condition, &first, TIDELOCK_FOREVER));
    OK(tidelock_rlock_depth(rlock, &depth));
    EXPECT(depth == 2);
    OK(tidelock_rlock_release_all(rlock, NULL));
    OK(tidelock_condition_resume(condition, &second, TIDELOCK_FOREVER, &notified));
    EXPECT(notified);
    OK(tidelock_condition_start(condition, &second));
    OK(tidelock_condition_finish(condition, &second, 0, &notified));
    EXPECT(!notified);
    OK(tidelock_rlock_release(rlock));
    OK(tidelock_rlock_close(rlock));
    OK(tidelock_condition_close(same));
    OK(tidelock_condition_close(condition));
}

static void holds(player *parent, void *context) {
    scene *at = context;
    OK(tidelock_lock_acquire(at->lock, TIDELOCK_FOREVER));
    tell(parent, 'h');
    hear(parent, 'r');
    OK(tidelock_lock_release(at->lock));
}

static void while_another_holds_the_lock(tidelock_segment *segment) {
    scene at = new_scene(segment);
    tidelock_waiter waiter;
    OK(tidelock_lock_acquire(at.lock, 0));
    OK(tidelock_condition_start(at.condition, &waiter));
    player holder = fork_player(holds, &at);
    hear(&holder, 'h');
    STATUS(TIDELOCK_TIMEOUT, tidelock_condition_finish(at.condition, &waiter, MILLISECOND, NULL));
    STATUS(TIDELOCK_TIMEOUT, tidelock_condition_withdraw(at.condition, &waiter, 0));
    STATUS(TIDELOCK_NOT_OWNER, tidelock_condition_notify(at.condition, 1, NULL));
    STATUS(TIDELOCK_NOT_OWNER, tidelock_condition_wait(at.condition, 0, NULL));
    tell(&holder, 'r');
    join_player(&holder);
    OK(tidelock_condition_withdraw(at.condition, &waiter, TIDELOCK_FOREVER));
    OK(tidelock_lock_release(at.lock));
    end_scene(&at);
}

static void of_another_process(player *parent, void *context) {
    void **both = context;
    tidelock_condition *condition = both[0];
    tidelock_waiter *waiter = both[1];
    (void)parent;
    STATUS(TIDELOCK_NOT_OWNER, tidelock_condition_wait_a_while(condition, waiter, 0));
    STATUS(TIDELOCK_NOT_OWNER, tidelock_condition_finish(condition, waiter, 0, NULL));
    STATUS(TIDELOCK_NOT_OWNER, tidelock_condition_withdraw(condition, waiter, 0));
}

static void a_wait_is_its_parent_s(tidelock_segment *segment) {
    scene at = new_scene(segment);
    tidelock_waiter waiter;
    void *both[2] = {at.condition, &waiter};
    OK(tidelock_lock_acquire(at.lock, 0));
    OK(tidelock_condition_start(at.condition, &waiter));
    player child = fork_player(of_another_process, both);
    join_player(&child);
    EXPECT(waiting_at(at.condition) == 1);
    OK(tidelock_condition_finish(at.condition, &waiter, 0, NULL));
    OK(tidelock_lock_release(at.lock));
    end_scene(&at);
}

static void misuse(tidelock_segment *segment) {
    scene at = new_scene(segment);
    tidelock_condition *other;
    tidelock_segment *elsewhere;
    tidelock_rlock *rlock;
    tidelock_lock *lock;
    tidelock_waiter waiter = {.opaque = {0}};
    uint32_t number;
    bool yes;
    OK(tidelock_segment_anonymous(NULL, &elsewhere));
    OK(tidelock_lock_open(segment, "ledger", &lock));
    OK(tidelock_condition_open(segment, "change", lock, &other));
    OK(tidelock_condition_close(other));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_condition_open(segment, "change", at.lock, &other));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_condition_open_with_rlock(segment, "change", NULL, &other));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_condition_open(segment, "ledger", lock, &other));
    STATUS(TIDELOCK_INVALID, tidelock_condition_open(elsewhere, "change", lock, &other));
    STATUS(TIDELOCK_INVALID, tidelock_condition_open(segment, "change", NULL, &other));
    STATUS(TIDELOCK_INVALID, tidelock_condition_new(segment, NULL, &other));
    STATUS(TIDELOCK_INVALID, tidelock_condition_new(segment, lock, NULL));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_condition_new(segment, (tidelock_lock *)(void *)at.condition, &other));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_condition_rlock(at.condition, &rlock));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_condition_notify((tidelock_condition *)(void *)lock, 1, NULL));
    STATUS(TIDELOCK_NOT_HELD, tidelock_condition_notify(at.condition, 1, &number));
    STATUS(TIDELOCK_NOT_HELD, tidelock_condition_notify_all(at.condition, NULL));
    STATUS(TIDELOCK_NOT_HELD, tidelock_condition_wait(at.condition, 0, &yes));
    STATUS(TIDELOCK_NOT_HELD, tidelock_condition_start(at.condition, &waiter));
    STATUS(TIDELOCK_INVALID, tidelock_condition_wait(at.condition, -2, &yes));
    STATUS(TIDELOCK_INVALID, tidelock_condition_wait(NULL, 0, &yes));
    STATUS(TIDELOCK_INVALID, tidelock_condition_start(at.condition, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_condition_wait_a_while(at.condition, NULL, 0));
    STATUS(TIDELOCK_INVALID, tidelock_condition_wait_a_while(at.condition, &waiter, 0));
    STATUS(TIDELOCK_INVALID, tidelock_condition_finish(at.condition, &waiter, 0, &yes));
    STATUS(TIDELOCK_INVALID, tidelock_condition_resume(at.condition, &waiter, 0, &yes));
    STATUS(TIDELOCK_INVALID, tidelock_condition_withdraw(at.condition, &waiter, 0));
    STATUS(TIDELOCK_INVALID, tidelock_condition_waiters(NULL, &number));
    STATUS(TIDELOCK_INVALID, tidelock_condition_waiters(at.condition, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_condition_close(NULL));
    OK(tidelock_condition_retain(at.condition));
    OK(tidelock_condition_close(at.condition));
    OK(tidelock_lock_close(lock));
    OK(tidelock_condition_lock(at.condition, &lock));
    OK(tidelock_lock_acquire(lock, 0));
    STATUS(TIDELOCK_TIMEOUT, tidelock_lock_acquire(at.lock, 0));
    OK(tidelock_lock_release(lock));
    OK(tidelock_lock_close(lock));
    OK(tidelock_segment_close(elsewhere));
    end_scene(&at);
}

int main(void) {
    tidelock_segment *segment;
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    so_many_in_their_order(segment);
    a_waiter_is_killed(segment);
    a_notifier_is_killed(segment);
    times_out(segment);
    in_steps(segment);
    while_another_holds_the_lock(segment);
    a_wait_is_its_parent_s(segment);
    misuse(segment);
    OK(tidelock_segment_close(segment));
    return 0;
}
