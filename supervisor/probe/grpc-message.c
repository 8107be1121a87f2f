/* SPDX-License-Identifier: MIT */
/* The messages of grpc.health.v1.Health/Check; see grpc-message.h. */
#include "supervisor/probe/grpc-message.h"

#include <errno.h>
#include <string.h>

#define FRAME_HEADER 5

/* Wire types of protobuf. */
enum {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5,
};

static const char *const health_words[_GRPC_HEALTH_MAX] = {
    [GRPC_HEALTH_UNKNOWN] = "UNKNOWN",
    [GRPC_HEALTH_SERVING] = "SERVING",
    [GRPC_HEALTH_NOT_SERVING] = "NOT_SERVING",
    [GRPC_HEALTH_SERVICE_UNKNOWN] = "SERVICE_UNKNOWN",
};

static const char *const status_words[] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

const char *grpc_health_word(uint64_t status)
{
    return status < _GRPC_HEALTH_MAX ? health_words[status] : NULL;
}

const char *grpc_status_word(uint64_t status)
{
    return status < ELEMENTSOF(status_words) ? status_words[status] : NULL;
}

static void add_varint(Text *text, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        text_add_char(text, (char)(0x80 | (value & 0x7f)));
    text_add_char(text, (char)value);
}

int grpc_add_request(Text *text, const char *service)
{
    _cleanup_text_ Text message = {0};
    size_t n = service ? strlen(service) : 0;

    if (n > 0) {
        add_varint(&message, 1 << 3 | WIRE_BYTES);
        add_varint(&message, n);
        text_add_n(&message, service, n);
    }
    if (message.error < 0)
        return message.error;

    const char header[FRAME_HEADER] = {0, (char)(message.size >> 24), (char)(message.size >> 16),
                                       (char)(message.size >> 8), (char)message.size};
    text_add_n(text, header, sizeof(header));
    return message.size > 0 ? text_add_n(text, message.data, message.size) : text->error;
}

typedef struct Input {
    const unsigned char *data;
    size_t left;
} Input;

static int read_varint(Input *input, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (input->left == 0)
            return -EBADMSG;
        unsigned char byte = *input->data++;
        input->left--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = value;
            return 0;
        }
    }
    return -EBADMSG;
}

static int skip(Input *input, uint64_t n)
{
    if (n > input->left)
        return -EBADMSG;
    input->data += n;
    input->left -= (size_t)n;
    return 0;
}

/* A field that newer servers may send. */
static int skip_field(Input *input, unsigned wire)
{
    uint64_t n;

    switch (wire) {
    case WIRE_VARINT:
        return read_varint(input, &n);
    case WIRE_FIXED64:
        return skip(input, 8);
    case WIRE_FIXED32:
        return skip(input, 4);
    case WIRE_BYTES:
        return read_varint(input, &n) < 0 ? -EBADMSG : skip(input, n);
    default:
        return -EBADMSG;
    }
}

static int read_message(Input *input, uint64_t *ret_status)
{
    uint64_t status = 0, tag; /* a field that is left out is 0 */

    while (input->left > 0) {
        int r = read_varint(input, &tag);

        if (r >= 0)
            r = tag == (1 << 3 | WIRE_VARINT) ? read_varint(input, &status)
                                              : skip_field(input, (unsigned)(tag & 7));
        if (r < 0)
            return r;
    }
    *ret_status = status;
    return 0;
}

int grpc_read_answer(const void *data, size_t size, uint64_t *ret_status)
{
    const unsigned char *p = data;

    if (size < FRAME_HEADER || p[0] != 0)
        return -EBADMSG; /* too short, or compressed, which was not offered */
    size_t n = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (n != size - FRAME_HEADER)
        return -EBADMSG;
    return read_message(&(Input){.data = p + FRAME_HEADER, .left = n}, ret_status);
}
