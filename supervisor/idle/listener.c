/* SPDX-License-Identifier: MIT */

/* Reads the addresses of listener.h and compares them with what the kernel says; no I/O. */

#include "listener.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const uint8_t zero[16];

static int parse_port(const char *text, uint16_t *ret)
{
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    unsigned long port = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || port == 0 || port > UINT16_MAX)
        return -EINVAL;
    *ret = (uint16_t)port;
    return 0;
}

static int parse_unix(const char *text, struct listener *ret)
{
    size_t size = strlen(text);

    if (text[0] == '@' && size == 1)
        return -EINVAL;
    /* A path has to have room for its end, too. */
    if (size >= sizeof(ret->name) - (text[0] == '/'))
        return -ENAMETOOLONG;
    ret->family = AF_UNIX;
    ret->name_size = size;
    memcpy(ret->name, text, size + 1);
    if (text[0] == '@')
        ret->name[0] = '\0';
    return 0;
}

/* "ADDRESS:PORT" without the brackets: `size` bytes of address, then the port. */
static int parse_ip(int family, const char *text, size_t size, const char *port,
                    struct listener *ret)
{
    char address[INET6_ADDRSTRLEN];

    if (size >= sizeof(address))
        return -EINVAL;
    memcpy(address, text, size);
    address[size] = '\0';
    /* The interface of a link-local address; the port is what matters. */
    address[strcspn(address, "%")] = '\0';
    ret->family = family;
    if (inet_pton(family, address, ret->address) != 1)
        return -EINVAL;
    ret->any = memcmp(ret->address, zero, sizeof(zero)) == 0;
    return parse_port(port, &ret->port);
}

static int parse(const char *text, bool ipv6, struct listener *ret)
{
    const char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');

    if (text[0] == '/' || text[0] == '@')
        return parse_unix(text, ret);
    if (text[0] == '[') {
        if (!bracket || bracket[1] != ':')
            return -EINVAL;
        return parse_ip(AF_INET6, text + 1, (size_t)(bracket - text - 1), bracket + 2, ret);
    }
    if (colon)
        return parse_ip(AF_INET, text, (size_t)(colon - text), colon + 1, ret);
    ret->family = ipv6 ? AF_INET6 : AF_INET;
    ret->any = true;
    return parse_port(text, &ret->port);
}

int listener_parse(const char *text, bool ipv6, struct listener *ret)
{
    struct listener listener = {0};

    assert(text && ret);
    int r = parse(text, ipv6, &listener);
    if (r == 0)
        *ret = listener;
    return r;
}

static bool has_tcp(const struct listener *listener, const struct diag_socket *socket)
{
    /* A socket that was reset has forgotten its own address. */
    return socket->port == listener->port &&
           (listener->any || memcmp(socket->address, listener->address, sizeof(zero)) == 0 ||
            memcmp(socket->address, zero, sizeof(zero)) == 0);
}

static bool has_unix(const struct listener *listener, const struct diag_socket *socket,
                     const struct stat *file)
{
    if (socket->name_size != listener->name_size ||
        memcmp(socket->name, listener->name, listener->name_size) != 0)
        return false;
    return listener->name[0] == '\0' || !socket->has_file || !file ||
           (socket->file_inode == (uint32_t)file->st_ino &&
            socket->file_device == (major(file->st_dev) << 20 | minor(file->st_dev)));
}

bool listener_has(const struct listener *listener, const struct diag_socket *socket,
                  const struct stat *file)
{
    if (socket->family != listener->family)
        return false;
    return listener->family == AF_UNIX ? has_unix(listener, socket, file)
                                       : has_tcp(listener, socket);
}
