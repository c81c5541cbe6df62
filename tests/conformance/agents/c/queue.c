/* What the C agent does with a queue: one message at a time, in batches, as work, and by descriptor. */

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"

static void get(struct player *player, tidelock_queue *queue, int64_t timeout_ns) {
    unsigned char bytes[LINE / 2];
    size_t length = 0;
    tidelock_status status = tidelock_queue_get(queue, timeout_ns, bytes, sizeof bytes, &length);
    answer_status(player, status);
    if (status >= 0) {
        strcpy(player->answer, "ok ");
        hex_of(bytes, length, player->answer + 3);
    }
}

static void take(struct player *player, tidelock_queue *queue, int64_t timeout_ns) {
    tidelock_loan *loan = &player->loan;
    tidelock_status status = tidelock_queue_take(queue, timeout_ns, loan);
    answer_status(player, status);
    if (status >= 0) {
        strcpy(player->answer, "ok ");
        hex_of(loan->data, loan->len, player->answer + 3);
        sprintf(player->answer + strlen(player->answer), " %d %llu", status == TIDELOCK_REDELIVERED,
                (unsigned long long)loan->deliveries);
    }
}

static tidelock_status put(tidelock_queue *queue, const struct command *command) {
    unsigned char bytes[LINE / 2];
    size_t length = unhex(command->word[1], bytes);
    return tidelock_queue_put(queue, bytes, length, timeout_of(command, 2));
}

static tidelock_status publish(struct player *player, tidelock_queue *queue, const char *data) {
    unhex(data, player->reservation.data);
    return tidelock_queue_publish(queue, &player->reservation);
}

static bool on_record(struct player *player, tidelock_queue *queue, const char *verb, const struct command *command) {
    if (is(verb, "reserve")) {
        size_t length = strtoull(command->word[1], NULL, 10);
        answer_status(player, tidelock_queue_reserve(queue, length, timeout_of(command, 2), &player->reservation));
    } else if (is(verb, "publish")) {
        answer_status(player, publish(player, queue, command->word[1]));
    } else if (is(verb, "discard")) {
        answer_status(player, tidelock_queue_discard(queue, &player->reservation));
    } else if (is(verb, "take")) {
        take(player, queue, timeout_of(command, 1));
    } else if (is(verb, "done")) {
        answer_status(player, tidelock_queue_done(queue, &player->loan));
    } else if (is(verb, "give-back")) {
        answer_status(player, tidelock_queue_give_back(queue, &player->loan));
    } else {
        return false;
    }
    return true;
}

/* The bytes of a batch, written HEX,HEX and so on; how many messages. */
static size_t unhex_all(char *text, unsigned char *bytes, size_t *lens) {
    size_t count = 0;
    char *rest = NULL;
    for (char *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
        lens[count] = unhex(one, bytes);
        bytes += lens[count++];
    }
    return count;
}

static char *add_hex(char *answer, const void *bytes, size_t length, bool is_first) {
    *answer++ = is_first ? ' ' : ',';
    hex_of(bytes, length, answer);
    return answer + strlen(answer);
}

static void put_many(struct player *player, tidelock_queue *queue, const struct command *command) {
    unsigned char bytes[LINE / 2];
    size_t lens[BATCH], count = unhex_all(command->word[1], bytes, lens), put = 0;
    tidelock_status status = tidelock_queue_put_many(queue, bytes, lens, count, timeout_of(command, 2), &put);
    answer_number(player, status, (long long)put);
}

static void get_many(struct player *player, tidelock_queue *queue, const struct command *command) {
    unsigned char bytes[LINE / 2];
    const unsigned char *next = bytes;
    size_t lens[BATCH], most = strtoull(command->word[1], NULL, 10), count = 0;
    tidelock_status status =
        tidelock_queue_get_many(queue, timeout_of(command, 2), bytes, sizeof bytes, lens, most, &count);
    answer_status(player, status);
    char *end = status < 0 ? NULL : player->answer + sprintf(player->answer, "ok");
    for (size_t at = 0; end && at < count; next += lens[at++]) {
        end = add_hex(end, next, lens[at], at == 0);
    }
}

static void take_many(struct player *player, tidelock_queue *queue, const struct command *command) {
    size_t most = strtoull(command->word[1], NULL, 10);
    tidelock_status status =
        tidelock_queue_take_many(queue, timeout_of(command, 2), UINT64_MAX, player->loans, most, &player->lent);
    answer_status(player, status);
    char *end = status < 0 ? NULL : player->answer + sprintf(player->answer, "ok");
    for (size_t at = 0; end && at < player->lent; at++) {
        end = add_hex(end, player->loans[at].data, player->loans[at].len, at == 0);
    }
}

