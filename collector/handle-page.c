/* SPDX-License-Identifier: MIT */

/* Files of the page, from one folder: names without folders, and only of kinds that a page has. */

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "collector/server-internal.h"

#define FILE_MAX (8U << 20)

static const struct {
    const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
};

/* The type of a name that may be served, or NULL. */
static const char *type_of(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_");

    if (n == 0 || n > 64 || name[n] != '\0' || name[0] == '.')
        return NULL;
    for (size_t i = 0; i < ELEMENTSOF(types); i++) {
        size_t m = strlen(types[i].suffix);
        if (n > m && streq(name + n - m, types[i].suffix))
            return types[i].type;
    }
    return NULL;
}

enum MHD_Result get_page(Request *request)
{
    const char *name = streq(request->url, "/") ? "index.html" : request->url + 1,
               *type = type_of(name);
    _cleanup_free_ char *path = text_printf("%s/%s", request->server->options->page, name);
    struct MHD_Response *response;
    char *data = NULL;
    size_t size;

    if (!path)
        return MHD_NO;
    int r = type ? file_read(AT_FDCWD, path, FILE_MAX, &data, &size) : -ENOENT;
    if (r == -ENOENT)
        return request_fail(request, 404, "there is no %.128s here", request->url);
    if (r < 0)
        return request_fail(request, 503, "the file cannot be read: %s", strerror(-r));
    response = MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(data);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type", type);
    return request_queue(request, 200, response);
}
