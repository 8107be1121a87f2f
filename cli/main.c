/* SPDX-License-Identifier: MIT */

/* phoenix: the command for people who write specs. */

#include <locale.h>

#include "base/log.h"
#include "cli/cli.h"

int main(int argc, char *argv[])
{
    setlocale(LC_TIME, "");
    log_setup("phoenix", LOG_TARGET_STDERR, LOG_INFO);
    return cli_main(argc, argv);
}
