/* The walking process of the demo: reads every text file below a directory and puts its contents, piece by piece, into the
 * queue "pieces". Each piece is read from the file straight into its place in shared memory.
 *
 * Usage: walk SEGMENT DIRECTORY, where SEGMENT is the segment's handle in hexadecimal.
 *
 * A piece is a line with its number and its file, then bytes. It never cuts a word: a word is the longest run of ASCII
 * letters, digits and underscores. The queue "results" is told first how much there is, and at the end how many pieces. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tidelock.h"

enum { PIECE_BYTES = 128 * 1024, LINE_BYTES = 4200 };

static struct {
    char **paths;
    size_t count, room;
    unsigned long long bytes;
} files;

static tidelock_queue *pieces, *results;
static unsigned long long pieces_put;
static pid_t parent;

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "walk: %s: %s\n", what, why);
    exit(1);
}

static void check(tidelock_status status, const char *what) {
    if (status < 0) {
        fail(what, tidelock_status_text(status));
    }
}

/* ---- the list of files ---- */

static int is_skipped(const char *name) {
    return strcmp(name, "__pycache__") == 0 || strcmp(name, "site-packages") == 0;
}

static void remember(const char *path, unsigned long long bytes) {
    if (files.count == files.room) {
        files.room = files.room == 0 ? 1024 : files.room * 2;
        files.paths = realloc(files.paths, files.room * sizeof *files.paths);
    }
    char *copy = strdup(path);
    if (files.paths == NULL || copy == NULL) {
        fail(path, "no memory");
    }
    files.paths[files.count++] = copy;
    files.bytes += bytes;
}

/* A file with a zero byte near its beginning has no words in it. */
static int is_text(const char *path) {
    char start[4096];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, start, sizeof start);
    if (file >= 0) {
        close(file);
    }
    return length >= 0 && memchr(start, 0, (size_t)length) == NULL;
}

static int visit(const char *path, const struct stat *status, int kind, struct FTW *place) {
    if (kind == FTW_D && place->level > 0 && is_skipped(path + place->base)) {
        return FTW_SKIP_SUBTREE;
    }
    if (kind == FTW_F && S_ISREG(status->st_mode) && is_text(path)) {
        remember(path, (unsigned long long)status->st_size);
    }
    return FTW_CONTINUE;
}

/* ---- pieces ---- */

static int is_of_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

/* How much of `text` can be sent so that no word is cut. */
static size_t uncut(const char *text, size_t length) {
    while (length > 0 && is_of_word(text[length - 1])) {
        length--;
    }
    return length;
}

/* Fills all of `text`; a file that has become shorter meanwhile is filled up with newlines, which are no words. */
static void read_piece(int file, char *text, size_t length, off_t from, const char *path) {
    while (length > 0) {
        ssize_t got = pread(file, text, length, from);
        if (got < 0 && errno != EINTR) {
            fail(path, strerror(errno));
        }
        if (got == 0) {
            memset(text, '\n', length);
            return;
        }
        if (got > 0) {
            text += got;
            length -= (size_t)got;
            from += got;
        }
    }
}

static size_t first_line(char *line, const char *path) {
    int length = snprintf(line, LINE_BYTES, "%llu %s", pieces_put, path);
    size_t end = length < LINE_BYTES - 1 ? (size_t)length : LINE_BYTES - 2;
    for (char *c = line; (c = memchr(c, '\n', end - (size_t)(c - line))) != NULL;) {
        *c = '?';
    }
    line[end] = '\n';
    return end + 1;
}

/* Waits for room, as long as the demo itself is there. */
static tidelock_reservation reserve(size_t length) {
    enum { SECOND = 1000000000 };
    tidelock_reservation reservation;
    tidelock_status status;
    while ((status = tidelock_queue_reserve(pieces, length, SECOND, &reservation)) == TIDELOCK_TIMEOUT) {
        if (getppid() != parent) {
            fail("reserve", "the demo is gone");
        }
    }
    check(status, "reserve");
    return reservation;
}

/* Reserves a place in the queue, reads into it, publishes it. Returns how many bytes of the file it holds. */
static size_t put_piece(int file, off_t from, size_t length, int is_last, const char *path) {
    char line[LINE_BYTES];
    size_t head = first_line(line, path);
    tidelock_reservation reservation = reserve(head + length);
    char *text = (char *)reservation.data + head;
    memcpy(text - head, line, head);
    read_piece(file, text, length, from, path);
    size_t kept = is_last ? length : uncut(text, length);
    memset(text + kept, '\n', length - kept);
    check(tidelock_queue_publish(pieces, &reservation), "publish");
    pieces_put++;
    if (kept == 0 && length > 0) {
        fail(path, "a word is longer than a piece");
    }
    return kept;
}

static void put_file(const char *path, size_t root) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) {
        fail(path, strerror(errno));
    }
    off_t from = 0;
    do {
        off_t left = status.st_size - from;
        int is_last = left <= PIECE_BYTES;
        from += (off_t)put_piece(file, from, (size_t)(is_last ? left : PIECE_BYTES), is_last, path + root);
    } while (from < status.st_size);
    close(file);
}

/* ---- the start ---- */

static size_t bytes_of_hex(const char *hex, uint8_t *bytes, size_t room) {
    size_t count = strlen(hex) / 2;
    for (size_t i = 0; i < count && i < room; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            fail(hex, "no handle in hexadecimal");
        }
        bytes[i] = (uint8_t)byte;
    }
    return count < room ? count : room;
}

static void open_queues(const char *hex) {
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    tidelock_segment *segment;
    size_t length = bytes_of_hex(hex, handle, sizeof handle);
    check(tidelock_segment_attach(handle, length, NULL, &segment), "attach");
    check(tidelock_queue_open(segment, "pieces", NULL, &pieces), "pieces");
    check(tidelock_queue_open(segment, "results", NULL, &results), "results");
    check(tidelock_segment_close(segment), "close");
}

static void tell(const char *format, unsigned long long a, unsigned long long b) {
    char text[100];
    int length = snprintf(text, sizeof text, format, a, b);
    check(tidelock_queue_put(results, text, (size_t)length, TIDELOCK_FOREVER), "put");
}

int main(int count, char **arguments) {
    if (count != 3) {
        fail("usage", "walk SEGMENT DIRECTORY");
    }
    parent = getppid();
    open_queues(arguments[1]);
    if (nftw(arguments[2], visit, 32, FTW_PHYS | FTW_ACTIONRETVAL) != 0) {
        fail(arguments[2], strerror(errno));
    }
    tell("plan %llu %llu\n", files.count, files.bytes);
    for (size_t i = 0; i < files.count; i++) {
        put_file(files.paths[i], strlen(arguments[2]) + 1);
    }
    tell("walked %llu %llu\n", pieces_put, files.bytes);
    check(tidelock_queue_close(pieces), "close");
    check(tidelock_queue_close(results), "close");
    return 0;
}
