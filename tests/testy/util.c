/* SPDX-License-Identifier: MIT */

/* Small things every part of phoenix-testy needs; see util.h. */

#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPAN_MAX_USEC (86400 * USEC_PER_SEC)

static const struct {
    const char *name;
    uint64_t usec;
} span_units[] = {
    {"", USEC_PER_SEC},       {"us", 1},
    {"ms", USEC_PER_MSEC},    {"s", USEC_PER_SEC},
    {"sec", USEC_PER_SEC},    {"min", 60 * USEC_PER_SEC},
    {"m", 60 * USEC_PER_SEC}, {"h", 3600 * USEC_PER_SEC},
};

uint64_t now_usec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t span_unit(const char *name, size_t length)
{
    for (size_t i = 0; i < ELEMENTSOF(span_units); i++)
        if (strlen(span_units[i].name) == length && strncmp(span_units[i].name, name, length) == 0)
            return span_units[i].usec;
    return 0;
}

int parse_span(const char *text, uint64_t *ret_usec)
{
    uint64_t total = 0;

    text += strspn(text, " ");
    if (*text == '\0')
        return -EINVAL;
    while (*text != '\0') {
        char *end;

        if (!isdigit((unsigned char)*text))
            return -EINVAL;
        errno = 0;
        unsigned long long value = strtoull(text, &end, 10);
        if (errno != 0 || value > SPAN_MAX_USEC)
            return -ERANGE;
        const char *name = end + strspn(end, " ");
        size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz");
        uint64_t unit = span_unit(name, length);
        if (unit == 0)
            return -EINVAL;
        if (value > SPAN_MAX_USEC / unit || total + value * unit > SPAN_MAX_USEC)
            return -ERANGE;
        total += value * unit;
        text = name + length;
        text += strspn(text, " ");
    }
    *ret_usec = total;
    return 0;
}

int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    size_t length = strspn(text, "0123456789");

    if (length == 0 || text[length] != '\0')
        return -EINVAL;
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno != 0 || value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

void print_c_quoted(FILE *f, const char *text)
{
    static const char letters[] = "\aa\bb\tt\nn\vv\ff\rr\"\"\\\\";

    putc('"', f);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        const char *letter = NULL;

        for (size_t i = 0; i + 1 < sizeof(letters) - 1; i += 2)
            if ((unsigned char)letters[i] == *p)
                letter = &letters[i + 1];
        if (letter)
            fprintf(f, "\\%c", *letter);
        else if (*p < 0x20 || *p >= 0x7f)
            fprintf(f, "\\%03o", *p);
        else
            putc(*p, f);
    }
    putc('"', f);
}

void print_json_string(FILE *f, const char *text)
{
    putc('"', f);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(f, "\\%c", *p);
        else if (*p < 0x20 || *p >= 0x7f)
            fprintf(f, "\\u%04x", *p);
        else
            putc(*p, f);
    }
    putc('"', f);
}
