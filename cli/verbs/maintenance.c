/* SPDX-License-Identifier: MIT */

/* phoenix maintenance: checks go on, verdicts are shown, nothing is killed. */

#include <errno.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/print/json.h"
#include "cli/print/when.h"
#include "cli/status/phoenixd.h"
#include "cli/supervisor/supervisor.h"

static void add_text(Text *t, const Health *health)
{
    screen_add_clean(t, health->name);
    text_addf(t, ": maintenance is %s", health->maintenance ? "on" : "off");
    if (health->maintenance && health->maintenance_until_usec == USEC_INFINITY)
        text_add(t, " until it is turned off");
    if (health->maintenance && health->maintenance_until_usec != USEC_INFINITY) {
        text_add(t, " until ");
        when_add_local(t, health->maintenance_until_usec);
    }
    text_add_char(t, '\n');
}

static int show(const Cli *cli, Supervisor *supervisor, const char *name)
{
    _cleanup_health_ Health health = {0};
    _cleanup_text_ Text t = {0};
    int r;

    r = supervisor_get(supervisor, name, &health);
    if (r < 0)
        return phoenixd_failed(cli, supervisor, name, r);
    if (cli->options & CLI_JSON) {
        text_add_char(&t, '{');
        json_add_string(&t, "name", health.name);
        json_add_bool(&t, "maintenance", health.maintenance);
        json_add_time(&t, "until", health.maintenance_until_usec);
        json_add_string(&t, "health", health.state);
        text_add(&t, "}\n");
    } else {
        add_text(&t, &health);
    }
    return cli_print(&t);
}

static uint64_t end_of(const Cli *cli)
{
    uint64_t now_usec = when_now();

    if (!(cli->options & CLI_FOR) || cli->for_usec >= USEC_INFINITY - now_usec)
        return USEC_INFINITY;
    return now_usec + cli->for_usec;
}

static int change(const Cli *cli, Supervisor *supervisor, const char *name, bool on)
{
    int r;

    r = supervisor_set_maintenance(supervisor, name, on, on ? end_of(cli) : 0);
    if (r < 0)
        return phoenixd_failed(cli, supervisor, name, r);
    return show(cli, supervisor, name);
}

int verb_maintenance(const Cli *cli, char *const *args)
{
    _cleanup_supervisor_ Supervisor *supervisor = NULL;
    _cleanup_free_ char *name = NULL;
    bool on = args[1] && streq(args[1], "on");
    int r;

    if (args[1] && !on && !streq(args[1], "off")) {
        log_error("it is \"on\" or \"off\"; usage: phoenix maintenance NAME [on|off]");
        return CLI_EXIT_USAGE;
    }
    if ((cli->options & CLI_FOR) && !on) {
        log_error("--for goes with \"on\" only");
        return CLI_EXIT_USAGE;
    }
    r = phoenixd_open(cli, args[0], &supervisor, &name);
    if (r != CLI_EXIT_OK)
        return r;
    return args[1] ? change(cli, supervisor, name, on) : show(cli, supervisor, name);
}
