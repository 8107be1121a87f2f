/* SPDX-License-Identifier: MIT */

/* Any packet as phoenixd receives it from a lease, which runs with the rights of the service. And
 * any bytes as the text of an answer: what is made of them is accepted by the other end. */

#include <errno.h>
#include <stddef.h>

#include "fuzz.h"
#include "supervisor/lease/protocol.h"

static void check_packet(const uint8_t *data, size_t size)
{
    void *packet = malloc(size > 0 ? size : 1);
    struct lease_message message;

    REQUIRE(packet);
    if (size > 0)
        memcpy(packet, data, size);
    int r = lease_parse(packet, size, LEASE_END_SUPERVISOR, &message);
    REQUIRE(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
    if (r == 0) {
        REQUIRE(message.type >= LEASE_HELLO && message.type <= LEASE_THAWED);
        REQUIRE(message.text_size <= LEASE_TEXT_MAX);
        REQUIRE(message.type != LEASE_ANSWER || message.answer->error <= 0);
        REQUIRE(lease_parse(packet, size, LEASE_END_LEASE, &message) == -EBADMSG);
    }
    free(packet);
}

static void check_text(const uint8_t *data, size_t size)
{
    _Alignas(uint64_t) char buf[LEASE_MESSAGE_MAX] = {};
    struct lease_answer *answer = (struct lease_answer *)buf;
    size_t fixed = offsetof(struct lease_answer, text);
    struct lease_message message;

    lease_header_init(&answer->header, LEASE_ANSWER, fixed);
    size_t n = lease_add_text(answer, fixed, (const char *)data, size);
    REQUIRE(n >= fixed && n <= fixed + LEASE_TEXT_MAX && n <= fixed + size);
    REQUIRE(lease_parse(buf, n, LEASE_END_SUPERVISOR, &message) == 0);
    for (size_t i = 0; i < message.text_size; i++)
        REQUIRE((unsigned char)message.text[i] >= ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_packet(data, size);
    check_text(data, size);
    return 0;
}
