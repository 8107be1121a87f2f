/* SPDX-License-Identifier: MIT */

/* The pictures are PNGs of the right size, with data, without, and with the worst of names. */

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "collector/test-near.h"
#include "collector/graphs.h"

typedef struct Source {
    const unsigned char *data;
    size_t left;
} Source;

static cairo_status_t take(void *userdata, unsigned char *data, unsigned size)
{
    Source *source = userdata;

    if (size > source->left)
        return CAIRO_STATUS_READ_ERROR;
    memcpy(data, source->data, size);
    source->data += size;
    source->left -= size;
    return CAIRO_STATUS_SUCCESS;
}

/* How many pixels have this colour, more or less. */
static size_t n_pixels(cairo_surface_t *surface, const Color *color)
{
    const unsigned char *data = cairo_image_surface_get_data(surface);
    int width = cairo_image_surface_get_width(surface),
        height = cairo_image_surface_get_height(surface),
        stride = cairo_image_surface_get_stride(surface);
    size_t n = 0;

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const unsigned char *p = data + y * stride + x * 4; /* little endian: blue first */
            n += fabs(p[2] - color->r * 255) < 3 && fabs(p[1] - color->g * 255) < 3 &&
                 fabs(p[0] - color->b * 255) < 3;
        }
    return n;
}

static cairo_surface_t *draw(int (*graph)(const GraphData *, unsigned char **, size_t *),
                             const GraphData *data, int width, int height)
{
    _cleanup_free_ unsigned char *png = NULL;
    size_t size = 0;
    cairo_surface_t *surface;

    assert_int_equal(graph(data, &png, &size), 0);
    Source source = {png, size};
    surface = cairo_image_surface_create_from_png_stream(take, &source);
    assert_int_equal(cairo_surface_status(surface), CAIRO_STATUS_SUCCESS);
    assert_int_equal(cairo_image_surface_get_width(surface), width);
    assert_int_equal(cairo_image_surface_get_height(surface), height);
    return surface;
}

static GraphData *data_new(void)
{
    GraphData *data = calloc(1, sizeof(*data));

    assert_non_null(data);
    data->newest = (SystemValues){NAN, NAN, NAN, NAN};
    data->since_usec = UINT64_C(1795456800) * USEC_PER_SEC;
    data->until_usec = data->since_usec + USEC_PER_HOUR;
    data->step_usec = 10 * USEC_PER_SEC;
    return data;
}

static void test_without_data(void **state)
{
    _cleanup_free_ GraphData *data = data_new();
    cairo_surface_t *system = draw(graph_system, data, SYSTEM_WIDTH, SYSTEM_HEIGHT);
    cairo_surface_t *containers = draw(graph_containers, data, CONTAINERS_WIDTH, CONTAINERS_HEIGHT);

    assert_int_equal(n_pixels(system, &color_red), 0);
    assert_int_equal(n_pixels(containers, &color_magenta), 0);
    /* But words. */
    assert_true(n_pixels(system, &color_text) > 50);
    cairo_surface_destroy(system);
    cairo_surface_destroy(containers);
}

static void fill(GraphData *data)
{
    data->newest = (SystemValues){50, 31874, 17817, 14057};
    for (size_t i = 0; i < GRAPH_POINTS; i++) {
        Point point = {data->since_usec + i * data->step_usec, (double)(i % 100)};
        data->cpu.items[data->cpu.n++] = point;
        for (int c = 0; c < _CLASS_MAX; c++) {
            data->classes[c].cpu.items[data->classes[c].cpu.n++] = point;
            data->classes[c].memory.items[data->classes[c].memory.n++] = point;
        }
    }
    for (int c = 0; c < _CLASS_MAX; c++)
        data->classes[c].newest = (ClassValues){.containers = 3,
                                                .disk_write_kb = 200,
                                                .disk_read_kb = 300,
                                                .io_write_ops = 7,
                                                .io_read_ops = 9};
}

static void test_with_data(void **state)
{
    _cleanup_free_ GraphData *data = data_new();

    fill(data);
    cairo_surface_t *system = draw(graph_system, data, SYSTEM_WIDTH, SYSTEM_HEIGHT);
    cairo_surface_t *containers = draw(graph_containers, data, CONTAINERS_WIDTH, CONTAINERS_HEIGHT);
    /* The ring: 14057 used of 31874. */
    double used = (double)n_pixels(system, &color_blue),
           unused = (double)n_pixels(system, &color_green);
    assert_near(used / (used + unused), 14057.0 / 31874, 0.02);
    assert_true(n_pixels(system, &color_red) > 1000);
    double written = (double)n_pixels(containers, &color_magenta),
           read = (double)n_pixels(containers, &color_purple);
    assert_near(written / (written + read), 0.4, 0.02);
    /* The bars: 9 to 7. */
    assert_near((double)n_pixels(containers, &color_orange) /
                    (double)n_pixels(containers, &color_yellow),
                9.0 / 7, 0.1);
    cairo_surface_destroy(system);
    cairo_surface_destroy(containers);
}

