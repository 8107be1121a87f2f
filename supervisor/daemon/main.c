/* SPDX-License-Identifier: MIT */
/*
 * phoenixd [--user|--system]: the supervisor. Started by its lease socket; see phoenixd(8).
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "base/file.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "supervisor/daemon/manager.h"

static int parse_options(int argc, char *argv[], bool *ret_user)
{
    static const struct option options[] = {
        {"user", no_argument, NULL, 'u'},
        {"system", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {0},
    };

    *ret_user = getuid() != 0;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
        if (c == 'u' || c == 's') {
            *ret_user = c == 'u';
        } else if (c == 'h') {
            printf("phoenixd [--user|--system]\n\nThe supervisor of Phoenix services; started by "
                   "phoenixd.socket. See phoenixd(8).\n");
            return 0;
        } else if (c == 'V') {
            printf("phoenixd " PHOENIX_VERSION "\n");
            return 0;
        } else {
            return -EINVAL;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "phoenixd takes no arguments\n");
        return -EINVAL;
    }
    return 1;
}

/* $STATE_DIRECTORY of the unit; by hand the same place. */
static int find_state_folder(bool user, char **ret)
{
    const char *given = getenv("STATE_DIRECTORY"), *state = getenv("XDG_STATE_HOME"),
               *home = getenv("HOME");
    char *folder;

    if (given)
        folder = strdup(given);
    else if (!user)
        folder = strdup("/var/lib/phoenix/_supervisor");
    else if (state)
        folder = text_printf("%s/phoenix/_supervisor", state);
    else
        folder = text_printf("%s/.local/state/phoenix/_supervisor", home ? home : "/");
    if (!folder)
        return -ENOMEM;
    *ret = folder;
    return 0;
}

static int take_passed(PassedFds *ret)
{
    char **names = NULL;
    int n = sd_listen_fds_with_names(true, &names);

    if (n < 0)
        return n;
    ret->fds = calloc((size_t)n + 1, sizeof(*ret->fds));
    if (!ret->fds) {
        strv_free(names);
        return -ENOMEM;
    }
    for (int i = 0; i < n; i++)
        ret->fds[i] = SD_LISTEN_FDS_START + i;
    ret->names = names;
    ret->n = (size_t)n;
    return 0;
}

static void free_passed(PassedFds *passed)
{
    for (size_t i = 0; i < passed->n; i++)
        if (passed->fds[i] >= 0)
            close(passed->fds[i]);
    free(passed->fds);
    strv_free(passed->names);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
    manager_stop(*(Manager **)userdata);
    return 0;
}

/* Signals come only when the loop runs; then there is a manager. */
static int make_loop(Manager **manager, sd_event **ret)
{
    sigset_t signals;
    int r = sd_event_default(ret);

    if (r < 0)
        return r;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    r = sd_event_add_signal(*ret, NULL, SIGTERM, on_signal, manager);
    if (r >= 0)
        r = sd_event_add_signal(*ret, NULL, SIGINT, on_signal, manager);
    if (r >= 0)
        r = sd_event_set_watchdog(*ret, true);
    return r;
}

static int run(bool user)
{
    _cleanup_free_ char *folder = NULL;
    PassedFds passed = {0};
    sd_event *event = NULL;
    Manager *manager = NULL;
    int r = find_state_folder(user, &folder);

    if (r >= 0)
        r = take_passed(&passed);
    if (r >= 0)
        r = make_loop(&manager, &event);
    if (r >= 0)
        r = manager_new(event, user, folder, &passed, &manager);
    if (r == -ENOTCONN)
        log_error("There is no lease socket: phoenixd is started by phoenixd.socket");
    else if (r < 0)
        log_error("Cannot start: %s", strerror(-r));
    free_passed(&passed);
    if (r >= 0) {
        (void)sd_notify(false, "READY=1\nSTATUS=supervising");
        r = sd_event_loop(event);
        (void)sd_notify(false, "STOPPING=1");
        manager_flush(manager);
    }
    manager_free(manager);
    sd_event_unref(event);
    return r;
}

int main(int argc, char *argv[])
{
    bool user;

    log_setup("phoenixd", getenv("JOURNAL_STREAM") ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR,
              getenv("PHOENIX_DEBUG") ? LOG_DEBUG : LOG_INFO);
    int r = parse_options(argc, argv, &user);
    if (r <= 0)
        return r == 0 ? EXIT_SUCCESS : 2;
    return run(user) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
