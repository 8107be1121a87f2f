/* SPDX-License-Identifier: MIT */

/* Telling why. */

#include "cli/log/failure.h"

#include <inttypes.h>
#include <signal.h>

#include "base/unit-result.h"
#include "cli/log/log-line.h"
#include "cli/print/json.h"

#define LOG_LINES 10U

/* As many lines of a service may be looked through for why it has ended. */
#define RESULT_LINES 1000U

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

char *failure_verdict(const Cli *cli, uint64_t since_usec, const char *name)
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

/* Fields of systemd.journal-fields(7) and of its entries SD_MESSAGE_UNIT_PROCESS_EXIT and
 * SD_MESSAGE_UNIT_FAILURE_RESULT. What a service writes itself is not read: everybody may claim
 * anything, and systemd says it in one place. */
typedef struct Ending {
    char *result, *code, *status;
} Ending;

static void ending_done(Ending *ending)
{
    free(ending->result);
    free(ending->code);
    free(ending->status);
    *ending = (Ending){0};
}

static bool is_of_manager(Journal *journal)
{
    _cleanup_free_ char *unit = NULL, *user_unit = NULL;

    return (journal_get(journal, "UNIT", &unit) >= 0 && unit) ||
           (journal_get(journal, "USER_UNIT", &user_unit) >= 0 && user_unit);
}

static void take_field(Journal *journal, const char *field, char **value)
{
    _cleanup_free_ char *found = NULL;

    if (journal_get(journal, field, &found) < 0 || !found)
        return;
    free(*value);
    *value = TAKE_PTR(found);
}

static void read_ending(Journal *journal, Ending *ending)
{
    _cleanup_free_ char *command = NULL;

    if (!is_of_manager(journal))
        return;
    take_field(journal, "UNIT_RESULT", &ending->result);
    /* Of another process than the main one there is a command, too. */
    if (journal_get(journal, "COMMAND", &command) < 0 || (command && !streq(command, "ExecStart")))
        return;
    take_field(journal, "EXIT_CODE", &ending->code);
    take_field(journal, "EXIT_STATUS", &ending->status);
}

static int32_t code_of(const char *word)
{
    if (!word)
        return 0;
    return streq(word, "exited") ? CLD_EXITED : streq(word, "dumped") ? CLD_DUMPED : CLD_KILLED;
}

static int32_t status_of(const Ending *ending)
{
    if (!ending->status)
        return 0;
    if (code_of(ending->code) == CLD_EXITED)
        return (int32_t)strtol(ending->status, NULL, 10);
    /* A name there. */
    for (int i = 1; i < NSIG; i++)
        if (sigabbrev_np(i) && streq(sigabbrev_np(i), ending->status))
            return i;
    return 0;
}

char *failure_result(const Cli *cli, uint64_t since_usec, const char *name)
{
    _cleanup_journal_ Journal *journal = NULL;
    _cleanup_(ending_done) Ending ending = {0};
    _cleanup_text_ Text t = {0};
    char *words = NULL;

    if (journal_open(&journal) < 0 || journal_match_service(journal, cli->scope, name) < 0 ||
        journal_seek(journal, since_usec, RESULT_LINES) < 0)
        return NULL;
    while (journal_next(journal) > 0)
        read_ending(journal, &ending);
    if (!ending.result)
        return NULL;
    unit_result_add(&t, ending.result, code_of(ending.code), status_of(&ending));
    return text_take(&t, &words) < 0 ? NULL : words;
}

char *failure_explain(const Cli *cli, const Job *job, const char *name)
{
    _cleanup_free_ char *verdict = NULL;

    if (job->asked_usec > 0 && job->result && streq(job->result, "failed"))
        verdict = failure_verdict(cli, job->asked_usec, name);
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
