/* SPDX-License-Identifier: MIT */

/* phoenix reap: acts by policies now, through phoenixd; or, with --dry-run, says what it would do.
 * For that phoenixd is not needed, and specs need not have been read by the manager: the decisions
 * are made here, by the same code. */

#include <errno.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/print/findings.h"
#include "cli/specs/specs.h"
#include "cli/status/phoenixd.h"
#include "cli/supervisor/reap-rows.h"
#include "engine/call.h"
#include "spec/read.h"

typedef struct Reap {
    const Cli *cli;
    SpecSet *set;
    Spec *spec; /* of a file by itself */
    ReapLook look;
    EngineBook engines;
    ReapRows rows;
} Reap;

static void reap_done(Reap *reap)
{
    spec_set_free(reap->set);
    spec_free(reap->spec);
    reap_look_done(&reap->look);
    engine_book_done(&reap->engines);
    reap_rows_done(&reap->rows);
}

static uid_t manager_of(const Cli *cli)
{
    return cli->scope == SPEC_SCOPE_USER ? getuid() : SYSINFO_SYSTEM_MANAGER;
}

static int decide(Reap *reap, const Spec *spec)
{
    _cleanup_reap_decisions_ ReapDecisions decisions = {0};
    struct timespec now = {0};
    int r;

    clock_gettime(CLOCK_MONOTONIC, &now);
    ReapInput input = {
        .policy_name = spec->name,
        .policy = &spec->policy,
        .containers = reap->look.containers,
        .n = reap->look.sysinfo.n_containers,
        .memory_total_bytes = reap->look.sysinfo.memory_total_bytes,
        .pressure = reap->look.pressure,
        .now_usec = (uint64_t)now.tv_sec * USEC_PER_SEC,
        .manager = manager_of(reap->cli),
    };
    r = reap_decide(&input, &decisions);
    return r < 0 ? r : reap_rows_add(&reap->rows, &input, &decisions);
}

/* Who does not answer is told of, and the policies that go by labels say what that means. */
static int ask_engine(Reap *reap, EngineKind kind)
{
    bool user = reap->cli->scope == SPEC_SCOPE_USER;
    _cleanup_free_ char *path = engine_socket_path(kind, user, getenv("XDG_RUNTIME_DIR"));
    _cleanup_(engine_book_listing_done) EngineBookListing listing = {0};
    unsigned status = 0;
    int r = -ENOENT;

    if (path)
        r = engine_call_wait(path, ENGINE_TIMEOUT_USEC, engine_book_collect, &listing, &status);
    if (r >= 0)
        return engine_book_replace(&reap->engines, kind, &listing);
    _cleanup_free_ char *why = engine_call_describe(r, status);
    log_warning("%s cannot be asked for labels and names of its containers: %s: %s (phoenix "
                "doctor)",
                engine_kind_word(kind), path ? path : "no socket", why ? why : "?");
    return r == -ENOMEM ? r : 0;
}

static int ask_engines(Reap *reap, bool labels)
{
    int r = 0;

    for (EngineKind kind = 0; r >= 0 && kind < _ENGINE_KIND_MAX; kind++)
        if (reap_look_wants(&reap->look, &reap->engines, kind, manager_of(reap->cli), labels, 0))
            r = ask_engine(reap, kind);
    return r < 0 ? r : reap_look_up(&reap->look, &reap->engines);
}

static int look(Reap *reap, bool labels)
{
    _cleanup_sysinfo_reader_ SysinfoReader *reader = NULL;
    int r;

    r = sysinfo_reader_new(&(SysinfoOptions){0}, &reader);
    if (r >= 0)
        r = reap_look(reader, NULL, &reap->look);
    if (r < 0) {
        log_error("the containers cannot be read: %s", strerror(-r));
        return r == -ENOMEM ? r : CLI_EXIT_FAILED;
    }
    return ask_engines(reap, labels);
}

static int read_file(Reap *reap, const char *path)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_source_ Source source = {0};
    _cleanup_text_ Text t = {0};
    int r;

    r = spec_read_file(path, &diags, &reap->spec);
    if (r < 0)
        return r;
    if (r == 0 && reap->spec->type == SPEC_TYPE_POLICY)
        return CLI_EXIT_OK;
    findings_add(&t, &reap->cli->screen, &diags, &source);
    if (r != 0 && t.size > 0 && t.error >= 0)
        (void)fwrite(t.data, 1, t.size, stderr);
    if (r == 0)
        log_error("%s is no policy", path);
    return CLI_EXIT_NO;
}

