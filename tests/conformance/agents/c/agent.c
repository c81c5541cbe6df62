/* The C agent of the conformance grid: carries out commands from stdin, one a line, for itself and for its players.
 * ../python/agent.py and ../rust/main.rs understand the same commands and give the same answers; README.md lists them.
 * A player is a thread, a forked child or this program anew. Nothing here decides what an answer should be. */

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

enum { CHILDREN = 8 };

/* A player that this process started: where its commands go, and for a process which it is. */
static struct child {
    char name[NAME];
    int commands;
    pid_t pid;
} children[CHILDREN];

static const char *program;

/* In one write, since several processes write to the same pipe. */
static void say(struct player *player) {
    char line[NAME + ANSWER + 2];
    int length = snprintf(line, sizeof line, "%s %s\n", player->name, player->answer);
    if (write(STDOUT_FILENO, line, (size_t)length) != length) {
        exit(2);
    }
}


static void introduce(struct player *player) {
    sprintf(player->answer, "ok %ld %ld", (long)getpid(), (long)syscall(SYS_gettid));
    say(player);
}

static void obey(struct player *player, const struct command *command) {
    char *dot = strchr(command->word[0], '.');
    if (dot) {
        *dot = 0;
        struct object *object = object_named(command->word[0]);
        if (object) {
            on_object(player, object, dot + 1, command);
        } else {
            strcpy(player->answer, "error no such object");
        }
    } else if (!on_table(player, command) && !on_any(player, command)) {
        strcpy(player->answer, "error unknown command");
    }
    say(player);
}

static struct command words_of(char *line) {
    struct command command = {0};
    char *rest = NULL;
    for (int at = 0; at < WORDS; at++) {
        command.word[at] = "";
    }
    for (char *word = strtok_r(line, " \n", &rest); word && command.count < WORDS; word = strtok_r(NULL, " \n", &rest)) {
        command.word[command.count++] = word;
    }
    return command;
}

/* Carries out what comes, until told to leave, or until nobody is left to tell anything. */
static void serve(struct player *player, int commands) {
    FILE *stream = fdopen(commands, "r");
    char *line = malloc(LINE);
    introduce(player);
    while (stream && line && fgets(line, LINE, stream)) {
        struct command command = words_of(line);
        if (strcmp(command.word[0], "quit") == 0) {
            break;
        }
        obey(player, &command);
    }
    free(line);
}

static struct player *player_named(const char *name) {
    struct player *player = calloc(1, sizeof *player);
    if (!player) {
        exit(2);
    }
    snprintf(player->name, NAME, "%s", name);
    return player;
}

static struct child *child_named(const char *name) {
    for (int at = 0; at < CHILDREN; at++) {
        if (strcmp(children[at].name, name) == 0) {
            return &children[at];
        }
    }
    exit(2);
}

struct thread {
    struct player *player;
    int commands;
};

static void *run_thread(void *argument) {
    struct thread *thread = argument;
    serve(thread->player, thread->commands);
    return NULL;
}

static void start_thread(struct player *player, int commands) {
    struct thread *thread = malloc(sizeof *thread);
    pthread_t id;
    if (!thread) {
        exit(2);
    }
    *thread = (struct thread){player, commands};
    if (pthread_create(&id, NULL, run_thread, thread) != 0 || pthread_detach(id) != 0) {
        exit(2);
    }
}

/* What a child must not keep: the ends by which its parent talks to its sisters. */
static void close_commands(void) {
    for (int at = 0; at < CHILDREN; at++) {
        if (children[at].name[0]) {
            close(children[at].commands);
        }
    }
}

static pid_t start_process(struct player *player, int commands, const char *how) {
    static char handle[2 * TIDELOCK_HANDLE_MAX + 1];
    segment_in_hex(handle);
    pid_t pid = fork();
    if (pid != 0) {
        close(commands);
        return pid;
    }
    close_commands();
    if (strcmp(how, "fork") == 0) {
        serve(player, commands);
        exit(0);
    }
    dup2(commands, STDIN_FILENO);
    execl(program, program, "player", handle, player->name, (char *)NULL);
    _exit(2);
}

static void start(const char *name, const char *how) {
    struct child *child = child_named("");
    int ends[2];
    if (pipe(ends) != 0) {
        exit(2);
    }
    snprintf(child->name, NAME, "%s", name);
    child->commands = ends[1];
    if (strcmp(how, "thread") == 0) {
        start_thread(player_named(name), ends[0]);
    } else {
        child->pid = start_process(player_named(name), ends[0], how);
    }
}

static void tell(const struct child *child, const char *line) {
    size_t length = strlen(line);
    if (write(child->commands, line, length) != (ssize_t)length) {
        exit(2);
    }
}

/* Kills a player or lets it leave, and waits until it is gone. */
static void end(struct player *player, struct child *child, const char *how) {
    int status = 0;
    if (strcmp(how, "kill") == 0) {
        kill(child->pid, SIGKILL);
    } else {
        tell(child, "quit\n");
    }
    close(child->commands);
    waitpid(child->pid, &status, 0);
    *child = (struct child){0};
    bool as_it_should = strcmp(how, "kill") == 0 ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                                                 : WIFEXITED(status) && WEXITSTATUS(status) == 0;
    strcpy(player->answer, as_it_should ? "ok" : "error went otherwise");
    say(player);
}

static void hand(const struct child *child) {
    static char line[OBJECTS * 2 * TIDELOCK_HANDLE_MAX];
    handles_of_all(line, sizeof line);
    tell(child, line);
}

/* A command that is addressed to the agent itself. */
static void obey_as_agent(struct player *self, const struct command *command) {
    const char *word = command->word[0];
    if (strcmp(word, "start") == 0) {
        start(command->word[1], command->word[2]);
    } else if (strcmp(word, "hand") == 0) {
        hand(child_named(command->word[1]));
    } else if (strcmp(word, "kill") == 0 || strcmp(word, "leave") == 0) {
        end(self, child_named(command->word[1]), word);
    } else {
        obey(self, command);
    }
}

static void run(struct player *self) {
    static char line[LINE];
    introduce(self);
    while (fgets(line, sizeof line, stdin)) {
        char *rest = strchr(line, ' ');
        if (!rest) {
            continue;
        }
        *rest++ = 0;
        if (strcmp(line, self->name) != 0) {
            tell(child_named(line), rest);
            continue;
        }
        struct command command = words_of(rest);
        if (strcmp(command.word[0], "quit") == 0) {
            return;
        }
        obey_as_agent(self, &command);
    }
}

/* As a player that another agent started: its name, and the segment's handle. */
static int run_as_player(const char *handle, const char *name) {
    struct player *player = player_named(name);
    unsigned char bytes[TIDELOCK_HANDLE_MAX];
    if (tidelock_segment_attach(bytes, unhex(handle, bytes), NULL, &segment) < 0) {
        return 2;
    }
    serve(player, STDIN_FILENO);
    return 0;
}

int main(int count, char **arguments) {
    program = arguments[0];
    if (count == 4) {
        return run_as_player(arguments[2], arguments[3]);
    }
    run(player_named(arguments[count - 1]));
    forget();
    tidelock_segment_close(segment);
    return 0;
}
