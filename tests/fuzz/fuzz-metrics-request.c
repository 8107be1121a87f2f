/* SPDX-License-Identifier: MIT */

/* Any bytes that come in on the metrics socket: the same answer in whatever pieces they come, once
 * there is one; only what is whole gets one, and what never ends gets one, too. */

#include "base/macros.h"
#include "fuzz.h"
#include "supervisor/daemon/metrics/metrics-request.h"

static MetricsAnswer parse(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);

    REQUIRE(copy);
    if (size > 0)
        memcpy(copy, data, size);
    MetricsAnswer answer = metrics_request_parse(copy, size);
    (void)metrics_request_is_head(copy, size);
    free(copy);
    return answer;
}

static void check_head(MetricsAnswer answer, bool to_head)
{
    _cleanup_text_ Text text = {0};

    REQUIRE(metrics_answer_head(answer, to_head, 17, &text) == 0);
    REQUIRE(strncmp(text.data, "HTTP/1.1 ", 9) == 0);
    REQUIRE(strstr(text.data, "\r\n\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    MetricsAnswer answer = METRICS_ANSWER_NOT_YET;

    /* As the server reads: a little more each time, until there is an answer. */
    for (size_t n = 0; n <= size && n <= METRICS_REQUEST_MAX; n += n < 64 ? 1 : 61) {
        answer = parse(data, n);
        if (answer != METRICS_ANSWER_NOT_YET) {
            REQUIRE(parse(data, n < METRICS_REQUEST_MAX ? n + (n < size) : n) == answer);
            break;
        }
    }
    answer = parse(data, size);
    REQUIRE(size < METRICS_REQUEST_MAX || answer != METRICS_ANSWER_NOT_YET);
    if (answer != METRICS_ANSWER_NOT_YET) {
        check_head(answer, false);
        check_head(answer, true);
    }
    return 0;
}
