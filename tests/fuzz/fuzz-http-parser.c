/* SPDX-License-Identifier: MIT */

/* Any bytes as an HTTP answer: whole, one byte at a time, and in pieces they mean the same; what is
 * remembered is bounded. The first byte says how large the pieces are (its low bits) and whether
 * HEAD was asked (its highest); then a line with the wanted text, then the answer. */

#include "base/macros.h"
#include "fuzz.h"
#include "supervisor/probe/http-parser.h"

typedef struct Meaning {
    HttpProgress progress;
    HttpAnswer answer;
    char *location;
    size_t n_given;
} Meaning;

static Meaning read_answer(const char *data, size_t size, size_t piece, const char *wanted,
                           bool head)
{
    static char good[] = "100-499", *accepted[] = {good, NULL};
    Meaning meaning = {.progress = HTTP_MORE};
    HttpParser parser;

    http_answer_init(&meaning.answer, wanted);
    http_parser_init(&parser, &meaning.answer, accepted, head);
    while (meaning.progress == HTTP_MORE && meaning.n_given < size) {
        size_t n = MIN(piece, size - meaning.n_given);
        char *copy = malloc(n);

        REQUIRE(copy);
        memcpy(copy, data + meaning.n_given, n);
        meaning.progress = http_parser_feed(&parser, copy, n);
        meaning.n_given += n;
        free(copy);
        REQUIRE(parser.line.size <= HTTP_HEADER_MAX + n);
        REQUIRE(meaning.answer.body_size <= HTTP_BODY_MAX);
    }
    if (meaning.progress == HTTP_MORE)
        meaning.progress = http_parser_close(&parser);
    REQUIRE(meaning.progress != HTTP_MORE && meaning.progress != HTTP_NO_MEMORY);
    const char *location = http_parser_location(&parser);
    meaning.location = location ? strdup(location) : NULL;
    http_parser_done(&parser);
    return meaning;
}

static void check(const Meaning *meaning)
{
    const HttpAnswer *answer = &meaning->answer;
    size_t n = strnlen(answer->phrase, sizeof(answer->phrase));

    REQUIRE(n < sizeof(answer->phrase));
    for (size_t i = 0; i < n; i++)
        REQUIRE((unsigned char)answer->phrase[i] >= ' ' && answer->phrase[i] != 0x7f);
    if (meaning->progress == HTTP_COMPLETE)
        REQUIRE(answer->status >= 100 && answer->status <= 999 && !answer->too_long);
    if (meaning->progress == HTTP_NO_ANSWER)
        REQUIRE(meaning->n_given == 0);
    if (answer->found)
        REQUIRE(memmem(answer->body.data, answer->body.size, answer->wanted,
                       strlen(answer->wanted)) != NULL);
}

/* How much of a body is kept beyond what was looked for depends on the pieces. */
static void check_same(const Meaning *a, const Meaning *b)
{
    REQUIRE(a->progress == b->progress);
    REQUIRE(a->answer.status == b->answer.status);
    REQUIRE(a->answer.found == b->answer.found);
    REQUIRE(strcmp(a->answer.phrase, b->answer.phrase) == 0);
    REQUIRE(!a->location == !b->location);
    if (a->location)
        REQUIRE(strcmp(a->location, b->location) == 0);
    if (!a->answer.found)
        REQUIRE(a->answer.body_size == b->answer.body_size);
}

static void done(Meaning *meaning)
{
    http_answer_done(&meaning->answer);
    free(meaning->location);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *input = fuzz_string(data + 1, size - 1);
    const char *end = memchr(input, '\n', size - 1);
    size_t n_wanted = end ? (size_t)(end - input) : 0, skip = end ? n_wanted + 1 : 0;
    char *wanted = n_wanted > 0 ? strndup(input, n_wanted) : NULL;
    size_t pieces[] = {size, 1, (size_t)(data[0] & 0x7f) + 1};
    Meaning first = {0};

    for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
        Meaning meaning =
            read_answer(input + skip, size - 1 - skip, pieces[i], wanted, data[0] & 0x80);

        check(&meaning);
        if (i == 0) {
            first = meaning;
        } else {
            check_same(&first, &meaning);
            done(&meaning);
        }
    }
    done(&first);
    free(wanted);
    free(input);
    return 0;
}
