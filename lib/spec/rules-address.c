/* SPDX-License-Identifier: MIT */
/*
 * The rules for what is found on a network: hosts, ports, sockets, URLs, and the words of HTTP.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "base/macros.h"
#include "spec/rules-internal.h"

/* Reads a decimal number that makes up all of s; -1 when it is none or beyond max. */
static long number(const char *s, long max)
{
    if (!only(s, DIGITS) || strlen(s) > 9)
        return -1;
    long value = strtol(s, NULL, 10);
    return value <= max ? value : -1;
}

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

static int check_bindipv6only(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(streq(s, "default") || streq(s, "both") || streq(s, "ipv6-only"));
}

const KeyRule rule_bindipv6only = {
    .what = "one of \"default\", \"both\", \"ipv6-only\"",
    .check = check_bindipv6only,
    .pattern = "^(default|both|ipv6-only)$",
};

static int check_network(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(only(s, LETTERS DIGITS "_.:,=@/-") && s[0] != '-' && strlen(s) < 512);
}

const KeyRule rule_network = {
    .what = "a network (like \"none\", \"bridge\", \"pasta\", \"host\" or the name of one)",
    .check = check_network,
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

static int check_urlpath(const char *s, char **ret_canonical, char **ret_reason)
{
    return yes(s[0] == '/' && !has_control(s) && !strchr(s, ' ') && strlen(s) < 2048);
}

const KeyRule rule_urlpath = {
    .what = "a path on the server (like \"/health\")",
    .check = check_urlpath,
    .pattern = "^/[^\\s]*$",
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
