/* SPDX-License-Identifier: MIT */
/*
 * "after" and "needs" as a graph over the set: names that lead nowhere, and circles, which systemd
 * would break at a place of its own choosing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/set-internal.h"

/* The entries sorted by instance name, so that 10,000 of them are looked up quickly. */
typedef struct Index {
    SpecEntry **entries;
    size_t n;
} Index;

static int compare_units(const void *a, const void *b)
{
    const SpecEntry *left = *(SpecEntry *const *)a, *right = *(SpecEntry *const *)b;
    int c = strcmp(left->unit, right->unit);

    return c != 0 ? c : (int)left->fate - (int)right->fate;
}

static int compare_name(const void *name, const void *element)
{
    return strcmp(name, (*(SpecEntry *const *)element)->unit);
}

static SpecEntry **index_find(const Index *index, const char *name)
{
    SpecEntry **found = bsearch(name, index->entries, index->n, sizeof(SpecEntry *), compare_name);

    /* of equal names the one that is generated sorts first */
    while (found && found > index->entries && streq(found[-1]->unit, name))
        found--;
    return found;
}

static int add_missing(const SpecSet *set, SpecEntry *entry, const char *key, const char *name)
{
    const char *near = spec_set_nearest(set, name);
    _cleanup_free_ char *hint = near ? text_printf("did you mean \"%s\"?", near) : NULL;

    return diag_add(&entry->diags, DIAG_ERROR, entry->file.path, key, DIAG_CODE_MISSING_SPEC, hint,
                    "there is no spec named \"%s\"", name);
}

static int check_name(const SpecSet *set, const Index *index, SpecEntry *entry, const char *key,
                      const char *name)
{
    static const char *const why[] = {
        [SPEC_FATE_POLICY] = "is a policy, and no service",
        [SPEC_FATE_COLLECTOR] = "is a collector, not a service",
        [SPEC_FATE_MASKED] = "is masked",
        [SPEC_FATE_ELSEWHERE] = "is for another machine",
        [SPEC_FATE_OTHER_SCOPE] = "is for the other manager",
    };
    SpecEntry **found = index_find(index, name);

    if (!found)
        return add_missing(set, entry, key, name);
    SpecFate fate = (*found)->fate;
    if (fate == SPEC_FATE_GENERATED || fate == SPEC_FATE_BROKEN)
        return 0;
    bool needed = strncmp(key, "needs", 5) == 0;
    return diag_add(&entry->diags, needed ? DIAG_ERROR : DIAG_WARNING, entry->file.path, key,
                    needed ? DIAG_CODE_MISSING_SPEC : DIAG_CODE_NO_EFFECT, NULL, "\"%s\" %s", name,
                    why[fate]);
}

static int check_names(const SpecSet *set, const Index *index, SpecEntry *entry, const char *key,
                       char *const *names)
{
    size_t i = 0;

    STRV_FOREACH (name, names) {
        _cleanup_free_ char *path = text_printf("%s[%zu]", key, i++);
        int r = path ? check_name(set, index, entry, path, *name) : -ENOMEM;
        if (r < 0)
            return r;
    }
    return 0;
}

/* One walk along the links from one entry, breadth first. */
typedef struct Walk {
    const Index *index;
    size_t *queue;
    size_t *from; /* by place in the index: who led here, plus one; 0 is unseen */
} Walk;

static void walk_links(Walk *walk, size_t at, size_t *end, char *const *names)
{
    STRV_FOREACH (name, names) {
        SpecEntry **found = index_find(walk->index, *name);
        size_t next = found ? (size_t)(found - walk->index->entries) : 0;
        if (!found || (*found)->fate != SPEC_FATE_GENERATED || walk->from[next])
            continue;
        walk->from[next] = at + 1;
        walk->queue[(*end)++] = next;
    }
}

/* Whether the links of the entry at start lead back to it. */
static bool walk_returns(Walk *walk, size_t start)
{
    size_t end = 0;

    memset(walk->from, 0, walk->index->n * sizeof(size_t));
    walk->queue[end++] = start;
    for (size_t i = 0; i < end && !walk->from[start]; i++) {
        const Spec *spec = walk->index->entries[walk->queue[i]]->spec;
        walk_links(walk, walk->queue[i], &end, spec->after);
        walk_links(walk, walk->queue[i], &end, spec->needs);
    }
    return walk->from[start] != 0;
}

/* The circle found by walk_returns() as text, "a -> b -> a", cut when long; marks who is on it. */
static int describe_circle(const Walk *walk, size_t start, bool *on_circle, char **ret)
{
    _cleanup_(text_done) Text text = {0};
    size_t length = 0;

    /* The way back runs from the end to the start, so it is collected first. */
    for (size_t at = start; length == 0 || at != start; at = walk->from[at] - 1) {
        walk->queue[length++] = at;
        on_circle[at] = true;
    }
    text_add(&text, walk->index->entries[start]->unit);
    for (size_t i = length; i-- > 1;) {
        if (length - i > 8) {
            text_add(&text, " -> ...");
            break;
        }
        text_addf(&text, " -> %s", walk->index->entries[walk->queue[i]]->unit);
    }
    text_addf(&text, " -> %s", walk->index->entries[start]->unit);
    return text_take(&text, ret);
}

