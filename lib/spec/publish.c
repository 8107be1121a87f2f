/* SPDX-License-Identifier: MIT */
/*
 * Taking apart [[ip:][hostPort]:]containerPort[/protocol].
 */
#include "spec/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

static int read_protocol(char *s, PublishProtocol *ret)
{
    static const char *const words[] = {
        [PUBLISH_TCP] = "tcp",
        [PUBLISH_UDP] = "udp",
        [PUBLISH_SCTP] = "sctp",
    };
    char *slash = strchr(s, '/');

    *ret = PUBLISH_TCP;
    if (!slash)
        return 0;
    *slash = '\0';
    for (size_t i = 0; i < ELEMENTSOF(words); i++)
        if (streq(slash + 1, words[i])) {
            *ret = (PublishProtocol)i;
            return 0;
        }
    return -EINVAL;
}

static int read_ip(char *s, Published *published)
{
    size_t n = strlen(s);

    published->ipv6 = s[0] == '[' && s[n - 1] == ']';
    published->ipv4 = !published->ipv6;
    if (published->ipv4)
        return inet_pton(AF_INET, s, published->address) == 1 ? 0 : -EINVAL;
    s[n - 1] = '\0';
    return inet_pton(AF_INET6, s + 1, published->address) == 1 ? 0 : -EINVAL;
}

/* PORT or FIRST-LAST. Returns 1, 0 when there is none, or -EINVAL. */
static int read_ports(const char *s, Published *published)
{
    char *end;

    if (!*s)
        return 0;
    unsigned long first = strtoul(s, &end, 10), last = first;
    if (*end == '-')
        last = strtoul(end + 1, &end, 10);
    if (*end || first == 0 || last < first || last > UINT16_MAX)
        return -EINVAL;
    published->first = (uint16_t)first;
    published->last = (uint16_t)last;
    return 1;
}

int publish_parse(const char *s, Published *ret)
{
    Published published = {.ipv4 = true, .ipv6 = true};
    char copy[128];

    if (strlen(s) >= sizeof(copy))
        return -EINVAL;
    strcpy(copy, s);
    int r = read_protocol(copy, &published.protocol);
    if (r < 0)
        return r;
    char *container = strrchr(copy, ':');
    if (!container)
        return 0;
    *container = '\0';
    char *host = strrchr(copy, ':');
    if (host) {
        *host++ = '\0';
        r = read_ip(copy, &published);
    } else {
        host = copy;
    }
    if (r >= 0)
        r = read_ports(host, &published);
    if (r > 0)
        *ret = published;
    return r;
}
