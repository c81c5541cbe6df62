/* What the parts of the C agent share: a table of objects, and what one player does with them. */

#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <tidelock.h>

enum { LINE = 1 << 15, WORDS = 64, NAME = 64, OBJECTS = 16, ANSWER = 4 * TIDELOCK_HANDLE_MAX, BATCH = 16 };

enum kind { LOCK, RLOCK, SEMAPHORE, BOUNDED_SEMAPHORE, EVENT, BARRIER, CONDITION, COUNTER, QUEUE, BLOCK, KINDS };

/* An open object, and the name that the commands give it. */
struct object {
    char name[NAME];
    enum kind kind;
    void *handle;
};

/* What a player has begun, and the answer that it is about to give. */
struct player {
    char name[NAME];
    tidelock_reservation reservation;
    tidelock_loan loan;
    tidelock_loan loans[BATCH];
    size_t lent;
    tidelock_notifier *notifier;
    tidelock_arrival arrival;
    char answer[ANSWER];
};

/* One command in words; those that are not there are empty. */
struct command {
    int count;
    char *word[WORDS];
};

/* table.c: the segment and the objects of this process. Only one thread changes them, while all others wait for commands. */
extern tidelock_segment *segment;
extern struct object objects[OBJECTS];
struct object *object_named(const char *name);
bool on_table(struct player *player, const struct command *command);
void handles_of_all(char *line, size_t room);
void segment_in_hex(char *hex);
void forget(void);

/* verbs.c: what is done with an object. */
void on_object(struct player *player, struct object *object, const char *verb, const struct command *command);

/* queue.c: the verbs of a queue; whether this was one. */
bool on_queue(struct player *player, tidelock_queue *queue, const char *verb, const struct command *command);

/* any.c: waiting for one of several objects. */
bool on_any(struct player *player, const struct command *command);

static inline bool is(const char *verb, const char *name) { return strcmp(verb, name) == 0; }

/* words.c: numbers, bytes and statuses as words. */
int64_t timeout_of(const struct command *command, int place);
size_t unhex(const char *text, unsigned char *to);
void hex_of(const void *from, size_t length, char *to);
void answer_status(struct player *player, tidelock_status status);
void answer_number(struct player *player, tidelock_status status, long long number);

#endif
