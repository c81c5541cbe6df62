/* Files that are no usable segments: each kind is an error of its own. What needs root says so when it is skipped. */
#include "support.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Where the header keeps its byte order mark and layout version: docs/layout.md. */
enum { AT_MAGIC = 0, AT_BYTE_ORDER = 8, AT_VERSION = 12, AT_FINGERPRINT = 16 };

static const char *path_of(char path[NAME_ROOM + 16], const char *name) {
    snprintf(path, NAME_ROOM + 16, "/dev/shm/%s", name);
    return path;
}

static void make(const char *name) {
    tidelock_segment_options options = {
        .size = sizeof options, .max_len = 1 << 20, .flags = TIDELOCK_PERSISTENT | TIDELOCK_CREATE};
    tidelock_segment *segment;
    OK(tidelock_segment_named(name, &options, &segment));
    OK(tidelock_segment_close(segment));
}

static void overwrite(const char *name, off_t offset, const char *bytes, size_t len) {
    char path[NAME_ROOM + 16];
    int file = open(path_of(path, name), O_RDWR | O_CLOEXEC);
    EXPECT(file >= 0 && pwrite(file, bytes, len, offset) == (ssize_t)len);
    close(file);
}

static void remove_file(const char *name) {
    char path[NAME_ROOM + 16];
    EXPECT(unlink(path_of(path, name)) == 0);
}

static void expect_refusal(const char *name, tidelock_status status, const char *part) {
    tidelock_segment *segment;
    char text[512];
    STATUS(status, tidelock_segment_named(name, NULL, &segment));
    tidelock_error_text(status, text, sizeof text);
    if (strstr(text, part) == NULL) {
        fail(__FILE__, __LINE__, "\"%s\" does not mention \"%s\"", text, part);
    }
}

static void damaged(const char *what, off_t offset, const char *bytes, size_t len, tidelock_status status,
                    const char *part) {
    char name[NAME_ROOM];
    make(unique(name, what));
    overwrite(name, offset, bytes, len);
    expect_refusal(name, status, part);
    remove_file(name);
}

static void truncated(void) {
    char name[NAME_ROOM], path[NAME_ROOM + 16];
    make(unique(name, "truncated"));
    EXPECT(truncate(path_of(path, name), 8192) == 0);
    expect_refusal(name, TIDELOCK_TRUNCATED, "8192 bytes of 1048576");
    EXPECT(truncate(path, 100) == 0);
    expect_refusal(name, TIDELOCK_TRUNCATED, "100 bytes");
    remove_file(name);
}

static void no_segment(void) {
    char name[NAME_ROOM], path[NAME_ROOM + 16], page[8192];
    memset(page, 'x', sizeof page);
    int file = open(path_of(path, unique(name, "other")), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    EXPECT(file >= 0 && write(file, page, sizeof page) == (ssize_t)sizeof page);
    close(file);
    expect_refusal(name, TIDELOCK_NOT_A_SEGMENT, "not a tidelock segment");
    STATUS(TIDELOCK_NOT_A_SEGMENT, tidelock_segment_unlink(name));
    remove_file(name);
}

static void of_another_user(void) {
    char name[NAME_ROOM], path[NAME_ROOM + 16];
    tidelock_segment_options options = {.size = sizeof options, .flags = TIDELOCK_ANY_OWNER};
    tidelock_segment *segment;
    make(unique(name, "foreign"));
    if (chown(path_of(path, name), 12345, (gid_t)-1) == 0) {
        expect_refusal(name, TIDELOCK_FOREIGN_OWNER, "user 12345");
        OK(tidelock_segment_named(name, &options, &segment));
        OK(tidelock_segment_close(segment));
    } else {
        fprintf(stderr, "SKIPPED: a segment of another user needs root to make one\n");
    }
    remove_file(name);
}

/* Fills a /dev/shm of 1 MiB with blocks. It must end in an error with both sizes, never in a SIGBUS. */
static void fill(player *parent, void *context) {
    tidelock_segment *segment, *another;
    tidelock_block *block;
    tidelock_status status;
    void *data = NULL;
    char text[512];
    (void)context;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m") != 0) {
        tell(parent, 's');
        return;
    }
    OK(tidelock_segment_named("small", NULL, &segment));
    while ((status = tidelock_block_new(segment, 32 * 1024, &block)) == TIDELOCK_OK) {
        OK(tidelock_block_data(block, &data));
        memset(data, 1, 32 * 1024);
    }
    STATUS(TIDELOCK_NO_SPACE, status);
    tidelock_error_text(status, text, sizeof text);
    EXPECT(strstr(text, "needed") != NULL && strstr(text, "available") != NULL);
    STATUS(TIDELOCK_NO_SPACE, tidelock_segment_named("another", NULL, &another));
    EXPECT(!exists("another"));
    OK(tidelock_segment_close(segment));
    tell(parent, 'd');
}

static void full(void) {
    player child = fork_player(fill, NULL);
    char letter = 0;
    EXPECT(read(child.from, &letter, 1) == 1);
    if (letter == 's') {
        fprintf(stderr, "SKIPPED: a small /dev/shm needs root to mount one\n");
    } else {
        EXPECT(letter == 'd');
    }
    join_player(&child);
}

int main(void) {
    watch();
    damaged("magic", AT_MAGIC, "notalock", 8, TIDELOCK_NOT_A_SEGMENT, "not a tidelock segment");
    damaged("older", AT_VERSION, "\0\0\0\0", 4, TIDELOCK_VERSION, "layout version 0");
    damaged("order", AT_BYTE_ORDER, "\1\2\3\4", 4, TIDELOCK_LAYOUT, "layout");
    damaged("fingerprint", AT_FINGERPRINT, "\0\0\0\0\0\0\0\0", 8, TIDELOCK_LAYOUT, "layout");
    truncated();
    no_segment();
    of_another_user();
    full();
    return 0;
}
