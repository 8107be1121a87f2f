/* SPDX-License-Identifier: MIT */

/* systemd's words for results (systemd.exec(5), $SERVICE_RESULT) as sentences. */

#include "base/unit-result.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "base/macros.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

static void add_exit(Text *t, int32_t code, int32_t status)
{
    if (code == CLD_EXITED && status != 0)
        text_addf(t, "it exited with status %" PRId32, status);
    else
        text_add(t, "one of its commands failed (exit-code)");
}

static void add_signal(Text *t, int32_t code, int32_t status)
{
    const char *name = code == CLD_KILLED || code == CLD_DUMPED ? sigabbrev_np((int)status) : NULL;

    if (name)
        text_addf(t, "signal %s ended it", name);
    else
        text_add(t, "a signal ended it");
}

void unit_result_add(Text *t, const char *result, int32_t code, int32_t status)
{
    static const struct {
        const char *result, *words;
    } results[] = {
        {"success", "it ended by itself"},
        {"watchdog", "its heartbeats stopped (watchdog)"},
        {"timeout", "it took too long to start or stop (timeout)"},
        {"oom-kill", "it ran out of memory (oom-kill)"},
        {"start-limit-hit", "it was started too often (start-limit-hit)"},
        {"protocol", "it did not say READY=1 (protocol)"},
        {"resources", "systemd could not get what it needs to start it (resources)"},
        {"exec-condition", "its condition was not met (exec-condition)"},
    };

    for (size_t i = 0; i < ELEMENTSOF(results); i++)
        if (streq(result, results[i].result)) {
            text_add(t, results[i].words);
            return;
        }
    if (streq(result, "exit-code"))
        add_exit(t, code, status);
    else if (streq(result, "signal") || streq(result, "core-dump"))
        add_signal(t, code, status);
    else
        text_add(t, result[0] && strspn(result, LETTERS) == strlen(result) ? result : "it failed");
}
