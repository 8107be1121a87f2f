/* SPDX-License-Identifier: MIT */
/*
 * Any text as a plan: the supervisor reads plans from a folder that others might write to one day.
 * What it keeps of one has the same checks.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/strv.h"
#include "fuzz.h"
#include "spec/read.h"
#include "supervisor/daemon/plans.h"

static void keep(const Spec *spec)
{
    _cleanup_(plan_freep) Plan *plan = NULL;

    REQUIRE(plan_new("web", 1, spec, &plan) == 0);
    for (size_t i = 0; i < plan->n_checks; i++) {
        bool liveness = i < plan->n_liveness;
        const SpecProbe *check = &plan->checks[i],
                        *from = liveness ? &spec->healthcheck.items[i]
                                         : &spec->readiness.items[i - plan->n_liveness];
        REQUIRE(check->type == from->type && check->retries == from->retries);
        REQUIRE(!check->path == !from->path && (!from->path || streq(check->path, from->path)));
        REQUIRE(strv_equal(check->headers, from->headers));
        REQUIRE(strv_equal(check->exec, from->exec));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;

    int r = spec_read_plan((const char *)data, size, "/plan.json", &diags, &spec);
    if (r == SPEC_INVALID && diags.errors == 0)
        abort();
    if (r == 0)
        keep(spec);
    return 0;
}
