/* SPDX-License-Identifier: MIT */
/* Secrets by the place where they are; see credential.h. */
#include "supervisor/daemon/poster/credential.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"

#define TOKEN_MAX ((size_t)4096)
#define BLANKS    " \t\r\n"

int credential_path(const char *place, char **ret)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");

    if (place[0] != '/' && !folder)
        return -ENXIO;
    *ret = place[0] == '/' ? strdup(place) : text_printf("%s/%s", folder, place);
    return *ret ? 0 : -ENOMEM;
}

static bool is_token(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (*s <= ' ' || *s >= 0x7f)
            return false;
    return true;
}

int credential_token(const char *place, char **ret)
{
    _cleanup_free_ char *path = NULL, *text = NULL;
    size_t size;

    int r = credential_path(place, &path);
    if (r >= 0)
        r = file_read(AT_FDCWD, path, TOKEN_MAX, &text, &size);
    if (r < 0)
        return r;
    char *start = text + strspn(text, BLANKS);
    size_t n = strcspn(start, BLANKS);
    bool alone = start[n + strspn(start + n, BLANKS)] == '\0' && strlen(text) == size;
    start[n] = '\0';
    char *token = alone && is_token(start) ? strdup(start) : NULL;
    explicit_bzero(text, size);
    if (!token)
        return -EBADMSG;
    *ret = token;
    return 0;
}
