/* SPDX-License-Identifier: MIT */

/* The layout of the two pictures. */

#include "collector/graphs.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/macros.h"

#define MARGIN 24
#define HEAD   64

#define SHORTEST USEC_PER_MINUTE

typedef struct Bytes {
    unsigned char *data;
    size_t size, allocated;
} Bytes;

static cairo_status_t add_bytes(void *userdata, const unsigned char *data, unsigned size)
{
    Bytes *bytes = userdata;

    if (bytes->size + size > bytes->allocated) {
        size_t wanted = MAX(2 * bytes->allocated, bytes->size + size + 65536);
        unsigned char *grown = realloc(bytes->data, wanted);
        if (!grown)
            return CAIRO_STATUS_NO_MEMORY;
        bytes->data = grown;
        bytes->allocated = wanted;
    }
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return CAIRO_STATUS_SUCCESS;
}

/* The title, whose data it is, and of when. */
static void draw_head(cairo_t *cr, double width, const char *title, const GraphData *data)
{
    char line[400], when[64] = "";
    time_t until = (time_t)(data->until_usec / USEC_PER_SEC);
    struct tm tm;

    cairo_set_source_rgb(cr, 0.965, 0.972, 0.980);
    cairo_paint(cr);
    draw_text(cr, MARGIN, 40, 24, &color_text, ALIGN_LEFT, true, width / 2, title);
    if (localtime_r(&until, &tm))
        (void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %Z", &tm);
    (void)snprintf(line, sizeof(line), "%.253s%s%s", data->host ? data->host : "",
                   data->host ? ", " : "", when);
    draw_text(cr, width - MARGIN, 38, 14, &color_faint, ALIGN_RIGHT, false, width / 2, line);
}

typedef void (*draw_t)(cairo_t *cr, const GraphData *data);

static int draw_png(int width, int height, draw_t draw, const GraphData *data, unsigned char **ret,
                    size_t *ret_size)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo_t *cr = cairo_create(surface);
    Bytes bytes = {0};
    cairo_status_t status;

    draw(cr, data);
    status = cairo_status(cr);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_write_to_png_stream(surface, add_bytes, &bytes);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS) {
        free(bytes.data);
        return status == CAIRO_STATUS_NO_MEMORY ? -ENOMEM : -EIO;
    }
    *ret = bytes.data;
    *ret_size = bytes.size;
    return 0;
}

static void draw_points(cairo_t *cr, Box box, const GraphData *data, const Points *points,
                        double top, const Color *color)
{
    const Line line = {
        .points = points->items,
        .n = points->n,
        .since_usec = data->since_usec,
        .until_usec = data->until_usec,
        /* Posts come each 10 seconds or so: one that is missing is no gap yet. */
        .gap_usec = MAX(4 * data->step_usec, 60 * USEC_PER_SEC),
        .top = top,
        .unit = " %",
        .color = color,
    };

    draw_line(cr, box, &line);
}

static void draw_memory(cairo_t *cr, Box box, const SystemValues *v)
{
    double used = isnan(v->memory_used_mb) ? 0 : v->memory_used_mb,
           free_mb = isnan(v->memory_free_mb) ? 0 : v->memory_free_mb, all = used + free_mb;
    Share shares[] = {{.label = "Used", .value = used, .color = &color_blue},
                      {.label = "Free", .value = free_mb, .color = &color_green}};
    char center[32];

    if (all <= 0) {
        draw_nothing(cr, box);
        return;
    }
    for (size_t i = 0; i < ELEMENTSOF(shares); i++) {
        draw_format_whole(shares[i].amount, sizeof(shares[i].amount), shares[i].value);
        strcat(shares[i].amount, " MB");
    }
    (void)snprintf(center, sizeof(center), "%.1f %%", 100 * used / all);
    draw_ring(cr, box, shares, ELEMENTSOF(shares), center, "used");
}

static void draw_system(cairo_t *cr, const GraphData *data)
{
    const double top = HEAD, height = SYSTEM_HEIGHT - HEAD - MARGIN, left = 380;
    Box memory = {MARGIN, top, left, height},
        cpu = {2 * MARGIN + left, top, SYSTEM_WIDTH - 3 * MARGIN - left, height};

    draw_head(cr, SYSTEM_WIDTH, "System", data);
    draw_memory(cr, draw_panel(cr, memory, "Memory"), &data->newest);
    draw_points(cr, draw_panel(cr, cpu, "CPU, in percent of all CPUs"), data, &data->cpu, 100,
                &color_red);
}

