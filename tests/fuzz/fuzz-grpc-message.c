/* SPDX-License-Identifier: MIT */

/* Any bytes as the answer of a gRPC server: read within their end or refused, and a refusal leaves
 * the status alone. And any text as the name of a service: the request is a frame that says its own
 * size. */

#include <errno.h>

#include "base/macros.h"
#include "fuzz.h"
#include "supervisor/probe/grpc-message.h"

#define FRAME_HEADER 5
#define UNTOUCHED    UINT64_C(0x5ca1ab1e)

static void check_answer(const uint8_t *data, size_t size)
{
    void *answer = malloc(size > 0 ? size : 1);
    uint64_t status = UNTOUCHED;

    REQUIRE(answer);
    if (size > 0)
        memcpy(answer, data, size);
    int r = grpc_read_answer(answer, size, &status);
    REQUIRE(r == 0 || r == -EBADMSG);
    REQUIRE(r == 0 || status == UNTOUCHED);
    if (r == 0)
        REQUIRE((status < _GRPC_HEALTH_MAX) == (grpc_health_word(status) != NULL));
    free(answer);
}

static void check_request(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *service = fuzz_string(data, size);
    _cleanup_text_ Text text = {0};

    REQUIRE(grpc_add_request(&text, service) == 0);
    REQUIRE(text.size >= FRAME_HEADER);
    const unsigned char *frame = (const unsigned char *)text.data;
    size_t n = (size_t)frame[1] << 24 | (size_t)frame[2] << 16 | (size_t)frame[3] << 8 | frame[4];
    REQUIRE(frame[0] == 0 && n == text.size - FRAME_HEADER);
    REQUIRE(n >= strlen(service));
    REQUIRE(memcmp(text.data + text.size - strlen(service), service, strlen(service)) == 0);
    /* Its one field is a string, so as an answer it is one without a status. */
    uint64_t status = UNTOUCHED;
    REQUIRE(grpc_read_answer(text.data, text.size, &status) == 0 && status == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_answer(data, size);
    check_request(data, size);
    return 0;
}
