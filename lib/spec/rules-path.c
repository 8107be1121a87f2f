/* SPDX-License-Identifier: MIT */
/*
 * The rules for paths, and for what may be a path or has one in it.
 */
#include <stdlib.h>

#include "base/macros.h"
#include "spec/rules-internal.h"

bool path_is_normal(const char *s)
{
    if (s[0] != '/' || strlen(s) >= 4096 || has_control(s))
        return false;
    for (const char *p = s; (p = strstr(p, "/..")); p++)
        if (p[3] == '/' || p[3] == '\0')
            return false;
    return true;
}

static int check_path(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(path_is_normal(s));
}

const KeyRule rule_path = {
    .what = "an absolute path without \"..\" (like \"/srv/web\")",
    .check = check_path,
    .pattern = "^/[^\\u0000-\\u001f\\u007f]*$",
};

static int check_optional_path(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(path_is_normal(s[0] == '-' ? s + 1 : s));
}

const KeyRule rule_optional_path = {
    .what = "an absolute path (like \"/etc/web.env\"; with \"-\" in front it may be missing)",
    .check = check_optional_path,
    .pattern = "^-?/[^\\u0000-\\u001f\\u007f]*$",
};

static int check_image(const char *s, char **ret_canonical, char **ret_reason)
{
    if (s[0] == '/')
        return yes(path_is_normal(s));
    return yes(only(s, LETTERS DIGITS "._-/:@+") && strlen(s) < 1024 && s[0] != '-');
}

const KeyRule rule_image = {
    .what = "an image reference (like \"docker.io/library/nginx:1.27\") or an absolute path",
    .check = check_image,
    .pattern = "^(/.+|[A-Za-z0-9._/:@+][A-Za-z0-9._/:@+-]*)$",
};

static bool is_volume_name(const char *s, size_t n)
{
    if (n == 0 || n > 255 || !memchr(LETTERS DIGITS, s[0], sizeof(LETTERS DIGITS) - 1))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!strchr(LETTERS DIGITS "_.-", s[i]))
            return false;
    return true;
}

/* SOURCE:DESTINATION[:OPTIONS] or DESTINATION, podman-run(1) --volume. */
static int check_volume(const char *s, char **ret_canonical, char **ret_reason)
{
    _cleanup_free_ char *copy = strdup(s);

    if (!copy)
        return -ENOMEM;
    char *destination = strchr(copy, ':');
    if (!destination)
        return yes(path_is_normal(copy));
    *destination++ = '\0';
    char *options = strchr(destination, ':');
    if (options)
        *options++ = '\0';
    if (options && !only(options, LETTERS DIGITS ",=_+-"))
        return -EINVAL;
    return yes(path_is_normal(destination) &&
               (path_is_normal(copy) || is_volume_name(copy, strlen(copy))));
}

const KeyRule rule_volume = {
    .what = "a volume (like \"/srv/data:/data\", \"/etc/web:/etc/web:ro\" or \"name:/data\")",
    .check = check_volume,
};

static int check_tmpfs(const char *s, char **ret_canonical, char **ret_reason)
{
    size_t n = strcspn(s, ":");
    _cleanup_free_ char *path = strndup(s, n);

    if (!path)
        return -ENOMEM;
    if (!path_is_normal(path))
        return -EINVAL;
    return yes(!s[n] || only(s + n + 1, LETTERS DIGITS ",=_%-"));
}

const KeyRule rule_tmpfs = {
    .what = "a tmpfs (like \"/run/web\" or \"/cache:size=64M\")",
    .check = check_tmpfs,
};

static int check_secret_place(const char *s, char **ret_canonical, char **ret_reason)
{
    if (*s == '/')
        return yes(path_is_normal(s));
    return yes(*s && *s != '.' && strlen(s) < 256 && !has_control(s) && !strpbrk(s, "/ :"));
}

const KeyRule rule_secret_place = {
    .what = "an absolute path, or the name of a credential of phoenixd.service (like "
            "\"collector-token\")",
    .check = check_secret_place,
    .pattern = "^(/[^\\u0000-\\u001f\\u007f]*|[^./ :\\u0000-\\u001f\\u007f][^/ "
               ":\\u0000-\\u001f\\u007f]{0,254})$",
};
