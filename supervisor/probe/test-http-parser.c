/* SPDX-License-Identifier: MIT */
/*
 * Answers as servers send them, and as they should not. Each is read whole, one byte at a time and
 * in pieces of every small size, and must mean the same each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/probe/http-parser.h"

#define OK "HTTP/1.1 200 OK\r\n"

typedef struct Reading {
    const char *data;
    size_t size;
    const char *wanted;
    bool head;
} Reading;

typedef struct Meaning {
    HttpProgress progress;
    unsigned status;
    const char *phrase, *body,
        *location; /* NULL: not looked at; "" for a location: there is none */
    size_t left;   /* bytes that were not asked for */
    bool found;
} Meaning;

static char any[] = "100-599", good[] = "200-299";
static char *accepted[] = {any, NULL}, *only_good[] = {good, NULL};

/* In memory of its own, so that the sanitizer sees what is read beyond it. */
static HttpProgress feed(HttpParser *parser, const char *data, size_t n)
{
    char *copy = malloc(n);

    assert_non_null(copy);
    memcpy(copy, data, n);
    HttpProgress progress = http_parser_feed(parser, copy, n);
    free(copy);
    return progress;
}

static void assert_meaning(const HttpParser *parser, const Meaning *expected)
{
    const HttpAnswer *answer = parser->answer;
    const char *location = http_parser_location(parser);

    assert_int_equal(answer->status, expected->status);
    assert_int_equal(answer->found, expected->found);
    if (expected->phrase)
        assert_string_equal(answer->phrase, expected->phrase);
    if (expected->body)
        assert_int_equal(answer->body_size, strlen(expected->body));
    if (expected->body && *expected->body && answer->wanted)
        assert_memory_equal(answer->body.data, expected->body, strlen(expected->body));
    if (expected->location)
        assert_string_equal(location ? location : "", expected->location);
}

static void read_in_pieces(const Reading *reading, size_t piece, char *const *codes,
                           const Meaning *expected)
{
    HttpParser parser;
    HttpAnswer answer;
    HttpProgress progress = HTTP_MORE;
    size_t given = 0;

    http_answer_init(&answer, reading->wanted);
    http_parser_init(&parser, &answer, codes, reading->head);
    while (progress == HTTP_MORE && given < reading->size) {
        size_t n = MIN(piece, reading->size - given);

        progress = feed(&parser, reading->data + given, n);
        given += n;
    }
    if (progress == HTTP_MORE)
        progress = http_parser_close(&parser);
    assert_int_equal(progress, expected->progress);
    if (piece == 1)
        assert_int_equal(reading->size - given, expected->left);
    assert_meaning(&parser, expected);
    http_parser_done(&parser);
    http_answer_done(&answer);
}

static void assert_reads(Reading reading, char *const *codes, Meaning expected)
{
    if (reading.size == 0)
        reading.size = strlen(reading.data);
    for (size_t piece = 1; piece <= 40; piece++)
        read_in_pieces(&reading, piece, codes, &expected);
    read_in_pieces(&reading, reading.size + 1, codes, &expected);
}

/* The common case: a good answer, whose body is looked at. */
static void assert_body(const char *data, const char *body)
{
    assert_reads((Reading){.data = data, .wanted = "no such words"}, accepted,
                 (Meaning){HTTP_COMPLETE, 200, NULL, body, NULL, 0, false});
}

static void assert_ends(const char *data, HttpProgress progress, unsigned status, size_t left)
{
    assert_reads((Reading){.data = data}, accepted,
                 (Meaning){.progress = progress, .status = status, .left = left});
}

static void test_status_line(void **state)
{
    static const struct {
        const char *line;
        unsigned status;
        const char *phrase;
    } lines[] = {
        {"HTTP/1.1 204 No Content\r\n", 204, "No Content"},
        {"HTTP/1.0 204 No Content\n", 204, "No Content"},
        {"HTTP/1.9 204\r\n", 204, ""},
        {"HTTP/1.1 204 \r\n", 204, ""},
        {"HTTP/1.1 204\t\x1b[31mred\xff\r\n", 204, ""},
        {"HTTP/1.1 304 a\x07 b\r\n", 304, "a b"},
    };

    for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
        char data[128];

        snprintf(data, sizeof(data), "%s\r\n", lines[i].line);
        assert_reads((Reading){.data = data}, accepted,
                     (Meaning){.progress = HTTP_COMPLETE,
                               .status = lines[i].status,
                               .phrase = lines[i].phrase});
    }
}

