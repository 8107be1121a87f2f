/* SPDX-License-Identifier: MIT */

/* Compares plans, byte by byte: both come from plan_write(). */

#include "cli/specs/loaded.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "spec/plan.h"

#define PLAN_SIZE_MAX (16U * 1024U * 1024U)

/* Where the manager's generators write (systemd.generator(7), "normal-dir"). systemd removes that
 * folder when nothing was generated, so one that is missing says something when a manager is there;
 * *ret_manager is what tells. Negative errno when the place is not known. */
static int plan_folder(SpecScope scope, char **ret_folder, char **ret_manager)
{
    const char *set = getenv("PHOENIX_PLAN_DIR"), *runtime = getenv("XDG_RUNTIME_DIR");
    _cleanup_free_ char *folder = NULL, *manager = NULL;

    if (set && *set) {
        folder = strdup(set);
        manager = strdup(set);
    } else if (scope == SPEC_SCOPE_SYSTEM) {
        folder = strdup("/run/systemd/generator/phoenix");
        manager = strdup("/run/systemd/system");
    } else if (runtime) {
        folder = text_printf("%s/systemd/generator/phoenix", runtime);
        manager = text_printf("%s/systemd", runtime);
    } else {
        return -ENOENT;
    }
    if (!folder || !manager)
        return -ENOMEM;
    *ret_folder = TAKE_PTR(folder);
    *ret_manager = TAKE_PTR(manager);
    return 0;
}

static Loaded compare(const Spec *spec, const char *plan)
{
    _cleanup_text_ Text now = {0};

    if (plan_write(spec, &now) < 0)
        return LOADED_UNKNOWN;
    return streq(now.data, plan) ? LOADED_CURRENT : LOADED_OTHER;
}

static bool newer(const struct stat *a, const struct stat *b)
{
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
        return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
    return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

/* Without a plan: a stub, of a broken spec or of one that this machine cannot run, has only its age
 * to go by. expected: the spec of which a unit is to be there, or NULL. */
static Loaded loaded_of_unit(const char *folder, const char *unit, const char *expected)
{
    _cleanup_free_ char *path = text_printf("%s/../phoenix@%s.service", folder, unit);
    struct stat unit_stat, spec_stat;

    if (!path)
        return LOADED_UNKNOWN;
    if (stat(path, &unit_stat) < 0)
        return expected ? LOADED_MISSING : LOADED_CURRENT;
    if (!expected)
        return LOADED_STALE;
    if (stat(expected, &spec_stat) < 0)
        return LOADED_UNKNOWN;
    return newer(&spec_stat, &unit_stat) ? LOADED_OTHER : LOADED_CURRENT;
}

/* entry: NULL when no spec has that name. */
static Loaded loaded_of(SpecScope scope, const char *unit, const SpecEntry *entry)
{
    _cleanup_free_ char *folder = NULL, *manager = NULL, *path = NULL, *plan = NULL;
    bool good = entry && spec_fate_is_good(entry->fate);
    bool expected = good || (entry && entry->fate == SPEC_FATE_BROKEN);
    int r;

    if (plan_folder(scope, &folder, &manager) < 0 || access(manager, F_OK) < 0)
        return LOADED_UNKNOWN;
    path = text_printf("%s/%s.json", folder, unit);
    if (!path)
        return LOADED_UNKNOWN;

    r = file_read(AT_FDCWD, path, PLAN_SIZE_MAX, &plan, NULL);
    if (r == -ENOENT)
        return loaded_of_unit(folder, unit, expected ? entry->file.path : NULL);
    if (r < 0)
        return LOADED_UNKNOWN;
    return good ? compare(entry->spec, plan) : LOADED_STALE;
}

Loaded loaded_of_entry(SpecScope scope, const SpecEntry *entry)
{
    return loaded_of(scope, entry->unit, entry);
}

Loaded loaded_of_orphan(SpecScope scope, const char *unit)
{
    return loaded_of(scope, unit, NULL);
}

const char *loaded_word(Loaded loaded)
{
    static const char *const words[] = {
        [LOADED_UNKNOWN] = "unknown", [LOADED_CURRENT] = "current", [LOADED_OTHER] = "changed",
        [LOADED_MISSING] = "new",     [LOADED_STALE] = "stale",
    };
    static_assert(ELEMENTSOF(words) == _LOADED_MAX, "a word for every answer");

    return words[loaded];
}
