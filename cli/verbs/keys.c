/* SPDX-License-Identifier: MIT */

/* phoenix keys: the key table as text, for tools/check-man.py. */

#include "cli/cli.h"
#include "spec/schema.h"

int verb_keys(const Cli *cli, char *const *args)
{
    _cleanup_text_ Text t = {0};
    int r;

    r = schema_list_keys(&t);
    return r < 0 ? r : cli_print(&t);
}
