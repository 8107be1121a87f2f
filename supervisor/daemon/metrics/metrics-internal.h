/* SPDX-License-Identifier: MIT */
/*
 * What the files of the exposition share: how families and samples are spelled. A Text keeps its
 * first error, so most of these return nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "supervisor/daemon/view.h"

typedef enum MetricType {
    METRIC_GAUGE,
    METRIC_COUNTER,
    METRIC_HISTOGRAM,
    METRIC_INFO,
} MetricType;

/* # TYPE, UNIT and HELP. unit may be NULL. */
void metrics_add_family(Text *text, const char *name, MetricType type, const char *unit,
                        const char *help);

/* A family with one sample without labels. */
void metrics_add_number(Text *text, const char *name, MetricType type, const char *help,
                        uint64_t value);

/* {name="value", or ,name="value" after the first one. The value may be any bytes. */
void metrics_add_label(Text *text, char before, const char *name, const char *value);

/* The end of a sample: a time span, or a time since 1970, in seconds. */
void metrics_add_seconds(Text *text, uint64_t usec);

/* A sample whose only label is the service. suffix: "_total" of a counter, or "". */
void metrics_add_service_sample(Text *text, const char *name, const char *suffix,
                                const char *service, uint64_t value);

/* The samples of a histogram. labels: all but "le", without the closing brace. bounds_usec and
 * counts have n entries, the last bound is UINT64_MAX. */
void metrics_add_buckets(Text *text, const char *name, const char *labels,
                         const uint64_t *bounds_usec, const uint32_t *counts, size_t n,
                         uint64_t sum_usec);

/* metrics-service.c: the families of services, n of them, and of their checks. Returns 0 or
 * -ENOMEM. */
int metrics_write_services(Manager *manager, size_t n, Text *text);

/* metrics-demand.c: those of services that are started by their connections, when there are any. */
void metrics_write_demand(Manager *manager, size_t n, Text *text);
