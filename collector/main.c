/* SPDX-License-Identifier: MIT */

/* phoenix-collector: keeps logs and metrics, draws graphs, serves the page. Started by its socket;
 * see phoenix-collector(8). */

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/file.h"
#include "base/log.h"
#include "base/strv.h"
#include "collector/exposure.h"
#include "collector/listen.h"
#include "collector/options.h"

static int make_loop(sd_event **ret)
{
    sigset_t signals;
    int r = sd_event_default(ret);

    if (r < 0)
        return r;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    r = sd_event_add_signal(*ret, NULL, SIGTERM, NULL, NULL);
    if (r >= 0)
        r = sd_event_add_signal(*ret, NULL, SIGINT, NULL, NULL);
    if (r >= 0)
        r = sd_event_set_watchdog(*ret, true);
    return r;
}

static int open_store(const Options *options, Store **ret)
{
    _cleanup_free_ char *aside = NULL;
    int r = dir_make(options->state, 0700);

    if (r >= 0)
        r = store_open(options->state, ret, &aside);
    if (aside)
        log_error("The database is damaged. It is kept as %s, and a fresh one was begun", aside);
    if (r == -ESTALE)
        log_error("The database in %s was written by another version", options->state);
    else if (r < 0)
        log_error("The database in %s cannot be opened: %s", options->state, strerror(-r));
    return r;
}

static int run(const Options *options)
{
    _cleanup_(listen_done) Listen listen = {0};
    sd_event *event = NULL;
    Server *server = NULL;
    Store *store = NULL;
    int r = listen_take(options->listen, &listen);

    if (r < 0) {
        log_error(
            r == -ENOTCONN
                ? "There is no socket: it is started by phoenix-collector.socket, or with --listen="
                : "Cannot listen: %s",
            strerror(-r));
        return r;
    }
    r = exposure_check(&listen, &options->server);
    if (r >= 0)
        r = open_store(options, &store);
    if (r < 0)
        return r;
    r = make_loop(&event);
    if (r < 0)
        store_free(store);
    else
        r = server_new(event, &options->server, &listen, store, &options->writer, &server);
    if (r < 0) {
        log_error("Cannot start: %s", strerror(-r));
    } else {
        (void)sd_notify(false, "READY=1\nSTATUS=collecting");
        r = sd_event_loop(event);
        (void)sd_notify(false, "STOPPING=1");
    }
    server_free(server);
    sd_event_unref(event);
    return r;
}

int main(int argc, char *argv[])
{
    _cleanup_options_ Options options = {0};
    int r;

    log_setup("phoenix-collector",
              getenv("JOURNAL_STREAM") ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR,
              getenv("PHOENIX_DEBUG") ? LOG_DEBUG : LOG_INFO);
    r = options_parse(argc, argv, &options);
    if (r <= 0)
        return r == 0 ? EXIT_SUCCESS : r == -EINVAL ? 2 : EXIT_FAILURE;
    return run(&options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
