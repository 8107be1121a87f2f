/* SPDX-License-Identifier: MIT */
/*
 * Any text through the reader. What it accepts must make a plan that reads back as itself; what it
 * refuses must come with at least one finding that can be printed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "fuzz.h"
#include "spec/plan.h"
#include "spec/read.h"

static void check_findings(const DiagList *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        _cleanup_(text_done) Text line = {0}, json = {0};
        if (diag_format(&diags->items[i], &line) < 0 ||
            diag_format_json(&diags->items[i], &json) < 0)
            continue;
        if (strchr(line.data, '\n') || !utf8_valid(line.data, line.size) ||
            !utf8_valid(json.data, json.size))
            abort();
    }
}

static void check_plan(const Spec *spec)
{
    _cleanup_(text_done) Text first = {0}, second = {0};
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *again = NULL;

    if (plan_write(spec, &first) < 0)
        abort();
    if (spec_read_plan(first.data, first.size, "/plan.json", &diags, &again) != 0)
        abort();
    if (plan_write(again, &second) < 0 || !streq(first.data, second.data))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;

    int r = spec_read((const char *)data, size, "/etc/phoenix.d/fuzz.json", &diags, &spec);
    check_findings(&diags);
    if (r == SPEC_INVALID && diags.errors == 0)
        abort();
    if (r == 0)
        check_plan(spec);
    return 0;
}
