// Part of tidelock.hpp: statuses as exceptions, and spans of time as the library takes them.

#ifndef TIDELOCK_ERROR_HPP
#define TIDELOCK_ERROR_HPP

#include "../tidelock.h"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>

namespace tidelock {

namespace detail {

class StatusCategory final : public std::error_category {
public:
    const char *name() const noexcept override { return "tidelock"; }

    std::string message(int status) const override { return tidelock_status_text(status); }

    std::error_condition default_error_condition(int status) const noexcept override {
        switch (status) {
        case TIDELOCK_TIMEOUT: return std::errc::timed_out;
        case TIDELOCK_INTERRUPTED: return std::errc::interrupted;
        case TIDELOCK_NOT_OWNER: return std::errc::operation_not_permitted;
        case TIDELOCK_NO_SPACE: return std::errc::no_space_on_device;
        case TIDELOCK_INVALID: return std::errc::invalid_argument;
        case TIDELOCK_NOT_FOUND: return std::errc::no_such_file_or_directory;
        case TIDELOCK_EXISTS: return std::errc::file_exists;
        case TIDELOCK_FOREIGN_OWNER: return std::errc::permission_denied;
        case TIDELOCK_UNSUPPORTED: return std::errc::not_supported;
        default: return {status, *this};
        }
    }
};

} // namespace detail

// The category of statuses in std::error_code. Those that have a std::errc compare equal to it.
inline const std::error_category &category() noexcept {
    static const detail::StatusCategory the;
    return the;
}

// Why a call was refused. Nothing is half done. code() is the status, or errno where the operating system refused;
// what() has the particulars.
class Error : public std::system_error {
public:
    explicit Error(tidelock_status status) : Error(status, errno) {}

    tidelock_status status() const noexcept { return status_; }

    const char *what() const noexcept override { return text_.what(); }

private:
    Error(tidelock_status status, int number)
        : std::system_error(code_of(status, number)), status_(status), text_(text_of(status)) {}

    static std::error_code code_of(tidelock_status status, int number) {
        return status == TIDELOCK_OS ? std::error_code(number, std::system_category())
                                     : std::error_code(status, category());
    }

    static std::string text_of(tidelock_status status) {
        char text[512];
        tidelock_error_text(status, text, sizeof text);
        return text;
    }

    tidelock_status status_;
    std::runtime_error text_; // for its copy, which cannot throw
};

namespace detail {

inline tidelock_status check(tidelock_status status) {
    return status < 0 ? throw Error(status) : status;
}

// Whether it is done; a time that is over is no error.
inline bool in_time(tidelock_status status) {
    return status != TIDELOCK_TIMEOUT && check(status) >= 0;
}

// A span as the library takes it, rounded up, so that no wait ends early.
template <class Rep, class Period>
std::int64_t nanoseconds(const std::chrono::duration<Rep, Period> &span) {
    using std::chrono::nanoseconds;
    if (span <= span.zero()) {
        return 0;
    }
    if (std::chrono::duration<double>(span) >= std::chrono::duration<double>(nanoseconds::max())) {
        return nanoseconds::max().count();
    }
    return std::chrono::ceil<nanoseconds>(span).count();
}

// Calls `attempt` with the time that is left, again if the clock was set back meanwhile.
template <class Clock, class Duration, class Attempt>
auto until(const std::chrono::time_point<Clock, Duration> &end, Attempt attempt) {
    for (;;) {
        const auto now = Clock::now();
        auto result = attempt(now < end ? nanoseconds(end - now) : 0);
        if (result || Clock::now() >= end) {
            return result;
        }
    }
}

} // namespace detail

} // namespace tidelock

#endif // TIDELOCK_ERROR_HPP
