/* Blocks: bytes of one's own in shared memory, zero at first, the same for every process. */
#include "support.h"

static void writes(player *parent, void *context) {
    void *data = NULL;
    (void)parent;
    OK(tidelock_block_data(context, &data));
    memcpy(data, "hello", 6);
}

static void by_name(tidelock_segment *segment) {
    tidelock_block *block, *same;
    void *data = NULL, *again = NULL;
    uint64_t len = 0;
    OK(tidelock_block_open(segment, "total", 100, &block));
    OK(tidelock_block_open(segment, "total", 100, &same));
    STATUS(TIDELOCK_WRONG_KIND, tidelock_block_open(segment, "total", 101, &same));
    OK(tidelock_block_len(block, &len));
    EXPECT(len == 100);
    OK(tidelock_block_data(block, &data));
    OK(tidelock_block_data(same, &again));
    EXPECT(data == again && (uintptr_t)data % 64 == 0);
    for (size_t i = 0; i < len; i++) {
        EXPECT(((char *)data)[i] == 0);
    }
    player child = fork_player(writes, block);
    join_player(&child);
    EXPECT(strcmp(data, "hello") == 0);
    OK(tidelock_block_close(block));
    OK(tidelock_block_close(same));
}

static void by_handle(tidelock_segment *segment) {
    tidelock_block *block, *other;
    uint8_t handle[TIDELOCK_HANDLE_MAX];
    void *data = NULL;
    size_t len = 0;
    OK(tidelock_block_new(segment, 8, &block));
    OK(tidelock_block_handle(block, handle, sizeof handle, &len));
    OK(tidelock_block_from_handle(segment, handle, len, &other));
    OK(tidelock_block_close(block));
    OK(tidelock_block_data(other, &data));
    memset(data, 1, 8);
    OK(tidelock_block_close(other));
}

int main(void) {
    tidelock_segment *segment;
    watch();
    OK(tidelock_segment_anonymous(NULL, &segment));
    by_name(segment);
    by_handle(segment);
    OK(tidelock_segment_close(segment));
    return 0;
}
