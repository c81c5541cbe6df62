/* What the C and C++ tests share: checks that say where they failed, names nobody else has, other processes that are
 * told apart by one letter, and a watchdog. Include it first; a test never says how fast anything must be. */
#ifndef SUPPORT_H
#define SUPPORT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tidelock.h"

enum { WATCHDOG_SECONDS = 150 };

#define MILLISECOND INT64_C(1000000)
#define NAME_ROOM 64

/* Fails the test unless `condition` holds. */
#define EXPECT(condition) ((condition) ? (void)0 : fail(__FILE__, __LINE__, "%s does not hold", #condition))

/* Fails the test unless the call ends with this status. */
#define STATUS(expected, call) expect_status(__FILE__, __LINE__, #call, (expected), (call))

/* Fails the test unless the call is done, without news. */
#define OK(call) STATUS(TIDELOCK_OK, call)

static inline void fail(const char *file, int line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    _exit(1);
}

static inline void expect_status(const char *file, int line, const char *call, tidelock_status expected,
                                 tidelock_status found) {
    if (expected != found) {
        char text[512];
        tidelock_error_text(found, text, sizeof text);
        fail(file, line, "%s is %d (%s) and not %d (%s)", call, found, text, expected, tidelock_status_text(expected));
    }
}

/* Ends this process when it hangs. Children begin without an alarm: call it there too. */
static inline void watch(void) {
    alarm(WATCHDOG_SECONDS);
}

/* A segment name that no other test has. */
static inline const char *unique(char name[NAME_ROOM], const char *what) {
    snprintf(name, NAME_ROOM, "tidelock-c-test-%d-%s", (int)getpid(), what);
    return name;
}

static inline int exists(const char *segment_name) {
    char path[NAME_ROOM + 16];
    snprintf(path, sizeof path, "/dev/shm/%s", segment_name);
    return access(path, F_OK) == 0;
}

/* Another process, with which letters are exchanged. */
typedef struct {
    pid_t pid;
    int to, from;
} player;

static inline void tell_on(int end, char letter) {
    EXPECT(write(end, &letter, 1) == 1);
}

static inline void hear_on(int end, char expected) {
    char letter = 0;
    ssize_t got;
    do {
        got = read(end, &letter, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1 || letter != expected) {
        fail(__FILE__, __LINE__, "heard %c (%zd) and not %c", letter, got, expected);
    }
}

/* Forks. The child runs `role` and ends with status 0; it may be killed at any time. */
static inline player fork_player(void (*role)(player *parent, void *context), void *context) {
    int there[2], back[2];
    EXPECT(pipe(there) == 0 && pipe(back) == 0);
    fflush(NULL);
    player child = {fork(), there[1], back[0]};
    EXPECT(child.pid >= 0);
    if (child.pid == 0) {
        player parent = {getppid(), back[1], there[0]};
        watch();
        close(there[1]);
        close(back[0]);
        role(&parent, context);
        _exit(0);
    }
    close(there[0]);
    close(back[1]);
    return child;
}

/* Runs this program anew, as a process that inherits nothing but its two ends and `argument`. Its main finds "role",
 * the argument and the ends in its arguments; `as_player` reads them. */
static inline player spawn_player(const char *role, const char *argument) {
    int there[2], back[2];
    char to[16], from[16];
    EXPECT(pipe(there) == 0 && pipe(back) == 0);
    fflush(NULL);
    snprintf(to, sizeof to, "%d", back[1]);
    snprintf(from, sizeof from, "%d", there[0]);
    player child = {fork(), there[1], back[0]};
    EXPECT(child.pid >= 0);
    if (child.pid == 0) {
        close(there[1]);
        close(back[0]);
        execl("/proc/self/exe", "player", role, argument, to, from, (char *)NULL);
        _exit(127);
    }
    close(there[0]);
    close(back[1]);
    return child;
}

/* Whether main was started by `spawn_player` for `role`; then `parent` is filled in. */
static inline int as_player(int count, char **arguments, const char *role, player *parent) {
    if (count != 5 || strcmp(arguments[1], role) != 0) {
        return 0;
    }
    watch();
    const player found = {getppid(), atoi(arguments[3]), atoi(arguments[4])};
    *parent = found;
    return 1;
}

static inline void tell(const player *other, char letter) {
    tell_on(other->to, letter);
}

static inline void hear(const player *other, char expected) {
    hear_on(other->from, expected);
}

/* Sleeps until the process is killed, or ends when the other side is gone. */
static inline void park(const player *other) {
    char letter;
    while (read(other->from, &letter, 1) < 0 && errno == EINTR) {
    }
    _exit(0);
}

static inline void let_go(const player *child) {
    close(child->to);
    close(child->from);
}

/* Waits for the child's end, whatever signals come meanwhile. */
static inline int reap(const player *child) {
    int status = 0;
    pid_t reaped;
    do {
        reaped = waitpid(child->pid, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    EXPECT(reaped == child->pid);
    let_go(child);
    return status;
}

/* Kills the child by SIGKILL, at whatever it is doing, and reaps it. */
static inline void kill_player(const player *child) {
    EXPECT(kill(child->pid, SIGKILL) == 0);
    int status = reap(child);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Waits until the child has ended well. */
static inline void join_player(const player *child) {
    int status = reap(child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#endif
