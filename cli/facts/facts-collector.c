/* SPDX-License-Identifier: MIT */

/* Their part about a collector: where it is, what is sent, what waits when it is away. */

#include "base/timespan.h"
#include "cli/facts/facts.h"
#include "cli/print/json.h"

static void add_span(Text *t, uint64_t usec)
{
    _cleanup_free_ char *span = timespan_format(usec);

    text_add(t, span ? span : "?");
}

void facts_add_collector_prose(Text *t, const SpecCollector *collector)
{
    text_add(t, " It is a collector: there is no service to start, phoenixd posts to ");
    screen_add_clean(t, collector->url);
    text_add(t, " every ");
    add_span(t, collector->interval_usec);
    text_add(t, " what the host, its containers and its services use and how they fare, and soon "
                "after it what happened");
    if (collector->host) {
        text_add(t, ", as the host ");
        screen_add_clean(t, collector->host);
    }
    text_addf(t, ". While it is away, up to %s of that wait on disk, at most ",
              collector->spool.size);
    add_span(t, collector->spool.age_usec);
    text_add_char(t, '.');
    if (collector->token) {
        text_add(t, " Its token is in ");
        screen_add_clean(t, collector->token);
        text_add_char(t, '.');
    }
}

void facts_add_collector_json(Text *t, const SpecCollector *collector)
{
    json_add_name(t, "collector");
    text_add_char(t, '{');
    json_add_string(t, "url", collector->url);
    json_add_string(t, "host", collector->host);
    json_add_string(t, "token", collector->token);
    json_add_string(t, "ca", collector->ca);
    json_add_number(t, "interval_usec", collector->interval_usec);
    json_add_string(t, "spool_size", collector->spool.size);
    json_add_number(t, "spool_age_usec", collector->spool.age_usec);
    text_add_char(t, '}');
}
