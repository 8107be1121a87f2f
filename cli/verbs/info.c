/* SPDX-License-Identifier: MIT */

/* phoenix info: the spec of a service as it is deployed, where it is, and what was made of it. */

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/log.h"
#include "base/strv.h"
#include "cli/cli.h"
#include "cli/print/json.h"
#include "cli/print/when.h"
#include "cli/specs/loaded.h"
#include "cli/specs/specs.h"
#include "cli/systemd/manager.h"
#include "cli/systemd/units.h"

typedef struct Info {
    const SpecEntry *entry;
    char *text;
    char **units;
    UnitState state;
    bool has_state;
    Loaded loaded;
} Info;

static void info_done(Info *info)
{
    free(info->text);
    strv_free(info->units);
    unit_state_done(&info->state);
}

static void load_state(const Cli *cli, Info *info)
{
    _cleanup_free_ char *unit = text_printf("phoenix@%s.service", info->entry->unit);
    _cleanup_manager_ Manager *manager = NULL;

    info->has_state = unit && !spec_fate_is_plan_only(info->entry->fate) &&
                      manager_open(cli->scope, &manager) >= 0 &&
                      manager_describe(manager, unit, &info->state) >= 0;
}

static int gather(const Cli *cli, const SpecEntry *entry, Info *info)
{
    int r;

    info->entry = entry;
    info->loaded = loaded_of_entry(cli->scope, entry);
    r = file_read(AT_FDCWD, entry->file.path, SPEC_SIZE_MAX, &info->text, NULL);
    if (r < 0 && entry->fate != SPEC_FATE_MASKED) {
        log_error("%s: %s", entry->file.path, strerror(-r));
        return r == -ENOMEM ? r : CLI_EXIT_NO;
    }
    r = units_generated(cli->scope, entry->unit, &info->units);
    if (r < 0)
        return r;
    load_state(cli, info);
    return CLI_EXIT_OK;
}

static void add_comment(Text *t, const Cli *cli, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    text_add(t, screen_on(&cli->screen, COLOR_FAINT));
    text_addf(t, "# %s", key);
    screen_add_clean(t, value);
    text_add(t, screen_off(&cli->screen, COLOR_FAINT));
    text_add_char(t, '\n');
}

static const char *loaded_words(Loaded loaded)
{
    switch (loaded) {
    case LOADED_OTHER:
        return "the service manager has another version of it: phoenix update";
    case LOADED_MISSING:
        return "the service manager has not read it yet: phoenix update";
    case LOADED_STALE:
        return "the service manager still has units of it";
    case LOADED_UNKNOWN:
    case LOADED_CURRENT:
    case _LOADED_MAX:
        break;
    }
    return NULL;
}

static void add_state(Text *t, const Cli *cli, const Info *info)
{
    _cleanup_text_ Text state = {0};

    if (!info->has_state || !info->state.active_state)
        return;
    text_addf(&state, "%s (%s)", info->state.active_state,
              info->state.sub_state ? info->state.sub_state : "?");
    if (info->state.changed_usec > 0) {
        text_add(&state, ", ");
        when_add_relative(&state, when_now(), info->state.changed_usec);
    }
    add_comment(t, cli, "state: ", state.error < 0 ? NULL : state.data);
}

/* The spec is last and whole, so that what follows the comments can be put into a file again. */
static void add_text(Text *t, const Cli *cli, const Info *info)
{
    add_comment(t, cli, "", info->entry->file.path);
    STRV_FOREACH (unit, info->units)
        add_comment(t, cli, "unit: ", *unit);
    add_state(t, cli, info);
    if (!spec_fate_is_good(info->entry->fate))
        add_comment(t, cli, "not generated: ", spec_fate_word(info->entry->fate));
    add_comment(t, cli, "note: ", loaded_words(info->loaded));
    if (!info->text)
        return;
    screen_add_clean_lines(t, info->text);
    if (t->size > 0 && t->data[t->size - 1] != '\n')
        text_add_char(t, '\n');
}

/* A good spec is JSON that jansson has read, so it can stand in ours as it is. */
static void add_json(Text *t, const Info *info)
{
    const SpecEntry *entry = info->entry;

    text_add_char(t, '{');
    json_add_string(t, "name", entry->unit);
    json_add_string(t, "file", entry->file.path);
    json_add_string(t, "fate", spec_fate_word(entry->fate));
    json_add_string(t, "loaded", loaded_word(info->loaded));
    json_add_strv(t, "units", info->units);
    json_add_string(t, "active", info->has_state ? info->state.active_state : NULL);
    json_add_string(t, "sub", info->has_state ? info->state.sub_state : NULL);
    json_add_time(t, "since", info->has_state ? info->state.changed_usec : 0);
    json_add_name(t, "spec");
    if (entry->spec && entry->diags.errors == 0 && info->text)
        text_add(t, info->text);
    else
        text_add(t, "null");
    json_add_string(t, "text", info->text);
    text_add(t, "}\n");
}

int verb_info(const Cli *cli, char *const *args)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    _cleanup_(info_done) Info info = {0};
    _cleanup_text_ Text t = {0};
    const SpecEntry *entry;
    int r;

    r = specs_load(cli, &set);
    if (r < 0)
        return r;
    entry = specs_find(cli, set, args[0]);
    if (!entry)
        return CLI_EXIT_MISSING;
    r = gather(cli, entry, &info);
    if (r != CLI_EXIT_OK)
        return r;
    if (cli->options & CLI_JSON)
        add_json(&t, &info);
    else
        add_text(&t, cli, &info);
    return cli_print(&t);
}
