/* SPDX-License-Identifier: MIT */

/* Telling why. */

#include <inttypes.h>
#include <signal.h>

#include "failure.h"
#include "json.h"
#include "log-line.h"

#define LOG_LINES 10U

/* systemd tries again by itself after a start that failed, and may have come far since. */
static void add_now(Text *t, const UnitState *state)
{
    if (!state->active_state || streq(state->active_state, "failed") ||
        streq(state->active_state, "inactive"))
        return;
    text_add(t, "  now: ");
    screen_add_clean(t, state->active_state);
    if (state->sub_state) {
        text_add(t, " (");
        screen_add_clean(t, state->sub_state);
        text_add_char(t, ')');
    }
    if (state->restarts > 0)
        text_addf(t, " after %" PRIu64 " restart%s", (uint64_t)state->restarts,
                  state->restarts == 1 ? "" : "s");
    text_add_char(t, '\n');
}

/* The result of a job in words; systemd's own word where there is nothing to add. */
const char *failure_reason(const Job *job)
{
    if (job->error)
        return job->error;
    if (!job->result)
        return "the job has not ended";
    if (streq(job->result, "dependency"))
        return "something that it needs has failed";
    if (streq(job->result, "timeout"))
        return "the job has timed out";
    if (streq(job->result, "canceled"))
        return "the job was canceled by another one";
    if (streq(job->result, "failed"))
        return "it has failed";
    return job->result;
}

/* What phoenixd has said of the start, in a new string: "did not become healthy: GET /health:
 * connection refused, 3 of 3". NULL when it has said nothing. */
static char *verdict_of(const Cli *cli, uint64_t since_usec, const char *name)
{
    _cleanup_journal_ Journal *journal = NULL;
    char *verdict = NULL;
    size_t n = strlen(name);

    if (journal_open(&journal) < 0 || journal_match_events(journal, cli->scope, name) < 0 ||
        journal_seek(journal, since_usec, JOURNAL_ALL_LINES) < 0)
        return NULL;
    while (!verdict && journal_next(journal) > 0) {
        _cleanup_free_ char *event = NULL, *message = NULL;

        if (journal_get(journal, "PHOENIX_EVENT", &event) < 0 || !event ||
            journal_get(journal, "MESSAGE", &message) < 0 || !message)
            continue;
        if (streq(event, "start-failed") && strncmp(message, name, n) == 0 && message[n] == ' ')
            verdict = strdup(message + n + 1);
    }
    return verdict;
}

char *failure_explain(const Cli *cli, const Job *job, const char *name)
{
    _cleanup_free_ char *verdict = NULL;

    if (job->asked_usec > 0 && job->result && streq(job->result, "failed"))
        verdict = verdict_of(cli, job->asked_usec, name);
    return verdict ? text_printf("it %s", verdict) : strdup(failure_reason(job));
}

static void add_exit(Text *t, const UnitState *state)
{
    const char *signal_name;

    switch (state->exit_code) {
    case CLD_EXITED:
        if (state->exit_status != 0)
            text_addf(t, "; its main process ended with exit status %d", state->exit_status);
        break;
    case CLD_KILLED:
    case CLD_DUMPED:
        signal_name = sigabbrev_np(state->exit_status);
        text_addf(t, "; its main process was killed by SIG%s", signal_name ? signal_name : "?");
        break;
    default:
        break;
    }
}

static void add_log(Text *t, const Cli *cli, const char *name, bool json)
{
    _cleanup_journal_ Journal *journal = NULL;
    bool any = false;

    if (journal_open(&journal) < 0 || journal_match_service(journal, cli->scope, name) < 0 ||
        journal_seek(journal, 0, LOG_LINES) < 0)
        return;
    for (unsigned i = 0; i < LOG_LINES && journal_next(journal) > 0; i++) {
        _cleanup_log_line_ LogLine line = {0};

        if (log_line_read(journal, &line) < 0)
            break;
        text_add(t, json ? (any ? ", " : "") : "  ");
        if (json)
            log_line_add_json(t, &line);
        else
            log_line_add(t, &cli->screen, &line);
        any = true;
    }
}

static void add_result(Text *t, const UnitState *state)
{
    if (!state->result || streq(state->result, "success"))
        return;
    text_add(t, "  result: ");
    screen_add_clean(t, state->result);
    add_exit(t, state);
    text_add_char(t, '\n');
}

void failure_add_details(Text *t, const Cli *cli, Manager *manager, const char *unit,
                         const char *name)
{
    _cleanup_unit_state_ UnitState state = {0};
    Cli plain = *cli;

    plain.screen.color = cli->screen.color && isatty(STDERR_FILENO);
    (void)manager_describe(manager, unit, &state);
    add_now(t, &state);
    add_result(t, &state);
    if (state.status_text && *state.status_text) {
        text_add(t, "  last status: ");
        screen_add_clean(t, state.status_text);
        text_add_char(t, '\n');
    }
    add_log(t, &plain, name, false);
}

void failure_add(Text *t, const Cli *cli, Manager *manager, JobKind kind, const Job *job,
                 const char *name)
{
    _cleanup_free_ char *why = failure_explain(cli, job, name);

    text_addf(t, "cannot %s ", job_kind_word(kind));
    screen_add_clean(t, name);
    text_add(t, ": ");
    screen_add_clean(t, why ? why : failure_reason(job));
    text_add_char(t, '\n');
    failure_add_details(t, cli, manager, job->unit, name);
}

void failure_add_json(Text *t, const Cli *cli, Manager *manager, const Job *job, const char *name)
{
    _cleanup_unit_state_ UnitState state = {0};
    _cleanup_free_ char *why = failure_explain(cli, job, name);

    (void)manager_describe(manager, job->unit, &state);
    json_add_string(t, "reason", why);
    json_add_string(t, "result", state.result);
    json_add_string(t, "status", state.status_text);
    json_add_name(t, "log");
    text_add_char(t, '[');
    add_log(t, cli, name, true);
    text_add_char(t, ']');
}
