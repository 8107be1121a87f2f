/* SPDX-License-Identifier: MIT */

/* Lines over time, rings and bars. */

#include "collector/draw.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/macros.h"

#define LABEL   11.0
#define MARKERS 60 /* points up to which each has a dot */

static void set_color(cairo_t *cr, const Color *color, double alpha)
{
    cairo_set_source_rgba(cr, color->r, color->g, color->b, alpha);
}

/* The next of 1, 2, 5, 10, 20, ... */
static double round_up(double value)
{
    double unit = pow(10, floor(log10(MAX(value, 1.0))));

    return value <= unit       ? unit
           : value <= 2 * unit ? 2 * unit
           : value <= 5 * unit ? 5 * unit
                               : 10 * unit;
}

static double highest(const Line *line)
{
    double top = 0;

    for (size_t i = 0; i < line->n; i++)
        if (line->points[i].value > top)
            top = line->points[i].value;
    return top;
}

static void draw_scale(cairo_t *cr, Box plot, double top, const char *unit)
{
    /* A scale that ends in 2 is cut into quarters, one that ends in 1 or 5 into fifths. */
    int parts = fabs(top / pow(10, floor(log10(top))) - 2) < 0.1 ? 4 : 5;
    char label[48];

    cairo_set_line_width(cr, 1);
    for (int i = 0; i <= parts; i++) {
        double y = floor(plot.y + plot.h - plot.h * i / parts) + 0.5;
        set_color(cr, &color_grid, 1);
        cairo_move_to(cr, plot.x, y);
        cairo_line_to(cr, plot.x + plot.w, y);
        cairo_stroke(cr);
        (void)snprintf(label, sizeof(label), "%.*f%s", top <= 2 ? 1 : 0, top * i / parts, unit);
        draw_text(cr, plot.x - 6, y + 4, LABEL, &color_faint, ALIGN_RIGHT, false, 0, label);
    }
}

static void draw_time(cairo_t *cr, Box plot, const Line *line)
{
    uint64_t span = line->until_usec - line->since_usec;
    int n = plot.w > 400 ? 6 : 3;
    char label[48];

    for (int i = 0; i <= n; i++) {
        time_t when =
            (time_t)((line->since_usec + span * (uint64_t)i / (uint64_t)n) / USEC_PER_SEC);
        struct tm tm;
        if (!localtime_r(&when, &tm))
            continue;
        (void)strftime(label, sizeof(label),
                       span > 2 * USEC_PER_DAY       ? "%d %b"
                       : span < 10 * USEC_PER_MINUTE ? "%H:%M:%S"
                                                     : "%H:%M",
                       &tm);
        draw_text(cr, plot.x + plot.w * i / n, plot.y + plot.h + 17, LABEL, &color_faint,
                  i == 0   ? ALIGN_LEFT
                  : i == n ? ALIGN_RIGHT
                           : ALIGN_CENTER,
                  false, 0, label);
    }
}

static double x_of(Box plot, const Line *line, uint64_t time_usec)
{
    double part = ((double)time_usec - (double)line->since_usec) /
                  (double)MAX(line->until_usec - line->since_usec, UINT64_C(1));

    return plot.x + plot.w * MIN(MAX(part, 0.0), 1.0);
}

static double y_of(Box plot, double top, double value)
{
    return plot.y + plot.h - plot.h * MIN(MAX(value / top, 0.0), 1.0);
}

/* Points from i on that are joined: the index behind the last one. */
static size_t stretch(const Line *line, size_t i)
{
    for (i++; i < line->n; i++)
        if (isnan(line->points[i].value) ||
            line->points[i].time_usec - line->points[i - 1].time_usec > line->gap_usec)
            break;
    return i;
}

static void draw_stretch(cairo_t *cr, Box plot, const Line *line, double top, size_t from,
                         size_t to)
{
    const Point *p = line->points;

    cairo_new_path(cr);
    for (size_t i = from; i < to; i++)
        cairo_line_to(cr, x_of(plot, line, p[i].time_usec), y_of(plot, top, p[i].value));
    cairo_path_t *path = cairo_copy_path(cr);
    cairo_line_to(cr, x_of(plot, line, p[to - 1].time_usec), plot.y + plot.h);
    cairo_line_to(cr, x_of(plot, line, p[from].time_usec), plot.y + plot.h);
    cairo_close_path(cr);
    set_color(cr, line->color, 0.13);
    cairo_fill(cr);
    cairo_append_path(cr, path);
    cairo_path_destroy(path);
    set_color(cr, line->color, 1);
    cairo_set_line_width(cr, 2);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke(cr);
    /* A point that stands alone is seen by its dot only. */
    for (size_t i = from; i < to && (line->n <= MARKERS || to - from == 1); i++) {
        cairo_arc(cr, x_of(plot, line, p[i].time_usec), y_of(plot, top, p[i].value), 2.8, 0,
                  2 * M_PI);
        cairo_fill(cr);
    }
}

static const Point *last_point(const Line *line)
{
    for (size_t i = line->n; i > 0; i--)
        if (!isnan(line->points[i - 1].value))
            return &line->points[i - 1];
    return NULL;
}

