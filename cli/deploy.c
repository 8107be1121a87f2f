/* SPDX-License-Identifier: MIT */

/* Check, install, roll out; and the way back from each of them. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/strv.h"
#include "deploy.h"
#include "loaded.h"
#include "services.h"
#include "spec/read.h"
#include "specs.h"

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
    if (deploy->update)
        return ROLLOUT_RESTART;
    same = present && !deploy->install.changed &&
           loaded_of_entry(deploy->cli->scope, present) == LOADED_CURRENT;
    return same ? ROLLOUT_NOTHING : ROLLOUT_RESTART;
}

static int check_present(Deploy *deploy, const SpecEntry *present)
{
    if (deploy->update && !present)
        return fail(deploy, CLI_EXIT_MISSING,
                    text_printf("there is no service %s to update; phoenix deploy makes one",
                                deploy->spec->name));
    if (present && present->fate == SPEC_FATE_MASKED)
        return fail(deploy, CLI_EXIT_NO, text_printf("it is masked by %s", present->file.path));
    return CLI_EXIT_OK;
}

static int roll_out(Deploy *deploy, const SpecEntry *present)
{
    int r;

    r = rollout_new(deploy->cli, deploy->manager, deploy->spec, &deploy->rollout);
    if (r < 0)
        return r;
    deploy->was_up = rollout_is_up(&deploy->rollout);
    deploy->action = choose_action(deploy, present);
    return rollout_run(&deploy->rollout, deploy->action, deploy->install.path);
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
    if (r != CLI_EXIT_OK)
        return r;
    r = put_in_place(deploy, present);
    return r != CLI_EXIT_OK ? r : roll_out(deploy, present);
}

/* Best effort: what fails here must not hide why we are here. */
void deploy_revert(Deploy *deploy)
{
    bool changed = deploy->install.changed;

    if (install_undo(&deploy->install) < 0)
        return;
    if (!deploy->rollout.unit || !changed) {
        deploy->reverted = changed;
        return;
    }
    deploy->reverted = rollout_revert(&deploy->rollout, deploy->was_up) == CLI_EXIT_OK;
}
