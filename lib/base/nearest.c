/* SPDX-License-Identifier: MIT */

/* Optimal string alignment (Damerau-Levenshtein in which no piece is edited twice), three rows on
 * the stack: words are keys and names, so long ones are not worth a guess. */

#include <assert.h>
#include <stddef.h>

#include "base/macros.h"
#include "base/nearest.h"

#define WORD_MIN 3U
#define WORD_MAX 64U

/* One row of the table: how far the first i+1 bytes of a are from each prefix of b. */
static void distance_row(const char *a, size_t i, const char *b, size_t b_size,
                         const unsigned *before, const unsigned *above, unsigned *row)
{
    row[0] = (unsigned)i + 1;
    for (size_t k = 0; k < b_size; k++) {
        unsigned best = above[k] + (a[i] != b[k]);

        best = MIN(best, above[k + 1] + 1);
        best = MIN(best, row[k] + 1);
        if (i > 0 && k > 0 && a[i] == b[k - 1] && a[i - 1] == b[k])
            best = MIN(best, before[k - 1] + 1);
        row[k + 1] = best;
    }
}

static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned rows[3][WORD_MAX + 1];

    assert(a_size <= WORD_MAX);
    assert(b_size <= WORD_MAX);

    for (size_t k = 0; k <= b_size; k++)
        rows[0][k] = (unsigned)k;
    for (size_t i = 0; i < a_size; i++)
        distance_row(a, i, b, b_size, rows[(i + 2) % 3], rows[i % 3], rows[(i + 1) % 3]);
    return rows[a_size % 3][b_size];
}

const char *nearest(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    size_t size;
    unsigned limit;

    assert(word);
    assert(candidates);

    size = strlen(word);
    if (size < WORD_MIN || size > WORD_MAX)
        return NULL;

    limit = (unsigned)MAX(size / 3, (size_t)1);
    for (const char *const *c = candidates; *c; c++) {
        size_t c_size = strlen(*c);
        unsigned d;

        if (c_size > WORD_MAX)
            continue;
        d = distance(word, size, *c, c_size);
        if (d > limit || (best && d == limit))
            continue;
        best = *c;
        limit = d;
    }
    return best;
}
