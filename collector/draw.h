/* SPDX-License-Identifier: MIT */

/* The parts that pictures are made of: texts, panels, lines over time, rings, bars. Cairo does the
 * drawing; nothing here knows what is shown. */

#pragma once

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Color {
    double r, g, b;
} Color;

extern const Color color_text, color_faint, color_grid, color_red, color_blue, color_green,
    color_pink, color_sky, color_magenta, color_purple, color_orange, color_yellow;

typedef struct Box {
    double x, y, w, h;
} Box;

typedef enum Align { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT } Align;

/* A line of UTF-8, its baseline at y; what is wider than max_width (0: any) is cut off with "...".
 */
void draw_text(cairo_t *cr, double x, double y, double size, const Color *color, Align align,
               bool bold, double max_width, const char *text);

/* A white panel with a thin frame and a heading. Returns the box inside. */
Box draw_panel(cairo_t *cr, Box box, const char *heading);

/* "no data yet" in the middle of the box. */
void draw_nothing(cairo_t *cr, Box box);

typedef struct Point {
    uint64_t time_usec;
    double value; /* NAN: a gap */
} Point;

typedef struct Line {
    const Point *points;
    size_t n;
    uint64_t since_usec, until_usec; /* the whole width */
    uint64_t gap_usec;               /* points further apart are not joined */
    double top;                      /* of the scale; 0: found by the values */
    const char *unit;                /* " %" */
    const Color *color;
} Line;

void draw_line(cairo_t *cr, Box box, const Line *line);

typedef struct Share {
    const char *label;
    char amount[64]; /* "14,057 MB" */
    double value;
    const Color *color;
} Share;

/* A ring with its legend below: label, amount, share in percent. center: two lines in the middle,
 * may be NULL. */
void draw_ring(cairo_t *cr, Box box, const Share *shares, size_t n, const char *center,
               const char *below);

/* Upright bars with their amounts above and their labels below. */
void draw_bars(cairo_t *cr, Box box, const Share *bars, size_t n);

/* "14,057"; then with a unit that keeps it short: "30.0 M" of a count, "3.4 GB" of KB. */
void draw_format_whole(char *ret, size_t size, double value);
void draw_format_count(char *ret, size_t size, double value);
void draw_format_kb(char *ret, size_t size, double kb);