static void draw_disk(cairo_t *cr, Box box, const ClassValues *v)
{
    Share shares[] = {{.label = "Written", .value = v->disk_write_kb, .color = &color_magenta},
                      {.label = "Read", .value = v->disk_read_kb, .color = &color_purple}};
    char center[64];

    for (size_t i = 0; i < ELEMENTSOF(shares); i++)
        draw_format_kb(shares[i].amount, sizeof(shares[i].amount), shares[i].value);
    draw_format_kb(center, sizeof(center), v->disk_write_kb + v->disk_read_kb);
    draw_ring(cr, box, shares, ELEMENTSOF(shares), center, NULL);
}

static void draw_operations(cairo_t *cr, Box box, const ClassValues *v)
{
    Share bars[] = {{.label = "Read", .value = v->io_read_ops, .color = &color_orange},
                    {.label = "Write", .value = v->io_write_ops, .color = &color_yellow}};

    for (size_t i = 0; i < ELEMENTSOF(bars); i++)
        draw_format_count(bars[i].amount, sizeof(bars[i].amount), bars[i].value);
    draw_bars(cr, box, bars, ELEMENTSOF(bars));
}

static void draw_class(cairo_t *cr, const GraphData *data, ContainerClass class, Box row)
{
    static const char *const names[] = {"CPU", "RAM", "I/O", "Disk", "Other"};
    const struct GraphClass *c = &data->classes[class];
    const double widths[] = {0.29, 0.29, 0.21, 0.21};
    char heading[4][80], number[32] = "none now";
    Box boxes[4], inside[4];

    if (!c->gone)
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)c->newest.containers);
    (void)snprintf(heading[0], sizeof(heading[0]), "%s containers (%s): RAM, %% of the host",
                   names[class], number);
    (void)snprintf(heading[1], sizeof(heading[1]), "CPU, 100 %% is one CPU");
    (void)snprintf(heading[2], sizeof(heading[2]), "Disk%s", c->gone ? ", at their end" : "");
    (void)snprintf(heading[3], sizeof(heading[3]), "I/O operations%s",
                   c->gone ? ", at their end" : "");
    double x = row.x, room = row.w - 3 * 16;
    for (int i = 0; i < 4; i++) {
        boxes[i] = (Box){x, row.y, room * widths[i], row.h};
        x += boxes[i].w + 16;
        inside[i] = draw_panel(cr, boxes[i], heading[i]);
    }
    draw_points(cr, inside[0], data, &c->memory, 0, &color_pink);
    draw_points(cr, inside[1], data, &c->cpu, 0, &color_sky);
    if (c->newest.containers == 0) {
        draw_nothing(cr, inside[2]);
        draw_nothing(cr, inside[3]);
        return;
    }
    draw_disk(cr, inside[2], &c->newest);
    draw_operations(cr, inside[3], &c->newest);
}

static void draw_containers(cairo_t *cr, const GraphData *data)
{
    const double gap = 16, height = (CONTAINERS_HEIGHT - HEAD - MARGIN - 3 * gap) / 4;

    draw_head(cr, CONTAINERS_WIDTH, "Containers by class", data);
    for (int i = CLASS_CPU; i <= CLASS_DISK; i++)
        draw_class(cr, data, (ContainerClass)i,
                   (Box){MARGIN, HEAD + i * (height + gap), CONTAINERS_WIDTH - 2 * MARGIN, height});
}

uint64_t graph_since(const GraphData *data)
{
    uint64_t first = UINT64_MAX, span = data->until_usec - data->since_usec,
             latest = data->until_usec > SHORTEST ? data->until_usec - SHORTEST : 0;

    if (data->cpu.n > 0)
        first = data->cpu.items[0].time_usec;
    for (size_t i = 0; i < _CLASS_MAX; i++)
        if (data->classes[i].cpu.n > 0)
            first = MIN(first, data->classes[i].cpu.items[0].time_usec);
    if (first == UINT64_MAX || first < data->since_usec + span / 10)
        return data->since_usec;
    return MAX(MIN(first, latest), data->since_usec);
}

void graph_mark_gone(GraphData *data)
{
    const Points *all = &data->cpu;

    for (size_t i = 0; i < _CLASS_MAX && all->n > 0; i++) {
        struct GraphClass *c = &data->classes[i];
        c->gone =
            c->cpu.n > 0 && c->cpu.items[c->cpu.n - 1].time_usec < all->items[all->n - 1].time_usec;
    }
}

int graph_system(const GraphData *data, unsigned char **ret, size_t *ret_size)
{
    return draw_png(SYSTEM_WIDTH, SYSTEM_HEIGHT, draw_system, data, ret, ret_size);
}

int graph_containers(const GraphData *data, unsigned char **ret, size_t *ret_size)
{
    return draw_png(CONTAINERS_WIDTH, CONTAINERS_HEIGHT, draw_containers, data, ret, ret_size);
}
