/* SPDX-License-Identifier: MIT */

/* Finding units by the name of their service. */

#include "cli/systemd/units.h"

#include <errno.h>
#include <fcntl.h>

#include "base/strv.h"
#include "base/text.h"

/* What may stand before "@NAME." in the name of a unit. */
static const char *const unit_kinds[] = {"phoenix", "phoenix-proxy"};

static int append(UnitStates *states, UnitStates *more)
{
    UnitState *items = reallocarray(states->items, states->n + more->n + 1, sizeof(*items));

    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < more->n; i++)
        items[states->n + i] = more->items[i];
    states->items = items;
    states->n += more->n;
    states->allocated = states->n + 1;
    more->n = 0;
    return 0;
}

int units_list(Manager *manager, const char *name, UnitStates *ret)
{
    _cleanup_unit_states_ UnitStates states = {0};
    int r;

    for (size_t i = 0; i < ELEMENTSOF(unit_kinds); i++) {
        _cleanup_free_ char *pattern = text_printf("%s@%s.*", unit_kinds[i], name);
        _cleanup_unit_states_ UnitStates found = {0};

        if (!pattern)
            return -ENOMEM;
        r = manager_list(manager, pattern, &found);
        if (r >= 0)
            r = append(&states, &found);
        if (r < 0)
            return r;
    }
    *ret = states;
    states = (UnitStates){0};
    return 0;
}

/* "phoenix@web.service" for "web", but not "phoenix@web.api.service". */
static bool is_unit_of(const char *file, const char *name)
{
    for (size_t i = 0; i < ELEMENTSOF(unit_kinds); i++) {
        size_t n = strlen(unit_kinds[i]), m = strlen(name);

        if (strncmp(file, unit_kinds[i], n) == 0 && file[n] == '@' &&
            strncmp(file + n + 1, name, m) == 0 && file[n + 1 + m] == '.' &&
            !strchr(file + n + 2 + m, '.'))
            return true;
    }
    return false;
}

static char *generator_folder(SpecScope scope)
{
    const char *set = getenv("PHOENIX_PLAN_DIR"), *runtime = getenv("XDG_RUNTIME_DIR");

    if (set && *set)
        return text_printf("%s/..", set);
    if (scope == SPEC_SCOPE_SYSTEM)
        return strdup("/run/systemd/generator");
    return text_printf("%s/systemd/generator", runtime ? runtime : "/nonexistent");
}

int units_generated(SpecScope scope, const char *name, char ***ret)
{
    _cleanup_free_ char *folder = generator_folder(scope);
    _cleanup_strv_free_ char **paths = NULL;
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *file;
    int r;

    if (!folder)
        return -ENOMEM;
    dir = opendir(folder);
    while (dir && (file = readdir(dir)))
        if (is_unit_of(file->d_name, name)) {
            r = strv_consume(&paths, text_printf("%s/%s", folder, file->d_name));
            if (r < 0)
                return r;
        }
    if (paths)
        strv_sort(paths);
    *ret = TAKE_PTR(paths);
    return 0;
}
