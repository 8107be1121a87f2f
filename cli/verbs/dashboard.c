/* SPDX-License-Identifier: MIT */

/* phoenix dashboard: where the collector's page is, and its socket started when that is asked for.
 * The socket is asked rather than a setting read: it may have been given another port. */

#include <errno.h>
#include <systemd/sd-bus.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/print/json.h"
#include "cli/systemd/job.h"

#define SOCKET "phoenix-collector.socket"

/* What a browser on this machine can open: an address that means all of them is localhost. */
static char *url_of(const char *address)
{
    static const char *const local[] = {"127.0.0.1:", "[::1]:", "0.0.0.0:", "[::]:", "*:"};

    for (size_t i = 0; i < ELEMENTSOF(local); i++)
        if (strncmp(address, local[i], strlen(local[i])) == 0)
            return text_printf("http://localhost:%s/", address + strlen(local[i]));
    return text_printf("http://%s/", address);
}

/* The first stream socket with a port: *ret stays NULL when there is none. */
static int read_listen(sd_bus_message *m, char **ret)
{
    const char *kind, *address;
    int r = sd_bus_message_enter_container(m, 'a', "(ss)");

    while (r >= 0 && (r = sd_bus_message_read(m, "(ss)", &kind, &address)) > 0) {
        if (*ret || !streq(kind, "Stream") || !strchr(address, ':'))
            continue;
        *ret = url_of(address);
        if (!*ret)
            return -ENOMEM;
    }
    return r;
}

static int find_url(Manager *manager, const char *path, char **ret)
{
    sd_bus_message *m = NULL;
    int r = sd_bus_get_property(manager_bus(manager), "org.freedesktop.systemd1", path,
                                "org.freedesktop.systemd1.Socket", "Listen", NULL, &m, "a(ss)");

    if (r >= 0)
        r = read_listen(m, ret);
    sd_bus_message_unref(m);
    return r;
}

static int start_socket(Manager *manager)
{
    Job job = {.unit = SOCKET};
    Jobs jobs = {.items = &job, .n = 1, .kind = JOB_START};
    int r = jobs_run(manager, &jobs, false);

    if (r >= 0 && !job_is_good(&job, false)) {
        log_error(SOCKET " does not start: %s", job.error    ? job.error
                                                : job.result ? job.result
                                                             : "no answer");
        r = CLI_EXIT_NO;
    }
    job_done(&job);
    return r;
}

static int print(const Cli *cli, const char *url, bool active)
{
    _cleanup_text_ Text t = {0};

    if (cli->options & CLI_JSON) {
        text_add_char(&t, '{');
        json_add_string(&t, "url", url);
        json_add_bool(&t, "listening", active);
        text_add(&t, "}\n");
    } else {
        screen_add_clean(&t, url);
        text_add_char(&t, '\n');
    }
    return cli_print(&t);
}

static int say_not_there(void)
{
    log_error("There is no " SOCKET ": the collector is not installed");
    return CLI_EXIT_MISSING;
}

static int show(const Cli *cli, Manager *manager, bool start)
{
    _cleanup_unit_state_ UnitState state = {0};
    _cleanup_free_ char *url = NULL;
    int r = start ? start_socket(manager) : CLI_EXIT_OK;

    if (r != CLI_EXIT_OK)
        return r;
    r = manager_describe(manager, SOCKET, &state);
    if (r < 0)
        return r;
    if (!state.load_state || !streq(state.load_state, "loaded"))
        return say_not_there();
    r = find_url(manager, state.path, &url);
    if (r < 0 || !url) {
        log_error(SOCKET " listens on no port");
        return CLI_EXIT_NO;
    }
    bool active = state.active_state && streq(state.active_state, "active");
    r = print(cli, url, active);
    if (r != CLI_EXIT_OK || active)
        return r;
    log_notice("The collector does not listen yet: phoenix%s dashboard start",
               cli->scope == SPEC_SCOPE_USER ? " --user" : "");
    return CLI_EXIT_NO;
}

int verb_dashboard(const Cli *cli, char *const *args)
{
    _cleanup_manager_ Manager *manager = NULL;
    int r;

    if (args[0] && !streq(args[0], "start")) {
        log_error("It is \"phoenix dashboard\" or \"phoenix dashboard start\"");
        return CLI_EXIT_USAGE;
    }
    r = manager_open(cli->scope, &manager);
    if (r < 0) {
        log_error("The service manager cannot be reached: %s", strerror(-r));
        return CLI_EXIT_FAILED;
    }
    return show(cli, manager, args[0]);
}
