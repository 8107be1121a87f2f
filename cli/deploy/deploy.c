/* SPDX-License-Identifier: MIT */

/* Check, install, roll out; and the way back from each of them. */

#include "cli/deploy/deploy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/strv.h"
#include "cli/specs/loaded.h"
#include "cli/specs/services.h"
#include "cli/specs/specs.h"
#include "cli/supervisor/supervisor.h"
#include "spec/read.h"

/* Not more than anybody may read, not less than its owner needs. */
#define MODE_MAX 0644
#define MODE_MIN 0600

void deploy_done(Deploy *deploy)
{
    free(deploy->text);
    spec_free(deploy->spec);
    diag_list_done(&deploy->diags);
    install_done(&deploy->install);
    rollout_done(&deploy->rollout);
    free(deploy->why);
    image_switch_done(&deploy->images);
    cleanup_close(&deploy->lock);
    if (deploy->held)
        interrupt_release(&deploy->interrupt);
}

static int fail(Deploy *deploy, int status, char *why)
{
    if (!why)
        return -ENOMEM;
    free(deploy->why);
    deploy->why = why;
    return status;
}

static int read_source(Deploy *deploy)
{
    struct stat st;
    int r;

    r = file_read(AT_FDCWD, deploy->source, SPEC_SIZE_MAX, &deploy->text, &deploy->size);
    if (r >= 0 && stat(deploy->source, &st) < 0)
        r = -errno;
    if (r == -ENOENT)
        return fail(deploy, CLI_EXIT_MISSING, strdup("there is no such file"));
    if (r < 0)
        return fail(deploy, CLI_EXIT_NO, strdup(strerror(-r)));
    deploy->mode = (st.st_mode & MODE_MAX) | MODE_MIN;

    r = spec_read(deploy->text, deploy->size, deploy->source, &deploy->diags, &deploy->spec);
    if (r == SPEC_INVALID)
        return fail(deploy, CLI_EXIT_NO, strdup("it has errors"));
    return r < 0 ? r : CLI_EXIT_OK;
}

/* Two at a time would take each other's way back. */
static int lock(Deploy *deploy)
{
    deploy->lock = ledger_lock(deploy->cli->scope, deploy->spec->name);
    if (deploy->lock >= 0)
        return CLI_EXIT_OK;
    if (deploy->lock == -EWOULDBLOCK)
        return fail(deploy, CLI_EXIT_NO,
                    text_printf("%s is being updated already", deploy->spec->name));
    return fail(deploy, CLI_EXIT_NO,
                text_printf("its lock cannot be taken: %s", strerror(-deploy->lock)));
}

static bool lies_in(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return strncmp(path, folder, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) >= 0 && stat(b, &y) >= 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Where the spec goes: nowhere when it is the one in use; over the file that has this name now,
 * when it is in the folder for local specs; otherwise to a new one there, which hides files of that
 * name in the others. */
static int choose_path(Deploy *deploy, const SpecEntry *present, char **ret)
{
    _cleanup_strv_free_ char **folders = NULL;
    int r;

    r = spec_folders(deploy->cli->scope, &folders);
    if (r < 0)
        return r;
    if (!folders || !folders[0])
        return fail(deploy, CLI_EXIT_NO, strdup("there is no folder for specs"));
    if (present &&
        (same_file(deploy->source, present->file.path) || lies_in(present->file.path, folders[0])))
        *ret = strdup(present->file.path);
    else
        *ret = text_printf("%s/%s.json", folders[0], deploy->spec->name);
    return *ret ? CLI_EXIT_OK : -ENOMEM;
}

/* Among the others the spec must still be good, and be the one that counts. */
static int check_among_others(Deploy *deploy)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    const SpecEntry *entry;
    int r;

    r = specs_load(deploy->cli, &set);
    if (r < 0)
        return r;
    entry = spec_set_find(set, deploy->spec->name);
    if (!entry)
        return fail(deploy, CLI_EXIT_NO, strdup("it is not found where it was put"));
    if (spec_fate_is_plan_only(entry->fate))
        return fail(deploy, CLI_EXIT_NO,
                    text_printf("a %s has nothing to start: put the file into the folder of specs "
                                "and reload the service manager",
                                spec_fate_word(entry->fate)));
    if (entry->fate != SPEC_FATE_GENERATED)
        return fail(deploy, CLI_EXIT_NO, services_entry_reason(entry));
    if (!streq(entry->file.path, deploy->install.path))
        return fail(deploy, CLI_EXIT_NO, text_printf("%s comes first", entry->file.path));
    return CLI_EXIT_OK;
}

