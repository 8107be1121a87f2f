/* SPDX-License-Identifier: MIT */
/*
 * The reader: a file's text becomes JSON, JSON becomes a Spec by way of the key table. It goes on
 * after a wrong value, so that a person sees all mistakes at once.
 */
#include "spec/read.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"
#include "spec/plan.h"
#include "spec/position.h"
#include "spec/resolve.h"
#include "spec/value.h"

static void cleanup_json(json_t **json)
{
    json_decref(*json);
}

/* The stem of the file's name: the default for a service's name. */
static char *source_stem(const char *source)
{
    const char *slash = strrchr(source, '/');
    const char *name = slash ? slash + 1 : source;
    size_t n = strlen(name);

    if (n > 5 && streq(name + n - 5, ".json"))
        n -= 5;
    return strndup(name, n);
}

static const char *syntax_hint(const char *message)
{
    if (strstr(message, "string or '}' expected near '}'") ||
        strstr(message, "unexpected token near ']'"))
        return "is there a comma before it that is not needed?";
    if (strstr(message, "near '/'") || strstr(message, "near '#'"))
        return "JSON has no comments; keys that begin with \"x-\" are yours to write notes in";
    if (strstr(message, "near '''"))
        return "JSON has only double quotes";
    if (strstr(message, "'}' expected near '\"") || strstr(message, "']' expected near '\""))
        return "is there a comma missing before it?";
    return NULL;
}

/* Gives the finding that was added last its place, when it was kept. */
static void place_last(DiagList *diags, Position position)
{
    if (diags->dropped > 0)
        return;
    diags->items[diags->n - 1].line = position.line;
    diags->items[diags->n - 1].column = position.column;
}

static int add_syntax_error(DiagList *diags, const char *source, const char *text, size_t size,
                            const json_error_t *error)
{
    Position first, second;
    _cleanup_free_ char *path = NULL;
    int r;

    if (json_error_code(error) == json_error_duplicate_key &&
        position_find_duplicate(text, size, &path, &first, &second) > 0) {
        r = diag_add(diags, DIAG_ERROR, source, path, DIAG_CODE_DUPLICATE_KEY, "keep one of them",
                     "is here a second time (first in line %u)", first.line);
    } else {
        second = (Position){.line = error->line > 0 ? (unsigned)error->line : 1,
                            .column = error->column > 0 ? (unsigned)error->column : 1};
        r = diag_add(diags, DIAG_ERROR, source, "", DIAG_CODE_SYNTAX, syntax_hint(error->text),
                     "is not JSON: %s", error->text);
    }
    if (r >= 0)
        place_last(diags, second);
    return r;
}

static int add_nul_error(DiagList *diags, const char *source, const char *text, size_t size,
                         size_t offset)
{
    Position position;

    position_of_offset(text, size, offset, &position);
    int r = diag_add(diags, DIAG_ERROR, source, "", DIAG_CODE_SYNTAX, "is it a text file?",
                     "is not JSON: there is a NUL byte in it");
    if (r >= 0)
        place_last(diags, position);
    return r;
}

static int add_too_large(DiagList *diags, const char *source)
{
    return diag_add(diags, DIAG_ERROR, source, "", DIAG_CODE_FILE, NULL,
                    "is larger than 1 MiB, the most that is read");
}

/* Finds the mistakes between keys as well, unless single values are wrong already. */
static int read_object(json_t *json, const char *source, bool plan, DiagList *diags, Spec **ret)
{
    _cleanup_spec_free_ Spec *spec = spec_new();
    _cleanup_free_ char *stem = source_stem(source);
    size_t errors = diags->errors;

    if (!spec || !stem)
        return -ENOMEM;
    int r = value_read_spec(json, source, plan, diags, spec);
    if (r < 0)
        return r;
    if (plan && spec->plan != PLAN_VERSION)
        r = diag_add(diags, DIAG_ERROR, source, "plan", DIAG_CODE_UNSUPPORTED,
                     "reload the manager, so that it is made anew", "is not version %d",
                     PLAN_VERSION);
    if (!plan) {
        free(spec->source);
        spec->source = strdup(source);
        if (!spec->source)
            return -ENOMEM;
    }
    if (r >= 0 && diags->errors == errors)
        r = spec_resolve(spec, stem, diags);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(spec);
    return diags->errors > errors ? SPEC_INVALID : 0;
}

static int read_text(const char *text, size_t size, const char *source, bool plan, DiagList *diags,
                     Spec **ret)
{
    _cleanup_(cleanup_json) json_t *json = NULL;
    json_error_t error;
    int r;

    if (size > SPEC_SIZE_MAX) {
        r = add_too_large(diags, source);
        return r < 0 ? r : SPEC_INVALID;
    }
    const char *nul = memchr(text, '\0', size); /* which jansson takes for the end after a number */
    if (nul) {
        r = add_nul_error(diags, source, text, size, (size_t)(nul - text));
        return r < 0 ? r : SPEC_INVALID;
    }
    json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!json) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return -ENOMEM;
        r = add_syntax_error(diags, source, text, size, &error);
        return r < 0 ? r : SPEC_INVALID;
    }
    r = read_object(json, source, plan, diags, ret);
    if (r >= 0)
        diag_list_locate(diags, text, size);
    return r;
}

int spec_read(const char *text, size_t size, const char *source, DiagList *diags, Spec **ret)
{
    return read_text(text, size, source, false, diags, ret);
}

int spec_read_plan(const char *text, size_t size, const char *source, DiagList *diags, Spec **ret)
{
    return read_text(text, size, source, true, diags, ret);
}

int spec_read_file(const char *path, DiagList *diags, Spec **ret)
{
    _cleanup_free_ char *text = NULL;
    size_t size;

    int r = file_read(AT_FDCWD, path, SPEC_SIZE_MAX, &text, &size);
    if (r == -ENOMEM)
        return r;
    if (r == -EFBIG)
        r = add_too_large(diags, path);
    else if (r == -EINVAL || r == -EISDIR)
        r = diag_add(diags, DIAG_ERROR, path, "", DIAG_CODE_FILE, NULL, "is not a regular file");
    else if (r < 0)
        r = diag_add(diags, DIAG_ERROR, path, "", DIAG_CODE_FILE, NULL, "cannot be read: %s",
                     strerror(-r));
    else
        return spec_read(text, size, path, diags, ret);
    return r < 0 ? r : SPEC_INVALID;
}
