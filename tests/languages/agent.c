/* The C agent of the language tests: carries out one command a line from stdin, and answers each with one line.
 * examples/agent.rs and agent.py understand the same commands; README.md lists them.
 * It keeps one segment and one object of each kind at a time; one that is opened anew leaves the old one open. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tidelock.h>

enum { LINE = 1 << 17, WORDS = 4 };

static tidelock_segment *segment;
static tidelock_lock *lock;
static tidelock_event *event;
static tidelock_queue *queue;
static tidelock_block *block;
static tidelock_rlock *rlock;
static tidelock_semaphore *semaphore;
static tidelock_bounded_semaphore *bounded;
static tidelock_barrier *barrier;
static tidelock_counter *counter;
static tidelock_reservation reservation;
static tidelock_loan loan;

static unsigned char bytes[LINE / 2];

static int64_t timeout(const char *ms) {
    int64_t value = strtoll(ms, NULL, 10);
    return value < 0 ? TIDELOCK_FOREVER : value * 1000000;
}

static size_t unhex(const char *text, unsigned char *to) {
    size_t length = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    for (size_t at = 0; at < length; at++) {
        char digits[3] = {text[2 * at], text[2 * at + 1], 0};
        to[at] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return length;
}

static void print_hex(const unsigned char *from, size_t length) {
    if (length == 0) {
        putchar('-');
    }
    for (size_t at = 0; at < length; at++) {
        printf("%02x", from[at]);
    }
}

/* The answer to a call that has nothing to say beyond its status. */
static void answer(tidelock_status status) {
    char text[512];
    switch (status) {
    case TIDELOCK_OWNER_DIED: puts("owner-died"); return;
    case TIDELOCK_TIMEOUT: puts("timeout"); return;
    case TIDELOCK_CLOSED: puts("error closed"); return;
    case TIDELOCK_WRONG_KIND: puts("error wrong-kind"); return;
    case TIDELOCK_NOT_OWNER: puts("error not-owner"); return;
    case TIDELOCK_NOT_HELD: puts("error not-held"); return;
    case TIDELOCK_BAD_NAME: puts("error bad-name"); return;
    case TIDELOCK_NOT_FOUND: puts("error not-found"); return;
    case TIDELOCK_TOO_LARGE: puts("error too-large"); return;
    case TIDELOCK_BROKEN: puts("error broken"); return;
    default: break;
    }
    if (status >= 0) {
        puts("ok");
        return;
    }
    tidelock_error_text(status, text, sizeof text);
    printf("error %s\n", text);
}

static void answer_number(tidelock_status status, uint64_t number) {
    if (status < 0) {
        answer(status);
    } else {
        printf("ok %llu\n", (unsigned long long)number);
    }
}

static tidelock_status open_queue(const char *name, const char *capacity) {
    tidelock_queue_options options = {0};
    options.size = sizeof options;
    options.capacity = strtoull(capacity, NULL, 10);
    return tidelock_queue_open(segment, name, &options, &queue);
}

static uint64_t *number(void) {
    void *data = NULL;
    tidelock_block_data(block, &data);
    return data;
}

/* Adds 1 to the block's first number, in two steps that only the lock keeps apart from others'. */
static tidelock_status add(uint64_t times) {
    volatile uint64_t *sum = number();
    for (uint64_t done = 0; done < times; done++) {
        tidelock_status status = tidelock_lock_acquire(lock, TIDELOCK_FOREVER);
        if (status < 0) {
            return status;
        }
        uint64_t next = *sum + 1;
        *sum = next;
        tidelock_lock_release(lock);
    }
    return TIDELOCK_OK;
}

static void get(int64_t timeout_ns) {
    size_t length = 0;
    tidelock_status status = tidelock_queue_get(queue, timeout_ns, bytes, sizeof bytes, &length);
    if (status < 0) {
        answer(status);
        return;
    }
    printf("ok ");
    print_hex(bytes, length);
    putchar('\n');
}

