/* SPDX-License-Identifier: MIT */
/* Whose line a journal entry is; see log-line.h. */
#include "supervisor/probe/log-line.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"

static bool take(const char *name, const void *field, size_t n, char *buffer, size_t size)
{
    size_t length = strlen(name);

    if (n <= length || memcmp(field, name, length) != 0)
        return false;
    /* What does not fit is no name of ours. */
    if (n - length < size)
        snprintf(buffer, size, "%.*s", (int)(n - length), (const char *)field + length);
    return true;
}

void log_line_add(LogLine *line, bool user, uid_t uid, const void *field, size_t n)
{
    char text[16] = "", own[16];

    if (take(user ? "_SYSTEMD_USER_UNIT=" : "_SYSTEMD_UNIT=", field, n, line->unit,
             sizeof(line->unit)) ||
        take("CONTAINER_NAME=", field, n, line->container, sizeof(line->container)))
        return;
    if (take("_UID=", field, n, text, sizeof(text))) {
        snprintf(own, sizeof(own), "%u", (unsigned)uid);
        line->own_uid = streq(text, own);
    }
}

bool log_line_is_of(const LogLine *line, bool user, const char *unit, const char *container)
{
    /* Units of the same name in managers of other users are not ours. */
    if (streq(line->unit, unit) && (!user || line->own_uid))
        return true;
    return *container && line->own_uid && streq(line->container, container);
}

void log_container_name(const char *unit, char *buffer, size_t size)
{
    static const char prefix[] = "phoenix@", suffix[] = ".service";
    size_t n = strlen(unit), begin = strlen(prefix), end = strlen(suffix);

    buffer[0] = '\0';
    if (n <= begin + end || strncmp(unit, prefix, begin) != 0 || !streq(unit + n - end, suffix))
        return;
    int written = snprintf(buffer, size, "phoenix-%.*s", (int)(n - begin - end), unit + begin);
    if (written < 0 || (size_t)written >= size)
        buffer[0] = '\0';
}
