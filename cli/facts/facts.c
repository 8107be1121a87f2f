/* SPDX-License-Identifier: MIT */

/* Gathers facts. Every source may be missing: the generator not installed, no service manager to
 * ask. Then the fact stays open, and the telling says so. */

#include "cli/facts/facts.h"

#include <errno.h>

#include "base/strv.h"
#include "cli/print/when.h"
#include "cli/specs/generator.h"
#include "cli/supervisor/supervisor.h"
#include "spec/demand.h"

#define WARNING "warning: "

void facts_done(Facts *facts)
{
    free(facts->unit);
    free(facts->timer);
    free(facts->socket);
    free(facts->stub);
    strv_free(facts->lacks);
    free(facts->no_state);
    unit_state_done(&facts->state);
    unit_state_done(&facts->timer_state);
    unit_state_done(&facts->socket_state);
    health_done(&facts->health);
    *facts = (Facts){0};
}

/* What the generator has to say of a spec stands in the head comments of its unit, as
 * "# FILE:LINE:COLUMN: message", or "# FILE: message" when it is no matter of the spec's text. The
 * message of this line, its length, and whether it has a place; NULL: the line says something else.
 */
static const char *told_in(const char *line, const char *file, size_t *ret_size, bool *ret_placed)
{
    size_t n = strlen(file);
    const char *rest, *message;

    if (strncmp(line, "# ", 2) != 0 || strncmp(line + 2, file, n) != 0 || line[2 + n] != ':')
        return NULL;
    rest = line + 2 + n + 1;
    message = rest + strspn(rest, "0123456789:");
    *ret_placed = message > rest;
    message += strspn(message, " ");
    *ret_size = strcspn(message, "\n");
    return message;
}

static bool is_warning(const char *message)
{
    return strncmp(message, WARNING, strlen(WARNING)) == 0;
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return line + (*line == '\n');
}

char *facts_stub_reason(const char *unit, const char *file)
{
    size_t size;
    bool placed;

    for (const char *line = unit; *line; line = next_line(line)) {
        const char *message = told_in(line, file, &size, &placed);
        if (message && !is_warning(message))
            return strndup(message, size);
    }
    return strdup("the generator could not make a unit of it");
}

/* Warnings that only the generator gives: they are about this machine. Others are findings. */
static int gather_lacks(Facts *facts, const char *unit)
{
    size_t size;
    bool placed;

    for (const char *line = unit; *line; line = next_line(line)) {
        const char *message = told_in(line, facts->entry->file.path, &size, &placed);
        if (!message || placed || !is_warning(message))
            continue;
        message += strlen(WARNING);
        int r = strv_consume(&facts->lacks, strndup(message, size - strlen(WARNING)));
        if (r < 0)
            return r;
    }
    return 0;
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
    return gather_lacks(facts, unit);
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
