/* SPDX-License-Identifier: MIT */
/*
 * Logging findings, behind report.h.
 */
#include "generator/report.h"

#include "base/log.h"
#include "base/text.h"

/* Lines of each kind; after that only their number. */
#define LINES_MAX 20U

static size_t count(const DiagList *diags, DiagSeverity severity)
{
    size_t n = 0;

    for (size_t i = 0; i < diags->n; i++)
        n += diags->items[i].severity == severity;
    return n;
}

/* The first finding of that severity, and how many more there are. */
static void log_first(const SpecEntry *entry, DiagSeverity severity, size_t n)
{
    int level = severity == DIAG_ERROR ? LOG_ERR : LOG_WARNING;
    _cleanup_text_ Text line = {0};
    size_t i = 0;

    while (entry->diags.items[i].severity != severity)
        i++;
    if (diag_format(&entry->diags.items[i], &line) < 0)
        return;
    if (n > 1)
        log_msg(level, "%s (and %zu more)", line.data, n - 1);
    else
        log_msg(level, "%s", line.data);
}

/* Returns how many specs have findings of that severity. */
static size_t report_severity(const SpecSet *set, const char *only, DiagSeverity severity)
{
    size_t specs = 0;

    for (size_t i = 0; i < set->n; i++) {
        const SpecEntry *entry = &set->items[i];
        if (only && !streq(entry->unit, only))
            continue;
        if (entry->fate != SPEC_FATE_GENERATED && entry->fate != SPEC_FATE_BROKEN)
            continue;
        size_t n = count(&entry->diags, severity);
        if (severity == DIAG_ERROR)
            n = n > 0 ? entry->diags.errors : 0;
        if (n > 0 && specs++ < LINES_MAX)
            log_first(entry, severity, n);
    }
    return specs;
}

void report_findings(const SpecSet *set, const char *only)
{
    size_t broken = report_severity(set, only, DIAG_ERROR);
    size_t warned = report_severity(set, only, DIAG_WARNING);

    if (broken > LINES_MAX)
        log_error("%zu specs are not usable; \"phoenix check\" lists them all", broken);
    if (warned > LINES_MAX)
        log_warning("%zu specs have warnings; \"phoenix check\" lists them all", warned);
    log_debug("%zu specs read, %zu not usable, %zu with warnings", set->n, broken, warned);
}
