/* SPDX-License-Identifier: MIT */
/* The API of a Manager that is a test double, on the bus of the environment, for test-api.py. Says
 * on standard output when the connection comes and goes; ends with its standard input. */

#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "supervisor/daemon/api/api.h"
#include "supervisor/daemon/test-manager.h"

static void on_connected(bool yes, int error, void *userdata)
{
    printf("connected %d %s\n", yes, error < 0 ? strerror(-error) : "");
    fflush(stdout);
}

static int on_input(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    return sd_event_exit(sd_event_source_get_event(source), 0);
}

int main(int argc, char **argv)
{
    sd_event *event = NULL;
    Manager *manager = NULL;
    Api *api = NULL;
    int r;

    r = sd_event_new(&event);
    if (r >= 0)
        r = sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN, on_input, NULL);
    if (r >= 0)
        r = test_manager_new(event, 3, &manager);
    if (r >= 0)
        r = api_new(event, argc > 1 && streq(argv[1], "--user"), manager, on_connected, NULL, &api);
    if (r >= 0)
        r = sd_event_loop(event);
    if (r < 0)
        fprintf(stderr, "%s\n", strerror(-r));
    api_free(api);
    test_manager_free(manager);
    sd_event_unref(event);
    return r < 0;
}
