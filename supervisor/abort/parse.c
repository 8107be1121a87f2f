/* SPDX-License-Identifier: MIT */

/*
 * The text side of phoenix-abort; see parse.h. Kept apart from the reading of files so that odd
 * kernels and hostile names can be tested as strings.
 */

#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define USEC_PER_MSEC     UINT64_C(1000)
#define USEC_PER_SEC      UINT64_C(1000000)
#define SPAN_MAX_USEC     (86400 * USEC_PER_SEC)
#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *name;
    uint64_t usec;
} span_units[] = {
    {"us", 1},
    {"ms", USEC_PER_MSEC},
    {"s", USEC_PER_SEC},
    {"sec", USEC_PER_SEC},
    {"min", 60 * USEC_PER_SEC},
    {"m", 60 * USEC_PER_SEC},
    {"h", 3600 * USEC_PER_SEC},
};

static int span_unit(const char *name, size_t length, uint64_t *ret_usec)
{
    if (length == 0) {
        *ret_usec = USEC_PER_SEC;
        return 0;
    }
    for (size_t i = 0; i < ELEMENTSOF(span_units); i++)
        if (strlen(span_units[i].name) == length &&
            strncmp(span_units[i].name, name, length) == 0) {
            *ret_usec = span_units[i].usec;
            return 0;
        }
    return -EINVAL;
}

int parse_span(const char *text, uint64_t *ret_usec)
{
    return parse_span_up_to(text, SPAN_MAX_USEC, ret_usec);
}

int parse_span_up_to(const char *text, uint64_t max_usec, uint64_t *ret_usec)
{
    uint64_t total = 0;

    text += strspn(text, " ");
    if (*text == '\0')
        return -EINVAL;
    while (*text != '\0') {
        uint64_t unit;
        char *end;

        if (!isdigit((unsigned char)*text))
            return -EINVAL;
        errno = 0;
        unsigned long long value = strtoull(text, &end, 10);
        if (errno != 0 || value > max_usec)
            return -ERANGE;

        const char *name = end + strspn(end, " ");
        size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz");
        int r = span_unit(name, length, &unit);
        if (r < 0)
            return r;
        if (value > max_usec / unit || total + value * unit > max_usec)
            return -ERANGE;
        total += value * unit;
        text = name + length;
        text += strspn(text, " ");
    }
    *ret_usec = total;
    return 0;
}

/* The kernel never prints such parts below our own cgroup namespace root, but "/../x" is how it
 * prints a cgroup that is outside of it: such a path must never be joined to the mount point. */
static bool path_is_plain(const char *path)
{
    if (path[0] != '/')
        return false;
    while (*path == '/') {
        path++;
        size_t length = strcspn(path, "/");
        if ((length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.'))
            return false;
        path += length;
    }
    return true;
}

static int copy_bounded(const char *text, size_t length, char *ret, size_t size)
{
    if (length >= size)
        return -ENAMETOOLONG;
    memcpy(ret, text, length);
    ret[length] = '\0';
    return 0;
}

int parse_proc_cgroup(const char *text, char *ret_path, size_t size)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        if (length > 3 && strncmp(text, "0::", 3) == 0) {
            int r = copy_bounded(text + 3, length - 3, ret_path, size);
            if (r < 0)
                return r;
            return path_is_plain(ret_path) ? 0 : -EINVAL;
        }
        text += length;
        text += *text == '\n';
    }
    return -ENODATA;
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t a = strlen(text), b = strlen(suffix);

    return a >= b && strcmp(text + a - b, suffix) == 0;
}

int unit_cgroup_of(const char *path, char *ret_unit, size_t size)
{
    static const char control[] = "/.control";
    size_t length = strlen(path);

    if (ends_with(path, control))
        length -= strlen(control);
    int r = copy_bounded(path, length, ret_unit, size);
    if (r < 0)
        return r;
    /* Somebody who tries the program by hand runs it in a session's scope: killing that would log
     * him out. */
    const char *name = strrchr(ret_unit, '/');
    return name && strlen(name) > strlen("/.service") && ends_with(name, ".service") ? 0 : -EPERM;
}

bool cgroup_is_within(const char *path, const char *parent)
{
    size_t length = strlen(parent);

    if (strcmp(parent, "/") == 0)
        return path[0] == '/';
    return strncmp(path, parent, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

bool cgroup_name_is_container(const char *name)
{
    return strncmp(name, "libpod-payload", strlen("libpod-payload")) == 0;
}

bool cgroup_name_is_overhead(const char *name)
{
    return strcmp(name, ".control") == 0 || strcmp(name, "supervisor") == 0 ||
           strcmp(name, "runtime") == 0;
}

/* Finds the value of a line "key<separator>value". Returns NULL when there is none. */
static const char *find_value(const char *text, const char *key, char separator)
{
    size_t length = strlen(key);

    while (*text != '\0') {
        if (strncmp(text, key, length) == 0 && text[length] == separator)
            return text + length + 1 + strspn(text + length + 1, " \t");
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return NULL;
}

void parse_cgroup_events(const char *text, struct cgroup_events *ret)
{
    const char *populated = find_value(text, "populated", ' ');
    const char *frozen = find_value(text, "frozen", ' ');

    *ret = (struct cgroup_events){
        .populated = populated && *populated == '1',
        .frozen = frozen && *frozen == '1',
    };
}

/* "NSpid: 4711 12 1": the PID in each namespace, from the reader's down to the process's own. */
static bool nspid_is_init(const char *value)
{
    size_t length = strcspn(value, "\n");
    bool nested = memchr(value, '\t', length) || memchr(value, ' ', length);

    return nested && length >= 2 && value[length - 1] == '1' &&
           isspace((unsigned char)value[length - 2]);
}

static uint64_t signal_set(const char *text, const char *key)
{
    const char *value = find_value(text, key, ':');

    return value ? strtoull(value, NULL, 16) : 0;
}

void parse_proc_status(const char *text, struct proc_status *ret)
{
    const char *state = find_value(text, "State", ':');
    const char *nspid = find_value(text, "NSpid", ':');
    const char *dumping = find_value(text, "CoreDumping", ':');

    *ret = (struct proc_status){
        .zombie = state && (*state == 'Z' || *state == 'X'),
        .ns_init = nspid && nspid_is_init(nspid),
        .core_dumping = dumping && *dumping == '1',
        .blocked = signal_set(text, "SigBlk"),
        .ignored = signal_set(text, "SigIgn"),
        .caught = signal_set(text, "SigCgt"),
    };
}

bool signal_has_effect(const struct proc_status *status, int signal)
{
    uint64_t bit = UINT64_C(1) << (signal - 1);

    if (status->zombie)
        return false;
    if (status->caught & bit)
        return true;
    if (status->blocked & bit)
        return !(status->ignored & bit);
    return !(status->ignored & bit) && !status->ns_init;
}

bool signal_is_for(const struct proc_status *status, int signal, bool alone)
{
    return alone || !status->ns_init || (status->caught & (UINT64_C(1) << (signal - 1)));
}

pid_t parse_next_pid(const char **text)
{
    while (**text != '\0') {
        const char *line = *text;
        char *end;

        *text += strcspn(line, "\n");
        *text += **text == '\n';
        errno = 0;
        long value = strtol(line, &end, 10);
        if (errno == 0 && value > 0 && value <= INT32_MAX && (*end == '\n' || *end == '\0') &&
            isdigit((unsigned char)line[0]))
            return (pid_t)value;
    }
    return 0;
}
