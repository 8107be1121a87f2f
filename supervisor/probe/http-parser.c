/* SPDX-License-Identifier: MIT */
/*
 * A state for each part of an answer. Lines that come whole are read where they lie; only one that
 * ends in a later piece is copied. A line of the header is whole when the next one has begun, since
 * that could be its continuation.
 */
#include "supervisor/probe/http-parser.h"

#include <assert.h>
#include <ctype.h>
#include <strings.h>

#include "base/macros.h"

#define CHUNK_DIGITS_MAX 16U

typedef struct Bytes {
    const char *data;
    size_t size;
} Bytes;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip(Bytes *bytes, size_t n)
{
    *bytes = (Bytes){bytes->data + n, bytes->size - n};
}

void http_parser_init(HttpParser *parser, HttpAnswer *answer, char *const *accepted, bool head)
{
    assert(parser && answer);

    *parser = (HttpParser){.answer = answer, .accepted = accepted, .head = head};
}

void http_parser_done(HttpParser *parser)
{
    text_done(&parser->line);
    text_done(&parser->location);
}

/* ---- lines ---- */

static bool is_end(Bytes line)
{
    return (line.size == 1 && line.data[0] == '\n') ||
           (line.size == 2 && line.data[0] == '\r' && line.data[1] == '\n');
}

static bool ends_line(const HttpParser *parser, Bytes input, size_t n)
{
    const Text *line = &parser->line;

    return n > 0 ? input.data[n - 1] == '\n' : line->size > 0 && line->data[line->size - 1] == '\n';
}

static bool is_fold(char c)
{
    return c == ' ' || c == '\t';
}

/* How much of the input belongs to the line; the rest is another one's only when it is whole. */
static size_t measure_line(const HttpParser *parser, Bytes input, bool foldable, bool *ret_whole)
{
    size_t n = 0;

    while (n < input.size) {
        if (foldable && ends_line(parser, input, n) && !is_fold(input.data[n])) {
            *ret_whole = true;
            return n;
        }
        const char *end = memchr(input.data + n, '\n', input.size - n);
        n = end ? (size_t)(end - input.data) + 1 : input.size;
        /* What ends a header has no continuation. */
        bool empty = end && parser->line.size + n <= 2 &&
                     (parser->line.size == 0 || parser->line.data[0] == '\r') &&
                     (n == 1 || input.data[0] == '\r');
        if (empty || (end && !foldable)) {
            *ret_whole = true;
            return n;
        }
    }
    *ret_whole = false;
    return n;
}

/* The next line with its continuations, in *ret until line_done(). HTTP_COMPLETE when there is one,
 * HTTP_MORE when the input ends before it does. */
static HttpProgress next_line(HttpParser *parser, Bytes *input, bool foldable, Bytes *ret)
{
    bool whole;
    size_t n = measure_line(parser, *input, foldable, &whole);
    Bytes line = {input->data, n};

    skip(input, n);
    if (!whole || parser->line.size > 0) {
        if (text_add_n(&parser->line, line.data, line.size) < 0)
            return HTTP_NO_MEMORY;
        line = (Bytes){parser->line.data, parser->line.size};
    }
    if (parser->answer->header_size + line.size > HTTP_HEADER_MAX) {
        parser->answer->too_long = true;
        return HTTP_TOO_LONG;
    }
    *ret = line;
    return whole ? HTTP_COMPLETE : HTTP_MORE;
}

static void line_done(HttpParser *parser)
{
    if (parser->line.size > 0)
        text_truncate(&parser->line, 0);
}

/* ---- header ---- */

/* "HTTP/1.1 200" and a blank or the end. The status, or 0. */
static unsigned read_status(Bytes line)
{
    static const char form[] = "HTTP/1.d ddd";
    size_t n = strlen(form);

    if (line.size <= n || !is_blank(line.data[n]))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (form[i] == 'd' ? !isdigit((unsigned char)line.data[i]) : line.data[i] != form[i])
            return 0;
    const char *digits = line.data + n - 3;
    return (unsigned)(100 * (digits[0] - '0') + 10 * (digits[1] - '0') + digits[2] - '0');
}

/* Not to wait for the end of a line that something else than a web server will never send. */
static bool may_be_status(Bytes line)
{
    static const char start[] = "HTTP/";

    return memcmp(line.data, start, MIN(line.size, strlen(start))) == 0;
}

static HttpProgress feed_status(HttpParser *parser, Bytes *input)
{
    Bytes line;
    HttpProgress progress = next_line(parser, input, false, &line);

    if (progress == HTTP_MORE && !may_be_status(line))
        return HTTP_MALFORMED;
    if (progress != HTTP_COMPLETE)
        return progress;
    unsigned status = read_status(line);
    if (status < 100)
        return HTTP_MALFORMED;
    parser->answer->status = status;
    (void)http_answer_header(parser->answer, line.data, line.size);
    line_done(parser);
    parser->part = HTTP_PART_HEADER;
    return HTTP_MORE;
}

