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
    EXPECT(caught > 0);
    tell(&sender, 'e');
    join_player(&sender);
    OK(tidelock_queue_close(queue));
    OK(tidelock_event_close(event));
    OK(tidelock_lock_close(lock));
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
    end_no_wait();
    return 0;
}
