/* SPDX-License-Identifier: MIT */

/* How a service is supervised, told: what is checked, how often, when it counts, what follows, and
 * where the times in the unit come from. */

#include <inttypes.h>

#include "base/strv.h"
#include "base/timespan.h"
#include "cli/facts/facts.h"
#include "cli/print/json.h"
#include "spec/supervision.h"

static void add_span(Text *t, uint64_t usec)
{
    _cleanup_free_ char *span = timespan_format(usec);

    text_add(t, span ? span : "?");
}

/* "a", "a or b", "a, b or c". */
static void add_choice(Text *t, char *const *words)
{
    size_t n = strv_length(words), i = 0;

    STRV_FOREACH (word, words) {
        if (i > 0)
            text_add(t, i + 1 == n ? " or " : ", ");
        screen_add_clean(t, *word);
        i++;
    }
}

static void add_where(Text *t, const SpecProbe *probe)
{
    text_addf(t, "port %" PRId64, probe->port);
    if (streq(probe->host, "localhost"))
        return;
    text_add(t, " of ");
    screen_add_clean(t, probe->host);
}

static void add_http(Text *t, const SpecProbe *probe)
{
    screen_add_clean(t, probe->method);
    text_add_char(t, ' ');
    screen_add_clean(t, probe->path);
    text_addf(t, " (%s, ", spec_probe_word(probe->type));
    add_where(t, probe);
    text_add(t, ") must answer ");
    add_choice(t, probe->status);
    if (probe->body) {
        text_add(t, " with \"");
        screen_add_clean(t, probe->body);
        text_add(t, "\" in it");
    }
    if (probe->certdays != SPEC_INT_UNSET)
        text_addf(t, ", by a certificate that is good for %" PRId64 " days more,", probe->certdays);
}

static void add_exec(Text *t, const SpecProbe *probe)
{
    text_add(t, "the command \"");
    STRV_FOREACH (word, probe->exec) {
        if (word != probe->exec)
            text_add_char(t, ' ');
        screen_add_clean(t, *word);
    }
    text_add(t, "\", run inside the service, must succeed");
}

/* What must be so, as the end of "Every 10s ...". */
static void add_condition(Text *t, const SpecProbe *probe)
{
    switch ((SpecProbeType)probe->type) {
    case SPEC_PROBE_HTTP:
    case SPEC_PROBE_HTTPS:
        add_http(t, probe);
        return;
    case SPEC_PROBE_TCP:
        add_where(t, probe);
        text_add(t, " must accept a connection");
        return;
    case SPEC_PROBE_UNIX:
        screen_add_clean(t, probe->socket);
        text_add(t, " must accept a connection");
        return;
    case SPEC_PROBE_EXEC:
        add_exec(t, probe);
        return;
    case SPEC_PROBE_FILE:
        screen_add_clean(t, probe->file);
        text_add(t, " must have changed in the last ");
        add_span(t, probe->age_usec);
        return;
    case SPEC_PROBE_LOG:
        text_add(t, "its journal must have a line with \"");
        screen_add_clean(t, probe->match);
        text_add(t, "\" from the last ");
        add_span(t, probe->age_usec);
        return;
    case SPEC_PROBE_GRPC:
        text_add(t, "grpc.health.v1 on ");
        add_where(t, probe);
        text_add(t, " must say SERVING");
        return;
    case _SPEC_PROBE_MAX:
        return;
    }
}

static void add_consequence(Text *t, const SpecProbe *probe, bool readiness)
{
    if (probe->retries == 1)
        text_add(t, "; one failure");
    else
        text_addf(t, "; %" PRId64 " failures in a row", probe->retries);
    if (probe->restart == 1)
        text_add(t, " make the watchdog end it");
    else if (readiness)
        text_add(t, " take it out of rotation, without a restart");
    else
        text_add(t, " make it unhealthy, without a restart");
    if (probe->successes > 1)
        text_addf(t, "; %" PRId64 " successes in a row are needed to pass", probe->successes);
    text_add(t, ".");
}

static void say_check(Text *t, const SpecProbe *probe, bool readiness)
{
    text_add(t, " Every ");
    add_span(t, probe->interval_usec);
    text_add_char(t, ' ');
    add_condition(t, probe);
    if (probe->type != SPEC_PROBE_FILE && probe->type != SPEC_PROBE_LOG) {
        text_add(t, " within ");
        add_span(t, probe->timeout_usec);
    }
    add_consequence(t, probe, readiness);
}

static void say_grace(Text *t, const SpecProbe *probe)
{
    if (probe->grace_usec == 0) {
        text_add(t, " Failures count from the start on.");
        return;
    }
    text_add(t, " Failures in the first ");
    add_span(t, probe->grace_usec);
    text_add(t, " after a start do not count, unless the check has passed before.");
}

