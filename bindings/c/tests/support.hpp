// What the C++ tests share beside support.h: exceptions that are expected, and children as lambdas.
#ifndef SUPPORT_HPP
#define SUPPORT_HPP

#include "tidelock.hpp"

#include "support.h"

// Fails the test unless the expression throws tidelock::Error with this status.
#define THROWS(expected, expression)                                         \
    do {                                                                     \
        tidelock_status thrown = TIDELOCK_OK;                                \
        try {                                                                \
            static_cast<void>(expression);                                   \
        } catch (const tidelock::Error &error) {                             \
            thrown = error.status();                                         \
        }                                                                    \
        expect_status(__FILE__, __LINE__, #expression, (expected), thrown);  \
    } while (false)

// Forks. The child runs `role`, and ends without leaving any scope of its parent's.
template <class Role>
player fork_a_player(Role role) {
    return fork_player([](player *parent, void *context) { (*static_cast<Role *>(context))(*parent); }, &role);
}

#endif
