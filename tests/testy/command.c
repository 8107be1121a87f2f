/* SPDX-License-Identifier: MIT */

/* The table of commands; see command.h. What they do is in faults.c. */

#include "command.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "util.h"

static const struct {
    const char *name;
    const char *argument; /* its name in the help, NULL when the command takes none */
    uint64_t max;
    bool final;
    const char *help;
} commands[] = {
    [COMMAND_HANG] = {"hang", NULL, 0, true,
                      "serve nothing, beat no more; the port stays open, SIGTERM unanswered"},
    [COMMAND_FREEZE] = {"freeze", NULL, 0, true,
                        "SIGSTOP itself (impossible as PID 1 of a container)"},
    [COMMAND_CRASH] = {"crash", NULL, 0, true, "abort()"},
    [COMMAND_SEGV] = {"segv", NULL, 0, true, "write to address 0"},
    [COMMAND_EXIT] = {"exit", "CODE", 255, true, "end at once with this exit code"},
    [COMMAND_SPIN] = {"spin", NULL, 0, true, "an endless loop: a hang that burns a CPU"},
    [COMMAND_BURN] = {"burn", "0|1", 1, false, "burn a CPU, and still serve"},
    [COMMAND_UNHEALTHY] = {"unhealthy", NULL, 0, false, "/health answers 503 from now on"},
    [COMMAND_HEALTHY] = {"healthy", NULL, 0, false, "/health answers 200 again"},
    [COMMAND_SLOW] = {"slow", "MS", 3600000, false, "delay each answer (not those to commands)"},
    [COMMAND_LEAK] = {"leak", "MB", 100000, false, "take so much more memory each second"},
    [COMMAND_SPAM] = {"spam", "LINES", 1000000, false, "write so many lines to stdout each second"},
    [COMMAND_IGNORE_SIGTERM] = {"ignore-sigterm", NULL, 0, false, "ignore SIGTERM and SIGINT"},
    [COMMAND_STOP_BEAT] = {"stop-beat", NULL, 0, false, "beat no more, and still serve"},
    [COMMAND_START_BEAT] = {"start-beat", NULL, 0, false, "beat again"},
};

static_assert(ELEMENTSOF(commands) == _COMMAND_MAX, "every command has its line");

int command_parse(const char *name, const char *argument, struct command *ret)
{
    for (enum command_kind kind = 0; kind < _COMMAND_MAX; kind++) {
        uint64_t value = 0;

        if (strcmp(commands[kind].name, name) != 0)
            continue;
        if (commands[kind].argument) {
            int r = parse_number(argument ? argument : "", commands[kind].max, &value);
            if (r < 0)
                return r;
        } else if (argument && *argument != '\0') {
            return -EINVAL;
        }
        *ret = (struct command){.kind = kind, .value = value};
        return 0;
    }
    return -ENOENT;
}

int command_parse_line(const char *line, struct command *ret)
{
    static const char space[] = " \t\r\n";
    char copy[64];

    line += strspn(line, space);
    size_t length = strlen(line);
    while (length > 0 && strchr(space, line[length - 1]))
        length--;
    if (length == 0)
        return command_parse("hang", NULL, ret);
    if (length >= sizeof(copy))
        return -ENOENT;
    memcpy(copy, line, length);
    copy[length] = '\0';

    char *argument = copy + strcspn(copy, space);
    if (*argument != '\0') {
        *argument++ = '\0';
        argument += strspn(argument, space);
    }
    return command_parse(copy, argument, ret);
}

const char *command_name(enum command_kind kind)
{
    return commands[kind].name;
}

bool command_is_final(enum command_kind kind)
{
    return commands[kind].final;
}

void command_print_help(FILE *f, const char *indent)
{
    for (enum command_kind kind = 0; kind < _COMMAND_MAX; kind++) {
        int n =
            fprintf(f, "%s%s%s%s", indent, commands[kind].name, commands[kind].argument ? " " : "",
                    commands[kind].argument ? commands[kind].argument : "");
        fprintf(f, "%*s%s\n", n < 18 ? 18 - n : 1, "", commands[kind].help);
    }
}
