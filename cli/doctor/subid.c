/* SPDX-License-Identifier: MIT */

/* Ranges of subordinate ids. */

#include "cli/doctor/subid.h"

#include <ctype.h>
#include <errno.h>

#include "base/text.h"

#define ID_MAX UINT32_MAX

/* SUB_UID_MIN of login.defs(5): below are the users themselves. */
#define ID_FIRST 100000U

void subids_done(Subids *subids)
{
    for (size_t i = 0; i < subids->n; i++)
        free(subids->items[i].owner);
    free(subids->items);
    *subids = (Subids){0};
}

/* A number and what ends it; false when it is none, or no id. */
static bool read_id(const char **s, char end, uint64_t *ret)
{
    uint64_t n = 0;
    const char *p = *s;

    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p) && n <= ID_MAX; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    if (n > ID_MAX || (*p != end && !(end == '\n' && (*p == '\0' || *p == '\r'))))
        return false;
    *ret = n;
    *s = p + (*p != '\0');
    return true;
}

/* 1: a range; 0: nothing; or -ENOMEM. */
static int read_line(const char *line, const char *user, const char *number, SubidRange *ret)
{
    size_t n = strcspn(line, ":\n");
    SubidRange range = {0};
    const char *rest;

    if (line[n] != ':' || n == 0)
        return 0;
    rest = line + n + 1;
    if (!read_id(&rest, ':', &range.first) || !read_id(&rest, '\n', &range.count) ||
        range.count == 0)
        return 0;
    range.owner = strndup(line, n);
    if (!range.owner)
        return -ENOMEM;
    range.own = streq(range.owner, user) || streq(range.owner, number);
    *ret = range;
    return 1;
}

int subids_parse(const char *text, const char *user, uid_t uid, Subids *ret)
{
    _cleanup_subids_ Subids subids = {0};
    _cleanup_free_ char *number = text_printf("%u", uid);
    size_t lines = 1;
    int r;

    for (const char *s = text; *s; s++)
        lines += *s == '\n';
    subids.items = calloc(lines, sizeof(*subids.items));
    if (!subids.items || !number)
        return -ENOMEM;
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        r = read_line(line, user, number, &subids.items[subids.n]);
        if (r < 0)
            return r;
        subids.n += (size_t)r;
    }
    *ret = subids;
    subids = (Subids){0};
    return 0;
}

uint64_t subids_own(const Subids *subids)
{
    uint64_t n = 0;

    for (size_t i = 0; i < subids->n; i++)
        if (subids->items[i].own)
            n += subids->items[i].count;
    return n;
}

static bool overlap(const SubidRange *a, const SubidRange *b)
{
    return a->first < b->first + b->count && b->first < a->first + a->count;
}

const SubidRange *subids_overlap(const Subids *subids)
{
    for (size_t i = 0; i < subids->n; i++)
        for (size_t k = 0; subids->items[i].own && k < subids->n; k++)
            if (!subids->items[k].own && overlap(&subids->items[i], &subids->items[k]))
                return &subids->items[k];
    return NULL;
}

static uint64_t end_of_all(const Subids *subids, uint64_t end)
{
    for (size_t i = 0; i < subids->n; i++)
        end = MAX(end, subids->items[i].first + subids->items[i].count);
    return end;
}

uint64_t subids_free(const Subids *uids, const Subids *gids)
{
    uint64_t first = end_of_all(gids, end_of_all(uids, ID_FIRST));

    /* The last id is no id, user_namespaces(7). */
    return first + SUBID_COUNT <= ID_MAX ? first : 0;
}
