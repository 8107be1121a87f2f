/* SPDX-License-Identifier: MIT */

/* phoenix show: what a spec turns into, without writing anything. The units come from the generator
 * itself; the plan from the same library that the generator uses. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/print/findings.h"
#include "cli/print/json.h"
#include "cli/specs/generator.h"
#include "cli/specs/target.h"
#include "spec/plan.h"

static void add_findings_json(Text *t, const DiagList *diags)
{
    bool any = false;

    text_add(t, "[");
    findings_add_json(t, diags, &any);
    text_add(t, any ? "\n]" : "]");
}

/* Why there is no plan; the findings go where errors go. */
static int say_broken(const Cli *cli, const Target *target)
{
    _cleanup_source_ Source source = {0};
    _cleanup_text_ Text t = {0};
    Screen plain = {.width = cli->screen.width};

    findings_add(&t, &plain, target->diags, &source);
    if (t.size > 0)
        (void)fwrite(t.data, 1, t.size, stderr);
    log_error("%s has no plan: %s", target->name,
              target->diags->errors > 0 ? "its spec has errors" : "it is masked");
    return CLI_EXIT_NO;
}

static int show_plan(const Cli *cli, const Target *target)
{
    _cleanup_text_ Text t = {0};
    int r;

    if (!target->spec || target->diags->errors > 0)
        return say_broken(cli, target);
    r = plan_write(target->spec, &t);
    return r < 0 ? r : cli_print(&t);
}

static void add_header(Text *t, const Screen *screen, const char *path)
{
    text_add(t, screen_on(screen, COLOR_FAINT));
    text_add(t, "# ");
    screen_add_clean(t, path);
    text_add(t, screen_off(screen, COLOR_FAINT));
    text_add_char(t, '\n');
}

static int show_spec(const Cli *cli, const Target *target)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_text_ Text t = {0};
    int r;

    r = file_read(AT_FDCWD, target->path, SPEC_SIZE_MAX, &text, NULL);
    if (r < 0) {
        log_error("%s: %s", target->path, strerror(-r));
        return r == -ENOMEM ? r : CLI_EXIT_NO;
    }

    if (cli->options & CLI_JSON) {
        text_add_char(&t, '{');
        json_add_string(&t, "file", target->path);
        json_add_string(&t, "text", text);
        json_add_name(&t, "findings");
        add_findings_json(&t, target->diags);
        text_add(&t, "}\n");
    } else {
        add_header(&t, &cli->screen, target->path);
        screen_add_clean_lines(&t, text);
        if (t.size > 0 && t.data[t.size - 1] != '\n')
            text_add_char(&t, '\n');
    }
    return cli_print(&t);
}

static void add_file_json(Text *t, const GeneratedFile *file)
{
    text_add_char(t, '{');
    json_add_string(t, "path", file->path);
    if (file->target)
        json_add_string(t, "target", file->target);
    else
        json_add_string(t, "text", file->text);
    text_add_char(t, '}');
}

static void add_file(Text *t, const Screen *screen, const GeneratedFile *file)
{
    _cleanup_free_ char *link = NULL;

    if (file->target)
        link = text_printf("%s -> %s", file->path, file->target);
    add_header(t, screen, link ? link : file->path);
    screen_add_clean_lines(t, file->text);
}

/* The plan lies beside the units, but --plan is for that. */
static bool is_plan(const GeneratedFile *file)
{
    size_t n = strlen(file->path);

    return n > 5 && streq(file->path + n - 5, ".json");
}

static void add_files(Text *t, const Cli *cli, const GeneratedFiles *files)
{
    bool json = cli->options & CLI_JSON, any = false;

    for (size_t i = 0; i < files->n; i++) {
        if (is_plan(&files->items[i]))
            continue;
        if (any)
            text_add(t, json ? "," : "\n");
        any = true;
        if (json) {
            text_add(t, "\n  ");
            add_file_json(t, &files->items[i]);
        } else {
            add_file(t, &cli->screen, &files->items[i]);
        }
    }
}

