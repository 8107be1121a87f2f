/* SPDX-License-Identifier: MIT */

/* What policies make of containers, as rows: from phoenixd, which has acted, or decided here, by
 * the same code and without acting. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/macros.h"
#include "base/text.h"
#include "cli/print/screen.h"
#include "reap/look.h"

/* Strings are never NULL but when the bus has left them out. */
typedef struct ReapRow {
    char *policy, *class, *id, *name, *unit;
    char *verdict, *cause, *result; /* words of ReapVerdict, ReapReason, UnitStopResult; result "":
                                     * nothing was done */
    char *reason;
    uint32_t rank, pid;
    uint64_t memory_bytes;
    double cpu_percent;
} ReapRow;

typedef struct ReapRows {
    ReapRow *items;
    size_t n;
} ReapRows;

void reap_rows_done(ReapRows *rows);
#define _cleanup_reap_rows_ _cleanup_(reap_rows_done)

/* "aa{sv}" of Reap(). */
int reap_rows_read(sd_bus_message *m, ReapRows *ret);

/* Appends a row for each decision. */
int reap_rows_add(ReapRows *rows, const ReapInput *input, const ReapDecisions *decisions);

/* Whether it was stopped, or is to be. */
bool reap_row_goes(const ReapRow *row);

/* The two tables: all containers of the policies, by class; and those that are deleted, or would be
 * (dry). */
int reap_rows_add_tables(Text *t, const Screen *screen, const ReapRows *rows, bool dry);
void reap_rows_add_json(Text *t, const ReapRows *rows);
