/* SPDX-License-Identifier: MIT */
/*
 * What Podman calls a container. Neither cgroups nor processes of it know; its conmon, which has
 * started it and waits for its end, was given the name (conmon(8): --name, --cid). What a container
 * says of itself is not listened to: conmon is looked for outside of its cgroup.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"
#include "reap/look.h"

#define ANCESTORS_MAX 8
#define CMDLINE_MAX   (64U * 1024U)
#define NAME_SIZE_MAX 256U

static int read_of_process(const char *proc_root, pid_t pid, const char *file, char **ret,
                           size_t *ret_size)
{
    _cleanup_free_ char *path = text_printf("%s/%d/%s", proc_root, (int)pid, file);

    return path ? file_read(AT_FDCWD, path, CMDLINE_MAX, ret, ret_size) : -ENOMEM;
}

/* The parent, from /proc/PID/stat: behind the name, which may hold anything, comes the state. */
static pid_t parent_of(const char *proc_root, pid_t pid)
{
    _cleanup_free_ char *text = NULL;
    int parent = 0;

    if (read_of_process(proc_root, pid, "stat", &text, NULL) < 0)
        return 0;
    const char *end = strrchr(text, ')');
    return end && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

static bool is_inside(const char *proc_root, pid_t pid, const char *cgroup)
{
    _cleanup_free_ char *text = NULL;
    size_t n = strlen(cgroup);

    /* What cannot be read is not trusted either. */
    if (read_of_process(proc_root, pid, "cgroup", &text, NULL) < 0)
        return true;
    const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (!line)
        return true;
    const char *path = strchr(line, '/');
    return !path ||
           (strncmp(path, cgroup, n) == 0 && (path[n] == '\n' || path[n] == '/' || !path[n]));
}

/* The argument behind `-x` or `--long`, of arguments with a NUL behind each. */
static const char *value_of(const char *cmdline, size_t size, const char *letter, const char *word)
{
    const char *end = cmdline + size;

    for (const char *arg = cmdline; arg < end; arg += strlen(arg) + 1) {
        const char *next = arg + strlen(arg) + 1;
        if (next < end && (streq(arg, letter) || streq(arg, word)))
            return next;
    }
    return NULL;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The name in the command line of the container's conmon; NULL when it is none. */
static const char *conmon_name(const char *cmdline, size_t size, const char *id)
{
    const char *cid, *name;

    if (size == 0 || !streq(last_part(cmdline), "conmon"))
        return NULL;
    cid = value_of(cmdline, size, "-c", "--cid");
    name = value_of(cmdline, size, "-n", "--name");
    return cid && name && streq(cid, id) && strlen(name) < NAME_SIZE_MAX ? name : NULL;
}

int reap_container_name(const char *proc_root, const SysinfoContainer *info, char **ret)
{
    pid_t pid = info->pid;
    char *name = NULL;

    for (size_t i = 0; i < ANCESTORS_MAX && pid > 1 && !name; i++) {
        _cleanup_free_ char *cmdline = NULL;
        size_t size = 0;
        pid = parent_of(proc_root, pid);
        if (pid <= 1 || read_of_process(proc_root, pid, "cmdline", &cmdline, &size) < 0)
            break;
        const char *found = conmon_name(cmdline, size, info->id);
        if (!found || is_inside(proc_root, pid, info->cgroup))
            continue;
        name = strdup(found);
        if (!name)
            return -ENOMEM;
    }
    if (!name)
        name = strdup("");
    if (!name)
        return -ENOMEM;
    *ret = name;
    return 0;
}
