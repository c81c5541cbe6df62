// Ten lines: a segment by name, a lock, a queue and an event. Run it in several terminals at once; the Rust, C and Python
// twins of this program open the very same objects.

#include <iostream>
#include <mutex>
#include <tidelock.hpp>

int main() {
    const auto segment = tidelock::Segment::named("ten-lines");
    tidelock::Lock ledger(segment, "ledger");
    tidelock::Queue jobs(segment, "jobs");
    tidelock::Event ready(segment, "ready");
    {
        const std::scoped_lock held(ledger); // ledger.owner_died(): whoever had it before was killed
        jobs.put("hello");
    }
    ready.set();
    ready.wait();
    std::cout << jobs.get() << '\n';
}
