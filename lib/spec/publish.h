/* SPDX-License-Identifier: MIT */
/*
 * A port as "ports" publishes it, podman-run(1) --publish: what it takes up on the host.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum PublishProtocol {
    PUBLISH_TCP,
    PUBLISH_UDP,
    PUBLISH_SCTP,
    _PUBLISH_PROTOCOL_MAX,
} PublishProtocol;

typedef struct Published {
    PublishProtocol protocol;
    bool ipv4, ipv6;           /* both when no address is given */
    unsigned char address[16]; /* in network order, of IPv4 the first four; zero: all of them */
    uint16_t first, last;      /* ports of the host */
} Published;

/* Reads what rule_port takes. Returns 1, 0 when Podman is to choose the port, or -EINVAL. */
int publish_parse(const char *s, Published *ret);
