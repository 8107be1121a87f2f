/* SPDX-License-Identifier: MIT */
/* For test-units.c: a bus of its own, a made-up systemd on it, and what the callbacks were told.
 * All of it shares the event loop of the test. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/strv.h"
#include "base/text.h"
#include "supervisor/daemon/test-bus.h"
#include "supervisor/daemon/units/units-internal.h"

#define PATIENCE_USEC (20 * USEC_PER_SEC)
#define WEB           "phoenix@web.service"
#define WEB_PATH      "/org/freedesktop/systemd1/unit/phoenix_40web_2eservice"

/* Runs the loop until the condition is true. */
#define wait_for(f, condition)                                                                     \
    while (!(condition))                                                                           \
    assert_true(sd_event_run((f)->event, PATIENCE_USEC) > 0)

static const sd_id128_t invocation =
    SD_ID128_MAKE(01, 23, 45, 67, 89, ab, cd, ef, 01, 23, 45, 67, 89, ab, cd, ef);

/* The other units of a service that is started by its connections, and how they look. */
static const struct {
    const char *name, *path, *interface, *active, *sub;
} on_demand[] = {
    {"phoenix@web.socket", SYSTEMD_UNIT_PATH "/phoenix_40web_2esocket", SYSTEMD_SOCKET, "active",
     "listening"},
    {"phoenix-proxy@web.service", SYSTEMD_UNIT_PATH "/phoenix_2dproxy_40web_2eservice",
     SYSTEMD_SERVICE, "inactive", "dead"},
    {"phoenix-idle@web.service", SYSTEMD_UNIT_PATH "/phoenix_2didle_40web_2eservice",
     SYSTEMD_SERVICE, "active", "running"},
};

typedef struct Fixture {
    char folder[64];
    Bus bus;
    sd_event *event;
    Units *units;

    /* The made-up systemd. */
    sd_bus *systemd;
    const char *load, *active, *sub, *result;
    uint32_t n_restarts;
    bool absent;        /* WEB is not in memory; all others never are */
    const char *status; /* of phoenix-idle@web.service */
    bool on_demand;     /* it has the units of ON_DEMAND, too */
    unsigned n_list, n_get, n_subscribe;
    bool deaf;                  /* does not answer Get() */
    sd_bus_message *unanswered; /* the last of these */
    bool broken;                /* answers it with an error that may pass */
    char last[4096];            /* dump of the last other call */

    /* What the callbacks were told. */
    unsigned n_changed, n_reloaded, n_connected, n_disconnected, n_done;
    UnitState before, now;
    int done;
    char message[128];
    uint64_t beat;
} Fixture;

static int append_state(Fixture *f, sd_bus_message *message)
{
    return sd_bus_message_append(message, "a{sv}", 5, "Unknown", "(su)", "x", 1u, "LoadState", "s",
                                 f->load, "ActiveState", "s", f->active, "SubState", "s", f->sub,
                                 "NRestarts", "u", f->n_restarts);
}

/* One that is not ours, one that nobody watches, and WEB. */
static int answer_list(Fixture *f, sd_bus_message *call)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
    const char *names[] = {"other.service", "phoenix@other.service", WEB};
    char **states, **patterns;

    f->n_list++;
    assert_true(sd_bus_message_read_strv(call, &states) >= 0);
    assert_true(sd_bus_message_read_strv(call, &patterns) >= 0);
    assert_null(states);
    assert_string_equal(patterns[0], "phoenix@*.service");
    /* What nobody watches is not asked for. */
    assert_int_equal(strv_length(patterns), f->on_demand ? 4 : 1);
    if (f->on_demand)
        assert_string_equal(patterns[1], "phoenix@*.socket");
    strv_free(patterns);
    assert_true(sd_bus_message_new_method_return(call, &reply) >= 0);
    assert_true(sd_bus_message_open_container(reply, 'a', "(ssssssouso)") >= 0);
    for (size_t i = 0; i < ELEMENTSOF(names) - f->absent; i++)
        assert_true(sd_bus_message_append(reply, "(ssssssouso)", names[i], "What it does", f->load,
                                          f->active, f->sub, "", "/x", 0, "", "/") >= 0);
    for (size_t i = 0; f->on_demand && i < ELEMENTSOF(on_demand); i++)
        assert_true(sd_bus_message_append(reply, "(ssssssouso)", on_demand[i].name, "What it does",
                                          "loaded", on_demand[i].active, on_demand[i].sub, "", "/x",
                                          0, "", "/") >= 0);
    assert_true(sd_bus_message_close_container(reply) >= 0);
    assert_true(sd_bus_send(f->systemd, reply, NULL) >= 0);
    return 1;
}