static int print_generated(const Cli *cli, const char *output)
{
    _cleanup_generated_files_ GeneratedFiles files = {0};
    _cleanup_text_ Text t = {0};
    bool json = cli->options & CLI_JSON;
    int r;

    r = generated_files_parse(output, &files);
    if (r < 0)
        return r;
    if (json)
        text_add_char(&t, '[');
    add_files(&t, cli, &files);
    if (json)
        text_add(&t, files.n > 0 ? "\n]\n" : "]\n");
    r = cli_print(&t);
    if (r == CLI_EXIT_OK && files.n == 0)
        return CLI_EXIT_NO;
    return r;
}

/* A copy of s with every from replaced by to. */
static char *replaced(const char *s, const char *from, const char *to)
{
    _cleanup_text_ Text t = {0};
    char *copy = NULL;

    for (const char *p; (p = strstr(s, from)); s = p + strlen(from)) {
        text_add_n(&t, s, (size_t)(p - s));
        text_add(&t, to);
    }
    text_add(&t, s);
    return text_take(&t, &copy) < 0 ? NULL : copy;
}

static int run_generator(const Cli *cli, const char *name, const char *spec_path, char **ret_output)
{
    _cleanup_free_ char *output = NULL, *errors = NULL;
    _cleanup_text_ Text clean = {0};
    int r;

    r = generator_dry_run(cli->scope, name, spec_path, &output, &errors);
    if (r < 0) {
        const char *set = getenv("PHOENIX_GENERATOR");

        log_error("%s cannot be run: %s", set && *set ? set : PHOENIX_GENERATOR_PATH, strerror(-r));
        return CLI_EXIT_FAILED;
    }
    screen_add_clean_lines(&clean, errors);
    if (clean.size > 0)
        (void)fwrite(clean.data, 1, clean.size, stderr);
    if (r > 0) {
        log_error("the generator failed with exit status %d", r);
        return CLI_EXIT_FAILED;
    }
    *ret_output = TAKE_PTR(output);
    return CLI_EXIT_OK;
}

/* A folder with nothing but a link to the file, searched before the folders of the scope: the
 * generator then sees the file as if it had been dropped there. */
static int show_units_of_file(const Cli *cli, const Target *target, const char *folder)
{
    _cleanup_free_ char *stem = target_stem(target->path), *link = NULL, *path = NULL;
    _cleanup_free_ char *output = NULL, *corrected = NULL;
    _cleanup_strv_free_ char **folders = NULL;
    _cleanup_text_ Text search = {0};
    int r;

    link = stem ? text_printf("%s/%s.json", folder, stem) : NULL;
    if (!link)
        return -ENOMEM;
    if (symlink(target->path, link) < 0)
        return -errno;

    r = spec_folders(cli->scope, &folders);
    if (r < 0)
        return r;
    text_add(&search, folder);
    STRV_FOREACH (f, folders)
        text_addf(&search, ":%s", *f);
    r = text_take(&search, &path);
    if (r < 0)
        return r;

    r = run_generator(cli, target->name, path, &output);
    if (r != CLI_EXIT_OK)
        return r;
    corrected = replaced(output, link, target->path);
    return corrected ? print_generated(cli, corrected) : -ENOMEM;
}

static int show_units(const Cli *cli, const Target *target)
{
    _cleanup_free_ char *output = NULL;
    int r;

    if (target->by_path) {
        char folder[] = "/tmp/phoenix-show-XXXXXX";

        if (!mkdtemp(folder))
            return -errno;
        r = show_units_of_file(cli, target, folder);
        (void)dir_remove_tree(folder);
        return r;
    }
    r = run_generator(cli, target->name, NULL, &output);
    return r != CLI_EXIT_OK ? r : print_generated(cli, output);
}

int verb_show(const Cli *cli, char *const *args)
{
    _cleanup_target_ Target target = {0};
    unsigned wanted = cli->options & (CLI_SPEC | CLI_PLAN | CLI_UNITS);
    int r;

    if (wanted & (wanted - 1)) {
        log_error("--units, --plan and --spec exclude each other");
        return CLI_EXIT_USAGE;
    }
    r = target_find(cli, args[0], &target);
    if (r != CLI_EXIT_OK)
        return r;

    if (wanted == CLI_SPEC)
        return show_spec(cli, &target);
    if (wanted == CLI_PLAN)
        return show_plan(cli, &target);
    return show_units(cli, &target);
}
