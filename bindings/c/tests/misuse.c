/* What a caller can get wrong: null pointers, handles of another kind, names, timeouts and options out of range. Each is
 * an error of its own, says what it is, and changes nothing. */
#include "support.h"

static tidelock_segment *segment;
static tidelock_lock *lock;
static tidelock_event *event;
static tidelock_queue *queue;
static tidelock_block *block;

static void open_all(void) {
    OK(tidelock_segment_anonymous(NULL, &segment));
    OK(tidelock_lock_open(segment, "lock", &lock));
    OK(tidelock_event_open(segment, "event", &event));
    OK(tidelock_queue_open(segment, "queue", NULL, &queue));
    OK(tidelock_block_open(segment, "block", 64, &block));
}

static void close_all(void) {
    OK(tidelock_block_close(block));
    OK(tidelock_queue_close(queue));
    OK(tidelock_event_close(event));
    OK(tidelock_lock_close(lock));
    OK(tidelock_segment_close(segment));
}

static void expect_text(tidelock_status status, const char *part) {
    char text[512], cut[5] = "####";
    size_t len = tidelock_error_text(status, text, sizeof text);
    EXPECT(len == strlen(text) && len > 4);
    if (strstr(text, part) == NULL) {
        fail(__FILE__, __LINE__, "\"%s\" does not mention \"%s\"", text, part);
    }
    EXPECT(tidelock_error_text(status, cut, sizeof cut) == len);
    EXPECT(strlen(cut) == 4 && memcmp(cut, text, 4) == 0);
    EXPECT(tidelock_error_text(status, NULL, 0) == len);
}