static Bytes trim(Bytes text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        skip(&text, 1);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

static bool take_field(Bytes line, const char *name, Bytes *ret)
{
    size_t n = strlen(name);

    if (line.size <= n || line.data[n] != ':' || strncasecmp(line.data, name, n) != 0)
        return false;
    *ret = trim((Bytes){line.data + n + 1, line.size - n - 1});
    return true;
}

/* The next element of a list with commas; false at its end. */
static bool take_element(Bytes *list, Bytes *ret)
{
    if (list->size == 0)
        return false;
    const char *comma = memchr(list->data, ',', list->size);
    size_t n = comma ? (size_t)(comma - list->data) : list->size;
    *ret = trim((Bytes){list->data, n});
    skip(list, comma ? n + 1 : n);
    return true;
}

/* A length that no number can hold is longer than all that is read. */
static bool read_length(Bytes text, uint64_t *ret)
{
    uint64_t length = 0;

    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9)
            return false;
        length = length > (UINT64_MAX - digit) / 10 ? UINT64_MAX : 10 * length + digit;
    }
    *ret = length;
    return text.size > 0;
}

/* The same length twice, in two lines or as "5, 5", is still one (RFC 9112, section 6.3). */
static bool read_lengths(HttpParser *parser, Bytes list)
{
    Bytes element;
    uint64_t length;

    if (list.size == 0)
        return false;
    while (take_element(&list, &element)) {
        if (!read_length(element, &length) || (parser->sized && length != parser->left))
            return false;
        parser->left = length;
        parser->sized = true;
    }
    return true;
}

/* The last coding decides where the body ends. */
static void read_codings(HttpParser *parser, Bytes list)
{
    static const char chunked[] = "chunked";
    Bytes element;

    while (take_element(&list, &element)) {
        parser->coded = true;
        parser->chunked = element.size == strlen(chunked) &&
                          strncasecmp(element.data, chunked, element.size) == 0;
    }
}

static HttpProgress read_location(HttpParser *parser, Bytes where)
{
    /* The first one counts. */
    if (parser->answer->status < 300 || parser->answer->status >= 400 || parser->location.size > 0)
        return HTTP_MORE;
    return text_add_n(&parser->location, where.data, where.size) < 0 ? HTTP_NO_MEMORY : HTTP_MORE;
}

static HttpProgress read_field(HttpParser *parser, Bytes line)
{
    Bytes value;

    if (!http_answer_count(parser->answer, line.size))
        return HTTP_TOO_LONG;
    if (take_field(line, "Content-Length", &value))
        return read_lengths(parser, value) ? HTTP_MORE : HTTP_MALFORMED;
    if (take_field(line, "Transfer-Encoding", &value))
        read_codings(parser, value);
    else if (take_field(line, "Location", &value))
        return read_location(parser, value);
    return HTTP_MORE;
}

/* 101 is no interim answer: what follows it is another protocol. */
static bool is_interim(unsigned status)
{
    return status < 200 && status != 101;
}

static bool has_no_body(const HttpParser *parser)
{
    unsigned status = parser->answer->status;

    return parser->head || status == 101 || status == 204 || status == 304;
}

static void expect_chunk(HttpParser *parser)
{
    parser->part = HTTP_PART_CHUNK_SIZE;
    parser->left = 0;
    parser->n_digits = 0;
}

static HttpProgress begin_body(HttpParser *parser)
{
    /* A body that decides nothing is not waited for. */
    if (has_no_body(parser) || !http_status_accepted(parser->accepted, parser->answer->status))
        return HTTP_COMPLETE;
    if (parser->chunked)
        expect_chunk(parser);
    else if (parser->coded || !parser->sized)
        parser->part = HTTP_PART_OPEN;
    else if (parser->left == 0)
        return HTTP_COMPLETE;
    else
        parser->part = HTTP_PART_SIZED;
    return HTTP_MORE;
}

static HttpProgress end_header(HttpParser *parser)
{
    if (!is_interim(parser->answer->status))
        return begin_body(parser);
    parser->part = HTTP_PART_STATUS;
    parser->sized = parser->coded = parser->chunked = false;
    parser->left = 0;
    return HTTP_MORE;
}

static HttpProgress feed_header(HttpParser *parser, Bytes *input)
{
    Bytes line;
    HttpProgress progress = next_line(parser, input, true, &line);

    if (progress != HTTP_COMPLETE)
        return progress;
    bool end = is_end(line);
    progress = read_field(parser, line);
    line_done(parser);
    return progress == HTTP_MORE && end ? end_header(parser) : progress;
}

/* ---- body ---- */