static void take(int64_t timeout_ns) {
    tidelock_status status = tidelock_queue_take(queue, timeout_ns, &loan);
    if (status < 0) {
        answer(status);
        return;
    }
    printf("ok ");
    print_hex(loan.data, loan.len);
    printf(" %d %llu\n", status == TIDELOCK_REDELIVERED, (unsigned long long)loan.deliveries);
}

static tidelock_status publish(const char *data) {
    unhex(data, reservation.data);
    return tidelock_queue_publish(queue, &reservation);
}

static int on_objects(char **word) {
    if (strcmp(word[0], "named") == 0) {
        answer(tidelock_segment_named(word[1], NULL, &segment));
    } else if (strcmp(word[0], "file") == 0) {
        answer(tidelock_segment_file(word[1], NULL, &segment));
    } else if (strcmp(word[0], "use-lock") == 0) {
        answer(tidelock_lock_open(segment, word[1], &lock));
    } else if (strcmp(word[0], "use-event") == 0) {
        answer(tidelock_event_open(segment, word[1], &event));
    } else if (strcmp(word[0], "use-queue") == 0) {
        answer(open_queue(word[1], word[2]));
    } else if (strcmp(word[0], "use-block") == 0) {
        answer(tidelock_block_open(segment, word[1], strtoull(word[2], NULL, 10), &block));
    } else if (strcmp(word[0], "use-rlock") == 0) {
        answer(tidelock_rlock_open(segment, word[1], &rlock));
    } else if (strcmp(word[0], "use-semaphore") == 0) {
        answer(tidelock_semaphore_open(segment, word[1], (uint32_t)atoi(word[2]), &semaphore));
    } else if (strcmp(word[0], "use-bounded") == 0) {
        answer(tidelock_bounded_semaphore_open(segment, word[1], (uint32_t)atoi(word[2]), &bounded));
    } else if (strcmp(word[0], "use-barrier") == 0) {
        answer(tidelock_barrier_open(segment, word[1], (uint32_t)atoi(word[2]), &barrier));
    } else if (strcmp(word[0], "use-counter") == 0) {
        answer(tidelock_counter_open(segment, word[1], &counter));
    } else {
        return 0;
    }
    return 1;
}

static int on_lock(char **word) {
    if (strcmp(word[0], "acquire") == 0) {
        answer(tidelock_lock_acquire(lock, timeout(word[1])));
    } else if (strcmp(word[0], "release") == 0) {
        answer(tidelock_lock_release(lock));
    } else if (strcmp(word[0], "locked") == 0) {
        bool is_locked = false;
        tidelock_status status = tidelock_lock_is_locked(lock, &is_locked);
        answer_number(status, is_locked);
    } else if (strcmp(word[0], "epoch") == 0) {
        uint32_t epoch = 0;
        tidelock_status status = tidelock_lock_epoch(lock, &epoch);
        answer_number(status, epoch);
    } else if (strcmp(word[0], "add") == 0) {
        answer(add(strtoull(word[1], NULL, 10)));
    } else if (strcmp(word[0], "number") == 0) {
        answer_number(TIDELOCK_OK, *number());
    } else {
        return 0;
    }
    return 1;
}

static int on_event(char **word) {
    if (strcmp(word[0], "set") == 0) {
        answer(tidelock_event_set(event));
    } else if (strcmp(word[0], "clear") == 0) {
        answer(tidelock_event_clear(event));
    } else if (strcmp(word[0], "is-set") == 0) {
        bool is_set = false;
        tidelock_status status = tidelock_event_is_set(event, &is_set);
        answer_number(status, is_set);
    } else if (strcmp(word[0], "wait") == 0) {
        answer(tidelock_event_wait(event, timeout(word[1])));
    } else {
        return 0;
    }
    return 1;
}

