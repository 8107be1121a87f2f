/* SPDX-License-Identifier: MIT */

/* phoenix names: what may stand for NAME, for shell completion. */

#include "cli/cli.h"
#include "cli/specs/specs.h"

int verb_names(const Cli *cli, char *const *args)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    _cleanup_text_ Text t = {0};
    int r;

    r = specs_load(cli, &set);
    if (r < 0)
        return r;

    for (size_t i = 0; i < set->n; i++) {
        screen_add_clean(&t, set->items[i].unit);
        text_add_char(&t, '\n');
    }
    return cli_print(&t);
}