static void test_no_http(void **state)
{
    static const char *const lines[] = {
        "HTTP/2 200 OK\r\n\r\n",       "HTTP/1.1 20 OK\r\n\r\n",  "HTTP/1.1 2000\r\n\r\n",
        "HTTP/1.1  200\r\n\r\n",       "HTTP/1.1 099 x\r\n\r\n",  "HTTP/1.1\r\n\r\n",
        "HTTP/1.x 200 OK\r\n\r\n",     "HTTP/1.1 2x0 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
    };

    for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
        HttpParser parser;
        HttpAnswer answer;

        http_answer_init(&answer, NULL);
        http_parser_init(&parser, &answer, accepted, false);
        assert_int_equal(feed(&parser, lines[i], strlen(lines[i])), HTTP_MALFORMED);
        http_parser_done(&parser);
        http_answer_done(&answer);
    }
    /* Known as soon as it can be: such a server may wait for us. */
    assert_ends("SSH-2.0-OpenSSH", HTTP_MALFORMED, 0, strlen("SH-2.0-OpenSSH"));
    assert_ends("HTTPS", HTTP_MALFORMED, 0, 0);
    assert_reads((Reading){.data = "HTTP/1.1 200\0OK\r\n\r\n", .size = 19}, accepted,
                 (Meaning){.progress = HTTP_MALFORMED, .left = 2});
}

static void test_sized(void **state)
{
    assert_body(OK "Content-Length: 4\r\n\r\nfine", "fine");
    assert_body(OK "content-LENGTH:4\n\nfine", "fine");
    assert_body(OK "Content-Length: \t 4 \t\r\n\r\nfine", "fine");
    assert_body(OK "Content-Length: 0\r\n\r\n", "");
    assert_body(OK "Content-Length: 4\r\nContent-Length: 4\r\n\r\nfine", "fine");
    assert_body(OK "Content-Length: 4, 4\r\n\r\nfine", "fine");
    assert_ends(OK "Content-Length: 4\r\n\r\nfine and more", HTTP_COMPLETE, 200, 9);
    assert_ends(OK "Content-Length: 5\r\n\r\nfine", HTTP_CUT_OFF, 200, 0);
    /* Longer than any number: cut off, not wrapped around to nothing. */
    assert_ends(OK "Content-Length: 18446744073709551616\r\n\r\nfine", HTTP_CUT_OFF, 200, 0);
    assert_ends(OK "Content-Length: 999999999999999999999999\r\n\r\nfine", HTTP_CUT_OFF, 200, 0);
}

static void test_bad_lengths(void **state)
{
    static const char *const lengths[] = {"-1", "4x", "", "4, 5", "0x4", "4 4", ", 4", "4\r\n 4"};

    for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
        char data[128];

        /* A line is known to have ended when the next one has begun. */
        snprintf(data, sizeof(data), OK "Content-Length: %s\r\n\r\nfine", lengths[i]);
        assert_ends(data, HTTP_MALFORMED, 200, strlen("\nfine"));
    }
    assert_ends(OK "Content-Length: 4\r\nContent-Length: 5\r\n\r\nfine", HTTP_MALFORMED, 200, 5);
}

static void test_until_close(void **state)
{
    assert_body(OK "\r\nall of it", "all of it");
    assert_body("HTTP/1.0 200 OK\n\nall of it", "all of it");
    assert_body(OK "\r\n", "");
    /* A coding that is not chunked at its end hides the length, whatever else is said. */
    assert_body(OK "Transfer-Encoding: chunked, gzip\r\nContent-Length: 1\r\n\r\nxyz", "xyz");
    assert_body(OK "Content-Length : 1\r\nContent-Lengthy: 1\r\n: 1\r\nnonsense\r\n\r\nxyz", "xyz");
}

