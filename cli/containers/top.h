/* SPDX-License-Identifier: MIT */

/* The rows of `phoenix top`: what each service uses and how it is, the numbers of two rounds put
 * together, sorted. Where they come from is not decided here. */

#pragma once

#include "cli/print/screen.h"
#include "cli/systemd/usage.h"

typedef enum TopOrder {
    TOP_BY_CPU,
    TOP_BY_MEMORY,
    TOP_BY_DISK,
    TOP_BY_IO,
    TOP_BY_RESTARTS,
    TOP_BY_NAME,
    _TOP_ORDER_MAX,
} TopOrder;

/* "cpu", "memory", "disk", "io", "restarts", "name"; -EINVAL. */
int top_order_parse(const char *s, TopOrder *ret);

typedef struct TopRow {
    char *name;
    char *container; /* its ID, of one that is no service here; NULL */
    char *state;
    Color color;
    uint64_t active_usec; /* CLOCK_REALTIME; 0: not up */
    uint64_t restarts;
    uint64_t latency_usec;   /* of the last check; USAGE_UNKNOWN */
    double beats_per_minute; /* -1: none */
    Usage usage;
    double cpu_percent; /* of one CPU; -1: not known */
} TopRow;

typedef struct TopRows {
    TopRow *items;
    size_t n, allocated;
    uint64_t taken_usec; /* CLOCK_REALTIME of this round */
} TopRows;

void top_rows_done(TopRows *rows);
#define _cleanup_top_rows_ _cleanup_(top_rows_done)

/* A new empty row, or NULL. */
TopRow *top_rows_add(TopRows *rows);

/* Fills cpu_percent of services: since the round before, or, for those that were not in it, since
 * they started. before may be empty. */
void top_compare(TopRows *rows, const TopRows *before);

void top_sort(TopRows *rows, TopOrder order);

/* Appends the table. max_rows: how many services are shown at most, 0: all. */
int top_add_table(Text *t, const Screen *screen, const TopRows *rows, TopOrder order,
                  size_t max_rows);
void top_add_json(Text *t, const TopRows *rows);
