/* SPDX-License-Identifier: MIT */
/*
 * Any text as a plan: the supervisor reads plans from a folder that others might write to one day.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/macros.h"
#include "fuzz.h"
#include "spec/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;

    int r = spec_read_plan((const char *)data, size, "/plan.json", &diags, &spec);
    if (r == SPEC_INVALID && diags.errors == 0)
        abort();
    return 0;
}
