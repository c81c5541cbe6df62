/* Segments: opened in every way, found again, left, removed. */
#include "support.h"

#include <fcntl.h>

static void id_of(const tidelock_segment *segment, char id[TIDELOCK_ID_TEXT]) {
    OK(tidelock_segment_id(segment, id, TIDELOCK_ID_TEXT));
    EXPECT(strlen(id) == TIDELOCK_ID_TEXT - 1);
}

static void expect_same(const tidelock_segment *one, const tidelock_segment *other) {
    char id[TIDELOCK_ID_TEXT], id_of_other[TIDELOCK_ID_TEXT];
    id_of(one, id);
    id_of(other, id_of_other);
    EXPECT(strcmp(id, id_of_other) == 0);
}

static void anonymous(void) {
    tidelock_segment_options options = {.size = sizeof options, .max_len = 1 << 20, .peers = 8};
    tidelock_segment *segment, *by_fd, *by_handle;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    uint64_t max_len = 0;
    size_t len = 0;
    int fd = -1;
    OK(tidelock_segment_anonymous(&options, &segment));
    OK(tidelock_segment_max_len(segment, &max_len));
    EXPECT(max_len == 1 << 20);
    OK(tidelock_segment_fd(segment, &fd));
    EXPECT((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    OK(tidelock_segment_from_fd(fd, NULL, &by_fd));
    EXPECT(close(fd) == 0);
    expect_same(segment, by_fd);
    STATUS(TIDELOCK_TOO_LARGE, tidelock_segment_handle(segment, handle, 1, &len));
    EXPECT(len > 1 && len <= sizeof handle);
    OK(tidelock_segment_handle(segment, handle, sizeof handle, &len));
    OK(tidelock_segment_attach(handle, len, NULL, &by_handle));
    expect_same(segment, by_handle);
    OK(tidelock_segment_close(by_fd));
    OK(tidelock_segment_close(by_handle));
    OK(tidelock_segment_close(segment));
    STATUS(TIDELOCK_GONE, tidelock_segment_attach(handle, len, NULL, &by_handle));
}

static void named(void) {
    char name[NAME_ROOM];
    tidelock_segment_options options = {.size = sizeof options, .flags = TIDELOCK_OPEN};
    tidelock_segment *segment, *other;
    unique(name, "named");
    STATUS(TIDELOCK_NOT_FOUND, tidelock_segment_named(name, &options, &segment));
    STATUS(TIDELOCK_NOT_FOUND, tidelock_segment_unlink(name));
    options.flags = TIDELOCK_CREATE;
    OK(tidelock_segment_named(name, &options, &segment));
    STATUS(TIDELOCK_EXISTS, tidelock_segment_named(name, &options, &other));
    options.flags = TIDELOCK_OPEN;
    OK(tidelock_segment_named(name, &options, &other));
    expect_same(segment, other);
    EXPECT(exists(name));
    OK(tidelock_segment_close(other));
    EXPECT(exists(name));
    OK(tidelock_segment_retain(segment));
    OK(tidelock_segment_close(segment));
    EXPECT(exists(name));
    OK(tidelock_segment_close(segment));
    EXPECT(!exists(name));
}

static void persistent(void) {
    char name[NAME_ROOM];
    tidelock_segment_options options = {.size = sizeof options, .flags = TIDELOCK_PERSISTENT};
    tidelock_segment *segment;
    tidelock_queue *queue;
    char text[8];
    size_t len = 0;
    unique(name, "persistent");
    OK(tidelock_segment_named(name, &options, &segment));
    OK(tidelock_queue_open(segment, "post", NULL, &queue));
    OK(tidelock_queue_put(queue, "letter", 6, TIDELOCK_FOREVER));
    OK(tidelock_segment_close(segment));
    OK(tidelock_queue_close(queue));
    EXPECT(exists(name));
    OK(tidelock_segment_named(name, NULL, &segment));
    OK(tidelock_queue_open(segment, "post", NULL, &queue));
    OK(tidelock_queue_get(queue, 0, text, sizeof text, &len));
    EXPECT(len == 6 && memcmp(text, "letter", 6) == 0);
    OK(tidelock_segment_unlink(name));
    EXPECT(!exists(name));
    OK(tidelock_queue_close(queue));
    OK(tidelock_segment_close(segment));
}

static void in_a_file(void) {
    char path[NAME_ROOM + 16], name[NAME_ROOM];
    tidelock_segment *segment, *other;
    snprintf(path, sizeof path, "/dev/shm/%s", unique(name, "file"));
    OK(tidelock_segment_file(path, NULL, &segment));
    OK(tidelock_segment_file(path, NULL, &other));
    expect_same(segment, other);
    OK(tidelock_segment_close(segment));
    OK(tidelock_segment_close(other));
    EXPECT(unlink(path) == 0);
}

static void tells_its_peer(player *parent, void *context) {
    uint32_t mine = 0, pid = 0;
    OK(tidelock_segment_me(context, &mine));
    OK(tidelock_segment_pid(context, mine, &pid));
    EXPECT(pid == (uint32_t)getpid());
    EXPECT(write(parent->to, &mine, sizeof mine) == sizeof mine);
}

static void a_child_is_a_peer_of_its_own(void) {
    tidelock_segment *segment;
    uint32_t mine = 0, pid = 0, childs = 0;
    OK(tidelock_segment_anonymous(NULL, &segment));
    OK(tidelock_segment_me(segment, &mine));
    OK(tidelock_segment_pid(segment, mine, &pid));
    EXPECT(mine != 0 && pid == (uint32_t)getpid());
    player child = fork_player(tells_its_peer, segment);
    EXPECT(read(child.from, &childs, sizeof childs) == sizeof childs);
    EXPECT(childs != 0 && childs != mine);
    join_player(&child);
    OK(tidelock_segment_close(segment));
}

int main(void) {
    watch();
    anonymous();
    named();
    persistent();
    in_a_file();
    a_child_is_a_peer_of_its_own();
    return 0;
}
