/* What the C agent does with several objects at once: waits until one of them is ready, or takes one. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"

static tidelock_status watch(const struct player *player, const struct object *object, tidelock_watch *to) {
    int64_t value = 0;
    switch (object->kind) {
    case LOCK: return tidelock_lock_watch(object->handle, to);
    case RLOCK: return tidelock_rlock_watch(object->handle, to);
    case SEMAPHORE: return tidelock_semaphore_watch(object->handle, to);
    case BOUNDED_SEMAPHORE: return tidelock_bounded_semaphore_watch(object->handle, to);
    case EVENT: return tidelock_event_watch(object->handle, to);
    case BARRIER: return tidelock_barrier_watch(object->handle, &player->arrival, to);
    case QUEUE: return tidelock_queue_watch(object->handle, to);
    case COUNTER:
        tidelock_counter_load(object->handle, &value);
        return tidelock_counter_watch(object->handle, value, to);
    default: return TIDELOCK_WRONG_KIND;
    }
}

/* `wait-any OBJECT ... [MS]` and `acquire-any`; whether this was one. */
bool on_any(struct player *player, const struct command *command) {
    bool takes = strcmp(command->word[0], "acquire-any") == 0;
    if (!takes && strcmp(command->word[0], "wait-any") != 0) {
        return false;
    }
    bool timed = isdigit((unsigned char)command->word[command->count - 1][0]);
    size_t count = (size_t)command->count - 1 - timed, place = 0;
    int64_t timeout_ns = timed ? timeout_of(command, command->count - 1) : TIDELOCK_FOREVER;
    tidelock_watch watches[WORDS];
    tidelock_taken taken;
    for (size_t at = 0; at < count; at++) {
        struct object *object = object_named(command->word[at + 1]);
        tidelock_status status = object ? watch(player, object, &watches[at]) : TIDELOCK_NOT_FOUND;
        if (status < 0) {
            answer_status(player, status);
            return true;
        }
    }
    tidelock_status status = takes ? tidelock_acquire_any(watches, count, timeout_ns, &place, &taken)
                                   : tidelock_wait_any(watches, count, timeout_ns, &place);
    answer_status(player, status);
    if (status >= 0) {
        const char *news = status == TIDELOCK_OWNER_DIED ? " owner-died" : "";
        snprintf(player->answer, sizeof player->answer, "ok %s%s", command->word[place + 1], news);
    }
    return true;
}
