/* SPDX-License-Identifier: MIT */

/* Any bytes as an answer of sock_diag(7): each socket that is found lies in them, and the reader
 * gets to an end. */

#include <errno.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "supervisor/idle/diag.h"

static void check_socket(const struct diag_socket *socket)
{
    REQUIRE(socket->family == AF_INET || socket->family == AF_INET6 || socket->family == AF_UNIX);
    REQUIRE(socket->name_size <= sizeof(socket->name));
    REQUIRE(socket->family == AF_UNIX || (socket->name_size == 0 && !socket->has_file));
    (void)diag_is_use(socket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *packet = malloc(size > 0 ? size : 1);
    struct diag_socket socket;
    size_t at = 0, before;
    int r;

    REQUIRE(packet);
    if (size > 0)
        memcpy(packet, data, size);
    do {
        before = at;
        r = diag_next(packet, size, &at, &socket);
        if (r > 0) {
            REQUIRE(at > before);
            check_socket(&socket);
        }
    } while (r > 0);
    REQUIRE(r == 0 || (r < 0 && r >= -4095));
    free(packet);
    return 0;
}
