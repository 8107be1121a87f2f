/* SPDX-License-Identifier: MIT */
/* The JSON of a batch; see batch.h. */
#include "supervisor/daemon/poster/batch.h"

#include "base/macros.h"

static void add_string(Text *t, const char *name, const char *s)
{
    text_addf(t, "\"%s\": ", name);
    text_add_json_string(t, s, strlen(s));
    text_add(t, ", ");
}

void batch_to_json(const BatchFacts *facts, Text *t)
{
    text_add_char(t, '{');
    add_string(t, "host", facts->host);
    add_string(t, "key", facts->key);
    if (facts->last)
        text_add(t, "\"last\": true, ");
    text_add(t, "\"samples\": [");
    if (facts->services)
        sample_to_json(facts->realtime_usec, facts->sysinfo, facts->services, t);
    text_add(t, "],\n\"events\": [");
    text_add(t, facts->events);
    text_add(t, "]}\n");
}
