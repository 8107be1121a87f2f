/* SPDX-License-Identifier: MIT */
/*
 * One name, one unit: two specs must not claim the same phoenix@NAME.service, and a stub must not
 * take the place of a good one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "spec/set-internal.h"

/* Who keeps a name: a good spec before a broken one, then a file that is called like it. */
static int compare_claims(const void *a, const void *b)
{
    const SpecEntry *left = *(SpecEntry *const *)a, *right = *(SpecEntry *const *)b;
    int c = strcmp(left->unit, right->unit);

    if (c != 0)
        return c;
    if (left->fate != right->fate)
        return (int)left->fate - (int)right->fate;
    bool left_own = streq(left->file.stem, left->unit);
    bool right_own = streq(right->file.stem, right->unit);
    if (left_own != right_own)
        return left_own ? -1 : 1;
    return strcmp(left->file.stem, right->file.stem);
}

static bool claims_unit(const SpecEntry *entry)
{
    return spec_fate_is_good(entry->fate) || entry->fate == SPEC_FATE_BROKEN;
}

/* Takes the name from an entry whose claim came second; its stub is named after its file. */
static int entry_lose_name(SpecEntry *entry, const SpecEntry *winner)
{
    if (spec_fate_is_good(entry->fate)) {
        int r = diag_add(&entry->diags, DIAG_ERROR, entry->file.path, "name", DIAG_CODE_NAME_CLASH,
                         "give one of them another \"name\"", "\"%s\" is the name of %s already",
                         entry->unit, winner->file.path);
        if (r < 0)
            return r;
        entry->fate = SPEC_FATE_BROKEN;
    }
    char *unit = text_printf("%s.json", entry->unit);
    if (!unit)
        return -ENOMEM;
    if (!streq(entry->file.stem, entry->unit)) {
        free(unit);
        unit = strdup(entry->file.stem);
    }
    if (!unit)
        return -ENOMEM;
    free(entry->unit);
    entry->unit = unit;
    return 0;
}

int set_check_names(SpecSet *set)
{
    _cleanup_free_ SpecEntry **claims = calloc(set->n ? set->n : 1, sizeof(SpecEntry *));
    size_t n = 0;

    if (!claims)
        return -ENOMEM;
    for (size_t i = 0; i < set->n; i++)
        if (claims_unit(&set->items[i]))
            claims[n++] = &set->items[i];
    qsort(claims, n, sizeof(SpecEntry *), compare_claims);
    for (size_t i = 1, winner = 0; i < n; i++) {
        if (!streq(claims[i]->unit, claims[winner]->unit)) {
            winner = i;
            continue;
        }
        int r = entry_lose_name(claims[i], claims[winner]);
        if (r < 0)
            return r;
    }
    return 0;
}
