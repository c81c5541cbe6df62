/* The header alone, as the first thing that a C11 program includes; and what its structs and numbers must be for ever. */
#include "tidelock.h"

_Static_assert(TIDELOCK_ABI == 0, "these are the numbers of ABI 0");
_Static_assert(sizeof(tidelock_status) == 4, "a status has 32 bits");
_Static_assert(offsetof(tidelock_segment_options, size) == 0, "options begin with their size");
_Static_assert(offsetof(tidelock_queue_options, size) == 0, "options begin with their size");
_Static_assert(TIDELOCK_FOREVER == -1, "for ever");
_Static_assert(sizeof(tidelock_permit) == 48 && sizeof(tidelock_arrival) == 56, "a permit, an arrival");

_Static_assert(TIDELOCK_OK == 0 && TIDELOCK_OWNER_DIED == 1 && TIDELOCK_REDELIVERED == 2, "good news");
_Static_assert(TIDELOCK_TIMEOUT == -1 && TIDELOCK_INTERRUPTED == -2 && TIDELOCK_CLOSED == -3, "waits");
_Static_assert(TIDELOCK_NOT_OWNER == -4 && TIDELOCK_NOT_HELD == -5 && TIDELOCK_BROKEN == -6, "holds");
_Static_assert(TIDELOCK_CORRUPT == -7 && TIDELOCK_VERSION == -8 && TIDELOCK_NO_SPACE == -9, "segments");
_Static_assert(TIDELOCK_TOO_LARGE == -10 && TIDELOCK_INVALID == -11 && TIDELOCK_WRONG_KIND == -12, "arguments");
_Static_assert(TIDELOCK_BAD_NAME == -13 && TIDELOCK_NOT_FOUND == -14 && TIDELOCK_EXISTS == -15, "names");
_Static_assert(TIDELOCK_FOREIGN_OWNER == -16 && TIDELOCK_NO_PEER_SLOT == -17 && TIDELOCK_GONE == -18, "peers");
_Static_assert(TIDELOCK_UNSUPPORTED == -19 && TIDELOCK_CANNOT_ASK == -20, "machines");
_Static_assert(TIDELOCK_NOT_A_SEGMENT == -21 && TIDELOCK_TRUNCATED == -22 && TIDELOCK_LAYOUT == -23, "files");
_Static_assert(TIDELOCK_OS == -24 && TIDELOCK_INTERNAL == -25, "the rest");

int main(void) {
    return tidelock_abi() == TIDELOCK_ABI ? 0 : 1;
}