static HttpProgress take_body(HttpParser *parser, Bytes *input, size_t n)
{
    bool more = http_answer_body(parser->answer, input->data, n);

    skip(input, n);
    if (parser->answer->no_memory)
        return HTTP_NO_MEMORY;
    return more ? HTTP_MORE : HTTP_COMPLETE;
}

static HttpProgress feed_open(HttpParser *parser, Bytes *input)
{
    return take_body(parser, input, input->size);
}

/* Of a body or a chunk: no more than is left of it. */
static HttpProgress take_left(HttpParser *parser, Bytes *input)
{
    size_t n = (size_t)MIN((uint64_t)input->size, parser->left);

    parser->left -= n;
    return take_body(parser, input, n);
}

static HttpProgress feed_sized(HttpParser *parser, Bytes *input)
{
    HttpProgress progress = take_left(parser, input);

    return progress == HTTP_MORE && parser->left == 0 ? HTTP_COMPLETE : progress;
}

static int hex_digit(char c)
{
    if (!isxdigit((unsigned char)c))
        return -1;
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static HttpProgress feed_chunk_size(HttpParser *parser, Bytes *input)
{
    char c = input->data[0];
    int digit = hex_digit(c);

    if (digit < 0) {
        if (parser->n_digits == 0 || (c != ';' && !is_blank(c)))
            return HTTP_BAD_CHUNKS;
        parser->part = HTTP_PART_CHUNK_EXTENSION;
        return HTTP_MORE;
    }
    if (parser->n_digits++ == CHUNK_DIGITS_MAX)
        return HTTP_BAD_CHUNKS;
    parser->left = 16 * parser->left + (unsigned)digit;
    skip(input, 1);
    return HTTP_MORE;
}

static HttpProgress feed_chunk_extension(HttpParser *parser, Bytes *input)
{
    char c = input->data[0];

    skip(input, 1);
    if (c == '\n')
        parser->part = parser->left == 0 ? HTTP_PART_TRAILER : HTTP_PART_CHUNK;
    /* The end of the line is no extension: a body in tiny chunks is not one of a long header. */
    else if (c != '\r' && !http_answer_count(parser->answer, 1))
        return HTTP_TOO_LONG;
    return HTTP_MORE;
}

static HttpProgress feed_chunk(HttpParser *parser, Bytes *input)
{
    HttpProgress progress = take_left(parser, input);

    if (parser->left == 0)
        parser->part = HTTP_PART_CHUNK_END;
    return progress;
}

static HttpProgress feed_chunk_end(HttpParser *parser, Bytes *input)
{
    char c = input->data[0];

    skip(input, 1);
    if (c == '\n')
        expect_chunk(parser);
    else if (c != '\r')
        return HTTP_BAD_CHUNKS;
    return HTTP_MORE;
}

static HttpProgress feed_trailer(HttpParser *parser, Bytes *input)
{
    Bytes line;
    HttpProgress progress = next_line(parser, input, false, &line);

    if (progress != HTTP_COMPLETE)
        return progress;
    bool end = is_end(line), more = http_answer_count(parser->answer, line.size);
    line_done(parser);
    if (!more)
        return HTTP_TOO_LONG;
    return end ? HTTP_COMPLETE : HTTP_MORE;
}

/* ---- all of it ---- */

HttpProgress http_parser_feed(HttpParser *parser, const char *data, size_t n)
{
    static HttpProgress (*const feed[])(HttpParser *, Bytes *) = {
        [HTTP_PART_STATUS] = feed_status,
        [HTTP_PART_HEADER] = feed_header,
        [HTTP_PART_SIZED] = feed_sized,
        [HTTP_PART_OPEN] = feed_open,
        [HTTP_PART_CHUNK_SIZE] = feed_chunk_size,
        [HTTP_PART_CHUNK_EXTENSION] = feed_chunk_extension,
        [HTTP_PART_CHUNK] = feed_chunk,
        [HTTP_PART_CHUNK_END] = feed_chunk_end,
        [HTTP_PART_TRAILER] = feed_trailer,
    };
    static_assert(ELEMENTSOF(feed) == _HTTP_PART_MAX, "a function for every part");
    HttpProgress progress = HTTP_MORE;
    Bytes input = {data, n};

    while (progress == HTTP_MORE && input.size > 0)
        progress = feed[parser->part](parser, &input);
    return progress;
}

HttpProgress http_parser_close(HttpParser *parser)
{
    if (parser->part == HTTP_PART_OPEN)
        return HTTP_COMPLETE;
    bool any = parser->answer->header_size > 0 || parser->line.size > 0;
    return any ? HTTP_CUT_OFF : HTTP_NO_ANSWER;
}

const char *http_parser_location(const HttpParser *parser)
{
    return parser->location.size > 0 ? parser->location.data : NULL;
}
