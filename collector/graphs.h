/* SPDX-License-Identifier: MIT */

/* The two pictures, from values to the bytes of a PNG. No I/O. */

#pragma once

#include "collector/draw.h"
#include "collector/sample.h"

#define GRAPH_POINTS 360

#define SYSTEM_WIDTH      1280
#define SYSTEM_HEIGHT     560
#define CONTAINERS_WIDTH  1680
#define CONTAINERS_HEIGHT 1320

typedef struct Points {
    Point items[GRAPH_POINTS + 2];
    size_t n;
} Points;

typedef struct GraphData {
    const char *host; /* NULL: nothing was posted yet */
    uint64_t since_usec, until_usec, step_usec;
    uint64_t n_samples;
    Points cpu;
    SystemValues newest; /* NAN: not known */
    struct GraphClass {
        Points cpu, memory; /* percent */
        ClassValues newest;
        bool gone; /* there were containers, and there are none now */
    } classes[_CLASS_MAX];
} GraphData;

/* Where the pictures begin: with the first value when there is none for much of the span, so that a
 * session of a minute is not a line at the edge of an hour. */
uint64_t graph_since(const GraphData *data);
/* Sets `gone` of the classes. */
void graph_mark_gone(GraphData *data);

/* The bytes (caller frees). -ENOMEM, or -EIO when cairo cannot. */
int graph_system(const GraphData *data, unsigned char **ret, size_t *ret_size);
int graph_containers(const GraphData *data, unsigned char **ret, size_t *ret_size);
