/* SPDX-License-Identifier: MIT */

/* An HTTP answer as a server may send it, header lines and body in any pieces: what is remembered
 * is clean and bounded, and the wanted text is found if and only if the pieces together hold it.
 * The input: a line with the wanted text, the lines of the header, an empty line, the body, whose
 * first byte says how large its pieces are. */

#include "fuzz.h"
#include "supervisor/probe/http-answer.h"

typedef struct Bytes {
    const char *data;
    size_t size;
} Bytes;

/* Takes what comes before the next line feed. */
static Bytes take_line(Bytes *rest)
{
    const char *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
    Bytes line = {rest->data, end ? (size_t)(end - rest->data) : rest->size};
    size_t taken = line.size + (end != NULL);

    *rest = (Bytes){rest->data + taken, rest->size - taken};
    return line;
}

static void check_phrase(const HttpAnswer *answer)
{
    size_t n = strnlen(answer->phrase, sizeof(answer->phrase));

    REQUIRE(n < sizeof(answer->phrase));
    for (size_t i = 0; i < n; i++)
        REQUIRE((unsigned char)answer->phrase[i] >= ' ' && answer->phrase[i] != 0x7f);
}

static void read_header(HttpAnswer *answer, Bytes *rest)
{
    for (Bytes line; rest->size > 0 && (line = take_line(rest)).size > 0;) {
        /* In memory of its own: the sanitizer sees what is read beyond it. */
        char *copy = malloc(line.size);
        REQUIRE(copy);
        memcpy(copy, line.data, line.size);
        bool more = http_answer_header(answer, copy, line.size);
        free(copy);
        REQUIRE(more == !answer->too_long);
        if (!more)
            return;
    }
}

static void read_body(HttpAnswer *answer, Bytes body, const char *wanted)
{
    size_t piece = body.size > 0 ? (size_t)(unsigned char)body.data[0] + 1 : 1, given = 0;

    for (bool more = true; more && given < body.size;) {
        size_t n = body.size - given < piece ? body.size - given : piece;
        more = http_answer_body(answer, body.data + given, n);
        given += n;
        REQUIRE(!answer->no_memory);
        REQUIRE(more == !answer->enough);
        REQUIRE(answer->body_size <= HTTP_BODY_MAX);
    }
    size_t seen = given < HTTP_BODY_MAX ? given : HTTP_BODY_MAX;
    REQUIRE(answer->body_size == seen);
    if (seen > 0)
        REQUIRE(answer->found == (memmem(body.data, seen, wanted, strlen(wanted)) != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *input = fuzz_string(data, size);
    Bytes rest = {input, size}, line = take_line(&rest);
    char *wanted = strndup(line.data, line.size);
    HttpAnswer answer;

    REQUIRE(wanted);
    http_answer_init(&answer, wanted);
    read_header(&answer, &rest);
    check_phrase(&answer);
    if (!answer.too_long)
        read_body(&answer, rest, wanted);
    http_answer_done(&answer);
    free(wanted);
    free(input);
    return 0;
}