static void test_chunked(void **state)
{
    assert_body(OK "Transfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n", "fine");
    assert_body(OK "Transfer-Encoding: gzip,Chunked\r\n\r\n2\r\nfi\r\n2\r\nne\r\n0\r\n\r\n",
                "fine");
    assert_body(OK "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n4\nfine\n0\n\n",
                "fine");
    assert_body(OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "04;a=b;c=\"d\"\r\nfine\r\n0 \r\nX: y\r\nZ: a\r\n b\r\n\r\n",
                "fine");
    assert_body(OK
                "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\n\r\n",
                "0123456789abcdefghij");
    assert_body(OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "");
}

#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static void test_bad_chunks(void **state)
{
    assert_ends(CHUNKED "x\r\n", HTTP_BAD_CHUNKS, 200, 2);
    assert_ends(CHUNKED "\r\n", HTTP_BAD_CHUNKS, 200, 1);
    assert_ends(CHUNKED "4-\r\nfine", HTTP_BAD_CHUNKS, 200, 6);
    assert_ends(CHUNKED "1\r\nfine", HTTP_BAD_CHUNKS, 200, 2);
    assert_ends(CHUNKED "00000000000000001\r\n", HTTP_BAD_CHUNKS, 200, 2);
    assert_reads((Reading){.data = CHUNKED "1\0\r\n", .size = strlen(CHUNKED) + 4}, accepted,
                 (Meaning){.progress = HTTP_BAD_CHUNKS, .status = 200, .left = 2});
    /* Cut off in each part. */
    assert_ends(CHUNKED "4", HTTP_CUT_OFF, 200, 0);
    assert_ends(CHUNKED "4;x", HTTP_CUT_OFF, 200, 0);
    assert_ends(CHUNKED "4\r\nfin", HTTP_CUT_OFF, 200, 0);
    assert_ends(CHUNKED "4\r\nfine", HTTP_CUT_OFF, 200, 0);
    assert_ends(CHUNKED "0\r\n", HTTP_CUT_OFF, 200, 0);
    assert_ends(CHUNKED "0\r\nX: y\r\n", HTTP_CUT_OFF, 200, 0);
    assert_ends(CHUNKED "ffffffffffffffff\r\nfine", HTTP_CUT_OFF, 200, 0);
}

static void test_closed(void **state)
{
    assert_reads((Reading){.data = "", .size = 0}, accepted, (Meaning){.progress = HTTP_NO_ANSWER});
    assert_ends("HTTP", HTTP_CUT_OFF, 0, 0);
    assert_ends(OK, HTTP_CUT_OFF, 200, 0);
    assert_ends(OK "Server: x\r\n", HTTP_CUT_OFF, 200, 0);
    assert_ends("HTTP/1.1 100 Continue\r\n\r\n", HTTP_CUT_OFF, 100, 0);
}

static void test_interim(void **state)
{
    assert_reads((Reading){.data = "HTTP/1.1 100 Continue\r\n\r\n"
                                   "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n" OK
                                   "Content-Length: 4\r\n\r\nfine",
                           .wanted = "fine"},
                 accepted, (Meaning){HTTP_COMPLETE, 200, "OK", "fine", NULL, 0, true});
    /* The end of HTTP. */
    assert_ends("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x01",
                HTTP_COMPLETE, 101, 2);
}

