/* SPDX-License-Identifier: MIT */
/*
 * A bus of the test's own: a dbus-daemon in the test's folder, which the test starts and ends when
 * it likes, and connections to it, also one with systemd's name. What that one answers is the
 * test's. For tests of those that talk to systemd; they include <cmocka.h> before it.
 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/text.h"

typedef struct Bus {
    char address[128];
    pid_t daemon; /* 0: there is none */
} Bus;

/* Returns once the daemon has said its address, i.e. listens. What is tested finds it as the bus of
 * the session. Can be started again after its end. */
static inline void bus_start(Bus *bus, const char *folder)
{
    _cleanup_free_ char *argument = text_printf("--address=unix:path=%s/bus", folder);
    int said[2];
    char c;

    assert_non_null(argument);
    snprintf(bus->address, sizeof(bus->address), "unix:path=%s/bus", folder);
    assert_int_equal(setenv("DBUS_SESSION_BUS_ADDRESS", bus->address, 1), 0);
    assert_int_equal(pipe2(said, 0), 0);
    bus->daemon = fork();
    assert_true(bus->daemon >= 0);
    if (bus->daemon == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(said[1], 3);
        execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork", "--nopidfile",
               "--print-address=3", argument, NULL);
        _exit(127);
    }
    close(said[1]);
    assert_int_equal(read(said[0], &c, 1), 1);
    close(said[0]);
}

/* Its socket stays. */
static inline void bus_stop(Bus *bus)
{
    if (bus->daemon > 0) {
        kill(bus->daemon, SIGKILL);
        waitpid(bus->daemon, NULL, 0);
    }
    bus->daemon = 0;
}

static inline sd_bus *bus_connect(const Bus *bus, sd_event *event)
{
    sd_bus *connection;

    assert_int_equal(sd_bus_new(&connection), 0);
    assert_true(sd_bus_set_address(connection, bus->address) >= 0);
    assert_true(sd_bus_set_bus_client(connection, true) >= 0);
    assert_true(sd_bus_start(connection) >= 0);
    assert_true(sd_bus_set_exit_on_disconnect(connection, false) >= 0);
    assert_true(sd_bus_attach_event(connection, event, 0) >= 0);
    return connection;
}

/* A connection that others take for systemd. All that they ask goes to `on_message`. */
static inline sd_bus *bus_connect_systemd(const Bus *bus, sd_event *event,
                                          sd_bus_message_handler_t on_message, void *userdata)
{
    sd_bus *systemd = bus_connect(bus, event);

    assert_true(sd_bus_add_filter(systemd, NULL, on_message, userdata) >= 0);
    assert_true(sd_bus_request_name(systemd, "org.freedesktop.systemd1", 0) >= 0);
    return systemd;
}
