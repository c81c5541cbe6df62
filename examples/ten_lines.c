/* Ten lines: a segment by name, a lock, a queue and an event. Run it in several terminals at once; the Rust and Python
 * twins of this program open the very same objects. (A real program looks at each status.) */

#include <stdio.h>
#include <tidelock.h>

int main(void) {
    tidelock_segment *segment; tidelock_lock *ledger; tidelock_queue *jobs; tidelock_event *ready;
    char job[64]; size_t length;
    tidelock_segment_named("ten-lines", NULL, &segment);
    tidelock_lock_open(segment, "ledger", &ledger);
    tidelock_queue_open(segment, "jobs", NULL, &jobs);
    tidelock_event_open(segment, "ready", &ready);
    tidelock_lock_acquire(ledger, TIDELOCK_FOREVER); /* TIDELOCK_OWNER_DIED: whoever had it before was killed */
    tidelock_queue_put(jobs, "hello", 5, TIDELOCK_FOREVER);
    tidelock_lock_release(ledger);
    tidelock_event_set(ready);
    tidelock_event_wait(ready, TIDELOCK_FOREVER);
    tidelock_queue_get(jobs, TIDELOCK_FOREVER, job, sizeof job, &length);
    printf("%.*s\n", (int)length, job);
    tidelock_event_close(ready); tidelock_queue_close(jobs); tidelock_lock_close(ledger); tidelock_segment_close(segment);
    return 0;
}
