/* SPDX-License-Identifier: MIT */

/* phoenix schema: the JSON Schema of specs. The build runs it for the installed copy. */

#include "cli/cli.h"
#include "spec/schema.h"

int verb_schema(const Cli *cli, char *const *args)
{
    _cleanup_text_ Text t = {0};
    int r;

    r = schema_write(&t);
    return r < 0 ? r : cli_print(&t);
}
