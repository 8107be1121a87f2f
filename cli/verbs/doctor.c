/* SPDX-License-Identifier: MIT */

/* phoenix doctor: what this machine lacks for services, and the commands that mend it. */

#include "base/strv.h"
#include "cli/cli.h"
#include "cli/doctor/doctor.h"
#include "cli/print/json.h"
#include "cli/print/table.h"
#include "cli/specs/specs.h"
#include "cli/status/status-detail.h"

/* Of a thousand services, as many as can still be read. */
#define NAMES_MAX 8U

static Color state_color(FindingState state)
{
    static const Color colors[_FINDING_STATE_MAX] = {
        [FINDING_OK] = COLOR_GREEN,
        [FINDING_WARNING] = COLOR_YELLOW,
        [FINDING_MISSING] = COLOR_RED,
    };

    return colors[state];
}

static void add_row(Table *table, const Finding *finding)
{
    _cleanup_free_ char *state = text_printf(STATUS_DOT " %s", finding_state_word(finding->state));

    table_add(table, COLOR_NONE, finding->check);
    table_add(table, state_color(finding->state), state);
    table_add(table, COLOR_NONE, finding->found);
}

static void add_services(Text *t, const Finding *finding)
{
    size_t n = strv_length(finding->services);

    if (n == 0)
        return;
    text_add(t, " Concerns ");
    for (size_t i = 0; i < MIN(n, (size_t)NAMES_MAX); i++) {
        text_add(t, i > 0 ? ", " : "");
        screen_add_clean(t, finding->services[i]);
    }
    if (n > NAMES_MAX)
        text_addf(t, " and %zu more", n - NAMES_MAX);
    text_add_char(t, '.');
}

/* A command is never broken into lines: it is there to be copied. */
static void add_mends(Text *t, const Finding *finding)
{
    for (size_t i = 0; i < finding->n_mends; i++) {
        const Mend *mend = &finding->mends[i];

        text_add(t, mend->as_root ? "    as root: " : "    ");
        screen_add_clean(t, mend->command);
        text_add_char(t, '\n');
    }
}

static int add_detail(Text *t, const Screen *screen, const Finding *finding)
{
    _cleanup_text_ Text prose = {0};

    text_addf(&prose, "%s: ", finding->check);
    screen_add_clean(&prose, finding->found);
    text_add(&prose, ". ");
    screen_add_clean(&prose, finding->means ? finding->means : "");
    add_services(&prose, finding);
    if (prose.error < 0)
        return prose.error;
    text_add_char(t, '\n');
    screen_add_wrapped(t, screen, 0, prose.data);
    add_mends(t, finding);
    return 0;
}

static void add_summary(Text *t, const Screen *screen, const Doctor *doctor)
{
    size_t missing = doctor_count(doctor, FINDING_MISSING);
    size_t warnings = doctor_count(doctor, FINDING_WARNING);
    FindingState worst = missing > 0    ? FINDING_MISSING
                         : warnings > 0 ? FINDING_WARNING
                                        : FINDING_OK;

    text_add_char(t, '\n');
    text_add(t, screen_on(screen, state_color(worst)));
    text_addf(t, "%zu missing, %zu warning%s, %zu ok", missing, warnings, warnings == 1 ? "" : "s",
              doctor_count(doctor, FINDING_OK));
    text_add(t, screen_off(screen, state_color(worst)));
    text_add_char(t, '\n');
}

static int add_text(Text *t, const Screen *screen, const Doctor *doctor)
{
    static const TableColumn columns[] = {{"CHECK", false}, {"STATE", false}, {"FOUND", false}};
    _cleanup_table_ Table table = {.columns = columns, .n_columns = ELEMENTSOF(columns)};
    int r;

    for (size_t i = 0; i < doctor->n; i++)
        add_row(&table, &doctor->findings[i]);
    r = table_write(&table, screen, t);
    for (size_t i = 0; r >= 0 && i < doctor->n; i++)
        if (doctor->findings[i].state != FINDING_OK)
            r = add_detail(t, screen, &doctor->findings[i]);
    add_summary(t, screen, doctor);
    return r;
}

static void add_json_mends(Text *t, const Finding *finding)
{
    json_add_name(t, "mend");
    text_add_char(t, '[');
    for (size_t i = 0; i < finding->n_mends; i++) {
        text_add(t, i > 0 ? ", {" : "{");
        json_add_string(t, "command", finding->mends[i].command);
        json_add_bool(t, "root", finding->mends[i].as_root);
        text_add_char(t, '}');
    }
    text_add_char(t, ']');
}

static void add_json(Text *t, const Doctor *doctor)
{
    text_add_char(t, '[');
    for (size_t i = 0; i < doctor->n; i++) {
        const Finding *finding = &doctor->findings[i];

        text_add(t, i > 0 ? ",\n  {" : "\n  {");
        json_add_string(t, "check", finding->check);
        json_add_string(t, "state", finding_state_word(finding->state));
        json_add_string(t, "found", finding->found);
        json_add_string(t, "means", finding->means);
        json_add_strv(t, "services", finding->services);
        add_json_mends(t, finding);
        text_add_char(t, '}');
    }
    text_add(t, "\n]\n");
}

int verb_doctor(const Cli *cli, char *const *args)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    _cleanup_machine_ Machine machine = {0};
    _cleanup_doctor_ Doctor doctor = {0};
    _cleanup_text_ Text t = {0};
    int r;

    r = specs_load(cli, &set);
    if (r < 0)
        return r;
    if (args[0]) {
        doctor.only = specs_find(cli, set, args[0]);
        if (!doctor.only)
            return CLI_EXIT_MISSING;
    }
    r = machine_gather(cli->scope, &machine);
    if (r < 0)
        return r;
    doctor.machine = &machine;
    doctor.set = set;
    r = doctor_run(&doctor);
    if (r < 0)
        return r;

    if (cli->options & CLI_JSON)
        add_json(&t, &doctor);
    else
        r = add_text(&t, &cli->screen, &doctor);
    if (r >= 0)
        r = cli_print(&t);
    if (r != CLI_EXIT_OK)
        return r;
    return doctor_count(&doctor, FINDING_MISSING) > 0 ? CLI_EXIT_NO : CLI_EXIT_OK;
}
