/* SPDX-License-Identifier: MIT */

/* Finding the files, and the line in them. */

#include "cli/doctor/config.h"

#include <glob.h>

#include "base/strv.h"
#include "base/text.h"

#define BLANKS " \t\r"

/* The line from s to end without what stands around it, in a new string. */
static char *trimmed(const char *s, const char *end)
{
    while (s < end && strchr(BLANKS, *s))
        s++;
    while (end > s && strchr(BLANKS, end[-1]))
        end--;
    return strndup(s, (size_t)(end - s));
}

/* A value: what is in quotes, else all up to a comment. */
static char *value_of(const char *s, const char *end)
{
    const char *stop;

    while (s < end && strchr(BLANKS, *s))
        s++;
    if (s < end && (*s == '"' || *s == '\'')) {
        stop = memchr(s + 1, *s, (size_t)(end - s - 1));
        return strndup(s + 1, (size_t)((stop ? stop : end) - s - 1));
    }
    stop = memchr(s, '#', (size_t)(end - s));
    return trimmed(s, stop ? stop : end);
}

/* Whether the line is "[SECTION]" or "KEY = ..."; for the latter *ret_value is where it begins. */
static bool is_key(const char *line, const char *end, const char *key, const char **ret_value)
{
    const char *equals = memchr(line, '=', (size_t)(end - line));
    _cleanup_free_ char *name = equals ? trimmed(line, equals) : NULL;

    if (!name || !streq(name, key))
        return false;
    *ret_value = equals + 1;
    return true;
}

char *config_value(const char *text, const char *section, const char *key)
{
    char *value = NULL;
    bool here = false;

    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *end = line + strcspn(line, "\n"), *start;
        _cleanup_free_ char *all = trimmed(line, end);
        size_t n = strlen(section);

        if (!all || *all == '#' || *all == ';')
            continue;
        if (*all == '[') {
            here = strncmp(all + 1, section, n) == 0 && all[1 + n] == ']';
        } else if (here && is_key(line, end, key, &start)) {
            free(value);
            value = value_of(start, end);
        }
    }
    return value;
}

char *config_folder(const Machine *machine)
{
    const char *set = *machine->root ? NULL : getenv("XDG_CONFIG_HOME");

    return set && *set ? text_printf("%s/containers", set)
                       : text_printf("%s/.config/containers", machine->home);
}

static void take_value(const Machine *machine, const char *path, const char *section,
                       const char *key, char **value)
{
    _cleanup_free_ char *text = machine_read(machine, path);
    char *found = text ? config_value(text, section, key) : NULL;

    if (!found)
        return;
    free(*value);
    *value = found;
}

/* FOLDER/NAME, and then FOLDER/NAME.d in alphabetical order. */
static void take_folder(const Machine *machine, const char *folder, const char *section,
                        const char *key, char **value)
{
    _cleanup_free_ char *path = text_printf("%s/containers.conf", folder);
    _cleanup_free_ char *pattern =
        text_printf("%s%s/containers.conf.d/*.conf", machine->root, folder);
    glob_t found;

    if (path)
        take_value(machine, path, section, key, value);
    if (!pattern || glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        take_value(machine, found.gl_pathv[i] + strlen(machine->root), section, key, value);
    globfree(&found);
}

char *config_of_containers(const Machine *machine, const char *section, const char *key)
{
    _cleanup_free_ char *own = config_folder(machine);
    char *value = NULL;

    take_folder(machine, "/usr/share/containers", section, key, &value);
    take_folder(machine, "/etc/containers", section, key, &value);
    if (own && machine_is_rootless(machine))
        take_folder(machine, own, section, key, &value);
    return value;
}

char *config_of_storage(const Machine *machine)
{
    _cleanup_free_ char *folder = config_folder(machine);
    _cleanup_free_ char *own = folder ? text_printf("%s/storage.conf", folder) : NULL;
    char *text = NULL;

    if (own && machine_is_rootless(machine))
        text = machine_read(machine, own);
    if (!text)
        text = machine_read(machine, "/etc/containers/storage.conf");
    return text ? text : machine_read(machine, "/usr/share/containers/storage.conf");
}