static int answer_invocation(sd_bus_message *call)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

    assert_true(sd_bus_message_new_method_return(call, &reply) >= 0);
    assert_true(sd_bus_message_open_container(reply, 'v', "ay") >= 0);
    assert_true(sd_bus_message_append_array(reply, 'y', &invocation, sizeof(invocation)) >= 0);
    assert_true(sd_bus_message_close_container(reply) >= 0);
    return sd_bus_send(sd_bus_message_get_bus(call), reply, NULL);
}

/* Of which interface a property is, of that unit. */
static const char *interface_of(const char *path, const char *property)
{
    if (streq(property, "InvocationID") ||
        (strstr(property, "Timestamp") && !streq(property, "WatchdogTimestamp")))
        return SYSTEMD_UNIT;
    for (size_t i = 0; i < ELEMENTSOF(on_demand); i++)
        if (streq(path, on_demand[i].path))
            return on_demand[i].interface;
    return SYSTEMD_SERVICE;
}

static int answer_get(Fixture *f, sd_bus_message *call)
{
    static const struct {
        const char *property;
        uint64_t value;
    } times[] = {{"WatchdogUSec", 20 * USEC_PER_SEC},      {"RestartUSecNext", 5 * USEC_PER_SEC},
                 {"StateChangeTimestamp", 1111},           {"StateChangeTimestampMonotonic", 2222},
                 {"InactiveExitTimestampMonotonic", 3333}, {"ActiveEnterTimestampMonotonic", 4444},
                 {"ActiveExitTimestampMonotonic", 5555},   {"WatchdogTimestamp", 1234567890}};
    const char *interface, *property;

    f->n_get++;
    assert_true(sd_bus_message_read(call, "ss", &interface, &property) >= 0);
    assert_string_equal(interface, interface_of(sd_bus_message_get_path(call), property));
    if (f->deaf) {
        sd_bus_message_unref(f->unanswered);
        f->unanswered = sd_bus_message_ref(call);
        assert_true(sd_bus_message_rewind(call, true) >= 0);
        return 1;
    }
    if (f->broken)
        return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_LIMITS_EXCEEDED, "not now");
    if (streq(property, "InvocationID"))
        return answer_invocation(call);
    if (streq(property, "Result"))
        return sd_bus_reply_method_return(call, "v", "s", f->result);
    if (streq(property, "StatusText"))
        return sd_bus_reply_method_return(call, "v", "s", f->status);
    if (streq(property, "ExecMainCode"))
        return sd_bus_reply_method_return(call, "v", "i", CLD_EXITED);
    if (streq(property, "NRestarts"))
        return sd_bus_reply_method_return(call, "v", "u", f->n_restarts);
    for (size_t i = 0; i < ELEMENTSOF(times); i++)
        if (streq(property, times[i].property))
            return sd_bus_reply_method_return(call, "v", "t", times[i].value);
    /* As a systemd does that has no such property. */
    return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_UNKNOWN_PROPERTY, "no %s", property);
}

static void dump(Fixture *f, sd_bus_message *call)
{
    FILE *file = fmemopen(f->last, sizeof(f->last), "w");

    assert_non_null(file);
    assert_true(sd_bus_message_dump(call, file, SD_BUS_MESSAGE_DUMP_SUBTREE_ONLY) >= 0);
    fclose(file);
}

