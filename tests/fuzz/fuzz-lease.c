/* SPDX-License-Identifier: MIT */

/* Any packet as phoenix-lease receives it: what is accepted keeps to all that the other files of
 * the lease rely on, and is accepted only at one end. */

#include <errno.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "supervisor/lease/protocol.h"

/* The reader gets a buffer of exactly that size, so that the sanitizer sees a byte too far. */
static void *copy_packet(const uint8_t *data, size_t size)
{
    void *packet = malloc(size > 0 ? size : 1);

    REQUIRE(packet);
    if (size > 0)
        memcpy(packet, data, size);
    return packet;
}

static void check_request(const struct lease_message *message)
{
    const struct lease_request *request = message->request;
    size_t words = 0;

    REQUIRE(request->op >= LEASE_OP_SOCKET && request->op <= LEASE_OP_EXEC);
    if (request->op == LEASE_OP_SOCKET) {
        REQUIRE(request->domain == AF_INET || request->domain == AF_INET6);
        return;
    }
    REQUIRE(message->text_size > 0 && message->text_size < LEASE_MESSAGE_MAX);
    if (request->op != LEASE_OP_EXEC) {
        REQUIRE(!memchr(message->text, '\0', message->text_size));
        return;
    }
    REQUIRE(message->text[0] != '\0' && message->text[message->text_size - 1] == '\0');
    for (size_t i = 0; i < message->text_size; i += strlen(message->text + i) + 1)
        words++;
    REQUIRE(words >= 1 && words <= 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *packet = copy_packet(data, size);
    struct lease_message message, other;

    int r = lease_parse(packet, size, LEASE_END_LEASE, &message);
    REQUIRE(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
    if (r == 0) {
        REQUIRE(message.header->size == size && size <= LEASE_MESSAGE_MAX);
        REQUIRE(message.type >= LEASE_WELCOME && message.type <= LEASE_GO);
        REQUIRE(message.text + message.text_size == (const char *)packet + size);
        REQUIRE(lease_parse(packet, size, LEASE_END_SUPERVISOR, &other) == -EBADMSG);
        if (message.type == LEASE_REQUEST)
            check_request(&message);
        else
            REQUIRE(message.text_size <= LEASE_TEXT_MAX);
    }
    free(packet);
    return 0;
}
