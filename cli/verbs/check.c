/* SPDX-License-Identifier: MIT */

/* phoenix check: the reader and the cross-file checks of the generator, run on demand. It uses the
 * same library, so what it lets pass, the generator takes. */

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/print/findings.h"
#include "cli/specs/specs.h"
#include "spec/read.h"

/* How findings name standard input; also the name of the spec when it has none. */
#define STDIN_NAME "stdin"

typedef struct Check {
    const Cli *cli;
    Text out;
    Source source;
    SpecSet *set; /* of the scope; loaded when a NAME asks for it */
    size_t specs, masked, errors, warnings, notes;
    bool missing; /* an argument named nothing */
    bool any_json;
} Check;

static void check_done(Check *check)
{
    text_done(&check->out);
    source_done(&check->source);
    spec_set_free(check->set);
}

static void add_findings(Check *check, const DiagList *list)
{
    if (check->cli->options & CLI_JSON)
        findings_add_json(&check->out, list, &check->any_json);
    else
        findings_add(&check->out, &check->cli->screen, list, &check->source);

    check->errors += list->errors;
    check->warnings += findings_count(list, DIAG_WARNING);
    check->notes += findings_count(list, DIAG_NOTE);
}

static void add_entry(Check *check, const SpecEntry *entry)
{
    if (entry->fate == SPEC_FATE_MASKED)
        check->masked++;
    else
        check->specs++;
    add_findings(check, &entry->diags);
}

static int check_folders(Check *check, char *const *folders)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    int r;

    r = spec_set_load(check->cli->scope, folders, NULL, &set);
    if (r < 0)
        return r;
    for (size_t i = 0; i < set->n; i++)
        add_entry(check, &set->items[i]);
    return 0;
}

static int check_scope(Check *check)
{
    _cleanup_strv_free_ char **folders = NULL;
    int r;

    r = spec_folders(check->cli->scope, &folders);
    return r < 0 ? r : check_folders(check, folders);
}

static int check_file(Check *check, const char *path)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;
    int r;

    r = spec_read_file(path, &diags, &spec);
    if (r < 0)
        return r;
    check->specs++;
    add_findings(check, &diags);
    return 0;
}

/* All of standard input, but no more than one byte too many, which the reader then refuses. */
static int read_stdin(char **ret, size_t *ret_size)
{
    size_t size, max = SPEC_SIZE_MAX + 1U;
    _cleanup_free_ char *text = malloc(max + 1);

    if (!text)
        return -ENOMEM;
    size = fread(text, 1, max, stdin);
    if (ferror(stdin))
        return -EIO;
    text[size] = '\0';
    *ret_size = size;
    *ret = TAKE_PTR(text);
    return 0;
}

static int check_stdin(Check *check)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;
    Source *source = &check->source;
    int r;

    source_done(source);
    source->path = strdup(STDIN_NAME);
    if (!source->path)
        return -ENOMEM;
    r = read_stdin(&source->text, &source->size);
    if (r < 0)
        return r;

    r = spec_read(source->text, source->size, STDIN_NAME, &diags, &spec);
    if (r < 0)
        return r;
    check->specs++;
    add_findings(check, &diags);
    return 0;
}

static int check_name(Check *check, const char *name)
{
    SpecEntry *entry;
    int r;

    if (!check->set) {
        r = specs_load(check->cli, &check->set);
        if (r < 0)
            return r;
    }
    entry = specs_find(check->cli, check->set, name);
    if (entry)
        add_entry(check, entry);
    else
        check->missing = true;
    return 0;
}

static int check_arg(Check *check, char *arg)
{
    struct stat st;

    if (streq(arg, "-"))
        return check_stdin(check);
    if (stat(arg, &st) >= 0 && S_ISDIR(st.st_mode)) {
        char *folders[] = {arg, NULL};

        return check_folders(check, folders);
    }
    if (specs_is_path(arg) || access(arg, F_OK) >= 0)
        return check_file(check, arg);
    return check_name(check, arg);
}

static void add_count(Text *t, size_t n, const char *word)
{
    text_addf(t, ", %zu %s%s", n, word, n == 1 ? "" : "s");
}

static void add_summary(Check *check)
{
    Text *t = &check->out;

    text_addf(t, "%zu spec%s", check->specs, check->specs == 1 ? "" : "s");
    add_count(t, check->errors, "error");
    add_count(t, check->warnings, "warning");
    if (check->notes > 0)
        add_count(t, check->notes, "note");
    if (check->masked > 0)
        text_addf(t, ", %zu masked", check->masked);
    text_add_char(t, '\n');
}

static int finish(Check *check)
{
    bool strict = check->cli->options & CLI_STRICT;
    int r;

    if (check->cli->options & CLI_JSON)
        text_add(&check->out, check->any_json ? "\n]\n" : "]\n");
    else
        add_summary(check);

    r = cli_print(&check->out);
    if (r != CLI_EXIT_OK)
        return r;
    if (check->errors > 0 || (strict && check->warnings > 0))
        return CLI_EXIT_NO;
    return check->missing ? CLI_EXIT_MISSING : CLI_EXIT_OK;
}

int verb_check(const Cli *cli, char *const *args)
{
    _cleanup_(check_done) Check check = {.cli = cli};
    int r = 0;

    if (cli->options & CLI_JSON)
        text_add(&check.out, "[");

    if (!args[0])
        r = check_scope(&check);
    for (size_t i = 0; args[i] && r >= 0; i++)
        r = check_arg(&check, args[i]);
    return r < 0 ? r : finish(&check);
}