static int put_in_place(Deploy *deploy, const SpecEntry *present)
{
    _cleanup_free_ char *path = NULL;
    int r;

    r = choose_path(deploy, present, &path);
    if (r != CLI_EXIT_OK)
        return r;
    r = install_file(path, deploy->text, deploy->size, deploy->mode, &deploy->install);
    if (r < 0)
        return fail(deploy, CLI_EXIT_NO, text_printf("%s: %s", path, strerror(-r)));
    return check_among_others(deploy);
}

/* Something runs already: is it this version? */
static RolloutAction choose_action(const Deploy *deploy, const SpecEntry *present)
{
    bool same;

    if (deploy->cli->options & CLI_NO_START)
        return ROLLOUT_NOTHING;
    if (!deploy->was_up)
        return ROLLOUT_START;
    if (deploy->update || deploy->rollback)
        return ROLLOUT_RESTART;
    same = present && !deploy->install.changed &&
           loaded_of_entry(deploy->cli->scope, present) == LOADED_CURRENT;
    return same ? ROLLOUT_NOTHING : ROLLOUT_RESTART;
}

static int check_present(Deploy *deploy, const SpecEntry *present)
{
    if ((deploy->update || deploy->rollback) && !present)
        return fail(deploy, CLI_EXIT_MISSING,
                    text_printf("there is no service %s to update; phoenix deploy makes one",
                                deploy->spec->name));
    if (present && present->fate == SPEC_FATE_MASKED)
        return fail(deploy, CLI_EXIT_NO, text_printf("it is masked by %s", present->file.path));
    return CLI_EXIT_OK;
}

/* ---- the image ---- */

/* The reasons of parts become ours. */
static int take_why(Deploy *deploy, int r)
{
    return r == CLI_EXIT_NO ? fail(deploy, r, TAKE_PTR(deploy->images.why)) : r;
}

static bool is_healthy(const Deploy *deploy)
{
    _cleanup_unit_state_ UnitState state = {0};
    _cleanup_supervisor_ Supervisor *supervisor = NULL;
    _cleanup_health_ Health health = {0};

    if (manager_describe(deploy->manager, deploy->rollout.unit, &state) < 0 ||
        !state.active_state || !streq(state.active_state, "active"))
        return false;
    if (supervisor_open(deploy->cli->scope, &supervisor) < 0 ||
        supervisor_get(supervisor, deploy->spec->name, &health) < 0 || !health.supervised)
        return true;
    return health.state && streq(health.state, "healthy");
}

/* Without a word from the user: the newest good one that is not the present one. */
static int choose_image(Deploy *deploy)
{
    const Ledger *ledger = &deploy->images.ledger;
    const LedgerEntry *entry;

    if (deploy->wanted)
        entry = ledger_find(ledger, deploy->wanted);
    else
        entry = ledger_last_good(ledger, deploy->images.before.id);
    if (entry)
        return take_why(deploy, image_switch_choose(&deploy->images, entry));
    if (deploy->wanted)
        return fail(deploy, CLI_EXIT_MISSING,
                    text_printf("its history has no image \"%s\"", deploy->wanted));
    return fail(deploy, CLI_EXIT_NO, strdup("its history has no other image that was healthy"));
}

/* Of a container that is there already. What it runs is looked at before anything is changed. */
static int find_images(Deploy *deploy, const SpecEntry *present)
{
    ImageSwitch *images = &deploy->images;
    bool same;
    int r;

    deploy->has_images = (deploy->update || deploy->rollback) &&
                         deploy->spec->type == SPEC_TYPE_CONTAINER && deploy->spec->image;
    if (!deploy->has_images)
        return deploy->rollback
                   ? fail(deploy, CLI_EXIT_NO, strdup("it is no container, and has no images"))
                   : CLI_EXIT_OK;
    images->who = deploy->rollback ? LEDGER_ROLLBACK : LEDGER_UPDATE;
    same =
        present->spec && present->spec->image && streq(present->spec->image, deploy->spec->image);
    r = take_why(
        deploy, image_switch_open(images, deploy->manager, deploy->spec, deploy->cli->scope, same));
    if (r == CLI_EXIT_OK && same && is_healthy(deploy))
        r = take_why(deploy, image_switch_note_before(images, LEDGER_START));
    if (r != CLI_EXIT_OK)
        return r;
    return deploy->rollback ? choose_image(deploy) : take_why(deploy, image_switch_pull(images));
}

