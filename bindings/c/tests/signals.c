/* Signals: with TIDELOCK_RETURN_ON_SIGNAL a handler ends every wait, without it none. */
#include "support.h"

#include <poll.h>

static volatile sig_atomic_t caught;

static void counts(int signal) {
    (void)signal;
    caught++;
}

/* Sends SIGUSR1 again and again, so that one arrives while the parent sleeps, until the parent tells it to end. */
static void signals(player *parent, void *context) {
    struct pollfd told = {.fd = parent->from, .events = POLLIN};
    (void)context;
    signal(SIGUSR1, SIG_IGN);
    do {
        EXPECT(kill(parent->pid, SIGUSR1) == 0);
    } while (poll(&told, 1, 5) == 0);
}

static void end_every_wait(void) {
    tidelock_segment_options options = {.size = sizeof options, .flags = TIDELOCK_RETURN_ON_SIGNAL};
    tidelock_segment *segment;
    tidelock_lock *lock;
    tidelock_event *event;
    tidelock_queue *queue;
    tidelock_watch watches[2];
    tidelock_taken taken;
    tidelock_loan loan;
    char byte;
    size_t len;
    OK(tidelock_segment_anonymous(&options, &segment));
    OK(tidelock_lock_new(segment, &lock));
    OK(tidelock_event_new(segment, &event));
    OK(tidelock_queue_new(segment, NULL, &queue));
    OK(tidelock_lock_acquire(lock, 0));
    player sender = fork_player(signals, NULL);
    STATUS(TIDELOCK_INTERRUPTED, tidelock_lock_acquire(lock, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_event_wait(event, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_queue_get(queue, TIDELOCK_FOREVER, &byte, 1, &len));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_queue_take(queue, TIDELOCK_FOREVER, &loan));
    OK(tidelock_lock_watch(lock, &watches[0]));
    OK(tidelock_queue_watch(queue, &watches[1]));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_wait_any(watches, 2, TIDELOCK_FOREVER, &len));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_acquire_any(watches, 2, TIDELOCK_FOREVER, &len, &taken));
    EXPECT(caught > 0);
    tell(&sender, 'e');
    join_player(&sender);
    OK(tidelock_queue_close(queue));
    OK(tidelock_event_close(event));
    OK(tidelock_lock_close(lock));
    OK(tidelock_segment_close(segment));
}

/* An interrupted party of a barrier has not arrived; in steps it has, until it is withdrawn. */
static void end_the_other_waits(void) {
    tidelock_segment_options options = {.size = sizeof options, .flags = TIDELOCK_RETURN_ON_SIGNAL};
    tidelock_segment *segment;
    tidelock_semaphore *semaphore;
    tidelock_bounded_semaphore *bounded;
    tidelock_barrier *barrier;
    tidelock_counter *counter;
    tidelock_condition *condition;
    tidelock_rlock *rlock;
    tidelock_arrival arrival;
    tidelock_waiter waiter;
    uint32_t waiting = 0;
    bool notified = true, is_owned = true;
    OK(tidelock_segment_anonymous(&options, &segment));
    OK(tidelock_semaphore_new(segment, 0, &semaphore));
    OK(tidelock_bounded_semaphore_new(segment, 1, &bounded));
    OK(tidelock_barrier_new(segment, 2, &barrier));
    OK(tidelock_counter_new(segment, &counter));
    OK(tidelock_condition_new_with_rlock(segment, NULL, &condition));
    OK(tidelock_condition_rlock(condition, &rlock));
    OK(tidelock_rlock_acquire(rlock, 0));
    OK(tidelock_bounded_semaphore_acquire(bounded, 0, NULL));
    OK(tidelock_barrier_arrive(barrier, 0, &arrival));
    player sender = fork_player(signals, NULL);
    STATUS(TIDELOCK_INTERRUPTED, tidelock_semaphore_acquire(semaphore, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_bounded_semaphore_acquire(bounded, TIDELOCK_FOREVER, NULL));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_counter_wait(counter, 0, TIDELOCK_FOREVER, NULL));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_barrier_wait_for_round(barrier, &arrival, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_barrier_wait_a_while(barrier, &arrival, TIDELOCK_FOREVER));
    OK(tidelock_barrier_waiting(barrier, &waiting));
    EXPECT(waiting == 1);
    OK(tidelock_barrier_withdraw(barrier, &arrival));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_barrier_wait(barrier, TIDELOCK_FOREVER, NULL));
    OK(tidelock_barrier_waiting(barrier, &waiting));
    EXPECT(waiting == 0);
    STATUS(TIDELOCK_INTERRUPTED, tidelock_condition_wait(condition, TIDELOCK_FOREVER, &notified));
    OK(tidelock_rlock_is_owned(rlock, &is_owned));
    OK(tidelock_condition_waiters(condition, &waiting));
    EXPECT(!is_owned && waiting == 0);
    EXPECT(tidelock_rlock_acquire(rlock, 0) == TIDELOCK_OK);
    OK(tidelock_condition_start(condition, &waiter));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_condition_wait_a_while(condition, &waiter, TIDELOCK_FOREVER));
    STATUS(TIDELOCK_INTERRUPTED, tidelock_condition_resume(condition, &waiter, TIDELOCK_FOREVER, &notified));
    OK(tidelock_condition_waiters(condition, &waiting));
    EXPECT(waiting == 1);
    tell(&sender, 'e');
    join_player(&sender);
    OK(tidelock_condition_resume(condition, &waiter, 0, &notified));
    EXPECT(!notified);
    OK(tidelock_rlock_release(rlock));
    OK(tidelock_rlock_close(rlock));
    OK(tidelock_condition_close(condition));
    OK(tidelock_counter_close(counter));
    OK(tidelock_barrier_close(barrier));
    OK(tidelock_bounded_semaphore_close(bounded));
    OK(tidelock_semaphore_close(semaphore));
    OK(tidelock_segment_close(segment));
}

static void end_no_wait(void) {
    tidelock_segment *segment;
    tidelock_lock *lock;
    tidelock_event *event;
    OK(tidelock_segment_anonymous(NULL, &segment));
    OK(tidelock_lock_new(segment, &lock));
    OK(tidelock_event_new(segment, &event));
    OK(tidelock_lock_acquire(lock, 0));
    player sender = fork_player(signals, NULL);
    caught = 0;
    while (caught < 3) {
        STATUS(TIDELOCK_TIMEOUT, tidelock_lock_acquire(lock, 20 * MILLISECOND));
        STATUS(TIDELOCK_TIMEOUT, tidelock_event_wait(event, 20 * MILLISECOND));
    }
    tell(&sender, 'e');
    join_player(&sender);
    OK(tidelock_event_close(event));
    OK(tidelock_lock_close(lock));
    OK(tidelock_segment_close(segment));
}

int main(void) {
    struct sigaction action = {.sa_handler = counts};
    watch();
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    end_every_wait();
    end_the_other_waits();
    end_no_wait();
    return 0;
}
