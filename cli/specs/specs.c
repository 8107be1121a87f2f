/* SPDX-License-Identifier: MIT */

/* Finding specs for the verbs. */

#include "cli/specs/specs.h"

#include "base/log.h"
#include "base/strv.h"

#define UNIT_PREFIX "phoenix@"
#define UNIT_SUFFIX ".service"

int specs_load(const Cli *cli, SpecSet **ret)
{
    _cleanup_strv_free_ char **folders = NULL;
    int r;

    r = spec_folders(cli->scope, &folders);
    if (r < 0)
        return r;
    return spec_set_load(cli->scope, folders, NULL, ret);
}

static bool ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n > m && streq(s + n - m, suffix);
}

bool specs_is_path(const char *arg)
{
    return strchr(arg, '/') || ends_with(arg, ".json");
}

char *specs_name_of_arg(const char *arg)
{
    if (strncmp(arg, UNIT_PREFIX, strlen(UNIT_PREFIX)) == 0) {
        arg += strlen(UNIT_PREFIX);
        if (ends_with(arg, UNIT_SUFFIX))
            return strndup(arg, strlen(arg) - strlen(UNIT_SUFFIX));
    }
    return strdup(arg);
}

char *specs_folders_text(const Cli *cli)
{
    _cleanup_strv_free_ char **folders = NULL;
    _cleanup_text_ Text t = {0};
    char *s = NULL;

    if (spec_folders(cli->scope, &folders) < 0)
        return NULL;
    STRV_FOREACH (folder, folders) {
        text_add(&t, t.size > 0 ? ", " : "");
        screen_add_clean(&t, *folder);
    }
    return text_take(&t, &s) < 0 ? NULL : s;
}

static void say_missing(const Cli *cli, const SpecSet *set, const char *name)
{
    _cleanup_free_ char *folders = specs_folders_text(cli);
    const char *near = spec_set_nearest(set, name);
    _cleanup_text_ Text clean = {0};

    screen_add_clean(&clean, name);
    if (near)
        log_error("no spec named \"%s\"; did you mean \"%s\"?", clean.data, near);
    else
        log_error("no spec named \"%s\" in %s", clean.data, folders ? folders : "any folder");
}

SpecEntry *specs_find(const Cli *cli, const SpecSet *set, const char *name)
{
    _cleanup_free_ char *instance = specs_name_of_arg(name);
    SpecEntry *entry = instance ? spec_set_find(set, instance) : NULL;

    if (!entry)
        say_missing(cli, set, name);
    return entry;
}
