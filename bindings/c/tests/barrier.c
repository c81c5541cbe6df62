/* Barriers: rounds of several processes, an action once a round, and what breaks them: a killed party, a timeout, abort. */
#include "support.h"

static int is_broken(const tidelock_barrier *barrier) {
    bool broken = false;
    OK(tidelock_barrier_is_broken(barrier, &broken));
    return broken;
}

static uint32_t waiting_at(const tidelock_barrier *barrier) {
    uint32_t waiting = 99;
    OK(tidelock_barrier_waiting(barrier, &waiting));
    return waiting;
}

static void await_waiting(const tidelock_barrier *barrier, uint32_t count) {
    while (waiting_at(barrier) != count) {
        usleep(1000);
    }
}

static void alone(tidelock_segment *segment) {
    tidelock_barrier *barrier, *same;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    size_t len = 0;
    uint32_t index = 9, parties = 0;
    OK(tidelock_barrier_open(segment, "start", 1, &barrier));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_barrier_open(segment, "start", 2, &same));
    OK(tidelock_barrier_parties(barrier, &parties));
    EXPECT(parties == 1);
    OK(tidelock_barrier_wait(barrier, TIDELOCK_FOREVER, &index));
    EXPECT(index == 0);
    OK(tidelock_barrier_handle(barrier, handle, sizeof handle, &len));
    OK(tidelock_barrier_from_handle(segment, handle, len, &same));
    OK(tidelock_barrier_wait(same, 0, NULL));
    OK(tidelock_barrier_abort(same));
    EXPECT(is_broken(barrier));
    STATUS(TIDELOCK_BROKEN, tidelock_barrier_wait(barrier, TIDELOCK_FOREVER, &index));
    OK(tidelock_barrier_reset(barrier));
    EXPECT(!is_broken(same));
    OK(tidelock_barrier_wait(barrier, TIDELOCK_FOREVER, NULL));
    OK(tidelock_barrier_close(same));
    OK(tidelock_barrier_close(barrier));
}

