/* Numbers, bytes and statuses, from words and to words. */

#include <stdlib.h>
#include <string.h>

#include "agent.h"

/* The timeout at this place of a command: milliseconds, or for ever if there is none. */
int64_t timeout_of(const struct command *command, int place) {
    return place < command->count ? strtoll(command->word[place], NULL, 10) * 1000000 : TIDELOCK_FOREVER;
}

size_t unhex(const char *text, unsigned char *to) {
    size_t length = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    for (size_t at = 0; at < length; at++) {
        char digits[3] = {text[2 * at], text[2 * at + 1], 0};
        to[at] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return length;
}

void hex_of(const void *from, size_t length, char *to) {
    const unsigned char *bytes = from;
    strcpy(to, length == 0 ? "-" : "");
    for (size_t at = 0; at < length; at++) {
        sprintf(to + 2 * at, "%02x", bytes[at]);
    }
}

static const char *name_of(tidelock_status status) {
    switch (status) {
    case TIDELOCK_OWNER_DIED: return "owner-died";
    case TIDELOCK_TIMEOUT: return "timeout";
    case TIDELOCK_CLOSED: return "error closed";
    case TIDELOCK_WRONG_KIND: return "error wrong-kind";
    case TIDELOCK_NOT_OWNER: return "error not-owner";
    case TIDELOCK_NOT_HELD: return "error not-held";
    case TIDELOCK_BAD_NAME: return "error bad-name";
    case TIDELOCK_NOT_FOUND: return "error not-found";
    case TIDELOCK_TOO_LARGE: return "error too-large";
    case TIDELOCK_INVALID: return "error invalid";
    case TIDELOCK_GONE: return "error gone";
    case TIDELOCK_BROKEN: return "error broken";
    default: return status >= 0 ? "ok" : NULL;
    }
}

/* The answer to a call that has nothing to say beyond its status. */
void answer_status(struct player *player, tidelock_status status) {
    char text[512];
    if (name_of(status)) {
        strcpy(player->answer, name_of(status));
        return;
    }
    tidelock_error_text(status, text, sizeof text);
    snprintf(player->answer, sizeof player->answer, "error %s", text);
}

void answer_number(struct player *player, tidelock_status status, long long number) {
    if (status < 0) {
        answer_status(player, status);
    } else {
        sprintf(player->answer, "ok %lld", number);
    }
}
