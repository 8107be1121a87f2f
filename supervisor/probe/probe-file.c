/* SPDX-License-Identifier: MIT */
/* file: a heartbeat file that the service touches, looked at through the eyes of the service. */
#include <errno.h>
#include <time.h>

#include "supervisor/probe/probe-internal.h"
#include "supervisor/probe/reason.h"

static void on_stat(Probe *probe, DoorAnswer *answer)
{
    char age_text[REASON_WORDS_MAX], limit_text[REASON_WORDS_MAX];
    uint64_t now = probe_now_usec(CLOCK_REALTIME), limit = probe->spec->age_usec;

    if (answer->error == -ETIMEDOUT)
        probe_end_late(probe, "no answer");
    else if (probe_error_is_ours(answer->error))
        probe_end_void(probe, answer->error);
    else if (answer->error == -ENOENT)
        probe_end(probe, PROBE_FAIL, 0, "no such file");
    else if (answer->error < 0)
        probe_end_errno(probe, answer->error);
    /* A file from the future would stay young for as long as that lies ahead. */
    else if (answer->mtime_usec > now && answer->mtime_usec - now > limit)
        probe_end(probe, PROBE_FAIL, 0, "dated %s ahead of the clock",
                  reason_span(answer->mtime_usec - now, age_text));
    else {
        uint64_t age = now - MIN(answer->mtime_usec, now);

        probe_end(probe, age > limit ? PROBE_FAIL : PROBE_PASS, age, "%s old, %s allowed",
                  reason_span(age, age_text), reason_span(limit, limit_text));
    }
}

static void start(Probe *probe)
{
    probe_ask(probe,
              &(DoorRequest){.op = LEASE_OP_STAT,
                             .path = probe->spec->file,
                             .timeout_usec = probe->spec->timeout_usec},
              on_stat);
}

static void late(Probe *probe)
{
    probe_end_late(probe, "no answer");
}

static int init(Probe *probe, const char *unit)
{
    if (!probe->spec->file)
        return -EINVAL;
    return probe_set_subject(probe, "file %s", probe->spec->file);
}

const ProbeKind probe_kind_file = {
    .size = sizeof(Probe),
    .run_size = sizeof(ProbeRun),
    .init = init,
    .start = start,
    .late = late,
};
