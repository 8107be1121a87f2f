/* SPDX-License-Identifier: MIT */
/*
 * How OpenMetrics spells a family, its labels and its samples.
 */
#include "supervisor/daemon/metrics/metrics-internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/macros.h"

static const char *const metric_type_words[] = {
    [METRIC_GAUGE] = "gauge",
    [METRIC_COUNTER] = "counter",
    [METRIC_HISTOGRAM] = "histogram",
    [METRIC_INFO] = "info",
};

/* How many bytes at s must not go out as they are: 1 for control characters (the format has an
 * escape for the newline only, and the others do things to terminals) and for what is no UTF-8, 2
 * for the control characters above ASCII, 0 for the rest. */
static size_t unfit(const char *s, size_t character)
{
    unsigned char c = (unsigned char)s[0];

    if (character == 0 || (character == 1 && (c < 0x20 || c == 0x7f)))
        return 1;
    return character == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0 ? 2 : 0;
}

static void add_label_value(Text *text, const char *value)
{
    for (size_t left = strlen(value), n; left > 0; value += n, left -= n) {
        n = utf8_char(value, left);
        if (*value == '\n') {
            text_add(text, "\\n");
        } else if (unfit(value, n) > 0) {
            n = unfit(value, n);
            text_add(text, "\xef\xbf\xbd");
        } else {
            if (*value == '"' || *value == '\\')
                text_add_char(text, '\\');
            text_add_n(text, value, n);
        }
    }
}

void metrics_add_label(Text *text, char before, const char *name, const char *value)
{
    text_add_char(text, before);
    text_add(text, name);
    text_add(text, "=\"");
    add_label_value(text, value);
    text_add_char(text, '"');
}

void metrics_add_family(Text *text, const char *name, MetricType type, const char *unit,
                        const char *help)
{
    text_addf(text, "# TYPE %s %s\n", name, metric_type_words[type]);
    if (unit)
        text_addf(text, "# UNIT %s %s\n", name, unit);
    text_addf(text, "# HELP %s %s\n", name, help);
}

void metrics_add_number(Text *text, const char *name, MetricType type, const char *help,
                        uint64_t value)
{
    metrics_add_family(text, name, type, NULL, help);
    text_addf(text, "%s%s %" PRIu64 "\n", name, type == METRIC_COUNTER ? "_total" : "", value);
}

void metrics_add_seconds(Text *text, uint64_t usec)
{
    text_addf(text, " %" PRIu64 ".%06" PRIu64 "\n", usec / USEC_PER_SEC, usec % USEC_PER_SEC);
}

void metrics_add_service_sample(Text *text, const char *name, const char *suffix,
                                const char *service, uint64_t value)
{
    text_add(text, name);
    text_add(text, suffix);
    metrics_add_label(text, '{', "service", service);
    text_addf(text, "} %" PRIu64 "\n", value);
}

void metrics_add_buckets(Text *text, const char *name, const char *labels,
                         const uint64_t *bounds_usec, const uint32_t *counts, size_t n,
                         uint64_t sum_usec)
{
    uint64_t count = 0;

    for (size_t i = 0; i < n; i++) {
        count += counts[i];
        text_addf(text, "%s_bucket%s,le=\"", name, labels);
        if (bounds_usec[i] == UINT64_MAX)
            text_add(text, "+Inf");
        else /* "1.0" and "0.0025": the shortest form that still has a point */
            text_addf(text, bounds_usec[i] % USEC_PER_SEC == 0 ? "%.1f" : "%g",
                      (double)bounds_usec[i] / (double)USEC_PER_SEC);
        text_addf(text, "\"} %" PRIu64 "\n", count);
    }
    text_addf(text, "%s_count%s} %" PRIu64 "\n", name, labels, count);
    text_addf(text, "%s_sum%s}", name, labels);
    metrics_add_seconds(text, sum_usec);
}
