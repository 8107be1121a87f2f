/* SPDX-License-Identifier: MIT */
/*
 * A made-up machine for the reaper: cgroups and processes as files, a bus of its own with a systemd
 * that does to each unit what the test says, and an engine that answers when the test says.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>

#include "base/file.h"
#include "base/text.h"
#include "spec/read.h"
#include "supervisor/daemon/event-internal.h"
#include "supervisor/daemon/reaper/unit-stop-internal.h"
#include "supervisor/daemon/reaper/reaper.h"
#include "supervisor/daemon/test-bus.h"

#define PATIENCE_USEC (30 * USEC_PER_SEC)
#define UNITS_MAX     16
#define TOLD_MAX      32
#define ROWS_MAX      32

/* Runs the loop until the condition is true; rounds go on meanwhile, so the time is looked at. */
#define wait_for(f, condition)                                                                     \
    for (uint64_t _until_usec = now_usec() + PATIENCE_USEC; !(condition);) {                       \
        assert_true(sd_event_run((f)->event, PATIENCE_USEC) >= 0);                                 \
        assert_true(now_usec() < _until_usec);                                                     \
    }

static uint64_t now_usec(void)
{
    struct timespec ts = {0};

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

/* What systemd does with a unit that is to be stopped. */
typedef enum Manner {
    OBEYS,   /* it ends after the answer */
    HASTENS, /* and before it */
    FAILS,   /* the job fails, and it runs on */
    HANGS,   /* it ends when it is killed */
    STAYS,   /* the job is never over */
    UNKNOWN, /* there is no such unit */
} Manner;

typedef struct FakeUnit {
    char *name, *cgroup, *id;
    Manner manner;
    unsigned n_stop, n_kill;
} FakeUnit;

typedef struct Told {
    EventKind kind;
    char name[64], result[32], cause[32], reason[512];
} Told;

typedef struct Row {
    char name[64], verdict[32], cause[32], result[32], reason[512];
} Row;

typedef struct Fake {
    char folder[64], cgroup[96], proc[96];
    Bus bus;
    sd_event *event;
    sd_bus *systemd;
    Events *events;
    Reaper *reaper;
    FakeUnit units[UNITS_MAX];
    size_t n_units, n_trash;
    unsigned n_jobs;

    Told told[TOLD_MAX];
    size_t n_told;
    Row rows[ROWS_MAX];
    size_t n_rows;
    unsigned n_answers;
    bool refused; /* the last answer was that there is none */

    int listener, asker; /* of the engine */
    unsigned n_asked;
    sd_event_source *engine;
} Fake;

/* ---- files ---- */

static void put(Fake *f, const char *path, const char *data, size_t size)
{
    _cleanup_free_ char *whole = text_printf("%s/%s", f->folder, path), *folder = strdup(whole);

    *strrchr(folder, '/') = '\0';
    assert_int_equal(dir_make(folder, 0755), 0);
    assert_int_equal(file_write_atomic(AT_FDCWD, whole, data, size, 0644, false), 0);
}

static void put_at(Fake *f, const char *text, const char *format, ...) _printf_(3, 4);

static void put_at(Fake *f, const char *text, const char *format, ...)
{
    _cleanup_text_ Text path = {0};
    va_list ap;

    va_start(ap, format);
    text_addv(&path, format, ap);
    va_end(ap);
    put(f, path.data, text, strlen(text));
}

static void put_process(Fake *f, int pid, int parent, const char *name, const char *cgroup,
                        const char *cmdline, size_t size, unsigned start)
{
    _cleanup_free_ char *stat =
                            text_printf("%d (%s) S %d 0 0 0 0 0 0 0 0 0 0 0 0 0 20 0 1 0 %u 0 0\n",
                                        pid, name, parent, start),
                        *status = text_printf("Name:\t%s\nPid:\t%d\nNSpid:\t%d%s\n", name, pid, pid,
                                              parent == 1 ? "" : "\t1"),
                        *group = text_printf("0::%s\n", cgroup),
                        *line = text_printf("proc/%d/cmdline", pid);

    put_at(f, stat, "proc/%d/stat", pid);
    put_at(f, status, "proc/%d/status", pid);
    put_at(f, group, "proc/%d/cgroup", pid);
    put(f, line, cmdline, size);
}

static char *manager_cgroup(void)
{
    return text_printf("/user.slice/user-%u.slice/user@%u.service", getuid(), getuid());
}

/* The files of a container that runs: what it is called, and that it is "stress --cpu 1". */
static void start_container(Fake *f, const FakeUnit *unit, const char *name)
{
    static const char cmdline[] = "stress\0--cpu\0001";
    size_t i = (size_t)(unit - f->units);
    int pid = (int)(100 + 2 * i);
    _cleanup_free_ char *pids = text_printf("%d\n", pid);
    _cleanup_text_ Text conmon = {0};
    const char *const args[] = {"/usr/bin/conmon", "-c", unit->id, "-n", name};

    for (size_t k = 0; k < ELEMENTSOF(args); k++)
        text_add_n(&conmon, args[k], strlen(args[k]) + 1);
    put_at(f, pids, "cgroup%s/cgroup.procs", unit->cgroup);
    put_at(f, "usage_usec 5\n", "cgroup%s/cpu.stat", unit->cgroup);
    put_at(f, "populated 1\nfrozen 0\n", "cgroup%s/cgroup.events", unit->cgroup);
    put_process(f, pid, pid + 1, "stress", unit->cgroup, cmdline, sizeof(cmdline),
                (unsigned)(100 + i));
    put_process(f, pid + 1, 1, "conmon", "/init.scope", name[0] ? conmon.data : "conmon",
                name[0] ? conmon.size : 7, 99);
}

/* Without reusing the inode, which is what cgroupfs does. */
static void end_container(Fake *f, const FakeUnit *unit)
{
    _cleanup_free_ char *from = text_printf("%s%s", f->cgroup, unit->cgroup),
                        *to = text_printf("%s/trash-%zu", f->folder, f->n_trash++);

    assert_true(rename(from, to) == 0 || errno == ENOENT);
}

/* service: the unit is phoenix@SERVICE.service, or SERVICE itself when it has a dot; NULL: the
 * container's scope. The newest so far. */
static FakeUnit *add_container(Fake *f, const char *name, const char *service, Manner manner)
{
    _cleanup_free_ char *manager = manager_cgroup();
    FakeUnit *unit = &f->units[f->n_units++];

    assert_true(f->n_units <= UNITS_MAX);
    *unit = (FakeUnit){.manner = manner, .id = text_printf("%064zx", f->n_units)};
    if (!service)
        unit->name = text_printf("libpod-%s.scope", unit->id);
    else if (strchr(service, '.'))
        unit->name = strdup(service);
    else
        unit->name = text_printf("phoenix@%s.service", service);
    unit->cgroup = text_printf("%s/app.slice/%s%s%s", manager, unit->name,
                               service ? "/libpod-payload-" : "", service ? unit->id : "");
    start_container(f, unit, name);
    return unit;
}

/* ---- systemd ---- */

static FakeUnit *find_unit(Fake *f, const char *name)
{
    for (size_t i = 0; i < f->n_units; i++)
        if (streq(f->units[i].name, name))
            return &f->units[i];
    fail_msg("nobody has %s", name);
    return NULL;
}

static char *job_of(Fake *f, const FakeUnit *unit)
{
    return text_printf("/org/freedesktop/systemd1/job/%zu%u", (size_t)(unit - f->units),
                       unit->n_stop);
}

static void end_job(Fake *f, FakeUnit *unit, const char *result)
{
    _cleanup_free_ char *job = job_of(f, unit);

    if (streq(result, "done"))
        end_container(f, unit);
    assert_true(sd_bus_emit_signal(f->systemd, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved", "uoss",
                                   ++f->n_jobs, job, unit->name, result) >= 0);
}

static int on_stop(Fake *f, sd_bus_message *call)
{
    const char *name, *mode;

    assert_true(sd_bus_message_read(call, "ss", &name, &mode) >= 0);
    FakeUnit *unit = find_unit(f, name);
    unit->n_stop++;
    _cleanup_free_ char *job = job_of(f, unit);
    if (unit->manner == UNKNOWN)
        return sd_bus_reply_method_errorf(call, "org.freedesktop.systemd1.NoSuchUnit", "not there");
    if (unit->manner == HASTENS)
        end_job(f, unit, "done");
    assert_true(sd_bus_reply_method_return(call, "o", job) >= 0);
    if (unit->manner == OBEYS || unit->manner == FAILS)
        end_job(f, unit, unit->manner == OBEYS ? "done" : "failed");
    return 1;
}

static int on_kill(Fake *f, sd_bus_message *call)
{
    const char *name, *who;
    int32_t number;

    assert_true(sd_bus_message_read(call, "ssi", &name, &who, &number) >= 0);
    FakeUnit *unit = find_unit(f, name);
    assert_string_equal(who, "all");
    assert_int_equal(number, SIGKILL);
    unit->n_kill++;
    assert_true(sd_bus_reply_method_return(call, NULL) >= 0);
    if (unit->manner == HANGS)
        end_job(f, unit, "done");
    return 1;
}

static int on_systemd(sd_bus_message *call, void *userdata, sd_bus_error *ret_error)
{
    Fake *f = userdata;

    if (sd_bus_message_is_method_call(call, SYSTEMD_MANAGER, "Subscribe"))
        return 1;
    if (sd_bus_message_is_method_call(call, SYSTEMD_MANAGER, "StopUnit"))
        return on_stop(f, call);
    return sd_bus_message_is_method_call(call, SYSTEMD_MANAGER, "KillUnit") ? on_kill(f, call) : 0;
}

/* ---- the engine ---- */

/* The question is read, or its end would be that of a connection that was reset. */
static int on_engine(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    Fake *f = userdata;
    char asked[1024];

    cleanup_close(&f->asker);
    f->asker = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(f->asker >= 0);
    assert_true(recv(f->asker, asked, sizeof(asked), 0) > 0);
    f->n_asked++;
    return 0;
}

static void start_engine(Fake *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_free_ char *folder = text_printf("%s/run/podman", f->folder);

    assert_int_equal(dir_make(folder, 0755), 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/podman.sock", folder);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(f->listener, 5), 0);
    assert_true(sd_event_add_io(f->event, &f->engine, f->listener, EPOLLIN, on_engine, f) >= 0);
}

/* The engine lists all containers there have been, each with this label. */
static void answer(Fake *f, const char *label)
{
    _cleanup_text_ Text t = {0};

    text_add(&t, "HTTP/1.0 200 OK\r\n\r\n[");
    for (size_t i = 0; i < f->n_units; i++)
        text_addf(&t, "%s{\"Id\": \"%s\", \"Names\": [\"/e%zu\"], \"Labels\": {\"%s\": \"\"}}",
                  i > 0 ? ", " : "", f->units[i].id, i, label);
    text_add(&t, "]");
    assert_int_equal(write(f->asker, t.data, t.size), t.size);
    cleanup_close(&f->asker);
    f->asker = -1;
}

/* ---- the reaper ---- */

static void on_event(const Event *event, void *userdata)
{
    Fake *f = userdata;
    Told *told = &f->told[f->n_told++];

    assert_true(f->n_told <= TOLD_MAX);
    *told = (Told){.kind = event->kind};
    assert_non_null(event->reap);
    snprintf(told->name, sizeof(told->name), "%s", event->reap->name);
    snprintf(told->result, sizeof(told->result), "%s", event->reap->result);
    snprintf(told->cause, sizeof(told->cause), "%s", event->reap->cause);
    snprintf(told->reason, sizeof(told->reason), "%s", event->reason);
}

static void on_rows(const ReapView *rows, size_t n, void *userdata)
{
    Fake *f = userdata;

    f->n_answers++;
    f->refused = !rows;
    f->n_rows = n;
    assert_true(n <= ROWS_MAX);
    for (size_t i = 0; i < n; i++) {
        snprintf(f->rows[i].name, sizeof(f->rows[i].name), "%s", rows[i].name);
        snprintf(f->rows[i].verdict, sizeof(f->rows[i].verdict), "%s", rows[i].verdict);
        snprintf(f->rows[i].cause, sizeof(f->rows[i].cause), "%s", rows[i].cause);
        snprintf(f->rows[i].result, sizeof(f->rows[i].result), "%s", rows[i].result);
        snprintf(f->rows[i].reason, sizeof(f->rows[i].reason), "%s", rows[i].reason);
    }
}

static int setup(void **state)
{
    Fake *f = calloc(1, sizeof(Fake));
    _cleanup_free_ char *run = NULL, *journal = NULL;

    assert_non_null(f);
    f->listener = f->asker = -1;
    strcpy(f->folder, "/tmp/test-reaper-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->cgroup, sizeof(f->cgroup), "%s/cgroup", f->folder);
    snprintf(f->proc, sizeof(f->proc), "%s/proc", f->folder);
    run = text_printf("%s/run", f->folder);
    journal = text_printf("%s/journal", f->folder);
    put_at(f, "MemTotal: 104857600 kB\nMemFree: 1024 kB\n", "proc/meminfo");
    put_at(f, "cpu  10 0 10 80 0 0 0 0 0 0\n", "proc/stat");
    put_at(f, "1\n", "cgroup/cgroup.procs");
    assert_int_equal(sd_event_new(&f->event), 0);
    bus_start(&f->bus, f->folder);
    f->systemd = bus_connect_systemd(&f->bus, f->event, on_systemd, f);
    assert_int_equal(events_new_at(journal, true, &f->events), 0);
    assert_int_equal(events_listen(f->events, on_event, f), 0);
    const ReaperSetup how = {
        .event = f->event,
        .events = f->events,
        .user = true,
        .cgroup_root = f->cgroup,
        .proc_root = f->proc,
        .run_folder = run,
    };
    assert_int_equal(reaper_new(&how, &f->reaper), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fake *f = *state;

    reaper_free(f->reaper);
    events_free(f->events);
    sd_event_source_disable_unref(f->engine);
    cleanup_close(&f->listener);
    cleanup_close(&f->asker);
    sd_bus_close_unref(f->systemd);
    bus_stop(&f->bus);
    sd_event_unref(f->event);
    for (size_t i = 0; i < UNITS_MAX; i++) {
        free(f->units[i].name);
        free(f->units[i].cgroup);
        free(f->units[i].id);
    }
    assert_int_equal(dir_remove_tree(f->folder), 0);
    free(f);
    return 0;
}

/* The only policy from now on; NULL: none. */
static void set_policy(Fake *f, const char *more)
{
    _cleanup_free_ char *text =
        more ? text_printf("{\"type\": \"policy\", %s%s}", more,
                           strstr(more, "interval") ? "" : ", \"interval\": \"1s\"")
             : NULL;
    _cleanup_diag_list_ DiagList diags = {0};
    Spec *spec = NULL;

    if (more)
        assert_int_equal(spec_read(text, strlen(text), "/p.json", &diags, &spec), 0);
    reaper_set_policies(f->reaper, &spec, more ? 1 : 0);
    spec_free(spec);
}

/* Asks for a round; the answer comes later. */
static void ask_round(Fake *f)
{
    assert_int_equal(reaper_run(f->reaper, "p", on_rows, f), 0);
}

static void make_round(Fake *f)
{
    unsigned n = f->n_answers;

    ask_round(f);
    assert_int_equal(f->n_answers, n); /* never from inside */
    wait_for(f, f->n_answers > n);
}

static unsigned n_stops(const Fake *f)
{
    unsigned n = 0;

    for (size_t i = 0; i < f->n_units; i++)
        n += f->units[i].n_stop;
    return n;
}

static uint64_t counted(Fake *f, UnitStopResult result)
{
    PolicyView view;

    reaper_view_class(f->reaper, 0, &view);
    return view.n_results[result];
}
