/* SPDX-License-Identifier: MIT */

/* Gathers facts. Every source may be missing: the generator not installed, no service manager to
 * ask. Then the fact stays open, and the telling says so. */

#include "cli/facts/facts.h"

#include <errno.h>

#include "cli/print/when.h"
#include "cli/specs/generator.h"
#include "cli/supervisor/supervisor.h"
#include "spec/demand.h"

void facts_done(Facts *facts)
{
    free(facts->unit);
    free(facts->timer);
    free(facts->socket);
    free(facts->stub);
    free(facts->no_state);
    unit_state_done(&facts->state);
    unit_state_done(&facts->timer_state);
    unit_state_done(&facts->socket_state);
    health_done(&facts->health);
    *facts = (Facts){0};
}

/* A stub's reason stands in its head comments, as "# FILE:... message"; warnings stand there, too.
 */
char *facts_stub_reason(const char *unit, const char *file)
{
    size_t n = strlen(file);

    for (const char *line = unit; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *message;

        if (line[0] != '#' || strncmp(line + 2, file, n) != 0 || line[2 + n] != ':')
            continue;
        message = line + 2 + n;
        message += strspn(message, "0123456789:"); /* the place */
        message += strspn(message, " ");
        if (strncmp(message, "warning: ", strlen("warning: ")) != 0)
            return strndup(message, strcspn(message, "\n"));
    }
    return strdup("the generator could not make a unit of it");
}

/* What only the generator knows: whether this machine can run it, and the restart settings. */
static int gather_generated(Facts *facts)
{
    _cleanup_generated_files_ GeneratedFiles files = {0};
    _cleanup_free_ char *output = NULL, *errors = NULL;
    const char *unit;
    int r;

    r = generator_dry_run(facts->scope, facts->entry->unit, NULL, &output, &errors);
    if (r != 0)
        return r == -ENOMEM ? r : 0;
    r = generated_files_parse(output, &files);
    if (r < 0)
        return r;
    unit = generated_files_find(&files, facts->unit);
    if (!unit)
        return 0;

    delays_of_unit(unit, &facts->delays);
    facts->delays_known = true;
    unit_text_span(unit, "WatchdogSec", &facts->watchdog_usec);
    unit_text_span(unit, "TimeoutStartSec", &facts->start_timeout_usec);
    if (strstr(unit, "\nState=stub\n")) {
        facts->stub = facts_stub_reason(unit, facts->entry->file.path);
        return facts->stub ? 0 : -ENOMEM;
    }
    return 0;
}

/* The manager's own numbers win: they are what will be waited. */
static void take_delays(Facts *facts)
{
    const UnitState *state = &facts->state;

    if (!state->load_state || !streq(state->load_state, "loaded"))
        return;
    facts->delays = (Delays){
        .first_usec = state->restart_usec,
        .steps = state->restart_steps,
        .max_usec =
            state->restart_max_delay_usec > 0 ? state->restart_max_delay_usec : USEC_INFINITY,
    };
    facts->delays_known = true;
}

static int gather_state(Facts *facts)
{
    _cleanup_manager_ Manager *manager = NULL;
    int r;

    r = manager_open(facts->scope, &manager);
    if (r >= 0)
        r = manager_describe(manager, facts->unit, &facts->state);
    if (r >= 0) {
        facts->has_state = true;
        if (facts->timer)
            (void)manager_describe(manager, facts->timer, &facts->timer_state);
        if (facts->socket)
            (void)manager_describe(manager, facts->socket, &facts->socket_state);
        take_delays(facts);
        return 0;
    }
    facts->no_state = strdup(strerror(-r));
    return facts->no_state ? 0 : -ENOMEM;
}

/* Who waits, and why it does not start. */
static void gather_health(Facts *facts)
{
    _cleanup_supervisor_ Supervisor *supervisor = NULL;

    if (facts->socket && supervisor_open(facts->scope, &supervisor) >= 0)
        (void)supervisor_get(supervisor, facts->entry->unit, &facts->health);
}

int facts_gather(const Cli *cli, const SpecEntry *entry, Facts *ret)
{
    _cleanup_facts_ Facts facts = {
        .scope = cli->scope,
        .entry = entry,
        .boot = boot_of_entry(cli->scope, entry),
        .loaded = loaded_of_entry(cli->scope, entry),
        .watchdog_usec = USEC_INFINITY,
        .start_timeout_usec = USEC_INFINITY,
        .now_usec = when_now(),
    };
    bool good = entry->fate == SPEC_FATE_GENERATED;
    int r;

    facts.unit = text_printf("phoenix@%s.service", entry->unit);
    if (good && entry->spec->schedule)
        facts.timer = text_printf("phoenix@%s.timer", entry->unit);
    if (good && spec_is_listened_for(entry->spec))
        facts.socket = text_printf("phoenix@%s.socket", entry->unit);
    if (!facts.unit || (good && entry->spec->schedule && !facts.timer) ||
        (good && spec_is_listened_for(entry->spec) && !facts.socket))
        return -ENOMEM;

    if (good) {
        r = gather_generated(&facts);
        if (r < 0)
            return r;
    }
    r = gather_state(&facts);
    if (r < 0)
        return r;
    gather_health(&facts);

    *ret = facts;
    facts = (Facts){0};
    return 0;
}
