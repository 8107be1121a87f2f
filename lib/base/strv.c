/* SPDX-License-Identifier: MIT */

/* String vectors. They hold words of one spec or one command line, tens of them: appending walks
 * the vector and reallocates, and nothing more clever is wanted. */

#include <assert.h>
#include <errno.h>

#include "base/strv.h"

char **strv_free(char **v)
{
    STRV_FOREACH (p, v)
        free(*p);
    free(v);
    return NULL;
}

size_t strv_length(char *const *v)
{
    size_t n = 0;

    while (v && v[n])
        n++;
    return n;
}

int strv_consume(char ***v, char *s)
{
    size_t n;
    char **grown;

    assert(v);

    if (!s)
        return -ENOMEM;

    n = strv_length(*v);
    grown = reallocarray(*v, n + 2, sizeof(char *));
    if (!grown) {
        free(s);
        return -ENOMEM;
    }
    grown[n] = s;
    grown[n + 1] = NULL;
    *v = grown;
    return 0;
}

int strv_push(char ***v, const char *s)
{
    assert(s);

    return strv_consume(v, strdup(s));
}

bool strv_contains(char *const *v, const char *s)
{
    STRV_FOREACH (p, v)
        if (streq(*p, s))
            return true;
    return false;
}

bool strv_equal(char *const *a, char *const *b)
{
    size_t n = strv_length(a);

    if (n != strv_length(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!streq(a[i], b[i]))
            return false;
    return true;
}

int strv_split(const char *s, const char *separators, char ***ret)
{
    _cleanup_strv_free_ char **v = NULL;
    int r;

    assert(s);
    assert(separators);
    assert(ret);

    v = calloc(1, sizeof(char *));
    if (!v)
        return -ENOMEM;

    for (s += strspn(s, separators); *s; s += strspn(s, separators)) {
        size_t n = strcspn(s, separators);

        r = strv_consume(&v, strndup(s, n));
        if (r < 0)
            return r;
        s += n;
    }
    *ret = TAKE_PTR(v);
    return 0;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(char **v)
{
    size_t n = strv_length(v);

    if (n > 1)
        qsort(v, n, sizeof(char *), compare_strings);
}