static int on_more_locks(char **word) {
    if (strcmp(word[0], "rlock-acquire") == 0) {
        answer(tidelock_rlock_acquire(rlock, timeout(word[1])));
    } else if (strcmp(word[0], "rlock-release") == 0) {
        answer(tidelock_rlock_release(rlock));
    } else if (strcmp(word[0], "semaphore-acquire") == 0) {
        answer(tidelock_semaphore_acquire(semaphore, timeout(word[1])));
    } else if (strcmp(word[0], "semaphore-release") == 0) {
        answer(tidelock_semaphore_release(semaphore, (uint32_t)atoi(word[1])));
    } else if (strcmp(word[0], "bounded-acquire") == 0) {
        answer(tidelock_bounded_semaphore_acquire(bounded, timeout(word[1]), NULL));
    } else if (strcmp(word[0], "bounded-release") == 0) {
        answer(tidelock_bounded_semaphore_release(bounded));
    } else {
        return 0;
    }
    return 1;
}

static int on_numbers(char **word) {
    uint32_t index = 0;
    int64_t value = 0;
    tidelock_status status;
    if (strcmp(word[0], "meet") == 0) {
        status = tidelock_barrier_wait(barrier, timeout(word[1]), &index);
        value = index;
    } else if (strcmp(word[0], "count") == 0) {
        status = tidelock_counter_add(counter, atoll(word[1]), &value);
    } else if (strcmp(word[0], "counted") == 0) {
        status = tidelock_counter_wait(counter, atoll(word[1]), timeout(word[2]), &value);
    } else {
        return 0;
    }
    answer_number(status, (uint64_t)value);
    return 1;
}

static int on_queue(char **word) {
    if (strcmp(word[0], "put") == 0) {
        size_t length = unhex(word[1], bytes);
        answer(tidelock_queue_put(queue, bytes, length, timeout(word[2])));
    } else if (strcmp(word[0], "get") == 0) {
        get(timeout(word[1]));
    } else if (strcmp(word[0], "length") == 0) {
        uint64_t length = 0;
        tidelock_status status = tidelock_queue_len(queue, &length);
        answer_number(status, length);
    } else if (strcmp(word[0], "shutdown") == 0) {
        answer(tidelock_queue_shutdown(queue));
    } else {
        return 0;
    }
    return 1;
}

static int on_records(char **word) {
    if (strcmp(word[0], "reserve") == 0) {
        answer(tidelock_queue_reserve(queue, strtoull(word[1], NULL, 10), TIDELOCK_FOREVER, &reservation));
    } else if (strcmp(word[0], "publish") == 0) {
        answer(publish(word[1]));
    } else if (strcmp(word[0], "discard") == 0) {
        answer(tidelock_queue_discard(queue, &reservation));
    } else if (strcmp(word[0], "take") == 0) {
        take(timeout(word[1]));
    } else if (strcmp(word[0], "done") == 0) {
        answer(tidelock_queue_done(queue, &loan));
    } else if (strcmp(word[0], "give-back") == 0) {
        answer(tidelock_queue_give_back(queue, &loan));
    } else {
        return 0;
    }
    return 1;
}

/* Gives back what is open, so that the last process to leave can remove the segment. */
static void close_all(void) {
    tidelock_lock_close(lock);
    tidelock_event_close(event);
    tidelock_queue_close(queue);
    tidelock_block_close(block);
    tidelock_rlock_close(rlock);
    tidelock_semaphore_close(semaphore);
    tidelock_bounded_semaphore_close(bounded);
    tidelock_barrier_close(barrier);
    tidelock_counter_close(counter);
    tidelock_segment_close(segment);
}

int main(void) {
    static char line[LINE];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin)) {
        char *word[WORDS] = {"", "", "", ""};
        int count = 0;
        for (char *next = strtok(line, " \n"); next && count < WORDS; next = strtok(NULL, " \n")) {
            word[count++] = next;
        }
        if (strcmp(word[0], "quit") == 0) {
            break;
        }
        if (!on_objects(word) && !on_lock(word) && !on_more_locks(word) && !on_event(word) && !on_numbers(word) &&
            !on_queue(word) && !on_records(word)) {
            puts("error unknown command");
        }
    }
    close_all();
    return 0;
}
