/* SPDX-License-Identifier: MIT */
/*
 * The words of systemd for ActiveState=, SubState= and Result=, for those who read them and those
 * who say them. States point to them, so each is there once.
 */
#include <stdlib.h>

#include "supervisor/daemon/units/units-internal.h"

#define WORD_MAX 31U

const char *unit_active_word(UnitActive active)
{
    static const char *const words[_UNIT_ACTIVE_MAX] = {
        [UNIT_INACTIVE] = "inactive",
        [UNIT_ACTIVATING] = "activating",
        [UNIT_ACTIVE] = "active",
        [UNIT_RELOADING] = "reloading",
        [UNIT_DEACTIVATING] = "deactivating",
        [UNIT_FAILED] = "failed",
        [UNIT_MAINTENANCE] = "maintenance",
    };

    return active < _UNIT_ACTIVE_MAX ? words[active] : "";
}

/* Those of services, up to systemd 258; the most frequent ones first. */
static const char *const known_words[] = {
    "running",
    "success",
    "dead",
    "failed",
    "start",
    "start-pre",
    "start-post",
    "auto-restart",
    "exit-code",
    "watchdog",
    "stop-watchdog",
    "stop",
    "stop-sigterm",
    "stop-sigkill",
    "stop-post",
    "final-watchdog",
    "final-sigterm",
    "final-sigkill",
    "exited",
    "condition",
    "reload",
    "reload-signal",
    "reload-notify",
    "reload-post",
    "refresh-extensions",
    "mounting",
    "dead-before-auto-restart",
    "failed-before-auto-restart",
    "dead-resources-pinned",
    "auto-restart-queued",
    "cleaning",
    "resources",
    "protocol",
    "timeout",
    "signal",
    "core-dump",
    "start-limit-hit",
    "exec-condition",
    "oom-kill",
};

static bool is_word(const char *word)
{
    size_t n = strlen(word);

    return n > 0 && n <= WORD_MAX && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

const char *unit_word(UnitWords *words, const char *word)
{
    for (size_t i = 0; i < ELEMENTSOF(known_words); i++)
        if (streq(known_words[i], word))
            return known_words[i];
    for (size_t i = 0; i < words->n; i++)
        if (streq(words->words[i], word))
            return words->words[i];
    if (!is_word(word) || words->n == WORDS_MAX)
        return "";
    words->words[words->n] = strdup(word);
    return words->words[words->n] ? words->words[words->n++] : "";
}

void unit_words_done(UnitWords *words)
{
    while (words->n > 0)
        free(words->words[--words->n]);
}
