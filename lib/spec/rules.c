/* SPDX-License-Identifier: MIT */
/*
 * The checks behind rules.h. They look at shape only, never at the machine: the same spec is right
 * or wrong everywhere.
 */
#include "spec/rules.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/size.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/calendar.h"
#include "spec/cron.h"
#include "spec/name.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static bool only(const char *s, const char *accepted)
{
    return *s && s[strspn(s, accepted)] == '\0';
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

static int yes(bool ok)
{
    return ok ? 0 : -EINVAL;
}

/* Reads a decimal number that makes up all of s; -1 when it is none or beyond max. */
static long number(const char *s, long max)
{
    if (!only(s, DIGITS) || strlen(s) > 9)
        return -1;
    long value = strtol(s, NULL, 10);
    return value <= max ? value : -1;
}

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

static int check_host(const char *s, char **ret_canonical, char **ret_reason)
{
    size_t n = strlen(s);

    return yes(n > 0 && n <= 253 && only(s, LETTERS DIGITS ".-") && s[0] != '-' && s[0] != '.' &&
               s[n - 1] != '-' && !strstr(s, ".."));
}

const KeyRule rule_host = {
    .what = "a host name (like \"edge-7\" or \"edge-7.example.com\")",
    .check = check_host,
    .pattern = "^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$",
};

static bool path_is_normal(const char *s)
{
    if (s[0] != '/' || strlen(s) >= 4096 || has_control(s))
        return false;
    for (const char *p = s; (p = strstr(p, "/..")); p++)
        if (p[3] == '/' || p[3] == '\0')
            return false;
    return true;
}

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

static int check_percent(const char *s, char **ret_canonical, char **ret_reason)
{
    uint32_t permyriad;

    int r = percent_parse(s, &permyriad);
    if (r < 0)
        return r;
    return yes(permyriad <= 10000);
}

const KeyRule rule_percent = {
    .what = "a percentage from 0% to 100% (like \"10%\")",
    .check = check_percent,
    .pattern = "^[0-9]+(\\.[0-9]+)?%$",
};

static int check_size(const char *s, char **ret_canonical, char **ret_reason)
{
    uint64_t bytes;

    int r = size_parse(s, &bytes);
    if (r < 0)
        return r;
    if (bytes == 0)
        return -EINVAL;
    char *canonical = size_format(bytes);
    if (!canonical)
        return -ENOMEM;
    *ret_canonical = canonical;
    return 0;
}

const KeyRule rule_size = {
    .what = "a size (like \"50M\", \"1.5G\" or a number of bytes)",
    .numbers = true,
    .check = check_size,
};

static int check_memory(const char *s, char **ret_canonical, char **ret_reason)
{
    uint32_t permyriad;

    if (percent_parse(s, &permyriad) >= 0)
        return yes(permyriad > 0 && permyriad <= 10000);
    return check_size(s, ret_canonical, ret_reason);
}

const KeyRule rule_memory = {
    .what = "an amount of memory (like \"50M\", \"1.5G\" or \"10%\")",
    .numbers = true,
    .check = check_memory,
};

static int check_cpu(const char *s, char **ret_canonical, char **ret_reason)
{
    uint32_t permyriad;
    char *end;

    if (percent_parse(s, &permyriad) >= 0)
        return yes(permyriad >= 1);
    if (!only(s, DIGITS "."))
        return -EINVAL;
    double cpus = strtod(s, &end);
    if (*end || cpus < 0.001 || cpus > 10000)
        return -EINVAL;
    /* CPUQuota= takes at most two decimals (systemd.resource-control(5)). */
    long hundredths = (long)(cpus * 10000 + 0.5);
    char *canonical = hundredths % 100 == 0
                          ? text_printf("%ld%%", hundredths / 100)
                          : text_printf("%ld.%02ld%%", hundredths / 100, hundredths % 100);
    if (!canonical)
        return -ENOMEM;
    *ret_canonical = canonical;
    return 0;
}

const KeyRule rule_cpu = {
    .what = "a share of CPU time (like \"50%\" or 0.5 for half a CPU, \"200%\" or 2 for two)",
    .numbers = true,
    .check = check_cpu,
};

/* PORT or FIRST-LAST, empty only when allowed. */
static bool is_port_range(const char *s, size_t n, bool may_be_empty)
{
    char copy[16];

    if (n == 0)
        return may_be_empty;
    if (n >= sizeof(copy))
        return false;
    memcpy(copy, s, n);
    copy[n] = '\0';
    char *dash = strchr(copy, '-');
    if (!dash)
        return number(copy, 65535) > 0;
    *dash = '\0';
    long first = number(copy, 65535), last = number(dash + 1, 65535);
    return first > 0 && last >= first;
}

static bool is_ip_n(const char *s, size_t n)
{
    char copy[INET6_ADDRSTRLEN + 2];
    unsigned char address[16];

    if (n >= sizeof(copy))
        return false;
    memcpy(copy, s, n);
    copy[n] = '\0';
    if (copy[0] == '[' && n > 2 && copy[n - 1] == ']') {
        copy[n - 1] = '\0';
        return inet_pton(AF_INET6, copy + 1, address) == 1;
    }
    return inet_pton(AF_INET, copy, address) == 1;
}

/* [[ip:][hostPort]:]containerPort[/protocol], podman-run(1) --publish. */
static int check_port(const char *s, char **ret_canonical, char **ret_reason)
{
    size_t n = strcspn(s, "/");

    if (s[n] && !streq(s + n, "/tcp") && !streq(s + n, "/udp") && !streq(s + n, "/sctp"))
        return -EINVAL;
    const char *bracket = s[0] == '[' ? memchr(s, ']', n) : NULL;
    const char *start = bracket ? bracket + 1 : s;
    const char *first = memchr(start, ':', n - (size_t)(start - s));
    if (!first)
        return yes(!bracket && is_port_range(s, n, false));
    const char *second = memchr(first + 1, ':', n - (size_t)(first + 1 - s));
    const char *last = second ? second : first;
    if (!is_port_range(last + 1, n - (size_t)(last + 1 - s), false))
        return -EINVAL;
    if (!second)
        return yes(!bracket && is_port_range(s, (size_t)(first - s), true));
    return yes(is_ip_n(s, (size_t)(first - s)) &&
               is_port_range(first + 1, (size_t)(second - first - 1), true));
}

const KeyRule rule_port = {
    .what = "a port (like \"8080:80\", \"127.0.0.1:8080:80\", \"[::1]:8080:80/tcp\" or \"80\")",
    .numbers = true,
    .check = check_port,
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

static int check_network(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(only(s, LETTERS DIGITS "_.:,=@/-") && s[0] != '-' && strlen(s) < 512);
}

const KeyRule rule_network = {
    .what = "a network (like \"none\", \"bridge\", \"pasta\", \"host\" or the name of one)",
    .check = check_network,
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

static int check_stream(const char *s, char **ret_canonical, char **ret_reason)
{
    if (s[0] == '/')
        return yes(path_is_normal(s) && strlen(s) < 108);
    if (s[0] == '@')
        return yes(s[1] && !has_control(s) && strlen(s) < 108);
    const char *colon = strrchr(s, ':');
    if (!colon)
        return yes(number(s, 65535) > 0);
    return yes(is_ip_n(s, (size_t)(colon - s)) && number(colon + 1, 65535) > 0);
}

const KeyRule rule_stream = {
    .what = "an address to listen on (like 8080, \"127.0.0.1:8080\", \"[::1]:8080\", "
            "\"/run/web.sock\" or \"@name\")",
    .numbers = true,
    .check = check_stream,
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

static int check_bindipv6only(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(streq(s, "default") || streq(s, "both") || streq(s, "ipv6-only"));
}

const KeyRule rule_bindipv6only = {
    .what = "one of \"default\", \"both\", \"ipv6-only\"",
    .check = check_bindipv6only,
    .pattern = "^(default|both|ipv6-only)$",
};

static int check_urlpath(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(s[0] == '/' && !has_control(s) && !strchr(s, ' ') && strlen(s) < 2048);
}

const KeyRule rule_urlpath = {
    .what = "a path on the server (like \"/health\")",
    .check = check_urlpath,
    .pattern = "^/[^\\s]*$",
};

static int check_url(const char *s, char **ret_canonical, char **ret_reason)
{
    const char *host = strncmp(s, "https://", 8) == 0  ? s + 8
                       : strncmp(s, "http://", 7) == 0 ? s + 7
                                                       : NULL;

    return yes(host && *host && *host != '/' && !has_control(s) && !strchr(s, ' '));
}

const KeyRule rule_url = {
    .what = "an address (like \"https://example.com/hook\")",
    .check = check_url,
    .pattern = "^https?://[^/\\s][^\\s]*$",
};

static int check_method(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(only(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") && strlen(s) <= 16);
}

const KeyRule rule_method = {
    .what = "an HTTP method (like \"GET\" or \"HEAD\")",
    .check = check_method,
    .pattern = "^[A-Z]{1,16}$",
};

static int check_status(const char *s, char **ret_canonical, char **ret_reason)
{
    char copy[8];

    if (strlen(s) >= sizeof(copy))
        return -EINVAL;
    strcpy(copy, s);
    char *dash = strchr(copy, '-');
    if (dash)
        *dash = '\0';
    long first = number(copy, 599), last = dash ? number(dash + 1, 599) : first;
    return yes(first >= 100 && last >= first);
}

const KeyRule rule_status = {
    .what = "an HTTP status or a range of them (like 200 or \"200-299\")",
    .numbers = true,
    .check = check_status,
    .pattern = "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$",
};

static int check_address(const char *s, char **ret_canonical, char **ret_reason)
{
    unsigned char address[16];

    if (inet_pton(AF_INET6, s, address) == 1)
        return 0;
    return check_host(s, ret_canonical, ret_reason);
}

const KeyRule rule_address = {
    .what = "a host name or an IP address",
    .check = check_address,
};

static int check_ipv6(const char *s, char **ret_canonical, char **ret_reason)
{
    unsigned char address[16];

    return yes(inet_pton(AF_INET6, s, address) == 1);
}

const KeyRule rule_ipv6 = {
    .what = "an IPv6 address (like \"fd38:dde8:32dd::7\")",
    .check = check_ipv6,
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

static int check_collector(const char *s, char **ret_canonical, char **ret_reason)
{
    const char *path = strncmp(s, "unix:", 5) == 0 ? s + 5 : NULL;

    if (path)
        return yes(path_is_normal(path) && strlen(path) < 108);
    int r = check_url(s, ret_canonical, ret_reason);
    /* Passwords have no place in what everybody may read, nor anything behind the path. */
    return r < 0 ? r : yes(!strpbrk(s, "@?#"));
}

const KeyRule rule_collector = {
    .what = "the address of a collector (like \"https://collector.example.com\" or "
            "\"unix:/run/collector.sock\"), without user, \"?\" and \"#\"",
    .check = check_collector,
    .pattern = "^(https?://[^/\\s@?#][^\\s@?#]*|unix:/[^\\u0000-\\u001f\\u007f]{0,106})$",
};

static int check_collector_host(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(*s && strlen(s) <= 253 && !has_control(s));
}

const KeyRule rule_collector_host = {
    .what = "a name of at most 253 bytes",
    .check = check_collector_host,
    .pattern = "^[^\\u0000-\\u001f\\u007f]{1,253}$",
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
