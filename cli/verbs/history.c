/* SPDX-License-Identifier: MIT */

/* phoenix history: which images a service ran with, and how that went. With --record it also writes
 * down what runs now, for what changes images without us (podman-auto-update.service). */

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/print/json.h"
#include "cli/print/table.h"
#include "cli/print/when.h"
#include "cli/specs/service.h"
#include "cli/specs/services.h"
#include "cli/specs/specs.h"
#include "cli/update/image-switch.h"
#include "spec/name.h"

#define DIGEST_SHOWN 19

/* ---- showing ---- */

static void add_row(Table *table, const Ledger *ledger, size_t i)
{
    const LedgerEntry *entry = &ledger->items[i];
    static const Color colors[] = {
        [LEDGER_PENDING] = COLOR_YELLOW,
        [LEDGER_HEALTHY] = COLOR_GREEN,
        [LEDGER_FAILED] = COLOR_RED,
        [LEDGER_UNTRIED] = COLOR_FAINT,
    };
    _cleanup_free_ char *number = text_printf("%zu", ledger->n - i),
                        *digest = strndup(entry->digest, DIGEST_SHOWN);
    _cleanup_text_ Text when = {0};

    when_add_local(&when, entry->when_usec);
    table_add(table, COLOR_NONE, number);
    table_add(table, COLOR_NONE, when.data);
    table_add(table, COLOR_NONE, digest);
    table_add(table, COLOR_NONE, ledger_who_word(entry->who));
    table_add(table, colors[entry->result], ledger_result_word(entry->result));
    table_add(table, COLOR_NONE, entry->reference);
    table_add(table, COLOR_NONE, entry->reason);
}

static int add_table(const Cli *cli, const Ledger *ledger, Text *t)
{
    static const TableColumn columns[] = {
        {"N", true},       {"WHEN", false},  {"DIGEST", false}, {"BY", false},
        {"RESULT", false}, {"IMAGE", false}, {"REASON", false},
    };
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};

    for (size_t i = ledger->n; i > 0; i--)
        add_row(&table, ledger, i - 1);
    return table_write(&table, &cli->screen, t);
}

static void add_json(const Ledger *ledger, Text *t)
{
    text_add_char(t, '[');
    for (size_t i = ledger->n; i > 0; i--) {
        const LedgerEntry *entry = &ledger->items[i - 1];

        text_add(t, i < ledger->n ? ",\n  {" : "\n  {");
        json_add_number(t, "n", ledger->n - i + 1);
        json_add_time(t, "time", entry->when_usec);
        json_add_string(t, "digest", entry->digest);
        json_add_string(t, "image", entry->image);
        json_add_string(t, "reference", entry->reference);
        json_add_string(t, "by", ledger_who_word(entry->who));
        json_add_string(t, "result", ledger_result_word(entry->result));
        json_add_string(t, "reason", entry->reason);
        text_add_char(t, '}');
    }
    text_add(t, ledger->n > 0 ? "\n]\n" : "]\n");
}

static int show(const Cli *cli, const char *name)
{
    _cleanup_ledger_ Ledger ledger = {0};
    _cleanup_text_ Text t = {0};
    int r;

    r = ledger_load(cli->scope, name, &ledger);
    if (r < 0) {
        log_error("the history of %s cannot be read: %s", name, strerror(-r));
        return CLI_EXIT_FAILED;
    }
    if (cli->options & CLI_JSON)
        add_json(&ledger, &t);
    else if (ledger.n == 0)
        text_addf(&t, "%s has no history yet: \"phoenix update\" begins it\n", name);
    else
        r = add_table(cli, &ledger, &t);
    return r < 0 ? r : cli_print(&t);
}

/* ---- recording ---- */

static bool is_healthy_container(const ServiceRow *row)
{
    return row->entry && row->entry->fate == SPEC_FATE_GENERATED && row->entry->spec &&
           row->entry->spec->type == SPEC_TYPE_CONTAINER && row->state &&
           row->state->active_state && streq(row->state->active_state, "active") &&
           (!row->health || !row->health->supervised ||
            (row->health->state && streq(row->health->state, "healthy")));
}

/* An update that is being made does its own writing. */
static int record_one(const Cli *cli, Manager *manager, const ServiceRow *row, LedgerWho who)
{
    _cleanup_image_switch_ ImageSwitch images = {0};
    _cleanup_close_ int lock = ledger_lock(cli->scope, row->name);
    int r;

    if (lock == -EWOULDBLOCK)
        return CLI_EXIT_OK;
    if (lock < 0) {
        log_error("the history of %s cannot be locked: %s", row->name, strerror(-lock));
        return CLI_EXIT_FAILED;
    }
    r = image_switch_open(&images, manager, row->entry->spec, cli->scope, true);
    if (r == CLI_EXIT_OK)
        r = image_switch_note_before(&images, who);
    if (r == CLI_EXIT_NO)
        log_error("%s: %s", row->name, images.why);
    return r;
}

static int record_all(const Cli *cli, LedgerWho who, const char *name)
{
    _cleanup_manager_ Manager *manager = NULL;
    _cleanup_services_ Services services = {0};
    int status = CLI_EXIT_OK, r;

    r = service_open_manager(cli, &manager);
    if (r != CLI_EXIT_OK)
        return r;
    r = services_load(cli, &services);
    if (r < 0)
        return r;
    for (size_t i = 0; i < services.n; i++) {
        const ServiceRow *row = &services.rows[i];

        if ((name && !streq(name, row->name)) || !is_healthy_container(row))
            continue;
        r = record_one(cli, manager, row, who);
        if (r < 0)
            return r;
        if (status == CLI_EXIT_OK)
            status = r;
    }
    return status;
}

static int record(const Cli *cli, const char *name)
{
    if (streq(cli->record, ledger_who_word(LEDGER_START)))
        return record_all(cli, LEDGER_START, name);
    if (streq(cli->record, ledger_who_word(LEDGER_AUTO_UPDATE)))
        return record_all(cli, LEDGER_AUTO_UPDATE, name);
    log_error("--record: either \"start\" or \"auto-update\"");
    return CLI_EXIT_USAGE;
}

/* A ledger outlives its spec, so a name without a spec is all right when it has one. */
static int find_name(const Cli *cli, const char *arg, char **ret)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    _cleanup_free_ char *name = specs_name_of_arg(arg);
    _cleanup_ledger_ Ledger ledger = {0};
    int r;

    if (!name)
        return -ENOMEM;
    r = specs_load(cli, &set);
    if (r < 0)
        return r;
    if (!spec_set_find(set, name) &&
        (!spec_name_valid(name) || ledger_load(cli->scope, name, &ledger) < 0 || ledger.n == 0)) {
        (void)specs_find(cli, set, arg);
        return CLI_EXIT_MISSING;
    }
    *ret = TAKE_PTR(name);
    return CLI_EXIT_OK;
}

int verb_history(const Cli *cli, char *const *args)
{
    _cleanup_free_ char *name = NULL;
    int r = args[0] ? find_name(cli, args[0], &name) : CLI_EXIT_OK;

    if (r != CLI_EXIT_OK)
        return r;
    if (cli->options & CLI_RECORD)
        return record(cli, name);
    if (name)
        return show(cli, name);
    log_error("something is missing; usage: phoenix history NAME");
    return CLI_EXIT_USAGE;
}