/* The policy that NAME means; what else has that name is said. */
static int find_policy(Reap *reap, const char *name, const SpecEntry **ret)
{
    *ret = specs_find(reap->cli, reap->set, name);
    if (!*ret)
        return CLI_EXIT_MISSING;
    if ((*ret)->fate == SPEC_FATE_POLICY)
        return CLI_EXIT_OK;
    if ((*ret)->fate == SPEC_FATE_GENERATED)
        log_error("%s is a service, not a policy", (*ret)->unit);
    else
        log_error("%s: %s (phoenix check %s)", (*ret)->unit, spec_fate_word((*ret)->fate),
                  (*ret)->unit);
    return CLI_EXIT_NO;
}

static int decide_all(Reap *reap)
{
    size_t n = 0;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < reap->set->n; i++) {
        if (reap->set->items[i].fate != SPEC_FATE_POLICY)
            continue;
        r = decide(reap, reap->set->items[i].spec);
        n++;
    }
    if (r >= 0 && n == 0)
        log_notice("there is no policy here (phoenix-spec(5))");
    return r;
}

static bool goes_by_labels(const Reap *reap, const SpecEntry *entry)
{
    const Spec *spec = reap->spec ? reap->spec : entry ? entry->spec : NULL;

    if (spec)
        return spec->policy.match.labels;
    for (size_t i = 0; i < reap->set->n; i++)
        if (reap->set->items[i].fate == SPEC_FATE_POLICY &&
            reap->set->items[i].spec->policy.match.labels)
            return true;
    return false;
}

static int dry_run(Reap *reap, const char *name)
{
    const SpecEntry *entry = NULL;
    int r;

    if (name && specs_is_path(name))
        r = read_file(reap, name);
    else
        r = name ? find_policy(reap, name, &entry) : CLI_EXIT_OK;
    if (r == CLI_EXIT_OK)
        r = look(reap, goes_by_labels(reap, entry));
    if (r != CLI_EXIT_OK)
        return r;
    if (reap->spec)
        return decide(reap, reap->spec);
    return entry ? decide(reap, entry->spec) : decide_all(reap);
}

static int act(Reap *reap, const char *name)
{
    _cleanup_supervisor_ Supervisor *supervisor = NULL;
    const SpecEntry *entry = NULL;
    int r;

    if (name && specs_is_path(name)) {
        log_error("a file can only be tried (--dry-run); phoenixd acts by the policies in its "
                  "folders");
        return CLI_EXIT_USAGE;
    }
    r = name ? find_policy(reap, name, &entry) : CLI_EXIT_OK;
    if (r != CLI_EXIT_OK)
        return r;
    r = supervisor_open(reap->cli->scope, &supervisor);
    if (r < 0) {
        log_error("phoenixd is not reachable: %s", strerror(-r));
        return CLI_EXIT_FAILED;
    }
    r = supervisor_reap(supervisor, entry ? entry->unit : "", &reap->rows);
    return r < 0 ? phoenixd_failed(reap->cli, supervisor, entry ? entry->unit : "reap", r)
                 : CLI_EXIT_OK;
}

static int print(const Reap *reap, bool dry)
{
    _cleanup_text_ Text t = {0};
    int r = 0;

    if (reap->cli->options & CLI_JSON)
        reap_rows_add_json(&t, &reap->rows);
    else
        r = reap_rows_add_tables(&t, &reap->cli->screen, &reap->rows, dry);
    if (r >= 0)
        r = cli_print(&t);
    for (size_t i = 0; r == CLI_EXIT_OK && i < reap->rows.n; i++)
        if (streq(reap->rows.items[i].result, "failed"))
            r = CLI_EXIT_NO;
    return r;
}

int verb_reap(const Cli *cli, char *const *args)
{
    _cleanup_(reap_done) Reap reap = {.cli = cli};
    bool dry = cli->options & CLI_DRY_RUN;
    int r;

    r = specs_load(cli, &reap.set);
    if (r < 0)
        return r;
    r = dry ? dry_run(&reap, args[0]) : act(&reap, args[0]);
    return r != CLI_EXIT_OK ? r : print(&reap, dry);
}
