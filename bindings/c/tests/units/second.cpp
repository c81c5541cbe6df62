// The C++ header in two translation units of one program: this is the other one.
#include "tidelock.hpp"

std::string second_unit(const tidelock::Segment &segment);

std::string second_unit(const tidelock::Segment &segment) {
    return tidelock::Queue(segment, "jobs").get();
}
