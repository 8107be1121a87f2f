/* SPDX-License-Identifier: MIT */

/* phoenix del: a service that goes away. Its data does not; what there is of it is said. */

#include <errno.h>

#include "base/log.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/log/progress.h"
#include "cli/print/json.h"
#include "cli/specs/service.h"
#include "cli/specs/specs.h"
#include "cli/systemd/job.h"
#include "cli/systemd/units.h"
#include "cli/update/known-good.h"
#include "cli/update/ledger.h"

/* Folders that belong to packages: what lies there comes back with the next upgrade. */
static bool is_packaged(const char *path)
{
    return strncmp(path, "/usr/lib/", strlen("/usr/lib/")) == 0;
}

static bool confirmed(const Cli *cli, const SpecEntry *entry)
{
    _cleanup_text_ Text clean = {0};
    char answer[8];

    if ((cli->options & CLI_YES) || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return true;
    screen_add_clean(&clean, entry->file.path);
    if (clean.error < 0)
        return false;
    (void)fprintf(stderr, "Stop %s and delete %s? [y/N] ", entry->unit, clean.data);
    return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* What would start the service again is stopped in the same breath. */
static int stop_units(const Cli *cli, Manager *manager, const char *name)
{
    _cleanup_unit_states_ UnitStates states = {0};
    _cleanup_free_ Job *items = NULL;
    Jobs jobs = {.kind = JOB_STOP};
    Progress progress = progress_new(cli);
    bool good = true;
    int r;

    r = units_list(manager, name, &states);
    if (r < 0)
        return r;
    items = calloc(states.n + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    jobs.items = items;
    for (size_t i = 0; i < states.n; i++)
        if (!streq(states.items[i].active_state, "inactive"))
            items[jobs.n++].unit = states.items[i].id;
    progress_attach(&progress, &jobs);
    r = jobs_run(manager, &jobs, false);
    progress_clear(&progress);
    for (size_t i = 0; i < jobs.n; i++) {
        good = good && job_is_good(&items[i], false);
        (void)manager_reset_failed(manager, items[i].unit);
        job_done(&items[i]);
    }
    if (r < 0)
        return r;
    return good ? CLI_EXIT_OK : CLI_EXIT_NO;
}

static int reload(Manager *manager)
{
    _cleanup_free_ char *why = NULL;
    _cleanup_text_ Text clean = {0};

    if (manager_reload(manager, &why) >= 0)
        return CLI_EXIT_OK;
    screen_add_clean(&clean, why ? why : "no memory");
    log_error("the service manager cannot reload: %s", clean.error < 0 ? "" : clean.data);
    return CLI_EXIT_FAILED;
}

/* Asked first, so that nothing is stopped in vain. */
static bool may_delete(const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");

    return folder && access(folder, W_OK) >= 0;
}

static int delete (const Cli *cli, Manager *manager, const SpecEntry *entry)
{
    int r;

    if (is_packaged(entry->file.path)) {
        log_error(
            "%s belongs to a package; to switch it off: ln -s /dev/null /etc/phoenix.d/%s.json",
            entry->file.path, entry->file.stem);
        return CLI_EXIT_NO;
    }
    if (!may_delete(entry->file.path)) {
        log_error("%s cannot be deleted: %s", entry->file.path, strerror(errno));
        return CLI_EXIT_NO;
    }
    r = stop_units(cli, manager, entry->unit);
    if (r < 0)
        return r;
    if (r != CLI_EXIT_OK)
        log_warning("%s could not be stopped cleanly", entry->unit);
    if (unlink(entry->file.path) < 0) {
        log_error("%s cannot be deleted: %s", entry->file.path, strerror(errno));
        return CLI_EXIT_NO;
    }
    return reload(manager);
}

/* An update that is under way would put back what is deleted here. */
static int lock(const Cli *cli, const SpecEntry *entry, int *ret)
{
    int fd = ledger_lock(cli->scope, entry->unit);

    if (fd == -EWOULDBLOCK) {
        log_error("%s is being updated; nothing was done", entry->unit);
        return CLI_EXIT_NO;
    }
    if (fd < 0) {
        log_error("the lock of %s cannot be taken: %s", entry->unit, strerror(-fd));
        return CLI_EXIT_NO;
    }
    *ret = fd;
    return CLI_EXIT_OK;
}

/* What was kept for updates to go back to. The service is gone all the same when this fails. */
static bool forget(const Cli *cli, const SpecEntry *entry)
{
    _cleanup_free_ char *why = NULL;
    int ledger = ledger_forget(cli->scope, entry->unit), image = 0;

    if (ledger < 0)
        log_warning("its history cannot be deleted: %s", strerror(-ledger));
    /* What has no history has no image that was kept for it. */
    if (ledger > 0)
        image = known_good_drop(entry->unit, &why);
    if (image < 0)
        log_warning("the last good image of %s is still kept: %s", entry->unit,
                    why ? why : strerror(-image));
    return ledger > 0;
}

/* A folder for this service in one of the user's base directories. */
static char *user_folder(const char *variable, const char *below_home, const char *unit)
{
    const char *base = getenv(variable), *home = getenv("HOME");

    return base ? text_printf("%s/phoenix/%s", base, unit)
                : text_printf("%s/%s/phoenix/%s", home ? home : "", below_home, unit);
}

/* Its StateDirectory=. Before systemd 254 that of a user was below the configuration
 * (systemd.exec(5)). */
static char *state_folder(const Cli *cli, const char *unit)
{
    if (cli->scope == SPEC_SCOPE_SYSTEM)
        return text_printf("/var/lib/phoenix/%s", unit);
    _cleanup_free_ char *folder = user_folder("XDG_STATE_HOME", ".local/state", unit);
    if (!folder || access(folder, F_OK) >= 0)
        return TAKE_PTR(folder);
    return user_folder("XDG_CONFIG_HOME", ".config", unit);
}

/* Where data of the service may be; nobody but the user knows whether it is still needed. */
static int data_of(const Cli *cli, const SpecEntry *entry, char ***ret)
{
    _cleanup_free_ char *folder = state_folder(cli, entry->unit);
    _cleanup_strv_free_ char **places = NULL;
    int r;

    if (!folder)
        return -ENOMEM;
    if (access(folder, F_OK) >= 0) {
        r = strv_push(&places, folder);
        if (r < 0)
            return r;
    }
    STRV_FOREACH (volume, entry->spec ? entry->spec->volumes : NULL) {
        r = strv_consume(&places, text_printf("volume %.*s", (int)strcspn(*volume, ":"), *volume));
        if (r < 0)
            return r;
    }
    if (entry->spec && entry->spec->type == SPEC_TYPE_CONTAINER) {
        r = strv_consume(&places, text_printf("image %s", entry->spec->image));
        if (r < 0)
            return r;
    }
    *ret = TAKE_PTR(places);
    return 0;
}

/* A file of the same name in a folder behind has come to light. */
static const char *uncovered(const SpecEntry *entry)
{
    return entry->file.shadows && entry->file.shadows[0] ? entry->file.shadows[0] : NULL;
}

static int report(const Cli *cli, const SpecEntry *entry, char *const *stays, bool forgotten)
{
    _cleanup_text_ Text t = {0};

    if (cli->options & CLI_JSON) {
        text_add_char(&t, '{');
        json_add_string(&t, "name", entry->unit);
        json_add_string(&t, "deleted", entry->file.path);
        json_add_bool(&t, "history_deleted", forgotten);
        json_add_strv(&t, "stays", stays);
        json_add_string(&t, "uncovered", uncovered(entry));
        text_add(&t, "}\n");
        return cli_print(&t);
    }
    text_addf(&t, "%s: %s", entry->unit, spec_fate_is_plan_only(entry->fate) ? "" : "stopped, ");
    screen_add_clean(&t, entry->file.path);
    text_add(&t, forgotten ? " and the history of its images deleted\n" : " deleted\n");
    STRV_FOREACH (place, stays) {
        text_add(&t, "  stays: ");
        screen_add_clean(&t, *place);
        text_add_char(&t, '\n');
    }
    if (uncovered(entry)) {
        text_add(&t, "  now counts: ");
        screen_add_clean(&t, uncovered(entry));
        text_add_char(&t, '\n');
    }
    return cli_print(&t);
}

int verb_del(const Cli *cli, char *const *args)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    _cleanup_manager_ Manager *manager = NULL;
    _cleanup_strv_free_ char **stays = NULL;
    _cleanup_close_ int held = -1;
    const SpecEntry *entry;
    bool forgotten;
    int r;

    r = specs_load(cli, &set);
    if (r < 0)
        return r;
    entry = specs_find(cli, set, args[0]);
    if (!entry)
        return CLI_EXIT_MISSING;
    if (!confirmed(cli, entry)) {
        log_info("nothing was done");
        return CLI_EXIT_NO;
    }
    r = service_open_manager(cli, &manager);
    if (r != CLI_EXIT_OK)
        return r;
    r = lock(cli, entry, &held);
    if (r == CLI_EXIT_OK)
        r = delete (cli, manager, entry);
    if (r != CLI_EXIT_OK)
        return r;
    forgotten = forget(cli, entry);
    r = data_of(cli, entry, &stays);
    return r < 0 ? r : report(cli, entry, stays, forgotten);
}