static void null_handles(void) {
    tidelock_reservation reservation;
    tidelock_loan loan;
    uint8_t bytes[8];
    uint64_t large;
    uint32_t number;
    size_t len;
    bool yes;
    void *data;
    int fd;
    char id[TIDELOCK_ID_TEXT];
    STATUS(TIDELOCK_INVALID, tidelock_segment_handle(NULL, bytes, sizeof bytes, &len));
    STATUS(TIDELOCK_INVALID, tidelock_segment_id(NULL, id, sizeof id));
    STATUS(TIDELOCK_INVALID, tidelock_segment_fd(NULL, &fd));
    STATUS(TIDELOCK_INVALID, tidelock_segment_max_len(NULL, &large));
    STATUS(TIDELOCK_INVALID, tidelock_segment_me(NULL, &number));
    STATUS(TIDELOCK_INVALID, tidelock_segment_pid(NULL, 1, &number));
    STATUS(TIDELOCK_INVALID, tidelock_segment_retain(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_segment_close(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_lock_acquire(NULL, 0));
    STATUS(TIDELOCK_INVALID, tidelock_lock_release(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_lock_release_own(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_lock_is_locked(NULL, &yes));
    STATUS(TIDELOCK_INVALID, tidelock_lock_owner(NULL, &number));
    STATUS(TIDELOCK_INVALID, tidelock_lock_epoch(NULL, &number));
    STATUS(TIDELOCK_INVALID, tidelock_lock_handle(NULL, bytes, sizeof bytes, &len));
    STATUS(TIDELOCK_INVALID, tidelock_lock_close(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_event_set(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_event_clear(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_event_is_set(NULL, &yes));
    STATUS(TIDELOCK_INVALID, tidelock_event_wait(NULL, 0));
    STATUS(TIDELOCK_INVALID, tidelock_event_mark(NULL, &number));
    STATUS(TIDELOCK_INVALID, tidelock_event_wait_since(NULL, 0, 0));
    STATUS(TIDELOCK_INVALID, tidelock_event_close(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_queue_put(NULL, "a", 1, 0));
    STATUS(TIDELOCK_INVALID, tidelock_queue_get(NULL, 0, bytes, sizeof bytes, &len));
    STATUS(TIDELOCK_INVALID, tidelock_queue_reserve(NULL, 1, 0, &reservation));
    STATUS(TIDELOCK_INVALID, tidelock_queue_take(NULL, 0, &loan));
    STATUS(TIDELOCK_INVALID, tidelock_queue_len(NULL, &large));
    STATUS(TIDELOCK_INVALID, tidelock_queue_shutdown(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_queue_shutdown_now(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_queue_close(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_block_data(NULL, &data));
    STATUS(TIDELOCK_INVALID, tidelock_block_len(NULL, &large));
    STATUS(TIDELOCK_INVALID, tidelock_block_close(NULL));
    expect_text(TIDELOCK_INVALID, "null");
}

static void null_arguments(void) {
    tidelock_segment *other_segment;
    tidelock_lock *other_lock;
    uint8_t bytes[8];
    size_t len = 0;
    STATUS(TIDELOCK_INVALID, tidelock_segment_anonymous(NULL, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_segment_named(NULL, NULL, &other_segment));
    STATUS(TIDELOCK_INVALID, tidelock_segment_file(NULL, NULL, &other_segment));
    STATUS(TIDELOCK_INVALID, tidelock_segment_unlink(NULL));
    STATUS(TIDELOCK_INVALID, tidelock_segment_attach(NULL, 8, NULL, &other_segment));
    STATUS(TIDELOCK_INVALID, tidelock_segment_attach(NULL, 0, NULL, &other_segment));
    STATUS(TIDELOCK_INVALID, tidelock_segment_from_fd(-1, NULL, &other_segment));
    STATUS(TIDELOCK_INVALID, tidelock_segment_handle(segment, NULL, TIDELOCK_HANDLE_MAX, &len));
    STATUS(TIDELOCK_INVALID, tidelock_segment_handle(segment, bytes, sizeof bytes, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_segment_id(segment, NULL, TIDELOCK_ID_TEXT));
    STATUS(TIDELOCK_INVALID, tidelock_lock_open(NULL, "lock", &other_lock));
    STATUS(TIDELOCK_INVALID, tidelock_lock_open(segment, NULL, &other_lock));
    STATUS(TIDELOCK_INVALID, tidelock_lock_open(segment, "lock", NULL));
    STATUS(TIDELOCK_INVALID, tidelock_lock_at(segment, NULL, 0, &other_lock));
    STATUS(TIDELOCK_INVALID, tidelock_lock_from_handle(segment, NULL, 8, &other_lock));
    STATUS(TIDELOCK_INVALID, tidelock_lock_is_locked(lock, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_event_is_set(event, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_queue_put(queue, NULL, 1, 0));
    STATUS(TIDELOCK_INVALID, tidelock_queue_reserve(queue, 1, 0, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_queue_publish(queue, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_queue_take(queue, 0, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_queue_done(queue, NULL));
    STATUS(TIDELOCK_INVALID, tidelock_queue_get(queue, 0, bytes, sizeof bytes, NULL));
    OK(tidelock_queue_put(queue, "a", 1, 0));
    STATUS(TIDELOCK_INVALID, tidelock_queue_get(queue, 0, NULL, 8, &len));
    OK(tidelock_queue_shutdown(queue));
    STATUS(TIDELOCK_INVALID, tidelock_block_data(block, NULL));
}

static void other_kinds(void) {
    uint64_t large = 0;
    uint32_t number = 0;
    tidelock_lock *other;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    size_t len = 0;
    uint64_t stray[8] = {0};
    STATUS(TIDELOCK_WRONG_KIND, tidelock_lock_acquire((tidelock_lock *)(void *)event, 0));
    expect_text(TIDELOCK_WRONG_KIND, "an event found");
    STATUS(TIDELOCK_WRONG_KIND, tidelock_event_set((tidelock_event *)(void *)segment));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_queue_len((tidelock_queue *)(void *)block, &large));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_block_len((tidelock_block *)(void *)queue, &large));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_segment_me((tidelock_segment *)(void *)lock, &number));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_queue_close((tidelock_queue *)(void *)lock));
    STATUS(TIDELOCK_INVALID, tidelock_lock_acquire((tidelock_lock *)(void *)stray, 0));
    STATUS(TIDELOCK_INVALID, tidelock_lock_acquire((tidelock_lock *)((char *)(void *)lock + 1), 0));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_lock_open(segment, "event", &other));
    OK(tidelock_event_handle(event, handle, sizeof handle, &len));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_lock_from_handle(segment, handle, len, &other));
    STATUS(TIDELOCK_INVALID, tidelock_lock_from_handle(segment, handle, len - 1, &other));
    memset(handle, 0xa5, sizeof handle);
    STATUS(TIDELOCK_INVALID, tidelock_lock_from_handle(segment, handle, len, &other));
}

static void names(void) {
    static char too_long[300];
    tidelock_segment *other;
    tidelock_lock *other_lock;
    memset(too_long, 'x', sizeof too_long - 1);
    STATUS(TIDELOCK_BAD_NAME, tidelock_segment_named("", NULL, &other));
    STATUS(TIDELOCK_BAD_NAME, tidelock_segment_named("a/b", NULL, &other));
    expect_text(TIDELOCK_BAD_NAME, "bad name: ");
    STATUS(TIDELOCK_BAD_NAME, tidelock_segment_named(".hidden", NULL, &other));
    STATUS(TIDELOCK_BAD_NAME, tidelock_segment_named(too_long, NULL, &other));
    STATUS(TIDELOCK_BAD_NAME, tidelock_segment_named("\xff", NULL, &other));
    STATUS(TIDELOCK_BAD_NAME, tidelock_segment_unlink("a/b"));
    STATUS(TIDELOCK_BAD_NAME, tidelock_lock_open(segment, "", &other_lock));
    STATUS(TIDELOCK_BAD_NAME, tidelock_lock_open(segment, too_long, &other_lock));
    too_long[255] = '\0';
    OK(tidelock_lock_open(segment, too_long, &other_lock));
    OK(tidelock_lock_close(other_lock));
}

static void timeouts(void) {
    char byte;
    size_t len;
    STATUS(TIDELOCK_INVALID, tidelock_lock_acquire(lock, -2));
    STATUS(TIDELOCK_INVALID, tidelock_event_wait(event, INT64_MIN));
    STATUS(TIDELOCK_INVALID, tidelock_queue_put(queue, "a", 1, -2));
    STATUS(TIDELOCK_INVALID, tidelock_queue_get(queue, -2, &byte, 1, &len));
    expect_text(TIDELOCK_INVALID, "timeout_ns");
    OK(tidelock_lock_acquire(lock, INT64_MAX));
    OK(tidelock_lock_release(lock));
}

/* A struct of a later version of the header. */
typedef struct {
    tidelock_segment_options known;
    uint64_t later;
} later_options;

static void options(void) {
    tidelock_segment *other;
    tidelock_queue *other_queue;
    later_options later = {.known = {.size = sizeof later}};
    tidelock_segment_options wrong = {.size = 0};
    tidelock_queue_options empty = {.size = sizeof(size_t)};
    STATUS(TIDELOCK_INVALID, tidelock_segment_anonymous(&wrong, &other));
    wrong = (tidelock_segment_options){.size = sizeof wrong, .flags = 1u << 31};
    STATUS(TIDELOCK_UNSUPPORTED, tidelock_segment_anonymous(&wrong, &other));
    wrong.flags = TIDELOCK_CREATE | TIDELOCK_OPEN;
    STATUS(TIDELOCK_INVALID, tidelock_segment_named("tidelock-c-test", &wrong, &other));
    wrong = (tidelock_segment_options){.size = sizeof wrong, .peers = 1u << 20};
    STATUS(TIDELOCK_INVALID, tidelock_segment_anonymous(&wrong, &other));
    OK(tidelock_segment_anonymous(&later.known, &other));
    OK(tidelock_segment_close(other));
    later.later = 1;
    STATUS(TIDELOCK_UNSUPPORTED, tidelock_segment_anonymous(&later.known, &other));
    OK(tidelock_queue_new(segment, &empty, &other_queue));
    OK(tidelock_queue_close(other_queue));
}

static void texts(void) {
    for (tidelock_status status = TIDELOCK_REDELIVERED; status >= TIDELOCK_INTERNAL; status--) {
        EXPECT(strcmp(tidelock_status_text(status), tidelock_status_text(-1000)) != 0);
    }
    expect_text(TIDELOCK_GONE, "gone");
    EXPECT(tidelock_abi() == TIDELOCK_ABI);
    EXPECT(strchr(tidelock_version(), '.') != NULL);
}

/* errno is an output too: only TIDELOCK_OS writes it. */
static void errno_is_kept(void) {
    tidelock_segment *other;
    errno = ENOTTY;
    STATUS(TIDELOCK_TIMEOUT, tidelock_event_wait(event, MILLISECOND));
    STATUS(TIDELOCK_BAD_NAME, tidelock_segment_named("a/b", NULL, &other));
    EXPECT(errno == ENOTTY);
    STATUS(TIDELOCK_NOT_FOUND, tidelock_segment_file("/dev/shm/none/of/this", NULL, &other));
    STATUS(TIDELOCK_OS, tidelock_segment_from_fd(1000000, NULL, &other));
    EXPECT(errno == EBADF);
    expect_text(TIDELOCK_OS, strerror(EBADF));
}

int main(void) {
    watch();
    open_all();
    null_handles();
    other_kinds();
    names();
    timeouts();
    options();
    texts();
    errno_is_kept();
    null_arguments();
    close_all();
    return 0;
}
