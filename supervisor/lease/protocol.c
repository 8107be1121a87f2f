/* SPDX-License-Identifier: MIT */

/*
 * Checks and makes the packets of protocol.h; both ends use this one reader. No I/O, no memory of
 * its own: what is found points into the packet.
 */

#include "protocol.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define USEC_PER_MINUTE           UINT64_C(60000000)
#define ERRNO_MAX                 4095
#define EXEC_WORDS_MAX            64
#define MEMBER_SIZE(type, member) (sizeof(((type *)NULL)->member))

/* An abstract name has no NUL at its end. */
#define UNIX_PATH_MAX MEMBER_SIZE(struct sockaddr_un, sun_path)

static bool is_of_lease(uint16_t type)
{
    return type >= LEASE_HELLO && type <= LEASE_THAWED;
}

static bool is_of_supervisor(uint16_t type)
{
    return type >= LEASE_WELCOME && type <= LEASE_GO;
}

/* Returns 0 for a type that has no such packet. */
static size_t fixed_size(uint16_t type)
{
    switch (type) {
    case LEASE_HELLO:
        return sizeof(struct lease_hello);
    case LEASE_ANSWER:
        return offsetof(struct lease_answer, text);
    case LEASE_FROZEN:
    case LEASE_THAWED:
    case LEASE_WELCOME:
    case LEASE_RESUME:
    case LEASE_PET:
    case LEASE_READY:
    case LEASE_GO:
        return sizeof(struct lease_header);
    case LEASE_STATUS:
    case LEASE_FAIL:
        return offsetof(struct lease_text, text);
    case LEASE_TRIGGER:
    case LEASE_ABORT:
        return offsetof(struct lease_trigger, text);
    case LEASE_REQUEST:
        return offsetof(struct lease_request, text);
    case LEASE_CANCEL:
        return sizeof(struct lease_cancel);
    default:
        return 0;
    }
}

static bool has_text(uint16_t type)
{
    return type == LEASE_ANSWER || type == LEASE_STATUS || type == LEASE_FAIL ||
           type == LEASE_TRIGGER || type == LEASE_ABORT || type == LEASE_REQUEST;
}

static bool is_plain_text(const char *text, size_t size)
{
    return size == 0 || !memchr(text, '\0', size);
}

static bool hello_is_sound(const struct lease_hello *hello)
{
    return (hello->role == LEASE_ROLE_SERVICE || hello->role == LEASE_ROLE_GATE) &&
           (hello->phase == LEASE_PHASE_WAITING || hello->phase == LEASE_PHASE_READY);
}

static bool answer_is_sound(const struct lease_answer *answer)
{
    return answer->error <= 0 && answer->error >= -ERRNO_MAX && answer->reserved == 0;
}

static bool words_are_sound(const char *text, size_t size)
{
    size_t words = 0;

    if (size == 0 || text[size - 1] != '\0' || text[0] == '\0')
        return false;
    for (size_t i = 0; i < size; i++)
        words += text[i] == '\0';
    return words <= EXEC_WORDS_MAX;
}

/* A path goes into one system call: what that would cut or misread is refused here. */
static bool path_is_sound(const char *path, size_t size, bool of_socket)
{
    if (size == 0 || !is_plain_text(path, size))
        return false;
    if (of_socket && path[0] == '@')
        return size >= 2 && size <= UNIX_PATH_MAX;
    return path[0] == '/' && (!of_socket || size < UNIX_PATH_MAX);
}

static bool request_is_sound(const struct lease_request *request, const char *text, size_t size)
{
    if (request->reserved != 0)
        return false;
    switch (request->op) {
    case LEASE_OP_SOCKET:
        return size == 0 && (request->domain == AF_INET || request->domain == AF_INET6);
    case LEASE_OP_CONNECT:
        return path_is_sound(text, size, true);
    case LEASE_OP_STAT:
        return path_is_sound(text, size, false);
    case LEASE_OP_EXEC:
        return words_are_sound(text, size);
    default:
        return false;
    }
}

static bool body_is_sound(const struct lease_message *message)
{
    const char *text = message->text;
    size_t size = message->text_size;

    if (message->type != LEASE_REQUEST && (size > LEASE_TEXT_MAX || !is_plain_text(text, size)))
        return false;
    switch (message->type) {
    case LEASE_HELLO:
        return hello_is_sound(message->hello);
    case LEASE_ANSWER:
        return answer_is_sound(message->answer);
    case LEASE_TRIGGER:
    case LEASE_ABORT:
        return message->trigger->grace_usec <= USEC_PER_MINUTE;
    case LEASE_REQUEST:
        return request_is_sound(message->request, text, size);
    case LEASE_CANCEL:
        return message->cancel->reserved == 0;
    default:
        return true;
    }
}

int lease_parse(const void *packet, size_t size, enum lease_end end, struct lease_message *ret)
{
    const struct lease_header *header = packet;

    assert(packet && ret);
    assert((uintptr_t)packet % _Alignof(uint64_t) == 0);
    if (size < sizeof(*header) || size > LEASE_MESSAGE_MAX)
        return -EBADMSG;
    if (header->version != LEASE_PROTOCOL_VERSION)
        return -EPROTONOSUPPORT;
    if (header->size != size ||
        !(end == LEASE_END_LEASE ? is_of_supervisor(header->type) : is_of_lease(header->type)))
        return -EBADMSG;

    size_t fixed = fixed_size(header->type);
    if (size < fixed || (size > fixed && !has_text(header->type)))
        return -EBADMSG;
    struct lease_message message = {
        .type = header->type,
        .text = (const char *)packet + fixed,
        .text_size = size - fixed,
        .header = header,
    };
    if (!body_is_sound(&message))
        return -EBADMSG;
    *ret = message;
    return 0;
}

void lease_header_init(struct lease_header *header, enum lease_type type, size_t size)
{
    assert(size >= sizeof(*header) && size <= LEASE_MESSAGE_MAX);
    *header = (struct lease_header){
        .version = LEASE_PROTOCOL_VERSION,
        .type = (uint16_t)type,
        .size = (uint32_t)size,
    };
}

/* Where to cut a text that is too long: not inside of a character. A text that is no UTF-8 at that
 * place is cut where it must be. */
static size_t cut_utf8(const char *text, size_t n)
{
    size_t cut = n;

    while (cut > 0 && n - cut < 4 && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    return n - cut < 4 ? cut : n;
}

size_t lease_add_text(void *packet, size_t fixed, const char *text, size_t n)
{
    struct lease_header *header = packet;
    char *to = (char *)packet + fixed;

    assert(fixed >= sizeof(*header) && fixed <= LEASE_MESSAGE_MAX - LEASE_TEXT_MAX);
    if (header->type == LEASE_REQUEST) {
        if (n > LEASE_MESSAGE_MAX - fixed)
            return 0;
        if (n > 0)
            memcpy(to, text, n);
    } else {
        if (n > LEASE_TEXT_MAX)
            n = cut_utf8(text, LEASE_TEXT_MAX);
        for (size_t i = 0; i < n; i++) {
            unsigned char c = (unsigned char)text[i];
            to[i] = (char)(c < ' ' || c == 0x7f ? ' ' : c);
        }
    }
    header->size = (uint32_t)(fixed + n);
    return fixed + n;
}
