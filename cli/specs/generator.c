/* SPDX-License-Identifier: MIT */

/* Runs the generator and reads its dry-run output. */

#include "cli/specs/generator.h"

#include <errno.h>
#include <stdbool.h>

#include "base/process.h"
#include "base/strv.h"
#include "base/text.h"

#define TIMEOUT_USEC       (60 * USEC_PER_SEC)
#define OUTPUT_MAX         (16U * 1024U * 1024U)
#define LINK_ARROW         " -> "
#define SPEC_PATH_VARIABLE "PHOENIX_SPEC_PATH="

extern char **environ;

/* Our environment, with PHOENIX_SPEC_PATH replaced. */
static int environment_with(const char *spec_path, char ***ret)
{
    _cleanup_strv_free_ char **env = NULL;
    int r;

    STRV_FOREACH (e, environ) {
        if (strncmp(*e, SPEC_PATH_VARIABLE, strlen(SPEC_PATH_VARIABLE)) == 0)
            continue;
        r = strv_push(&env, *e);
        if (r < 0)
            return r;
    }
    r = strv_consume(&env, text_printf(SPEC_PATH_VARIABLE "%s", spec_path));
    if (r < 0)
        return r;
    *ret = TAKE_PTR(env);
    return 0;
}

int generator_dry_run(SpecScope scope, const char *name, const char *spec_path, char **ret_stdout,
                      char **ret_stderr)
{
    const char *set = getenv("PHOENIX_GENERATOR");
    _cleanup_free_ char *program = strdup(set && *set ? set : PHOENIX_GENERATOR_PATH);
    _cleanup_free_ char *dry_run = text_printf("--dry-run=%s", name);
    _cleanup_strv_free_ char **env = NULL;
    char user[] = "--user", system[] = "--system";
    char *argv[] = {program, scope == SPEC_SCOPE_USER ? user : system, dry_run, NULL};
    int r;

    if (!program || !dry_run)
        return -ENOMEM;
    if (spec_path) {
        r = environment_with(spec_path, &env);
        if (r < 0)
            return r;
    }
    return process_run(argv, env, NULL, TIMEOUT_USEC, OUTPUT_MAX, ret_stdout, ret_stderr);
}

void generated_files_done(GeneratedFiles *files)
{
    for (size_t i = 0; i < files->n; i++) {
        free(files->items[i].path);
        free(files->items[i].target);
        free(files->items[i].text);
    }
    free(files->items);
    *files = (GeneratedFiles){0};
}

static int files_reserve(GeneratedFiles *files)
{
    size_t allocated = MAX(files->allocated * 2, (size_t)8);
    GeneratedFile *items;

    if (files->n < files->allocated)
        return 0;
    items = reallocarray(files->items, allocated, sizeof(*items));
    if (!items)
        return -ENOMEM;
    files->items = items;
    files->allocated = allocated;
    return 0;
}

/* header: the line without "# ". */
static int files_add(GeneratedFiles *files, const char *header, const char *text, size_t size)
{
    size_t line = strcspn(header, "\n"), path = strcspn(header, " \n");
    GeneratedFile *file;

    if (files_reserve(files) < 0)
        return -ENOMEM;
    file = &files->items[files->n++];
    *file = (GeneratedFile){strndup(header, path), NULL, strndup(text, size)};
    if (path < line) {
        path += strlen(LINK_ARROW);
        file->target = strndup(header + path, line - path);
    }
    return file->path && file->text && (path == line || file->target) ? 0 : -ENOMEM;
}

/* "# /run/.../phoenix@web.service", or "# PATH -> TARGET" for a link. A finding in a unit's own
 * comments begins with a path, too, but it goes on with other words. */
static bool is_header(const char *line)
{
    const char *end = line + 2 + strcspn(line + 2, " \n");

    return strncmp(line, "# /", 3) == 0 && (*end != ' ' || strncmp(end, LINK_ARROW, 4) == 0);
}

static const char *line_after(const char *line)
{
    line += strcspn(line, "\n");
    return *line ? line + 1 : line;
}

/* Without the blank line that stands before the next file. */
static size_t text_size(const char *text, const char *end, bool more)
{
    size_t n = (size_t)(end - text);
    bool blank = n > 0 && text[n - 1] == '\n' && (n == 1 || text[n - 2] == '\n');

    return n - (more && blank);
}

int generated_files_parse(const char *output, GeneratedFiles *ret)
{
    _cleanup_generated_files_ GeneratedFiles files = {0};
    const char *p = output;

    while (*p && !is_header(p))
        p = line_after(p);

    while (*p) {
        const char *path = p + 2, *text = line_after(p), *end;
        int r;

        for (end = text; *end && !is_header(end);)
            end = line_after(end);
        r = files_add(&files, path, text, text_size(text, end, *end != '\0'));
        if (r < 0)
            return r;
        p = end;
    }

    *ret = files;
    files = (GeneratedFiles){0};
    return 0;
}

const char *generated_files_find(const GeneratedFiles *files, const char *suffix)
{
    size_t n = strlen(suffix);

    for (size_t i = 0; i < files->n; i++) {
        size_t m = strlen(files->items[i].path);

        if (!files->items[i].target && m >= n && streq(files->items[i].path + m - n, suffix))
            return files->items[i].text;
    }
    return NULL;
}
