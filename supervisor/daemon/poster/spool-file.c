/* SPDX-License-Identifier: MIT */
/* The form of a file in the spool; see spool-file.h. */
#include "supervisor/daemon/poster/spool-file.h"

#include <errno.h>
#include <inttypes.h>

#include "base/hash.h"
#include "base/macros.h"
#include "base/text.h"

#define HEAD_FORMAT "phoenix-batch 1 %zu %016" PRIx64 "\n"
#define HEAD_MAX    80U

static int make_head(const char *body, size_t size, char head[HEAD_MAX])
{
    return snprintf(head, HEAD_MAX, HEAD_FORMAT, size, hash64(HASH64_START, body, size));
}

int spool_file_make(const char *body, size_t size, char **ret, size_t *ret_size)
{
    _cleanup_text_ Text text = {0};
    char head[HEAD_MAX];

    (void)make_head(body, size, head);
    text_add(&text, head);
    text_add_n(&text, body, size);
    size_t whole = text.size;
    int r = text_take(&text, ret);
    if (r >= 0)
        *ret_size = whole;
    return r;
}

int spool_file_read(const char *text, size_t size, char **ret_body, size_t *ret_size)
{
    const char *end = memchr(text, '\n', MIN(size, (size_t)HEAD_MAX));
    char head[HEAD_MAX];

    if (!end)
        return -EBADMSG;
    const char *body = end + 1;
    size_t n = size - (size_t)(body - text);
    int length = make_head(body, n, head);
    if (length != body - text || memcmp(head, text, (size_t)length) != 0)
        return -EBADMSG;
    char *copy = malloc(n + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, body, n);
    copy[n] = '\0';
    *ret_body = copy;
    *ret_size = n;
    return 0;
}
