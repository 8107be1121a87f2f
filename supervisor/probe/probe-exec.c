/* SPDX-License-Identifier: MIT */
/* exec: a program run inside the service; status 0 is healthy, its last words are the reason. */
#include <errno.h>
#include <string.h>

#include "supervisor/probe/probe-internal.h"
#include "supervisor/probe/reason.h"

static void say_status(Probe *probe, const DoorAnswer *answer)
{
    ProbeOutcome outcome = answer->exit_code == 0 ? PROBE_PASS : PROBE_FAIL;
    const char *text = answer->text ? answer->text : "";
    const char *signal =
        answer->exit_code > 128 ? sigabbrev_np((int)MIN(answer->exit_code - 128, 255U)) : NULL;

    probe_end(probe, outcome, answer->exit_code, "exit status %u%s%s%s%s%s", answer->exit_code,
              signal ? " (SIG" : "", signal ? signal : "", signal ? ")" : "", *text ? ": " : "",
              text);
}

static void on_exit_status(Probe *probe, DoorAnswer *answer)
{
    char words[REASON_WORDS_MAX];

    if (answer->error == -ETIMEDOUT)
        probe_end_late(probe, "did not end");
    else if (probe_error_is_ours(answer->error))
        probe_end_void(probe, answer->error);
    else if (answer->error < 0)
        probe_end(probe, PROBE_FAIL, 0, "could not be run: %s", reason_errno(answer->error, words));
    else
        say_status(probe, answer);
}

static void start(Probe *probe)
{
    probe_ask(probe,
              &(DoorRequest){.op = LEASE_OP_EXEC,
                             .argv = probe->spec->exec,
                             .timeout_usec = probe->spec->timeout_usec},
              on_exit_status);
}

static void late(Probe *probe)
{
    probe_end_late(probe, "did not end");
}

static int init(Probe *probe, const char *unit)
{
    if (!probe->spec->exec || !probe->spec->exec[0])
        return -EINVAL;
    return probe_set_subject(probe, "exec %s", basename(probe->spec->exec[0]));
}

const ProbeKind probe_kind_exec = {
    .size = sizeof(Probe),
    .run_size = sizeof(ProbeRun),
    .init = init,
    .start = start,
    .late = late,
};
