/* SPDX-License-Identifier: MIT */

/* A hash table. The keys are the kernel's, counted up, so they need no hashing against anybody. */

#include "sysinfo/groups.h"

#define BUCKETS_MIN ((size_t)64)

void groups_done(Groups *groups)
{
    for (size_t i = 0; i < groups->n_buckets; i++)
        while (groups->buckets[i]) {
            Group *next = groups->buckets[i]->next;

            group_free(groups->buckets[i]);
            groups->buckets[i] = next;
        }
    free(groups->buckets);
    *groups = (Groups){0};
}

static Group **bucket_of(Group **buckets, size_t n_buckets, uint64_t cgroup_id)
{
    return &buckets[(cgroup_id ^ cgroup_id >> 32) & (n_buckets - 1)];
}

static int grow(Groups *groups)
{
    size_t n_buckets = MAX(groups->n_buckets * 2, BUCKETS_MIN);
    Group **buckets = calloc(n_buckets, sizeof(*buckets));

    if (!buckets)
        return -1;
    for (size_t i = 0; i < groups->n_buckets; i++)
        while (groups->buckets[i]) {
            Group *group = groups->buckets[i], **to;

            groups->buckets[i] = group->next;
            to = bucket_of(buckets, n_buckets, group->cgroup_id);
            group->next = *to;
            *to = group;
        }
    free(groups->buckets);
    groups->buckets = buckets;
    groups->n_buckets = n_buckets;
    return 0;
}

Group *groups_get(Groups *groups, uint64_t cgroup_id)
{
    Group *group, **bucket;

    if (groups->n >= groups->n_buckets && grow(groups) < 0)
        return NULL;
    bucket = bucket_of(groups->buckets, groups->n_buckets, cgroup_id);
    for (group = *bucket; group && group->cgroup_id != cgroup_id;)
        group = group->next;
    if (!group) {
        group = group_new(cgroup_id);
        if (!group)
            return NULL;
        group->next = *bucket;
        *bucket = group;
        groups->n++;
    }
    group->last_round = groups->round;
    return group;
}

void groups_end_round(Groups *groups)
{
    for (size_t i = 0; i < groups->n_buckets; i++)
        for (Group **at = &groups->buckets[i]; *at;) {
            Group *group = *at;

            if (group->last_round == groups->round) {
                at = &group->next;
                continue;
            }
            *at = group->next;
            group_free(group);
            groups->n--;
        }
    groups->round++;
}

void groups_close(Groups *groups)
{
    for (size_t i = 0; i < groups->n_buckets; i++)
        for (Group *group = groups->buckets[i]; group; group = group->next)
            group_close(group);
}