static void draw_last(cairo_t *cr, Box box, const Line *line, const Point *last, double top)
{
    char label[64];

    (void)snprintf(label, sizeof(label), "last %.*f%s, highest %.*f%s", top < 10 ? 2 : 1,
                   last->value, line->unit, top < 10 ? 2 : 1, highest(line), line->unit);
    draw_text(cr, box.x + box.w, box.y + 4, 12, &color_text, ALIGN_RIGHT, false, box.w, label);
}

void draw_line(cairo_t *cr, Box box, const Line *line)
{
    Box plot = {box.x + 56, box.y + 16, box.w - 64, box.h - 40};
    const Point *last = last_point(line);
    double top = line->top > 0 ? line->top : round_up(highest(line));

    if (!last) {
        draw_nothing(cr, box);
        return;
    }
    draw_scale(cr, plot, top, line->unit);
    draw_time(cr, plot, line);
    for (size_t i = 0; i < line->n;) {
        if (isnan(line->points[i].value)) {
            i++;
            continue;
        }
        size_t to = stretch(line, i);
        draw_stretch(cr, plot, line, top, i, to);
        i = to;
    }
    draw_last(cr, box, line, last, top);
}

static double sum(const Share *shares, size_t n)
{
    double all = 0;

    for (size_t i = 0; i < n; i++)
        all += shares[i].value;
    return all;
}

static void draw_legend(cairo_t *cr, Box box, const Share *shares, size_t n, double all)
{
    char label[160];

    for (size_t i = 0; i < n; i++) {
        double y = box.y + 20 * (double)i;
        set_color(cr, shares[i].color, 1);
        cairo_rectangle(cr, box.x, y, 11, 11);
        cairo_fill(cr);
        (void)snprintf(label, sizeof(label), "%s: %s (%.1f %%)", shares[i].label, shares[i].amount,
                       all > 0 ? 100 * shares[i].value / all : 0);
        draw_text(cr, box.x + 18, y + 10, 12.5, &color_text, ALIGN_LEFT, false, box.w - 18, label);
    }
}

static void draw_arcs(cairo_t *cr, double x, double y, double radius, double width,
                      const Share *shares, size_t n, double all)
{
    double from = -M_PI / 2;

    cairo_set_line_width(cr, width);
    set_color(cr, &color_grid, 1);
    cairo_new_path(cr);
    cairo_arc(cr, x, y, radius, 0, 2 * M_PI);
    cairo_stroke(cr);
    for (size_t i = 0; i < n && all > 0; i++) {
        double to = from + 2 * M_PI * shares[i].value / all;
        set_color(cr, shares[i].color, 1);
        cairo_new_path(cr);
        cairo_arc(cr, x, y, radius, from, to);
        cairo_stroke(cr);
        from = to;
    }
}

void draw_ring(cairo_t *cr, Box box, const Share *shares, size_t n, const char *center,
               const char *below)
{
    double all = sum(shares, n), legend = 20 * (double)n, space = MIN(box.w, box.h - legend - 16),
           width = space * 0.17, radius = (space - width) / 2 - 2, x = box.x + box.w / 2,
           y = box.y + (box.h - legend - 8) / 2;

    draw_arcs(cr, x, y, radius, width, shares, n, all);
    if (center)
        draw_text(cr, x, y + (below ? 2 : 6), MIN(space / 9, 30.0), &color_text, ALIGN_CENTER, true,
                  radius * 1.6, center);
    if (below)
        draw_text(cr, x, y + 22, 12, &color_faint, ALIGN_CENTER, false, radius * 1.6, below);
    draw_legend(cr,
                (Box){box.x + MAX((box.w - 240) / 2, 0.0), box.y + box.h - legend, box.w, legend},
                shares, n, all);
}

void draw_bars(cairo_t *cr, Box box, const Share *bars, size_t n)
{
    Box plot = {box.x + 8, box.y + 18, box.w - 16, box.h - 18 - 24};
    double top = 0, pitch = plot.w / (double)n, width = MIN(pitch * 0.55, 90.0);

    for (size_t i = 0; i < n; i++)
        top = MAX(top, bars[i].value);
    for (size_t i = 0; i < n; i++) {
        double h = top > 0 ? plot.h * bars[i].value / top : 0,
               x = plot.x + pitch * ((double)i + 0.5);
        set_color(cr, bars[i].color, 1);
        cairo_rectangle(cr, x - width / 2, plot.y + plot.h - h, width, h);
        cairo_fill(cr);
        draw_text(cr, x, plot.y + plot.h - h - 5, 12.5, &color_text, ALIGN_CENTER, true, pitch,
                  bars[i].amount);
        draw_text(cr, x, plot.y + plot.h + 18, 12, &color_text, ALIGN_CENTER, false, pitch,
                  bars[i].label);
    }
    set_color(cr, &color_faint, 1);
    cairo_set_line_width(cr, 1);
    cairo_move_to(cr, plot.x, floor(plot.y + plot.h) + 0.5);
    cairo_line_to(cr, plot.x + plot.w, floor(plot.y + plot.h) + 0.5);
    cairo_stroke(cr);
}
