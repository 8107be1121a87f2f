/* SPDX-License-Identifier: MIT */

/* The kinds of spec, each with keys of its own. */

#include <assert.h>

#include "spec/keys.h"
#include "spec/spec.h"

const SpecKind spec_kinds[SPEC_KINDS] = {
    {SPEC_UNSET, &spec_keys, "service", "services"},
    {SPEC_TYPE_POLICY, &spec_policy_keys, "policy", "policies"},
    {SPEC_TYPE_COLLECTOR, &spec_collector_keys, "collector", "collectors"},
};

const KeyTable *spec_table(int type)
{
    for (size_t i = 1; i < SPEC_KINDS; i++)
        if (spec_kinds[i].type == type)
            return spec_kinds[i].table;
    return spec_kinds[0].table;
}

const SpecKind *spec_kind_with(const KeyTable *table)
{
    for (size_t i = 0; i < SPEC_KINDS; i++)
        if (spec_kinds[i].table == table)
            return &spec_kinds[i];
    return NULL;
}

bool spec_kind_adds(const SpecKind *kind, const Key *key)
{
    assert(kind >= spec_kinds && kind < spec_kinds + SPEC_KINDS);

    for (const SpecKind *before = spec_kinds; before < kind; before++) {
        const Key *other = key_find(before->table, key->name);
        if (other && other->offset == key->offset)
            return false;
    }
    return true;
}
