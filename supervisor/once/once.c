/* SPDX-License-Identifier: MIT */

/*
 * The rules of "one time ever"; see once.h. Apart from the files so that they are tested as plain
 * functions.
 */

#include "once.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

bool once_name_is_valid(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length <= ONCE_NAME_MAX && strspn(name, NAME_CHARS) == length;
}

int once_state_directory(const char *value, char *ret, size_t size)
{
    size_t length = value ? strcspn(value, ":") : 0;

    if (length == 0)
        return -ENOENT;
    if (value[0] != '/')
        return -EINVAL;
    if (length >= size)
        return -ENAMETOOLONG;
    memcpy(ret, value, length);
    ret[length] = '\0';
    return 0;
}

/* Keeps a stamp one line per field, whatever an argument holds; UTF-8 stays readable. */
static void print_quoted(FILE *f, const char *text)
{
    putc('"', f);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(f, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(f, "\\x%02x", *p);
        else
            putc(*p, f);
    }
    putc('"', f);
}

char *once_stamp_text(time_t date, char *const argv[])
{
    char *text = NULL;
    char when[32];
    size_t size;
    struct tm tm;

    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    gmtime_r(&date, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    fprintf(f, "date=%s\nargv=", when);
    for (size_t i = 0; argv[i]; i++) {
        if (i > 0)
            putc(' ', f);
        print_quoted(f, argv[i]);
    }
    putc('\n', f);
    bool failed = ferror(f) != 0;
    if (fclose(f) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

bool once_stamp_date(const char *text, char *ret, size_t size)
{
    if (strncmp(text, "date=", 5) != 0)
        return false;
    text += 5;
    size_t length = strspn(text, "0123456789-:TZ");
    if (length == 0 || length >= size || text[length] != '\n')
        return false;
    memcpy(ret, text, length);
    ret[length] = '\0';
    return true;
}
