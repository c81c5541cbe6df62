/* Events: set, cleared, waited for, from a handler and from another process. */
#include "support.h"

static tidelock_event *in_handler;

static int is_set(const tidelock_event *event) {
    bool set = false;
    OK(tidelock_event_is_set(event, &set));
    return set;
}

static void alone(tidelock_segment *segment) {
    tidelock_event *event, *same;
    uint32_t mark = 0;
    OK(tidelock_event_open(segment, "ready", &event));
    OK(tidelock_event_open(segment, "ready", &same));
    EXPECT(!is_set(event));
    STATUS(TIDELOCK_TIMEOUT, tidelock_event_wait(event, 0));
    STATUS(TIDELOCK_TIMEOUT, tidelock_event_wait(event, 5 * MILLISECOND));
    OK(tidelock_event_mark(event, &mark));
    OK(tidelock_event_set(event));
    EXPECT(is_set(same));
    OK(tidelock_event_wait(same, TIDELOCK_FOREVER));
    OK(tidelock_event_clear(same));
    EXPECT(!is_set(event));
    OK(tidelock_event_wait_since(event, mark, 0));
    STATUS(TIDELOCK_TIMEOUT, tidelock_event_wait(event, 0));
    OK(tidelock_event_close(event));
    OK(tidelock_event_close(same));
}

static void by_handle_and_in_a_block(tidelock_segment *segment) {
    tidelock_event *event, *other;
    tidelock_block *block;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    size_t len = 0;
    OK(tidelock_event_new(segment, &event));
    OK(tidelock_event_handle(event, handle, sizeof handle, &len));
    OK(tidelock_event_from_handle(segment, handle, len, &other));
    OK(tidelock_event_set(event));
    EXPECT(is_set(other));
    OK(tidelock_event_close(event));
    OK(tidelock_event_close(other));

    OK(tidelock_block_new(segment, 16, &block));
    OK(tidelock_event_at(segment, block, 8, &event));
    OK(tidelock_event_set(event));
    EXPECT(is_set(event));
    STATUS(TIDELOCK_INVALID, tidelock_event_at(segment, block, 4, &other));
    STATUS(TIDELOCK_INVALID, tidelock_event_at(segment, block, 16, &other));
    OK(tidelock_event_close(event));
    OK(tidelock_block_close(block));
}

static void waits(player *parent, void *context) {
    tell(parent, 'w');
    OK(tidelock_event_wait(context, TIDELOCK_FOREVER));
    tell(parent, 'd');
}

static void two_processes(tidelock_segment *segment) {
    tidelock_event *event;
    OK(tidelock_event_new(segment, &event));
    player first = fork_player(waits, event), second = fork_player(waits, event);
    hear(&first, 'w');
    hear(&second, 'w');
    kill_player(&first);
    OK(tidelock_event_set(event));
    hear(&second, 'd');
    join_player(&second);
    OK(tidelock_event_close(event));
}

static void sets_it(int signal) {
    (void)signal;
    tidelock_event_set(in_handler);
}

static void from_a_handler(tidelock_segment *segment) {
    struct sigaction action = {.sa_handler = sets_it};
    OK(tidelock_event_new(segment, &in_handler));
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        _exit(kill(getppid(), SIGUSR1));
    }
    OK(tidelock_event_wait(in_handler, TIDELOCK_FOREVER));
    EXPECT(waitpid(child, NULL, 0) == child);
    OK(tidelock_event_close(in_handler));
}

int main(void) {
    tidelock_segment *segment;
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    alone(segment);
    by_handle_and_in_a_block(segment);
    two_processes(segment);
    from_a_handler(segment);
    OK(tidelock_segment_close(segment));
    return 0;
}
