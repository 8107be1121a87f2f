/* SPDX-License-Identifier: MIT */
/*
 * Loading all specs of a manager and deciding the fate of each. What can only be seen between them
 * is in set-names.c, set-listen.c and set-links.c.
 */
#include "spec/set.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/nearest.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/name.h"
#include "spec/read.h"
#include "spec/set-internal.h"

static void entry_done(SpecEntry *entry)
{
    free(entry->file.path);
    free(entry->file.stem);
    strv_free(entry->file.shadows);
    spec_free(entry->spec);
    free(entry->unit);
    diag_list_done(&entry->diags);
}

SpecSet *spec_set_free(SpecSet *set)
{
    if (set) {
        for (size_t i = 0; i < set->n; i++)
            entry_done(&set->items[i]);
        free(set->items);
        free(set);
    }
    return NULL;
}

/* A host answers to its full name and to the part before the first dot. */
static bool is_this_machine(const char *named, const char *machine)
{
    size_t n = strcspn(machine, ".");

    return strcasecmp(named, machine) == 0 ||
           (strlen(named) == n && strncasecmp(named, machine, n) == 0);
}

static SpecFate fate_of(const Spec *spec, bool good, SpecScope scope, const char *machine)
{
    if (spec && spec->machine && !is_this_machine(spec->machine, machine))
        return SPEC_FATE_ELSEWHERE;
    if (spec && spec->scope != SPEC_UNSET && spec->scope != SPEC_SCOPE_ANY &&
        spec->scope != (int)scope)
        return SPEC_FATE_OTHER_SCOPE;
    if (!good)
        return SPEC_FATE_BROKEN;
    if (spec->type == SPEC_TYPE_POLICY)
        return SPEC_FATE_POLICY;
    return spec->type == SPEC_TYPE_COLLECTOR ? SPEC_FATE_COLLECTOR : SPEC_FATE_GENERATED;
}

static int entry_load(SpecEntry *entry, SpecScope scope, const char *machine)
{
    if (entry->file.masked) {
        entry->fate = SPEC_FATE_MASKED;
        entry->unit = spec_name_for_stub(entry->file.stem);
        return entry->unit ? 0 : -ENOMEM;
    }
    /* A root-only spec of the system is none of the user's business. */
    if (scope == SPEC_SCOPE_USER && access(entry->file.path, R_OK) < 0 && errno == EACCES) {
        entry->fate = SPEC_FATE_OTHER_SCOPE;
        entry->unit = spec_name_for_stub(entry->file.stem);
        return entry->unit ? 0 : -ENOMEM;
    }
    int r = spec_read_file(entry->file.path, &entry->diags, &entry->spec);
    if (r < 0)
        return r;
    entry->fate = fate_of(entry->spec, r == 0, scope, machine);
    entry->unit = entry->spec && entry->spec->name ? strdup(entry->spec->name)
                                                   : spec_name_for_stub(entry->file.stem);
    if (r != 0)
        entry->spec = spec_free(entry->spec);
    return entry->unit ? 0 : -ENOMEM;
}

static int set_load(SpecSet *set, SpecFiles *files, SpecScope scope, const char *machine)
{
    set->items = calloc(files->n ? files->n : 1, sizeof(SpecEntry));
    if (!set->items)
        return -ENOMEM;
    for (size_t i = 0; i < files->n; i++) {
        SpecEntry *entry = &set->items[set->n++];
        entry->file = files->items[i];
        files->items[i] = (SpecFile){0};
        int r = entry_load(entry, scope, machine);
        if (r < 0)
            return r;
    }
    return 0;
}

int spec_set_load(SpecScope scope, char *const *folders, const char *machine, SpecSet **ret)
{
    _cleanup_(spec_files_done) SpecFiles files = {0};
    _cleanup_spec_set_free_ SpecSet *set = calloc(1, sizeof(SpecSet));
    char host[256] = "";

    assert(scope == SPEC_SCOPE_SYSTEM || scope == SPEC_SCOPE_USER);
    if (!set)
        return -ENOMEM;
    if (!machine && gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    int r = spec_scan(folders, &files);
    if (r >= 0)
        r = set_load(set, &files, scope, machine ? machine : host);
    if (r >= 0)
        r = set_check_names(set);
    if (r >= 0)
        r = set_check_listen(set, scope);
    if (r >= 0)
        r = set_check_links(set);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(set);
    return 0;
}

SpecEntry *spec_set_find(const SpecSet *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++)
        if (streq(set->items[i].unit, name))
            return &set->items[i];
    for (size_t i = 0; i < set->n; i++)
        if (streq(set->items[i].file.stem, name))
            return &set->items[i];
    return NULL;
}

const char *spec_set_nearest(const SpecSet *set, const char *name)
{
    _cleanup_free_ const char **names = calloc(set->n + 1, sizeof(char *));

    for (size_t i = 0; names && i < set->n; i++)
        names[i] = set->items[i].unit;
    return names ? nearest(name, names) : NULL;
}

const char *spec_fate_word(SpecFate fate)
{
    static const char *const words[] = {
        [SPEC_FATE_GENERATED] = "generated", [SPEC_FATE_POLICY] = "policy",
        [SPEC_FATE_BROKEN] = "broken",       [SPEC_FATE_MASKED] = "masked",
        [SPEC_FATE_ELSEWHERE] = "elsewhere", [SPEC_FATE_OTHER_SCOPE] = "other-scope",
        [SPEC_FATE_COLLECTOR] = "collector",
    };
    static_assert(ELEMENTSOF(words) == _SPEC_FATE_MAX, "a word for every fate");

    return words[fate];
}
