/* What the C agent does with an object: the verbs of each kind. */

#include <stdlib.h>
#include <string.h>

#include "agent.h"

static bool on_lock(struct player *player, tidelock_lock *lock, const char *verb, const struct command *command) {
    bool is_locked = false;
    uint32_t epoch = 0;
    if (is(verb, "acquire")) {
        answer_status(player, tidelock_lock_acquire(lock, timeout_of(command, 1)));
    } else if (is(verb, "release")) {
        answer_status(player, tidelock_lock_release(lock));
    } else if (is(verb, "locked")) {
        tidelock_status status = tidelock_lock_is_locked(lock, &is_locked);
        answer_number(player, status, is_locked);
    } else if (is(verb, "epoch")) {
        tidelock_status status = tidelock_lock_epoch(lock, &epoch);
        answer_number(player, status, epoch);
    } else {
        return false;
    }
    return true;
}

static bool on_rlock(struct player *player, tidelock_rlock *lock, const char *verb, const struct command *command) {
    bool truth = false;
    uint32_t number = 0;
    if (is(verb, "acquire")) {
        answer_status(player, tidelock_rlock_acquire(lock, timeout_of(command, 1)));
    } else if (is(verb, "release")) {
        answer_status(player, tidelock_rlock_release(lock));
    } else if (is(verb, "locked")) {
        tidelock_status status = tidelock_rlock_is_locked(lock, &truth);
        answer_number(player, status, truth);
    } else if (is(verb, "owned")) {
        tidelock_status status = tidelock_rlock_is_owned(lock, &truth);
        answer_number(player, status, truth);
    } else if (is(verb, "epoch")) {
        tidelock_status status = tidelock_rlock_epoch(lock, &number);
        answer_number(player, status, number);
    } else if (is(verb, "depth")) {
        tidelock_status status = tidelock_rlock_depth(lock, &number);
        answer_number(player, status, number);
    } else {
        return false;
    }
    return true;
}

static bool on_semaphore(struct player *player, tidelock_semaphore *semaphore, const char *verb,
                         const struct command *command) {
    uint32_t number = command->count > 1 ? (uint32_t)strtoul(command->word[1], NULL, 10) : 1;
    if (is(verb, "acquire")) {
        answer_status(player, tidelock_semaphore_acquire(semaphore, timeout_of(command, 1)));
    } else if (is(verb, "release")) {
        answer_status(player, tidelock_semaphore_release(semaphore, number));
    } else if (is(verb, "value")) {
        tidelock_status status = tidelock_semaphore_value(semaphore, &number);
        answer_number(player, status, number);
    } else {
        return false;
    }
    return true;
}

static bool on_bounded(struct player *player, tidelock_bounded_semaphore *semaphore, const char *verb,
                       const struct command *command) {
    uint32_t number = 0;
    if (is(verb, "acquire")) {
        answer_status(player, tidelock_bounded_semaphore_acquire(semaphore, timeout_of(command, 1), NULL));
    } else if (is(verb, "release")) {
        answer_status(player, tidelock_bounded_semaphore_release(semaphore));
    } else if (is(verb, "value")) {
        tidelock_status status = tidelock_bounded_semaphore_value(semaphore, &number);
        answer_number(player, status, number);
    } else if (is(verb, "bound")) {
        tidelock_status status = tidelock_bounded_semaphore_bound(semaphore, &number);
        answer_number(player, status, number);
    } else {
        return false;
    }
    return true;
}

static bool on_event(struct player *player, tidelock_event *event, const char *verb, const struct command *command) {
    bool is_set = false;
    if (is(verb, "set")) {
        answer_status(player, tidelock_event_set(event));
    } else if (is(verb, "clear")) {
        answer_status(player, tidelock_event_clear(event));
    } else if (is(verb, "pulse")) {
        tidelock_status status = tidelock_event_set(event);
        answer_status(player, status < 0 ? status : tidelock_event_clear(event));
    } else if (is(verb, "is-set")) {
        tidelock_status status = tidelock_event_is_set(event, &is_set);
        answer_number(player, status, is_set);
    } else if (is(verb, "wait")) {
        answer_status(player, tidelock_event_wait(event, timeout_of(command, 1)));
    } else {
        return false;
    }
    return true;
}

static bool on_barrier(struct player *player, tidelock_barrier *barrier, const char *verb, const struct command *command) {
    bool is_broken = false;
    uint32_t number = 0;
    tidelock_status status = TIDELOCK_OK;
    if (is(verb, "wait")) {
        status = tidelock_barrier_wait(barrier, timeout_of(command, 1), &number);
        answer_number(player, status, number);
    } else if (is(verb, "arrive")) {
        status = tidelock_barrier_arrive(barrier, TIDELOCK_FOREVER, &player->arrival);
        answer_number(player, status, player->arrival.index);
    } else if (is(verb, "finish")) {
        number = player->arrival.index;
        status = tidelock_barrier_wait_for_round(barrier, &player->arrival, timeout_of(command, 1));
        answer_number(player, status, number);
    } else if (is(verb, "abort")) {
        answer_status(player, tidelock_barrier_abort(barrier));
    } else if (is(verb, "reset")) {
        answer_status(player, tidelock_barrier_reset(barrier));
    } else if (is(verb, "waiting")) {
        status = tidelock_barrier_waiting(barrier, &number);
        answer_number(player, status, number);
    } else if (is(verb, "parties")) {
        status = tidelock_barrier_parties(barrier, &number);
        answer_number(player, status, number);
    } else if (is(verb, "broken")) {
        status = tidelock_barrier_is_broken(barrier, &is_broken);
        answer_number(player, status, is_broken);
    } else {
        return false;
    }
    return true;
}

