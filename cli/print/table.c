/* SPDX-License-Identifier: MIT */

/* Tables in two passes: how wide each column is, then the lines. */

#include "cli/print/table.h"

#include <assert.h>
#include <errno.h>

#define COLUMNS_MAX 16U
#define GAP         2U
#define LAST_MIN    8U /* a last column narrower than this says nothing: let the terminal wrap */
#define ELLIPSIS    "…"

void table_done(Table *table)
{
    for (size_t i = 0; i < table->n; i++)
        free(table->cells[i].text);
    free(table->cells);
    *table = (Table){0};
}

static int table_reserve(Table *table)
{
    TableCell *cells;
    size_t allocated;

    if (table->n < table->allocated)
        return 0;

    allocated = MAX(table->allocated * 2, (size_t)64);
    cells = reallocarray(table->cells, allocated, sizeof(*cells));
    if (!cells)
        return -ENOMEM;
    table->cells = cells;
    table->allocated = allocated;
    return 0;
}

void table_add(Table *table, Color color, const char *s)
{
    _cleanup_text_ Text t = {0};
    char *copy;
    int r;

    if (table->error < 0)
        return;

    screen_add_clean(&t, s && *s ? s : "-");
    r = text_take(&t, &copy);
    if (r < 0) {
        table->error = r;
        return;
    }

    r = table_reserve(table);
    if (r < 0) {
        free(copy);
        table->error = r;
        return;
    }
    table->cells[table->n++] = (TableCell){.text = copy, .color = color};
}

static void measure(const Table *table, size_t *widths)
{
    for (size_t i = 0; i < table->n_columns; i++)
        widths[i] = screen_length(table->columns[i].title);
    for (size_t i = 0; i < table->n; i++) {
        size_t column = i % table->n_columns;

        widths[column] = MAX(widths[column], screen_length(table->cells[i].text));
    }
}

/* How many characters the last column may have; SIZE_MAX: all. */
static size_t room_for_last(const Table *table, const Screen *screen, const size_t *widths)
{
    size_t used = 0;

    if (screen->width == 0)
        return SIZE_MAX;
    for (size_t i = 0; i + 1 < table->n_columns; i++)
        used += widths[i] + GAP;
    return screen->width >= used + LAST_MIN ? screen->width - used : SIZE_MAX;
}

static void add_cut(Text *t, const char *s, size_t room)
{
    size_t length = screen_length(s), bytes = 0;

    if (length <= room) {
        text_add(t, s);
        return;
    }
    for (size_t i = 0; i + 1 < room; i++)
        bytes += MAX(utf8_char(s + bytes, strlen(s + bytes)), (size_t)1);
    text_add_n(t, s, bytes);
    text_add(t, ELLIPSIS);
}

static void add_padding(Text *t, size_t n)
{
    text_addf(t, "%*s", (int)n, "");
}

static void add_line(const Table *table, const Screen *screen, const size_t *widths,
                     const TableCell *cells, Text *t)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        bool last = i + 1 == table->n_columns;
        size_t blanks = widths[i] - screen_length(cells[i].text);

        if (table->columns[i].right)
            add_padding(t, blanks);
        text_add(t, screen_on(screen, cells[i].color));
        add_cut(t, cells[i].text, last ? room_for_last(table, screen, widths) : SIZE_MAX);
        text_add(t, screen_off(screen, cells[i].color));
        if (!last)
            add_padding(t, GAP + (table->columns[i].right ? 0 : blanks));
    }
    text_add_char(t, '\n');
}

static void make_titles(const Table *table, TableCell *titles)
{
    for (size_t i = 0; i < table->n_columns; i++)
        titles[i] = (TableCell){(char *)table->columns[i].title, COLOR_BOLD};
}

int table_write(const Table *table, const Screen *screen, Text *t)
{
    size_t widths[COLUMNS_MAX];
    TableCell titles[COLUMNS_MAX];

    assert(table->n_columns > 0 && table->n_columns <= COLUMNS_MAX);

    if (table->error < 0)
        return table->error;
    assert(table->n % table->n_columns == 0);

    measure(table, widths);
    make_titles(table, titles);
    add_line(table, screen, widths, titles, t);
    for (size_t i = 0; i < table->n; i += table->n_columns)
        add_line(table, screen, widths, table->cells + i, t);
    return t->error;
}

static void add_border(const Table *table, const size_t *widths, Text *t)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        text_add_char(t, '+');
        for (size_t k = 0; k < widths[i] + 2; k++)
            text_add_char(t, '-');
    }
    text_add(t, "+\n");
}

static void add_bordered_line(const Table *table, const Screen *screen, const size_t *widths,
                              const TableCell *cells, Text *t)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        text_add(t, "| ");
        text_add(t, screen_on(screen, cells[i].color));
        text_add(t, cells[i].text);
        text_add(t, screen_off(screen, cells[i].color));
        add_padding(t, widths[i] - screen_length(cells[i].text) + 1);
    }
    text_add(t, "|\n");
    add_border(table, widths, t);
}

int table_write_bordered(const Table *table, const Screen *screen, Text *t)
{
    size_t widths[COLUMNS_MAX];
    TableCell titles[COLUMNS_MAX];

    assert(table->n_columns > 0 && table->n_columns <= COLUMNS_MAX);

    if (table->error < 0)
        return table->error;
    assert(table->n % table->n_columns == 0);

    measure(table, widths);
    make_titles(table, titles);
    add_border(table, widths, t);
    add_bordered_line(table, screen, widths, titles, t);
    for (size_t i = 0; i < table->n; i += table->n_columns)
        add_bordered_line(table, screen, widths, table->cells + i, t);
    return t->error;
}
