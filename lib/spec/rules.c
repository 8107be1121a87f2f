/* SPDX-License-Identifier: MIT */
/*
 * The checks behind rules.h; here those of words and names, beside them (rules-*.c) those of paths,
 * addresses and amounts. They look at shape only, never at the machine: the same spec is right or
 * wrong everywhere.
 */
#include "spec/rules.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/calendar.h"
#include "spec/cron.h"
#include "spec/name.h"
#include "spec/rules-internal.h"

static int check_line(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(*s && !has_control(s));
}

const KeyRule rule_line = {
    .what = "one line of text without control characters",
    .check = check_line,
    .pattern = "^[^\\u0000-\\u001f\\u007f]+$",
};

const KeyRule rule_text = {
    .what = "text",
};

static int check_name(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(spec_name_valid(s));
}

const KeyRule rule_name = {
    .what = "a service name (a-z, 0-9, \"_\", \".\", \"-\", beginning with a letter or digit, "
            "at most 64 characters)",
    .check = check_name,
    .pattern = "^[a-z0-9][a-z0-9_.-]{0,63}$",
};

static bool is_account(const char *s, size_t n)
{
    if (n == 0 || n > 64 || s[0] == '-' || s[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!strchr(LETTERS DIGITS "_.-", s[i]))
            return false;
    return true;
}

static int check_user(const char *s, char **ret_canonical, char **ret_reason)
{
    size_t user = strcspn(s, ":");

    if (!is_account(s, user))
        return -EINVAL;
    return yes(!s[user] || is_account(s + user + 1, strlen(s + user + 1)));
}

const KeyRule rule_user = {
    .what = "a user (like \"www-data\", \"1000\" or \"www-data:www-data\")",
    .check = check_user,
    .pattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$",
};

static int check_account(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(is_account(s, strlen(s)));
}

const KeyRule rule_account = {
    .what = "a user or a group (like \"www-data\" or \"1000\")",
    .check = check_account,
    .pattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
};

static int check_schedule(const char *s, char **ret_canonical, char **ret_reason)
{
    if (!cron_looks_like(s))
        return calendar_check(s, ret_reason);

    _cleanup_strv_free_ char **calendars = NULL;
    return cron_to_calendar(s, &calendars, ret_reason);
}

const KeyRule rule_schedule = {
    .what = "a schedule (OnCalendar= like \"Mon..Fri 09:00\", or cron like \"*/15 * * * *\")",
    .check = check_schedule,
};

static int check_capability(const char *s, char **ret_canonical, char **ret_reason)
{
    if (strcasecmp(s, "all") == 0) {
        *ret_canonical = strdup("all");
        return *ret_canonical ? 0 : -ENOMEM;
    }
    const char *name = strncasecmp(s, "CAP_", 4) == 0 ? s + 4 : s;
    if (!only(name, LETTERS "_") || strlen(name) > 32)
        return -EINVAL;
    char *canonical = text_printf("CAP_%s", name);
    if (!canonical)
        return -ENOMEM;
    for (char *p = canonical; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    *ret_canonical = canonical;
    return 0;
}

const KeyRule rule_capability = {
    .what = "a capability (like \"CAP_NET_BIND_SERVICE\"; see capabilities(7)) or \"all\"",
    .check = check_capability,
    .pattern = "^[A-Za-z_]+$",
};

static int check_syscall(const char *s, char **ret_canonical, char **ret_reason)
{
    const char *name = s[0] == '~' ? s + 1 : s;

    return yes(only(name, LETTERS DIGITS "_@-") && strlen(name) < 64);
}

const KeyRule rule_syscall = {
    .what = "a system call or a set of them (like \"ptrace\" or \"@system-service\")",
    .check = check_syscall,
    .pattern = "^~?[@A-Za-z0-9_-]+$",
};

static int check_mode(const char *s, char **ret_canonical, char **ret_reason)
{
    size_t n = strlen(s);

    return yes(only(s, "01234567") && n >= 3 && n <= 4);
}

const KeyRule rule_mode = {
    .what = "a file mode in octal (like \"0660\")",
    .check = check_mode,
    .pattern = "^[0-7]{3,4}$",
};

static int check_glob(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(*s && !has_control(s) && strlen(s) <= 256);
}

const KeyRule rule_glob = {
    .what = "a name or a pattern for names (like \"stress\" or \"stress_*\"; see glob(7))",
    .check = check_glob,
    .pattern = "^[^\\u0000-\\u001f\\u007f]{1,256}$",
};

static int check_label(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(s[0] && s[0] != '=' && !has_control(s) && strlen(s) <= 1024);
}

const KeyRule rule_label = {
    .what = "the key of a label, or key and value (like \"com.example.role\" or "
            "\"com.example.role=batch-*\")",
    .check = check_label,
    .pattern = "^[^=\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]{0,1023}$",
};

static int check_class(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(only(s, "abcdefghijklmnopqrstuvwxyz" DIGITS "_-") && strlen(s) <= 32 &&
               s[0] != '_' && s[0] != '-');
}

const KeyRule rule_class = {
    .what = "the name of a class (a-z, 0-9, \"_\", \"-\", beginning with a letter or digit, at "
            "most 32 characters)",
    .check = check_class,
    .pattern = "^[a-z0-9][a-z0-9_-]{0,31}$",
};

static int check_arguments(const char *s, char **ret_canonical, char **ret_reason)
{
    size_t n = strlen(s);

    return yes(n > 0 && n <= 256 && !has_control(s) && s[0] != ' ' && s[n - 1] != ' ');
}

const KeyRule rule_arguments = {
    .what = "one or more words of a command line (like \"--cpu\" or \"--vm 2\")",
    .check = check_arguments,
    .pattern =
        "^[^ \\u0000-\\u001f\\u007f]([^\\u0000-\\u001f\\u007f]{0,254}[^ \\u0000-\\u001f\\u007f])?$",
};

static int check_event(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(streq(s, "unhealthy") || streq(s, "restarted") || streq(s, "held") ||
               streq(s, "recovered"));
}

const KeyRule rule_event = {
    .what = "one of \"unhealthy\", \"restarted\", \"held\", \"recovered\"",
    .check = check_event,
    .pattern = "^(unhealthy|restarted|held|recovered)$",
};
