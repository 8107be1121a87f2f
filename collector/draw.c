/* SPDX-License-Identifier: MIT */

/* Texts, panels and numbers of pictures. */

#include "collector/draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

const Color color_text = {0.13, 0.16, 0.20}, color_faint = {0.40, 0.44, 0.50},
            color_grid = {0.89, 0.91, 0.93}, color_red = {0.84, 0.15, 0.16},
            color_blue = {0.17, 0.44, 0.78}, color_green = {0.24, 0.67, 0.37},
            color_pink = {0.93, 0.45, 0.62}, color_sky = {0.25, 0.62, 0.87},
            color_magenta = {0.87, 0.17, 0.50}, color_purple = {0.47, 0.30, 0.68},
            color_orange = {0.96, 0.60, 0.26}, color_yellow = {0.93, 0.78, 0.18};

#define FONT "DejaVu Sans"

static double width_of(cairo_t *cr, const char *text)
{
    cairo_text_extents_t extents;

    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

/* Cairo stops drawing for good at a text that is not UTF-8, and control characters have no shape.
 */
static void clean(char *ret, size_t size, const char *text)
{
    size_t n = 0, left = strlen(text);

    while (left > 0 && n + 5 < size) {
        size_t step = utf8_char(text, left);
        if (step == 0 || (unsigned char)*text < 0x20) {
            ret[n++] = '?';
            step = 1;
        } else {
            memcpy(ret + n, text, step);
            n += step;
        }
        text += step;
        left -= step;
    }
    ret[n] = '\0';
}

static void cut(cairo_t *cr, char *text, double max_width)
{
    size_t n = strlen(text);

    if (max_width <= 0 || width_of(cr, text) <= max_width)
        return;
    while (n > 0 && width_of(cr, text) > max_width) {
        do
            n--;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80);
        strcpy(text + n, "...");
    }
}

void draw_text(cairo_t *cr, double x, double y, double size, const Color *color, Align align,
               bool bold, double max_width, const char *text)
{
    char shown[300];

    clean(shown, sizeof(shown) - 4, text);
    cairo_select_font_face(cr, FONT, CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, size);
    cut(cr, shown, max_width);
    cairo_set_source_rgb(cr, color->r, color->g, color->b);
    double width = width_of(cr, shown);
    cairo_move_to(cr,
                  align == ALIGN_LEFT     ? x
                  : align == ALIGN_CENTER ? x - width / 2
                                          : x - width,
                  y);
    cairo_show_text(cr, shown);
}

Box draw_panel(cairo_t *cr, Box box, const char *heading)
{
    const double radius = 6;

    cairo_new_sub_path(cr);
    cairo_arc(cr, box.x + box.w - radius, box.y + radius, radius, -M_PI / 2, 0);
    cairo_arc(cr, box.x + box.w - radius, box.y + box.h - radius, radius, 0, M_PI / 2);
    cairo_arc(cr, box.x + radius, box.y + box.h - radius, radius, M_PI / 2, M_PI);
    cairo_arc(cr, box.x + radius, box.y + radius, radius, M_PI, 3 * M_PI / 2);
    cairo_close_path(cr);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_fill_preserve(cr);
    cairo_set_source_rgb(cr, color_grid.r, color_grid.g, color_grid.b);
    cairo_set_line_width(cr, 1);
    cairo_stroke(cr);
    draw_text(cr, box.x + 16, box.y + 26, 15, &color_text, ALIGN_LEFT, true, box.w - 32, heading);
    return (Box){box.x + 16, box.y + 38, box.w - 32, box.h - 50};
}

void draw_nothing(cairo_t *cr, Box box)
{
    draw_text(cr, box.x + box.w / 2, box.y + box.h / 2, 14, &color_faint, ALIGN_CENTER, false,
              box.w, "no data yet");
}

void draw_format_whole(char *ret, size_t size, double value)
{
    char digits[32];
    size_t n = 0;

    (void)snprintf(digits, sizeof(digits), "%.0f", MIN(value, 1e15));
    for (size_t i = 0, all = strlen(digits); i < all && n + 2 < size; i++) {
        if (i > 0 && (all - i) % 3 == 0)
            ret[n++] = ',';
        ret[n++] = digits[i];
    }
    ret[n] = '\0';
}

static void format_scaled(char *ret, size_t size, double value, double base,
                          const char *const *units, size_t n_units)
{
    size_t i = 0;

    for (; value >= (i == 0 ? 9999.5 : 999.5) && i + 1 < n_units; i++)
        value /= base;
    if (i == 0)
        draw_format_whole(ret, size, value);
    else
        (void)snprintf(ret, size, value < 100 ? "%.1f" : "%.0f", value);
    (void)snprintf(ret + strlen(ret), size - strlen(ret), "%s", units[i]);
}

void draw_format_count(char *ret, size_t size, double value)
{
    static const char *const units[] = {"", " k", " M", " G", " T"};

    format_scaled(ret, size, value, 1000, units, ELEMENTSOF(units));
}

void draw_format_kb(char *ret, size_t size, double kb)
{
    static const char *const units[] = {" KB", " MB", " GB", " TB", " PB"};

    format_scaled(ret, size, kb, 1024, units, ELEMENTSOF(units));
}
