/* SPDX-License-Identifier: MIT */

/* Any bytes as what a collector answers, and as a file in the spool. The first two bytes are the
 * status; what is said of the answer is one clean line that fits. A file that is taken is written
 * again as it was. */

#include <errno.h>

#include "base/macros.h"
#include "base/text.h"
#include "fuzz.h"
#include "supervisor/daemon/poster/answer.h"
#include "supervisor/daemon/poster/spool-file.h"

static void check_answer(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = strndup((const char *)data + 2, size - 2);
    HttpPostAnswer http = {
        .status = (data[0] << 8 | data[1]) % 1000,
        .error = "no answer",
        .text = text,
        .size = text ? strlen(text) : 0,
    };
    Answer answer;

    REQUIRE(text);
    answer_read(&http, &answer);
    size_t n = strlen(answer.what);
    REQUIRE(n < sizeof(answer.what) && utf8_valid(answer.what, n));
    for (size_t i = 0; i < n; i++)
        REQUIRE((unsigned char)answer.what[i] >= ' ' && answer.what[i] != 0x7f);
    REQUIRE((answer.verdict == DELIVERY_STORED) == (n == 0));
    REQUIRE(answer.verdict != DELIVERY_STORED || (http.status >= 200 && http.status < 300));
}

static void check_file(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *body = NULL, *again = NULL;
    size_t body_size, again_size;

    int r = spool_file_read((const char *)data, size, &body, &body_size);
    if (r < 0) {
        REQUIRE(r == -EBADMSG);
        return;
    }
    REQUIRE(body_size < size && body[body_size] == '\0');
    REQUIRE(spool_file_make(body, body_size, &again, &again_size) == 0);
    REQUIRE(again_size == size && memcmp(again, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    check_answer(data, size);
    check_file(data, size);
    return 0;
}
