/* SPDX-License-Identifier: MIT */

/* A table of text: aligned columns, as wide as their widest cell. When the screen is narrower, only
 * the last column is cut, so that the columns people look for stay whole. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/print/screen.h"

typedef struct TableColumn {
    const char *title;
    bool right; /* numbers stand at the right edge of their column */
} TableColumn;

typedef struct TableCell {
    char *text;
    Color color;
} TableCell;

/* Initialise with { .columns = ..., .n_columns = ... }. Like Text it remembers its first error. */
typedef struct Table {
    const TableColumn *columns;
    size_t n_columns;
    TableCell *cells; /* row by row */
    size_t n, allocated;
    int error;
} Table;

void table_done(Table *table);
#define _cleanup_table_ _cleanup_(table_done)

/* Appends the next cell, a copy of s without control characters; "" and NULL show as "-". */
void table_add(Table *table, Color color, const char *s);

/* Appends the title line and all rows. The number of cells must be a multiple of that of columns.
 * Returns 0 or the first error, which may be one of table_add(). */
int table_write(const Table *table, const Screen *screen, Text *t);

/* The same within lines, a border below each row, as in tables that are pasted into reports. As
 * wide as it has to be, whatever the screen; numbers stand at the left edge, too. */
int table_write_bordered(const Table *table, const Screen *screen, Text *t);
