/* SPDX-License-Identifier: MIT */

/* What systemd itself says to calendar expressions, for the tests that compare with it. */

#pragma once

#include <errno.h>
#include <stdbool.h>

#include "base/macros.h"
#include "base/process.h"
#include "base/text.h"

/* What `systemd-analyze calendar` printed. */
typedef struct Analysis {
    char *output, *complaints;
} Analysis;

static inline void analysis_done(Analysis *a)
{
    free(a->output);
    free(a->complaints);
}

/* Asks it about these expressions (ends with NULL). -ENOENT where it is not installed. */
static inline int analyze_calendar(char *const *expressions, Analysis *ret)
{
    char *argv[256] = {(char *)"systemd-analyze", (char *)"calendar", (char *)"--"};
    size_t n = 3;
    int r;

    for (; *expressions; expressions++) {
        assert_true(n + 1 < ELEMENTSOF(argv));
        argv[n++] = *expressions;
    }
    r = process_run(argv, NULL, NULL, 120 * USEC_PER_SEC, (size_t)16 << 20, &ret->output,
                    &ret->complaints);
    return r < 0 ? r : 0;
}

/* Whether an expression that was asked about was accepted. */
static inline bool analysis_accepts(const Analysis *a, const char *expression)
{
    _cleanup_free_ char *quoted = text_printf("specification '%s': ", expression);

    return !strstr(a->complaints, quoted);
}

/* Whether an expression that was asked about is what systemd makes of it when it prints it. */
static inline bool analysis_is_normalized(const Analysis *a, const char *expression)
{
    _cleanup_free_ char *original = text_printf("Original form: %s\n", expression);
    _cleanup_free_ char *normalized = text_printf("Normalized form: %s\n", expression);

    return strstr(a->output, normalized) && !strstr(a->output, original);
}