static void test_the_worst(void **state)
{
    _cleanup_free_ GraphData *data = data_new();

    fill(data);
    data->host = "<script>\xff\xfe\x01 a name that is much too long for the place that there is, "
                 "and goes on and on "
                 "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac \xf0\x9f\x94\xa5 and on and on and on and "
                 "on and on and on";
    data->newest = (SystemValues){1e300, 1e300, 1e300, 1e300};
    data->cpu.items[5].value = NAN;
    data->cpu.items[6].value = 1e300;
    data->cpu.items[7].time_usec = 0;
    data->since_usec = data->until_usec;
    for (int c = 0; c < _CLASS_MAX; c++)
        data->classes[c].newest =
            (ClassValues){.containers = UINT64_MAX, .disk_write_kb = 1e300, .io_write_ops = 1e300};
    data->classes[0].cpu.items[0].value = 1e300;
    cairo_surface_destroy(draw(graph_system, data, SYSTEM_WIDTH, SYSTEM_HEIGHT));
    cairo_surface_destroy(draw(graph_containers, data, CONTAINERS_WIDTH, CONTAINERS_HEIGHT));
}

static void test_where_it_begins(void **state)
{
    _cleanup_free_ GraphData *data = data_new();
    uint64_t since = data->since_usec;

    assert_int_equal(graph_since(data), since);
    fill(data);
    assert_int_equal(graph_since(data), since);
    data->cpu.items[0].time_usec = since + 40 * USEC_PER_MINUTE;
    data->cpu.n = 1;
    for (int c = 0; c < _CLASS_MAX; c++)
        data->classes[c].cpu.n = 0;
    assert_int_equal(graph_since(data), since + 40 * USEC_PER_MINUTE);
    data->classes[CLASS_IO].cpu.items[0].time_usec = since + 30 * USEC_PER_MINUTE;
    data->classes[CLASS_IO].cpu.n = 1;
    assert_int_equal(graph_since(data), since + 30 * USEC_PER_MINUTE);
    /* Not narrower than a minute, not wider than was asked for, and clocks differ. */
    data->classes[CLASS_IO].cpu.n = 0;
    data->cpu.items[0].time_usec = data->until_usec + 5 * USEC_PER_SEC;
    assert_int_equal(graph_since(data), data->until_usec - USEC_PER_MINUTE);
    data->since_usec = data->until_usec - 30 * USEC_PER_SEC;
    assert_int_equal(graph_since(data), data->since_usec);
}

static void test_those_that_are_gone(void **state)
{
    _cleanup_free_ GraphData *data = data_new();

    graph_mark_gone(data);
    assert_false(data->classes[CLASS_CPU].gone);
    fill(data);
    graph_mark_gone(data);
    assert_false(data->classes[CLASS_CPU].gone);
    data->classes[CLASS_CPU].cpu.n--;
    data->classes[CLASS_RAM].cpu.n = 0;
    graph_mark_gone(data);
    assert_true(data->classes[CLASS_CPU].gone);
    assert_false(data->classes[CLASS_RAM].gone);
    assert_false(data->classes[CLASS_IO].gone);
    cairo_surface_destroy(draw(graph_containers, data, CONTAINERS_WIDTH, CONTAINERS_HEIGHT));
}

static void test_amounts(void **state)
{
    static const struct {
        double value;
        const char *whole, *count, *kb;
    } rows[] = {
        {0, "0", "0", "0 KB"},
        {999, "999", "999", "999 KB"},
        {9999, "9,999", "9,999", "9,999 KB"},
        {44946, "44,946", "44.9 k", "43.9 MB"},
        {1234567, "1,234,567", "1.2 M", "1.2 GB"},
        {30022926, "30,022,926", "30.0 M", "28.6 GB"},
    };
    char text[64];

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        draw_format_whole(text, sizeof(text), rows[i].value);
        assert_string_equal(text, rows[i].whole);
        draw_format_count(text, sizeof(text), rows[i].value);
        assert_string_equal(text, rows[i].count);
        draw_format_kb(text, sizeof(text), rows[i].value);
        assert_string_equal(text, rows[i].kb);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_data),        cmocka_unit_test(test_with_data),
        cmocka_unit_test(test_the_worst),           cmocka_unit_test(test_where_it_begins),
        cmocka_unit_test(test_those_that_are_gone), cmocka_unit_test(test_amounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