/* ---- the whole ---- */

static uint64_t observe_span(const Deploy *deploy)
{
    bool is_new =
        deploy->install.changed || (deploy->has_images && image_switch_changes(&deploy->images));

    if (deploy->cli->options & CLI_OBSERVE)
        return deploy->cli->observe_usec;
    return (deploy->update || deploy->rollback) && is_new ? DEPLOY_OBSERVE_USEC : 0;
}

static int run(Deploy *deploy)
{
    bool watched = deploy->action != ROLLOUT_NOTHING && !deploy->rollout.timer &&
                   deploy->spec->duration == SPEC_DURATION_DAEMON;
    int r;

    r = rollout_run(&deploy->rollout, deploy->action);
    if (r != CLI_EXIT_OK || !watched)
        return r;
    deploy->observed_usec = observe_span(deploy);
    return rollout_observe(&deploy->rollout, deploy->observed_usec);
}

/* From here on a Ctrl-C is a reason to go back, not to leave things as they are. */
static int roll_out(Deploy *deploy, const SpecEntry *present)
{
    bool untried;
    int r;

    deploy->rollout.interrupt = &deploy->interrupt;
    deploy->action = choose_action(deploy, present);
    untried = deploy->action == ROLLOUT_NOTHING || deploy->rollout.timer;
    r = rollout_load(&deploy->rollout, deploy->install.path);
    if (r == CLI_EXIT_OK && deploy->has_images)
        r = take_why(deploy, image_switch_apply(&deploy->images, untried));
    if (r == CLI_EXIT_OK)
        r = run(deploy);
    if (r == CLI_EXIT_OK && deploy->has_images)
        r = take_why(deploy, image_switch_settle(&deploy->images));
    return r;
}

static int prepare(Deploy *deploy, const SpecEntry *present)
{
    Rollout *rollout = &deploy->rollout;
    int r;

    r = rollout_new(deploy->cli, deploy->manager, deploy->spec, rollout);
    if (r < 0)
        return r;
    if (deploy->cli->options & CLI_TIMEOUT)
        rollout->timeout_usec = deploy->cli->timeout_usec;
    if (deploy->cli->options & CLI_DRAIN)
        rollout->drain_usec = deploy->cli->drain_usec;
    deploy->was_up = rollout_is_up(rollout);
    return find_images(deploy, present);
}

int deploy_run(Deploy *deploy)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    const SpecEntry *present;
    int r;

    r = read_source(deploy);
    if (r != CLI_EXIT_OK)
        return r;
    r = specs_load(deploy->cli, &set);
    if (r < 0)
        return r;
    present = spec_set_find(set, deploy->spec->name);
    r = check_present(deploy, present);
    if (r == CLI_EXIT_OK)
        r = lock(deploy);
    if (r == CLI_EXIT_OK)
        r = prepare(deploy, present);
    if (r != CLI_EXIT_OK || (deploy->cli->options & CLI_DRY_RUN))
        return r;
    interrupt_hold(&deploy->interrupt);
    deploy->held = true;
    r = put_in_place(deploy, present);
    return r != CLI_EXIT_OK ? r : roll_out(deploy, present);
}

/* Best effort: what fails here must not hide why we are here. */
void deploy_revert(Deploy *deploy, const char *reason)
{
    bool changed = deploy->install.changed || deploy->images.moved, good = true;

    if (deploy->has_images)
        good = image_switch_revert(&deploy->images, reason) == CLI_EXIT_OK;
    if (install_undo(&deploy->install) < 0)
        return;
    if (!deploy->rollout.loaded || !changed) {
        deploy->reverted = good && changed;
        return;
    }
    deploy->reverted = rollout_revert(&deploy->rollout, deploy->was_up) == CLI_EXIT_OK && good;
}
