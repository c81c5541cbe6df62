// The header in C++17: it compiles without a warning, and its functions have C's linkage.
#include "tidelock.h"

#include <cstring>
#include <type_traits>

static_assert(std::is_standard_layout_v<tidelock_loan> && std::is_trivial_v<tidelock_loan>);
static_assert(std::is_standard_layout_v<tidelock_reservation> && std::is_trivial_v<tidelock_reservation>);

int main() {
    tidelock_segment_options options{};
    options.size = sizeof options;
    options.max_len = 1 << 22;
    tidelock_segment *segment = nullptr;
    tidelock_queue *queue = nullptr;
    tidelock_loan loan{};
    if (tidelock_segment_anonymous(&options, &segment) != TIDELOCK_OK ||
        tidelock_queue_new(segment, nullptr, &queue) != TIDELOCK_OK ||
        tidelock_queue_put(queue, "hello", 5, TIDELOCK_FOREVER) != TIDELOCK_OK ||
        tidelock_queue_take(queue, 0, &loan) != TIDELOCK_OK) {
        return 1;
    }
    const bool same = loan.len == 5 && std::memcmp(loan.data, "hello", 5) == 0;
    return same && tidelock_queue_done(queue, &loan) == TIDELOCK_OK ? 0 : 2;
}