static int on_systemd(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
    Fixture *f = userdata;
    const char *member = sd_bus_message_get_member(call);

    if (!sd_bus_message_is_method_call(call, NULL, NULL))
        return 0;
    if (streq(member, "ListUnitsByPatterns"))
        return answer_list(f, call);
    if (streq(member, "Get"))
        return answer_get(f, call);
    if (streq(member, "Subscribe")) {
        f->n_subscribe++;
        return sd_bus_reply_method_return(call, NULL);
    }
    if (streq(member, "StopUnit"))
        return sd_bus_reply_method_errorf(call, "org.freedesktop.systemd1.NoSuchUnit", "not there");
    dump(f, call);
    return sd_bus_reply_method_return(call, "o", "/org/freedesktop/systemd1/job/1");
}

static void start_systemd(Fixture *f)
{
    f->systemd = bus_connect_systemd(&f->bus, f->event, on_systemd, f);
}

/* Its socket goes, too, and the made-up systemd. */
static void stop_bus(Fixture *f)
{
    bus_stop(&f->bus);
    unlink(f->bus.address + strlen("unix:path="));
    f->systemd = sd_bus_close_unref(f->systemd);
}

static void on_changed(UnitWatch *watch, const UnitState *before, const UnitState *now,
                       void *userdata)
{
    Fixture *f = userdata;

    f->n_changed++;
    f->before = *before;
    f->now = *now;
    assert_true(unit_state_equal(now, unit_watch_state(watch)));
    if (unit_watch_tag(watch) == &f->n_changed) /* asks for it */
        unit_watch_free(watch);
}

static void on_reloaded(void *userdata)
{
    ((Fixture *)userdata)->n_reloaded++;
}

static void on_connected(bool yes, int error, void *userdata)
{
    Fixture *f = userdata;

    if (yes) {
        f->n_connected++;
        assert_non_null(units_bus(f->units));
    } else {
        f->n_disconnected++;
        assert_true(error < 0);
        assert_null(units_bus(f->units));
    }
}

static const UnitsCallbacks callbacks = {on_changed, on_reloaded, on_connected};

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(Fixture));

    assert_non_null(f);
    strcpy(f->folder, "/tmp/test-units-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->load = "loaded";
    f->active = "active";
    f->sub = "running";
    f->result = "success";
    assert_int_equal(sd_event_new(&f->event), 0);
    bus_start(&f->bus, f->folder);
    start_systemd(f);
    assert_int_equal(units_new(f->event, true, &callbacks, f, &f->units), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;

    assert_null(units_free(f->units));
    sd_bus_message_unref(f->unanswered);
    stop_bus(f);
    sd_event_unref(f->event);
    assert_int_equal(dir_remove_tree(f->folder), 0);
    free(f);
    return 0;
}

static void send_reloading(sd_bus *from, const char *to, bool begins)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    assert_true(
        sd_bus_message_new_signal(from, &message, SYSTEMD_PATH, SYSTEMD_MANAGER, "Reloading") >= 0);
    assert_true(sd_bus_message_append(message, "b", begins) >= 0);
    if (to)
        assert_true(sd_bus_message_set_destination(message, to) >= 0);
    assert_true(sd_bus_send(from, message, NULL) >= 0);
}

static void send_signal(Fixture *f, sd_bus *from, const char *to, const char *path,
                        const char *interface)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

    assert_true(
        sd_bus_message_new_signal(from, &message, path, DBUS_PROPERTIES, "PropertiesChanged") >= 0);
    assert_true(sd_bus_message_append(message, "s", interface) >= 0);
    assert_true(append_state(f, message) >= 0);
    assert_true(sd_bus_message_append(message, "as", 0) >= 0);
    if (to)
        assert_true(sd_bus_message_set_destination(message, to) >= 0);
    assert_true(sd_bus_send(from, message, NULL) >= 0);
}

static void change(Fixture *f, const char *active, const char *sub)
{
    f->active = active;
    f->sub = sub;
    send_signal(f, f->systemd, NULL, WEB_PATH, SYSTEMD_UNIT);
}