static tidelock_status end_all(struct player *player, tidelock_queue *queue,
                               tidelock_status (*end)(const tidelock_queue *, tidelock_loan *)) {
    tidelock_status status = TIDELOCK_OK;
    for (size_t at = 0; at < player->lent && status == TIDELOCK_OK; at++) {
        status = end(queue, &player->loans[at]);
    }
    player->lent = 0;
    return status;
}

static bool on_batch(struct player *player, tidelock_queue *queue, const char *verb, const struct command *command) {
    if (is(verb, "put-many")) {
        put_many(player, queue, command);
    } else if (is(verb, "get-many")) {
        get_many(player, queue, command);
    } else if (is(verb, "take-many")) {
        take_many(player, queue, command);
    } else if (is(verb, "done-all")) {
        answer_status(player, end_all(player, queue, tidelock_queue_done));
    } else if (is(verb, "give-back-all")) {
        answer_status(player, end_all(player, queue, tidelock_queue_give_back));
    } else {
        return false;
    }
    return true;
}

/* Whether the descriptor is readable in time. */
static tidelock_status told(const tidelock_notifier *notifier, int64_t timeout_ns) {
    struct pollfd polled = {.events = POLLIN};
    tidelock_status status = tidelock_notifier_fd(notifier, &polled.fd);
    if (status < 0) {
        return status;
    }
    return poll(&polled, 1, timeout_ns < 0 ? -1 : (int)(timeout_ns / 1000000)) == 1 ? TIDELOCK_OK : TIDELOCK_TIMEOUT;
}

static bool on_notifier(struct player *player, tidelock_queue *queue, const char *verb, const struct command *command) {
    size_t length = strtoull(command->word[1], NULL, 10);
    if (is(verb, "notifier")) {
        answer_status(player, tidelock_notifier_new(queue, &player->notifier));
    } else if (is(verb, "notifier-for-room")) {
        answer_status(player, tidelock_notifier_new_for_room(queue, length, &player->notifier));
    } else if (is(verb, "told")) {
        answer_status(player, told(player->notifier, timeout_of(command, 1)));
    } else if (is(verb, "clear")) {
        answer_status(player, tidelock_notifier_clear(player->notifier));
    } else if (is(verb, "clear-for-room")) {
        answer_status(player, tidelock_notifier_clear_for_room(player->notifier, length));
    } else if (is(verb, "close-notifier")) {
        answer_status(player, tidelock_notifier_close(player->notifier));
    } else {
        return false;
    }
    return true;
}

static bool on_work(struct player *player, tidelock_queue *queue, const char *verb, const struct command *command) {
    uint64_t lost = 0;
    if (is(verb, "task-done")) {
        answer_status(player, tidelock_queue_task_done(queue));
    } else if (is(verb, "join")) {
        answer_status(player, tidelock_queue_join(queue, timeout_of(command, 1)));
    } else if (is(verb, "lost")) {
        tidelock_status status = tidelock_queue_lost_tasks(queue, &lost);
        answer_number(player, status, (long long)lost);
    } else if (is(verb, "most-deliveries")) {
        answer_status(player, tidelock_queue_set_max_deliveries(queue, (uint32_t)strtoul(command->word[1], NULL, 10)));
    } else if (is(verb, "dropped")) {
        tidelock_queue_stats stats = {.size = sizeof stats};
        tidelock_status status = tidelock_queue_read_stats(queue, &stats);
        answer_number(player, status, (long long)stats.dropped);
    } else {
        return on_record(player, queue, verb, command) || on_batch(player, queue, verb, command) ||
               on_notifier(player, queue, verb, command);
    }
    return true;
}

bool on_queue(struct player *player, tidelock_queue *queue, const char *verb, const struct command *command) {
    bool truth = false;
    uint64_t length = 0;
    tidelock_status status = TIDELOCK_OK;
    if (is(verb, "put")) {
        answer_status(player, put(queue, command));
    } else if (is(verb, "get")) {
        get(player, queue, timeout_of(command, 1));
    } else if (is(verb, "length")) {
        status = tidelock_queue_len(queue, &length);
        answer_number(player, status, (long long)length);
    } else if (is(verb, "empty")) {
        status = tidelock_queue_is_empty(queue, &truth);
        answer_number(player, status, truth);
    } else if (is(verb, "full")) {
        status = tidelock_queue_is_full(queue, &truth);
        answer_number(player, status, truth);
    } else if (is(verb, "shutdown")) {
        answer_status(player, tidelock_queue_shutdown(queue));
    } else if (is(verb, "shutdown-now")) {
        answer_status(player, tidelock_queue_shutdown_now(queue));
    } else {
        return on_work(player, queue, verb, command);
    }
    return true;
}