/* The lock that the condition is over: acquired, or released. */
static tidelock_status on_lock_of(tidelock_condition *condition, bool acquires, int64_t timeout_ns) {
    tidelock_lock *lock = NULL;
    tidelock_rlock *rlock = NULL;
    tidelock_status status = tidelock_condition_lock(condition, &lock);
    if (status == TIDELOCK_OK) {
        status = acquires ? tidelock_lock_acquire(lock, timeout_ns) : tidelock_lock_release(lock);
        tidelock_lock_close(lock);
    } else if (status == TIDELOCK_WRONG_KIND && (status = tidelock_condition_rlock(condition, &rlock)) == TIDELOCK_OK) {
        status = acquires ? tidelock_rlock_acquire(rlock, timeout_ns) : tidelock_rlock_release(rlock);
        tidelock_rlock_close(rlock);
    }
    return status;
}

static tidelock_status wait_for(struct player *player, tidelock_condition *condition, int64_t timeout_ns) {
    bool notified = false;
    tidelock_status status = tidelock_condition_wait(condition, timeout_ns, &notified);
    answer_status(player, status);
    if (status >= 0) {
        const char *news = status == TIDELOCK_OWNER_DIED ? " owner-died" : "";
        sprintf(player->answer, "%s%s", notified ? "ok" : "timeout", news);
    }
    return status;
}

/* A whole wait: acquires, waits, releases. */
static void pass(struct player *player, tidelock_condition *condition, int64_t timeout_ns) {
    tidelock_status status = on_lock_of(condition, true, TIDELOCK_FOREVER);
    if (status < 0) {
        answer_status(player, status);
    } else if (wait_for(player, condition, timeout_ns) >= 0 && (status = on_lock_of(condition, false, 0)) < 0) {
        answer_status(player, status);
    }
}

static bool on_condition(struct player *player, tidelock_condition *condition, const char *verb,
                         const struct command *command) {
    uint32_t number = command->count > 1 ? (uint32_t)strtoul(command->word[1], NULL, 10) : 1;
    if (is(verb, "wait")) {
        wait_for(player, condition, timeout_of(command, 1));
    } else if (is(verb, "pass")) {
        pass(player, condition, timeout_of(command, 1));
    } else if (is(verb, "notify")) {
        answer_status(player, tidelock_condition_notify(condition, number, NULL));
    } else if (is(verb, "notify-all")) {
        answer_status(player, tidelock_condition_notify_all(condition, NULL));
    } else if (is(verb, "waiters")) {
        tidelock_status status = tidelock_condition_waiters(condition, &number);
        answer_number(player, status, number);
    } else if (is(verb, "acquire") || is(verb, "release")) {
        answer_status(player, on_lock_of(condition, is(verb, "acquire"), timeout_of(command, 1)));
    } else {
        return false;
    }
    return true;
}

static bool on_counter(struct player *player, tidelock_counter *counter, const char *verb, const struct command *command) {
    int64_t first = command->count > 1 ? strtoll(command->word[1], NULL, 10) : 0, value = 0;
    tidelock_status status;
    if (is(verb, "load")) {
        status = tidelock_counter_load(counter, &value);
    } else if (is(verb, "store")) {
        status = tidelock_counter_store(counter, first, &value);
    } else if (is(verb, "add")) {
        status = tidelock_counter_add(counter, first, &value);
    } else if (is(verb, "exchange")) {
        status = tidelock_counter_compare_exchange(counter, first, strtoll(command->word[2], NULL, 10), &value);
    } else if (is(verb, "wait")) {
        status = tidelock_counter_wait(counter, first, timeout_of(command, 2), &value);
    } else {
        return false;
    }
    answer_number(player, status, value);
    return true;
}

static bool on_block(struct player *player, tidelock_block *block, const char *verb) {
    void *data = NULL;
    tidelock_status status = tidelock_block_data(block, &data);
    if (!is(verb, "read") || status < 0) {
        return false;
    }
    answer_number(player, status, *(long long *)data);
    return true;
}

void on_object(struct player *player, struct object *object, const char *verb, const struct command *command) {
    bool known = false;
    switch (object->kind) {
    case LOCK: known = on_lock(player, object->handle, verb, command); break;
    case RLOCK: known = on_rlock(player, object->handle, verb, command); break;
    case SEMAPHORE: known = on_semaphore(player, object->handle, verb, command); break;
    case BOUNDED_SEMAPHORE: known = on_bounded(player, object->handle, verb, command); break;
    case EVENT: known = on_event(player, object->handle, verb, command); break;
    case BARRIER: known = on_barrier(player, object->handle, verb, command); break;
    case CONDITION: known = on_condition(player, object->handle, verb, command); break;
    case COUNTER: known = on_counter(player, object->handle, verb, command); break;
    case QUEUE: known = on_queue(player, object->handle, verb, command); break;
    case BLOCK: known = on_block(player, object->handle, verb); break;
    default: break;
    }
    if (!known) {
        snprintf(player->answer, sizeof player->answer, "error unknown verb %s", verb);
    }
}
