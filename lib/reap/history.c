/* SPDX-License-Identifier: MIT */
/*
 * Which containers were asked to stop, behind reap.h. A container that was started again under the
 * same ID is another one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "reap/reap.h"

void reap_history_done(ReapHistory *history)
{
    free(history->items);
    *history = (ReapHistory){0};
}

static bool is_of(const ReapTry *try, const SysinfoContainer *info)
{
    return try->cgroup_id == info->cgroup_id && streq(try->id, info->id);
}

ReapTry *reap_history_find(const ReapHistory *history, const SysinfoContainer *info)
{
    for (size_t i = 0; i < history->n; i++)
        if (is_of(&history->items[i], info))
            return &history->items[i];
    return NULL;
}

ReapTry *reap_history_add(ReapHistory *history, const SysinfoContainer *info)
{
    ReapTry *found = reap_history_find(history, info);

    if (found)
        return found;
    ReapTry *grown = reallocarray(history->items, history->n + 1, sizeof(ReapTry));
    if (!grown)
        return NULL;
    history->items = grown;
    found = &grown[history->n++];
    *found = (ReapTry){.cgroup_id = info->cgroup_id};
    memcpy(found->id, info->id, sizeof(found->id));
    return found;
}

void reap_history_forget(ReapHistory *history, const ReapContainer *containers, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < history->n; i++) {
        bool there = history->items[i].ended_usec == UINT64_MAX;
        for (size_t k = 0; k < n && !there; k++)
            there = is_of(&history->items[i], containers[k].info);
        if (there)
            history->items[kept++] = history->items[i];
    }
    history->n = kept;
}
