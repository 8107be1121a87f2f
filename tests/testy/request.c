/* SPDX-License-Identifier: MIT */

/* Reads HTTP request heads; see request.h. */

#include "request.h"

#include <errno.h>
#include <string.h>

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return p ? (int)(p - digits) : -1;
}

/* Decodes %XX. A NUL or half an escape is refused: the result is used as a C string. */
static int decode(const char *text, size_t length, char *ret, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < length; i++) {
        int c = (unsigned char)text[i];

        if (c == '%') {
            if (length - i < 3)
                return -EINVAL;
            int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return -EINVAL;
            c = high * 16 + low;
            i += 2;
        } else if (c <= 0x20 || c == 0x7f) {
            return -EINVAL;
        }
        if (n + 1 >= size)
            return -ENAMETOOLONG;
        ret[n++] = (char)c;
    }
    ret[n] = '\0';
    return 0;
}

static int parse_target(const char *target, size_t length, struct request *ret)
{
    const char *mark = memchr(target, '?', length);
    size_t path = mark ? (size_t)(mark - target) : length;

    if (length == 0 || target[0] != '/')
        return -EINVAL;
    int r = decode(target, path, ret->path, sizeof(ret->path));
    if (r < 0 || !mark)
        return r;
    return decode(mark + 1, length - path - 1, ret->query, sizeof(ret->query));
}

int request_parse(const char *text, size_t length, struct request *ret)
{
    struct request request = {};

    if (memchr(text, '\0', length))
        return -EINVAL;
    if (!memmem(text, length, "\r\n\r\n", 4) && !memmem(text, length, "\n\n", 2))
        return 0;

    size_t line = (size_t)((const char *)memchr(text, '\n', length) - text);
    line -= line > 0 && text[line - 1] == '\r';
    const char *space = memchr(text, ' ', line);
    if (!space)
        return -EINVAL;
    const char *target = space + 1;
    const char *version = memchr(target, ' ', line - (size_t)(target - text));
    if (!version || line - (size_t)(version + 1 - text) != 8 ||
        strncmp(version + 1, "HTTP/1.", 7) != 0)
        return -EINVAL;

    size_t method = (size_t)(space - text);
    request.is_head = method == 4 && strncmp(text, "HEAD", 4) == 0;
    if (!request.is_head && !(method == 3 && strncmp(text, "GET", 3) == 0) &&
        !(method == 4 && strncmp(text, "POST", 4) == 0))
        return -EOPNOTSUPP;
    int r = parse_target(target, (size_t)(version - target), &request);
    if (r < 0)
        return r;
    *ret = request;
    return 1;
}
