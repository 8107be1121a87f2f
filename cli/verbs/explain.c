/* SPDX-License-Identifier: MIT */

/* phoenix explain: one spec and its service, told in a paragraph. */

#include "base/log.h"
#include "cli/cli.h"
#include "cli/facts/facts.h"
#include "cli/print/findings.h"
#include "cli/specs/specs.h"

static int print_prose(const Cli *cli, const Facts *facts)
{
    _cleanup_text_ Text prose = {0}, t = {0};
    _cleanup_source_ Source source = {0};

    facts_add_prose(&prose, facts);
    if (prose.error < 0)
        return prose.error;
    screen_add_wrapped(&t, &cli->screen, 0, prose.data);

    if (facts->entry->diags.n > 0)
        text_add_char(&t, '\n');
    findings_add(&t, &cli->screen, &facts->entry->diags, &source);
    return cli_print(&t);
}

static int print_json(const Facts *facts)
{
    _cleanup_text_ Text t = {0};

    facts_add_json(&t, facts);
    return cli_print(&t);
}

int verb_explain(const Cli *cli, char *const *args)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    _cleanup_facts_ Facts facts = {0};
    const SpecEntry *entry;
    int r;

    if (specs_is_path(args[0])) {
        log_error("explain takes a NAME; for a file by itself there is \"phoenix check FILE\"");
        return CLI_EXIT_USAGE;
    }
    r = specs_load(cli, &set);
    if (r < 0)
        return r;
    entry = specs_find(cli, set, args[0]);
    if (!entry)
        return CLI_EXIT_MISSING;
    r = facts_gather(cli, entry, &facts);
    if (r < 0)
        return r;
    return cli->options & CLI_JSON ? print_json(&facts) : print_prose(cli, &facts);
}