static bool has_links(const SpecEntry *entry)
{
    return entry->fate == SPEC_FATE_GENERATED && ((entry->spec->after && *entry->spec->after) ||
                                                  (entry->spec->needs && *entry->spec->needs));
}

static int add_circle(const Walk *walk, size_t start, bool *on_circle)
{
    _cleanup_free_ char *circle = NULL;
    size_t n = walk->index->n;
    _cleanup_free_ bool *members = calloc(n, sizeof(bool));

    if (!members)
        return -ENOMEM;
    int r = describe_circle(walk, start, members, &circle);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        SpecEntry *entry = walk->index->entries[i];
        if (!members[i] || on_circle[i])
            continue;
        on_circle[i] = true;
        r = diag_add(&entry->diags, DIAG_ERROR, entry->file.path,
                     entry->spec->after && *entry->spec->after ? "after" : "needs", DIAG_CODE_CYCLE,
                     "each waits for the next, so none could start", "leads back to itself: %s",
                     circle);
    }
    return r;
}

/* The k-th link of a spec, "after" first; NULL when there are no more. */
static const char *link_at(const Spec *spec, size_t k)
{
    size_t after = strv_length(spec->after);

    if (k < after)
        return spec->after[k];
    return k - after < strv_length(spec->needs) ? spec->needs[k - after] : NULL;
}

/* One entry on the way down, and the link of it that is to be followed next. */
typedef struct Step {
    size_t at, link;
} Step;

enum { unseen, on_the_way, finished };

/* Where the next link of a step leads, or index->n when there is none left. */
static size_t step_next(const Index *index, Step *step)
{
    const char *name;

    while ((name = link_at(index->entries[step->at]->spec, step->link))) {
        SpecEntry **found = index_find(index, name);
        step->link++;
        if (found && (*found)->fate == SPEC_FATE_GENERATED)
            return (size_t)(found - index->entries);
    }
    return index->n;
}

/* Depth first from one entry; whether a link leads back to an entry that is still on the way. */
static bool descend(const Index *index, size_t start, unsigned char *state, Step *way)
{
    size_t depth = 1;

    way[0] = (Step){.at = start};
    state[start] = on_the_way;
    while (depth > 0) {
        size_t next = step_next(index, &way[depth - 1]);
        if (next == index->n) {
            state[way[--depth].at] = finished;
        } else if (state[next] == on_the_way) {
            return true;
        } else if (state[next] == unseen) {
            state[next] = on_the_way;
            way[depth++] = (Step){.at = next};
        }
    }
    return false;
}

/* 1 when there is any circle, 0 when not: one pass, since there hardly ever is one. */
static int any_circle(const Index *index)
{
    size_t n = index->n ? index->n : 1;
    _cleanup_free_ unsigned char *state = calloc(n, 1);
    _cleanup_free_ Step *way = calloc(n, sizeof(Step));

    if (!state || !way)
        return -ENOMEM;
    for (size_t i = 0; i < index->n; i++)
        if (state[i] == unseen && has_links(index->entries[i]) && descend(index, i, state, way))
            return 1;
    return 0;
}

static int check_circles(const Index *index)
{
    size_t n = index->n ? index->n : 1;
    _cleanup_free_ size_t *queue = calloc(n + 1, sizeof(size_t)), *from = calloc(n, sizeof(size_t));
    _cleanup_free_ bool *on_circle = calloc(n, sizeof(bool));
    Walk walk = {.index = index, .queue = queue, .from = from};

    if (!queue || !from || !on_circle)
        return -ENOMEM;
    int r = any_circle(index);
    if (r <= 0)
        return r;
    for (size_t i = 0; i < index->n; i++) {
        if (!has_links(index->entries[i]) || on_circle[i] || !walk_returns(&walk, i))
            continue;
        r = add_circle(&walk, i, on_circle);
        if (r < 0)
            return r;
    }
    return 0;
}

int set_check_links(SpecSet *set)
{
    _cleanup_free_ SpecEntry **entries = calloc(set->n ? set->n : 1, sizeof(SpecEntry *));
    Index index = {.entries = entries, .n = set->n};
    int r = 0;

    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < set->n; i++)
        entries[i] = &set->items[i];
    qsort(entries, set->n, sizeof(SpecEntry *), compare_units);

    for (size_t i = 0; r >= 0 && i < set->n; i++) {
        SpecEntry *entry = &set->items[i];
        if (!has_links(entry))
            continue;
        r = check_names(set, &index, entry, "after", entry->spec->after);
        if (r >= 0)
            r = check_names(set, &index, entry, "needs", entry->spec->needs);
    }
    if (r >= 0)
        r = check_circles(&index);
    for (size_t i = 0; i < set->n; i++)
        if (set->items[i].fate == SPEC_FATE_GENERATED && set->items[i].diags.errors > 0)
            set->items[i].fate = SPEC_FATE_BROKEN;
    return r;
}
