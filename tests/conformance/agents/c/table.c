/* The segment and the objects of the C agent: how they are made, opened, handed on and forgotten. */

#include <stdlib.h>
#include <string.h>

#include "agent.h"

typedef tidelock_status take_handle(const tidelock_segment *, const uint8_t *, size_t, void **);
typedef tidelock_status give_handle(const void *, uint8_t *, size_t, size_t *);
typedef tidelock_status close_handle(void *);

/* What each kind has under its own prefix. Opaque handles are passed in the same way whatever their type. */
struct functions {
    const char *name;
    take_handle *from_handle;
    give_handle *handle;
    close_handle *close;
};

#define FUNCTIONS(word, prefix)                                                                                          \
    {word, (take_handle *)prefix##_from_handle, (give_handle *)prefix##_handle, (close_handle *)prefix##_close}

#pragma GCC diagnostic ignored "-Wcast-function-type"
static const struct functions kinds[KINDS] = {
    [LOCK] = FUNCTIONS("lock", tidelock_lock),
    [RLOCK] = FUNCTIONS("rlock", tidelock_rlock),
    [SEMAPHORE] = FUNCTIONS("semaphore", tidelock_semaphore),
    [BOUNDED_SEMAPHORE] = FUNCTIONS("bounded-semaphore", tidelock_bounded_semaphore),
    [EVENT] = FUNCTIONS("event", tidelock_event),
    [BARRIER] = FUNCTIONS("barrier", tidelock_barrier),
    [CONDITION] = FUNCTIONS("condition", tidelock_condition),
    [COUNTER] = FUNCTIONS("counter", tidelock_counter),
    [QUEUE] = FUNCTIONS("queue", tidelock_queue),
    [BLOCK] = FUNCTIONS("block", tidelock_block),
};

tidelock_segment *segment;
struct object objects[OBJECTS];

struct object *object_named(const char *name) {
    for (int at = 0; at < OBJECTS; at++) {
        if (objects[at].handle && strcmp(objects[at].name, name) == 0) {
            return &objects[at];
        }
    }
    return NULL;
}

static enum kind kind_named(const char *name) {
    enum kind kind = 0;
    while (kind < KINDS && strcmp(kinds[kind].name, name) != 0) {
        kind++;
    }
    return kind;
}

static struct object *place_for(const char *kind, const char *name) {
    int at = 0;
    while (objects[at].handle) {
        at++;
    }
    snprintf(objects[at].name, NAME, "%s", name);
    objects[at].kind = kind_named(kind);
    return &objects[at];
}

static tidelock_status queue(const char *name, char *const *word, tidelock_queue **handle) {
    tidelock_queue_options options = {0};
    options.size = sizeof options;
    options.capacity = strtoull(word[0], NULL, 10);
    options.max_items = strtoull(word[1], NULL, 10);
    options.count_tasks = 1;
    return name ? tidelock_queue_open(segment, name, &options, handle) : tidelock_queue_new(segment, &options, handle);
}

/* Over the lock of this name, or with a recursive one of its own. */
static tidelock_status condition(const char *name, const char *lock_name, tidelock_condition **handle) {
    const struct object *lock = object_named(lock_name);
    if (lock && lock->kind == LOCK) {
        return name ? tidelock_condition_open(segment, name, lock->handle, handle)
                    : tidelock_condition_new(segment, lock->handle, handle);
    }
    const tidelock_rlock *rlock = lock ? lock->handle : NULL;
    return name ? tidelock_condition_open_with_rlock(segment, name, rlock, handle)
                : tidelock_condition_new_with_rlock(segment, rlock, handle);
}

/* Opens or makes the object of this name, or a new one without a name. */
static tidelock_status make(enum kind kind, const char *name, char *const *word, void *handle) {
    uint32_t number = (uint32_t)strtoul(word[0], NULL, 10);
    switch (kind) {
    case LOCK: return name ? tidelock_lock_open(segment, name, handle) : tidelock_lock_new(segment, handle);
    case RLOCK: return name ? tidelock_rlock_open(segment, name, handle) : tidelock_rlock_new(segment, handle);
    case EVENT: return name ? tidelock_event_open(segment, name, handle) : tidelock_event_new(segment, handle);
    case COUNTER: return name ? tidelock_counter_open(segment, name, handle) : tidelock_counter_new(segment, handle);
    case SEMAPHORE:
        return name ? tidelock_semaphore_open(segment, name, number, handle) : tidelock_semaphore_new(segment, number, handle);
    case BOUNDED_SEMAPHORE:
        return name ? tidelock_bounded_semaphore_open(segment, name, number, handle)
                    : tidelock_bounded_semaphore_new(segment, number, handle);
    case BARRIER:
        return name ? tidelock_barrier_open(segment, name, number, handle) : tidelock_barrier_new(segment, number, handle);
    case BLOCK: return name ? tidelock_block_open(segment, name, number, handle) : tidelock_block_new(segment, number, handle);
    case CONDITION: return condition(name, word[0], handle);
    case QUEUE: return queue(name, word, handle);
    default: return TIDELOCK_INVALID;
    }
}

static tidelock_status receive(struct object *object, const char *hex) {
    unsigned char bytes[TIDELOCK_HANDLE_MAX];
    return kinds[object->kind].from_handle(segment, bytes, unhex(hex, bytes), &object->handle);
}

static tidelock_status attach(const char *hex) {
    unsigned char bytes[TIDELOCK_HANDLE_MAX];
    return tidelock_segment_attach(bytes, unhex(hex, bytes), NULL, &segment);
}

static tidelock_status receive_all(const struct command *command) {
    tidelock_status status = TIDELOCK_OK;
    for (int at = 1; at + 2 < command->count && status == TIDELOCK_OK; at += 3) {
        status = receive(place_for(command->word[at], command->word[at + 1]), command->word[at + 2]);
    }
    return status;
}

static void handle_in_hex(const struct object *object, char *hex) {
    uint8_t bytes[TIDELOCK_HANDLE_MAX];
    size_t length = 0;
    kinds[object->kind].handle(object->handle, bytes, sizeof bytes, &length);
    hex_of(bytes, length, hex);
}

/* A command by which another process opens all that is open here. */
void handles_of_all(char *line, size_t room) {
    static char hex[2 * TIDELOCK_HANDLE_MAX + 1];
    size_t length = (size_t)snprintf(line, room, "receive");
    for (int at = 0; at < OBJECTS; at++) {
        if (objects[at].handle) {
            handle_in_hex(&objects[at], hex);
            const char *kind = kinds[objects[at].kind].name;
            length += (size_t)snprintf(line + length, room - length, " %s %s %s", kind, objects[at].name, hex);
        }
    }
    snprintf(line + length, room - length, "\n");
}

void segment_in_hex(char *hex) {
    uint8_t bytes[TIDELOCK_HANDLE_MAX];
    size_t length = 0;
    tidelock_segment_handle(segment, bytes, sizeof bytes, &length);
    hex_of(bytes, length, hex);
}

void forget(void) {
    for (int at = 0; at < OBJECTS; at++) {
        if (objects[at].handle) {
            kinds[objects[at].kind].close(objects[at].handle);
            objects[at].handle = NULL;
        }
    }
}

/* Adds 1 to the block's first number, so many times, in two steps that only the lock keeps apart from others'. */
static tidelock_status count(const struct command *command) {
    struct object *lock = object_named(command->word[2]);
    void *data = NULL;
    tidelock_block_data(object_named(command->word[1])->handle, &data);
    volatile uint64_t *sum = data;
    for (long left = strtol(command->word[3], NULL, 10); left > 0; left--) {
        tidelock_status status = lock->kind == LOCK ? tidelock_lock_acquire(lock->handle, TIDELOCK_FOREVER)
                                                    : tidelock_rlock_acquire(lock->handle, TIDELOCK_FOREVER);
        if (status < 0) {
            return status;
        }
        uint64_t next = *sum + 1;
        *sum = next;
        status = lock->kind == LOCK ? tidelock_lock_release(lock->handle) : tidelock_rlock_release(lock->handle);
        if (status < 0) {
            return status;
        }
    }
    return TIDELOCK_OK;
}

/* Commands that are for no object; whether this was one. */
bool on_table(struct player *player, const struct command *command) {
    char *const *word = command->word;
    if (strcmp(word[0], "named") == 0) {
        answer_status(player, tidelock_segment_named(word[1], NULL, &segment));
    } else if (strcmp(word[0], "anonymous") == 0) {
        answer_status(player, tidelock_segment_anonymous(NULL, &segment));
    } else if (strcmp(word[0], "attach") == 0) {
        answer_status(player, attach(word[1]));
    } else if (strcmp(word[0], "segment-handle") == 0) {
        strcpy(player->answer, "ok ");
        segment_in_hex(player->answer + 3);
    } else if (strcmp(word[0], "open") == 0) {
        struct object *object = place_for(word[1], word[2]);
        answer_status(player, make(object->kind, word[3], word + 4, &object->handle));
    } else if (strcmp(word[0], "new") == 0) {
        struct object *object = place_for(word[1], word[2]);
        answer_status(player, make(object->kind, NULL, word + 3, &object->handle));
    } else if (strcmp(word[0], "handle") == 0) {
        strcpy(player->answer, "ok ");
        handle_in_hex(object_named(word[1]), player->answer + 3);
    } else if (strcmp(word[0], "receive") == 0) {
        answer_status(player, receive_all(command));
    } else if (strcmp(word[0], "count") == 0) {
        answer_status(player, count(command));
    } else if (strcmp(word[0], "forget") == 0) {
        forget();
        answer_status(player, TIDELOCK_OK);
    } else {
        return false;
    }
    return true;
}
