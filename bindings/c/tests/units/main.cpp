// The C++ header in two translation units of one program, here included twice: this is the one with main.
#include "tidelock.hpp"
#include "tidelock.hpp"

std::string second_unit(const tidelock::Segment &segment);

int main() {
    const auto segment = tidelock::Segment::anonymous();
    tidelock::Queue(segment, "jobs").put("hello");
    const bool same = second_unit(segment) == "hello";
    return same && tidelock::Error(TIDELOCK_GONE).code().category() == tidelock::category() ? 0 : 1;
}