static void test_without_body(void **state)
{
    assert_ends("HTTP/1.1 204 No Content\r\n\r\nx", HTTP_COMPLETE, 204, 1);
    assert_ends("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nx", HTTP_COMPLETE, 304, 1);
    assert_reads((Reading){.data = OK "Content-Length: 100\r\n\r\n", .head = true}, accepted,
                 (Meaning){.progress = HTTP_COMPLETE, .status = 200});
    /* One that decides nothing. */
    assert_reads((Reading){.data = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\ndown"}, only_good,
                 (Meaning){.progress = HTTP_COMPLETE, .status = 503, .phrase = "Busy", .left = 4});
}

static void test_folded(void **state)
{
    assert_body(OK "Content-Length:\r\n 4\r\n\r\nfine", "fine");
    assert_body(OK "X: a\r\n\tContent-Length: 9\r\nContent-Length: 4\n \n\t\r\n\r\nfine", "fine");
    assert_body(OK "Transfer-Encoding: gzip,\n\tchunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n", "fine");
    assert_body(OK " before all\r\nContent-Length: 4\r\n\r\nfine", "fine");
}

static void test_location(void **state)
{
    Meaning expected = {.progress = HTTP_COMPLETE, .status = 302, .location = "/there?a=b"};

    assert_reads((Reading){.data = "HTTP/1.1 302 Found\r\nlocation: \t/there?a=b \r\n"
                                   "Location: /elsewhere\r\n\r\n"},
                 only_good, expected);
    expected.location = "";
    assert_reads((Reading){.data = "HTTP/1.1 302 Found\r\nLocation:\r\nX-Location: /x\r\n\r\n"},
                 only_good, expected);
    expected.status = 200;
    assert_reads((Reading){.data = OK "Location: /there\r\nContent-Length: 0\r\n\r\n"}, accepted,
                 expected);
}

static void test_found_stops(void **state)
{
    assert_reads((Reading){.data = OK "\r\nhay needle hay", .wanted = "needle"}, accepted,
                 (Meaning){.progress = HTTP_COMPLETE, .status = 200, .left = 4, .found = true});
    assert_reads((Reading){.data = CHUNKED "5\r\nhay n\r\n5\r\needle\r\n", .wanted = "needle"},
                 accepted,
                 (Meaning){.progress = HTTP_COMPLETE, .status = 200, .left = 2, .found = true});
}

/* Feeds the beginning, then the piece for as long as it is taken. Returns how much of that was. */
static size_t flood(const char *beginning, const char *piece, HttpProgress expected)
{
    HttpParser parser;
    HttpAnswer answer;
    HttpProgress progress;
    size_t given = 0, size = strlen(piece);

    http_answer_init(&answer, NULL);
    http_parser_init(&parser, &answer, accepted, false);
    progress = *beginning ? feed(&parser, beginning, strlen(beginning)) : HTTP_MORE;
    for (; progress == HTTP_MORE && given < 10 * HTTP_HEADER_MAX; given += size)
        progress = feed(&parser, piece, size);
    assert_int_equal(progress, expected);
    assert_true(answer.body_size <= HTTP_BODY_MAX);
    http_parser_done(&parser);
    http_answer_done(&answer);
    return given;
}

static void test_bounds(void **state)
{
    size_t most = HTTP_HEADER_MAX + 128;

    assert_in_range(flood(OK, "X-Filler: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", HTTP_TOO_LONG),
                    HTTP_HEADER_MAX - 128, most);
    assert_in_range(flood("HTTP/1.1 200 ", "xxxxxxx", HTTP_TOO_LONG), HTTP_HEADER_MAX - 128, most);
    assert_in_range(flood(OK "X: ", "y", HTTP_TOO_LONG), HTTP_HEADER_MAX - 128, most);
    assert_in_range(flood(OK "X: y", "\r\n folded", HTTP_TOO_LONG), HTTP_HEADER_MAX - 128, most);
    assert_in_range(flood("", "HTTP/1.1 100 Continue\r\n\r\n", HTTP_TOO_LONG),
                    HTTP_HEADER_MAX - 128, most);
    assert_in_range(flood(CHUNKED "1;", "extension", HTTP_TOO_LONG), HTTP_HEADER_MAX - 128, most);
    assert_in_range(flood(CHUNKED "0\r\n", "X: trailer\r\n", HTTP_TOO_LONG), HTTP_HEADER_MAX - 128,
                    most);
    assert_int_equal(flood(OK "\r\n", "0123456789abcdef", HTTP_COMPLETE), HTTP_BODY_MAX);
    assert_int_equal(flood(OK "Content-Length: 9999999\r\n\r\n", "0123456789abcdef", HTTP_COMPLETE),
                     HTTP_BODY_MAX);
    /* A body in the smallest of chunks is no long header. */
    assert_int_equal(flood(CHUNKED, "1\r\nx\r\n", HTTP_COMPLETE), 6 * HTTP_BODY_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_line), cmocka_unit_test(test_no_http),
        cmocka_unit_test(test_sized),       cmocka_unit_test(test_bad_lengths),
        cmocka_unit_test(test_until_close), cmocka_unit_test(test_chunked),
        cmocka_unit_test(test_bad_chunks),  cmocka_unit_test(test_closed),
        cmocka_unit_test(test_interim),     cmocka_unit_test(test_without_body),
        cmocka_unit_test(test_folded),      cmocka_unit_test(test_location),
        cmocka_unit_test(test_found_stops), cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