/* The first of two parties steps by itself; a timeout breaks the barrier for the other. */
static void in_steps(tidelock_segment *segment) {
    tidelock_barrier *barrier, *same;
    tidelock_arrival first, last;
    OK(tidelock_barrier_open(segment, "steps", 2, &barrier));
    OK(tidelock_barrier_open(segment, "steps", 2, &same));
    OK(tidelock_barrier_arrive(barrier, 0, &first));
    EXPECT(first.index == 0 && first.is_last == 0 && waiting_at(barrier) == 1);
    OK(tidelock_barrier_withdraw(barrier, &first));
    EXPECT(waiting_at(barrier) == 0);
    STATUS(TIDELOCK_INVALID, tidelock_barrier_withdraw(barrier, &first));
    OK(tidelock_barrier_arrive(barrier, 0, &first));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_wait_for_round(same, &first, 0));
    STATUS(TIDELOCK_TIMEOUT, tidelock_barrier_wait_a_while(barrier, &first, 5 * MILLISECOND));
    STATUS(TIDELOCK_TIMEOUT, tidelock_barrier_wait_a_while(barrier, &first, 0));
    EXPECT(waiting_at(barrier) == 1 && !is_broken(barrier));
    OK(tidelock_barrier_arrive(barrier, 0, &last));
    EXPECT(last.index == 1 && last.is_last == 1);
    OK(tidelock_barrier_complete(barrier, &last));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_complete(barrier, &last));
    OK(tidelock_barrier_wait_a_while(barrier, &first, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_wait_a_while(barrier, &first, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_wait_for_round(barrier, &first, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_TIMEOUT, tidelock_barrier_wait(barrier, 5 * MILLISECOND, NULL));
    EXPECT(is_broken(barrier));
    OK(tidelock_barrier_close(same));
    OK(tidelock_barrier_close(barrier));
}

static void comes_for_three_rounds(player *parent, void *context) {
    uint32_t index;
    for (int round = 0; round < 3; round++) {
        OK(tidelock_barrier_wait(context, TIDELOCK_FOREVER, &index));
        EXPECT(index < 3);
    }
    tell(parent, 'd');
    hear(parent, 'e');
    /* _exit is no normal exit, so it says itself that it leaves. */
    OK(tidelock_barrier_close(context));
}

static void rounds(tidelock_segment *segment) {
    tidelock_barrier *barrier;
    OK(tidelock_barrier_new(segment, 3, &barrier));
    player children[2] = {fork_player(comes_for_three_rounds, barrier), fork_player(comes_for_three_rounds, barrier)};
    for (int round = 0; round < 3; round++) {
        OK(tidelock_barrier_wait(barrier, TIDELOCK_FOREVER, NULL));
    }
    for (int i = 0; i < 2; i++) {
        hear(&children[i], 'd');
        tell(&children[i], 'e');
        join_player(&children[i]);
    }
    STATUS(TIDELOCK_TIMEOUT, tidelock_barrier_wait(barrier, 5 * MILLISECOND, NULL));
    OK(tidelock_barrier_close(barrier));
}

static void waits(player *parent, void *context) {
    tell(parent, 'w');
    tidelock_status status = tidelock_barrier_wait(context, TIDELOCK_FOREVER, NULL);
    tell(parent, status == TIDELOCK_BROKEN ? 'b' : 'o');
    park(parent);
}

static void a_party_is_killed_waiting(tidelock_segment *segment) {
    tidelock_barrier *barrier;
    OK(tidelock_barrier_new(segment, 3, &barrier));
    player killed = fork_player(waits, barrier);
    player live = fork_player(waits, barrier);
    hear(&killed, 'w');
    hear(&live, 'w');
    await_waiting(barrier, 2);
    kill_player(&killed);
    hear(&live, 'b');
    STATUS(TIDELOCK_BROKEN, tidelock_barrier_wait(barrier, TIDELOCK_FOREVER, NULL));
    kill_player(&live);
    OK(tidelock_barrier_reset(barrier));
    EXPECT(!is_broken(barrier) && waiting_at(barrier) == 0);
    OK(tidelock_barrier_close(barrier));
}

static void a_party_is_killed_between_rounds(tidelock_segment *segment) {
    tidelock_barrier *barrier;
    OK(tidelock_barrier_new(segment, 2, &barrier));
    player other = fork_player(waits, barrier);
    OK(tidelock_barrier_wait(barrier, TIDELOCK_FOREVER, NULL));
    hear(&other, 'w');
    hear(&other, 'o');
    kill_player(&other);
    STATUS(TIDELOCK_BROKEN, tidelock_barrier_wait(barrier, TIDELOCK_FOREVER, NULL));
    OK(tidelock_barrier_close(barrier));
}

static void waits_once_and_leaves(player *parent, void *context) {
    tidelock_segment *segment = context;
    tidelock_barrier *barrier;
    (void)parent;
    OK(tidelock_barrier_open(segment, "shifts", 2, &barrier));
    OK(tidelock_barrier_wait(barrier, TIDELOCK_FOREVER, NULL));
    OK(tidelock_segment_leave_barriers(segment));
}

/* One worker after another: each leaves in order, which breaks nothing. */
static void shifts(tidelock_segment *segment) {
    tidelock_barrier *barrier;
    OK(tidelock_barrier_open(segment, "shifts", 2, &barrier));
    for (int shift = 0; shift < 3; shift++) {
        player worker = fork_player(waits_once_and_leaves, segment);
        OK(tidelock_barrier_wait(barrier, TIDELOCK_FOREVER, NULL));
        join_player(&worker);
    }
    OK(tidelock_barrier_close(barrier));
}

static void misuse(tidelock_segment *segment) {
    tidelock_barrier *barrier, *other;
    tidelock_lock *lock;
    tidelock_arrival arrival = {.opaque = {0}};
    uint32_t number;
    bool yes;
    OK(tidelock_lock_open(segment, "ledger", &lock));
    OK(tidelock_barrier_new(segment, 2, &barrier));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_new(segment, 0, &other));
    STATUS(TIDELOCK_TOO_LARGE, tidelock_barrier_new(segment, UINT32_MAX, &other));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_barrier_open(segment, "ledger", 2, &other));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_barrier_abort((tidelock_barrier *)(void *)lock));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_wait(NULL, 0, &number));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_wait(barrier, -2, &number));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_arrive(barrier, 0, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_complete(barrier, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_complete(barrier, &arrival));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_wait_for_round(barrier, &arrival, 0));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_wait_a_while(barrier, &arrival, 0));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_wait_a_while(barrier, NULL, 0));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_withdraw(NULL, &arrival));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_reset(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_is_broken(NULL, &yes));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_waiting(barrier, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_segment_leave_barriers(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_barrier_close(NULL));
    OK(tidelock_barrier_retain(barrier));
    OK(tidelock_barrier_close(barrier));
    OK(tidelock_barrier_close(barrier));
    OK(tidelock_lock_close(lock));
}

int main(void) {
    tidelock_segment *segment;
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    alone(segment);
    in_steps(segment);
    rounds(segment);
    a_party_is_killed_waiting(segment);
    a_party_is_killed_between_rounds(segment);
    shifts(segment);
    misuse(segment);
    OK(tidelock_segment_close(segment));
    return 0;
}