/* The grace time is said once for all neighbours that have the same. */
static void say_checks(Text *t, const Spec *spec)
{
    size_t n = spec->healthcheck.n + spec->readiness.n;
    const SpecProbe *before = NULL;

    for (size_t i = 0; i < n; i++) {
        bool readiness = i >= spec->healthcheck.n;
        const SpecProbe *probe = readiness ? &spec->readiness.items[i - spec->healthcheck.n]
                                           : &spec->healthcheck.items[i];
        if (before && before->grace_usec != probe->grace_usec)
            say_grace(t, before);
        say_check(t, probe, readiness);
        before = probe;
    }
    if (before)
        say_grace(t, before);
}

static void say_watchdog(Text *t, const Facts *facts)
{
    const Spec *spec = facts->entry->spec;
    uint64_t usec = spec_watchdog_usec(spec);

    if (spec->watchdog_usec != USEC_INFINITY) /* facts-prose.c has said it */
        return;
    text_add(t, " WatchdogSec= is ");
    if (facts->watchdog_usec != USEC_INFINITY && facts->watchdog_usec != usec) {
        add_span(t, facts->watchdog_usec);
        text_add(t, ", from \"unit\"");
    } else {
        add_span(t, usec);
        text_add(t, usec == SUPERVISION_WATCHDOG_LEAST_USEC
                        ? ", the least there is"
                        : ", three times interval and timeout of the slowest check");
    }
    text_add(t, ": systemd ends the service when nobody has spoken for it that long.");
}

static void say_start(Text *t, const Facts *facts)
{
    text_add(t, " A start is over when it is healthy");
    if (facts->start_timeout_usec != USEC_INFINITY) {
        text_add(t, ", which may take ");
        add_span(t, facts->start_timeout_usec);
    }
    text_add(t, ".");
}

static void say_who_is_told(Text *t, const SpecOnFailure *onfailure)
{
    if (!onfailure->url && !onfailure->exec)
        return;
    text_add_char(t, ' ');
    if (onfailure->url)
        screen_add_clean(t, onfailure->url);
    if (onfailure->url && onfailure->exec)
        text_add(t, " and ");
    if (onfailure->exec)
        screen_add_clean(t, onfailure->exec[0]);
    text_addf(t, " %s told when it is ", onfailure->url && onfailure->exec ? "are" : "is");
    add_choice(t, onfailure->on);
    text_add(t, ".");
}

void facts_add_checks_prose(Text *t, const Facts *facts)
{
    const Spec *spec = facts->entry->spec;

    if (facts->stub)
        return;
    if (spec_is_supervised(spec)) {
        say_checks(t, spec);
        say_start(t, facts);
        say_watchdog(t, facts);
    }
    if (spec->duration == SPEC_DURATION_DAEMON)
        say_who_is_told(t, &spec->onfailure);
}

static void add_check_json(Text *t, const SpecProbe *probe, bool readiness, bool *any)
{
    _cleanup_text_ Text condition = {0};

    add_condition(&condition, probe);
    text_add(t, *any ? ", {" : "{");
    *any = true;
    json_add_string(t, "kind", readiness ? "readiness" : "healthcheck");
    json_add_string(t, "type", spec_probe_word(probe->type));
    json_add_string(t, "condition", condition.data);
    json_add_number(t, "interval_usec", probe->interval_usec);
    json_add_number(t, "timeout_usec", probe->timeout_usec);
    json_add_number(t, "retries", (uint64_t)probe->retries);
    json_add_number(t, "successes", (uint64_t)probe->successes);
    json_add_number(t, "grace_usec", probe->grace_usec);
    json_add_bool(t, "restart", probe->restart == 1);
    text_add_char(t, '}');
}

static const char *watchdog_source(const Facts *facts)
{
    const Spec *spec = facts->entry->spec;

    if (facts->watchdog_usec != USEC_INFINITY && facts->watchdog_usec != spec_watchdog_usec(spec))
        return "unit";
    return spec->watchdog_usec != USEC_INFINITY ? "watchdog" : "checks";
}

void facts_add_checks_json(Text *t, const Facts *facts)
{
    const Spec *spec = facts->entry->spec;
    uint64_t watchdog_usec =
        facts->watchdog_usec != USEC_INFINITY ? facts->watchdog_usec : spec_watchdog_usec(spec);
    bool any = false;

    if (watchdog_usec != USEC_INFINITY) {
        json_add_number(t, "watchdog_usec", watchdog_usec);
        json_add_string(t, "watchdog_from", watchdog_source(facts));
    }
    json_add_name(t, "checks");
    text_add_char(t, '[');
    for (size_t i = 0; spec_is_supervised(spec) && i < spec->healthcheck.n; i++)
        add_check_json(t, &spec->healthcheck.items[i], false, &any);
    for (size_t i = 0; spec_is_supervised(spec) && i < spec->readiness.n; i++)
        add_check_json(t, &spec->readiness.items[i], true, &any);
    text_add_char(t, ']');
}
