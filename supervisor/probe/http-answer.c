/* SPDX-License-Identifier: MIT */
/* An HTTP answer as it comes in; see http-answer.h. */
#include "supervisor/probe/http-answer.h"

#include <stdlib.h>
#include <string.h>

#include "supervisor/probe/reason.h"
#include "base/strv.h"

void http_answer_init(HttpAnswer *answer, const char *wanted)
{
    *answer = (HttpAnswer){.wanted = wanted};
}

void http_answer_done(HttpAnswer *answer)
{
    text_done(&answer->body);
}

/* "HTTP/1.1 503 Service Unavailable\r\n": what comes after the code. */
static void read_phrase(HttpAnswer *answer, const char *line, size_t n)
{
    const char *end = line + n;
    const char *code = memchr(line, ' ', n);
    const char *phrase = code ? memchr(code + 1, ' ', (size_t)(end - code - 1)) : NULL;

    if (phrase)
        reason_clean(answer->phrase, sizeof(answer->phrase), phrase, (size_t)(end - phrase));
    else
        answer->phrase[0] = '\0';
}

bool http_answer_count(HttpAnswer *answer, size_t n)
{
    answer->header_size += n;
    answer->too_long = answer->header_size > HTTP_HEADER_MAX;
    return !answer->too_long;
}

bool http_answer_header(HttpAnswer *answer, const char *line, size_t n)
{
    if (n > 5 && memcmp(line, "HTTP/", 5) == 0)
        read_phrase(answer, line, n);
    return http_answer_count(answer, n);
}

bool http_answer_body(HttpAnswer *answer, const char *data, size_t n)
{
    size_t room = HTTP_BODY_MAX - answer->body_size, before = answer->body.size;

    n = MIN(n, room);
    answer->body_size += n;
    if (answer->wanted) {
        size_t wanted = strlen(answer->wanted), from = before - MIN(before, wanted);

        answer->no_memory = text_add_n(&answer->body, data, n) < 0;
        /* Again from where a match may have begun in what came before. */
        answer->found =
            !answer->no_memory && memmem(answer->body.data + from, answer->body.size - from,
                                         answer->wanted, wanted) != NULL;
    }
    answer->enough = answer->found || answer->body_size == HTTP_BODY_MAX;
    return !answer->enough && !answer->no_memory;
}

bool http_status_accepted(char *const *accepted, unsigned status)
{
    STRV_FOREACH (word, accepted) {
        char *end;
        unsigned long first = strtoul(*word, &end, 10),
                      last = *end == '-' ? strtoul(end + 1, NULL, 10) : first;

        if (status >= first && status <= last)
            return true;
    }
    return false;
}
