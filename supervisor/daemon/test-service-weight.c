/* SPDX-License-Identifier: MIT */
/*
 * What a service with one check costs while nothing happens: how much memory, of what this folder
 * allocates for it, and that a check which passes as the one before allocates nothing. The units
 * and the checks themselves are the test's and not counted.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"
#include "spec/read.h"
#include "supervisor/daemon/accept-queue.h"
#include "supervisor/daemon/service.h"
#include "supervisor/loop/timers.h"

#define SERVICES    1000
#define BYTES_LIMIT 1640 /* of the heap, for each service */

struct Probe {
    probe_done_t done;
    void *userdata;
};

struct UnitWatch {
    UnitState state;
};

static struct Probe probes[SERVICES];
static size_t n_probes;
static UnitWatch watch;
static unsigned n_allocations;

/* ---- what is counted ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);

void *__wrap_malloc(size_t size)
{
    n_allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    n_allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    n_allocations++;
    return __real_realloc(p, size);
}

char *__wrap_strdup(const char *s)
{
    n_allocations++;
    return __real_strdup(s);
}

/* ---- what is not ---- */

int probe_new(const ProbeContext *context, const SpecProbe *spec, const char *unit, Door *door,
              probe_done_t done, void *userdata, Probe **ret)
{
    *ret = &probes[n_probes++];
    **ret = (Probe){.done = done, .userdata = userdata};
    return 0;
}

Probe *probe_free(Probe *probe)
{
    return NULL;
}

int probe_run(Probe *probe)
{
    return 0;
}

bool probe_is_running(const Probe *probe)
{
    return false;
}

void probe_cancel(Probe *probe)
{
}

const char *probe_label(const Probe *probe)
{
    return "http GET /health";
}

int units_watch(Units *units, const char *unit, void *tag, UnitWatch **ret)
{
    *ret = &watch;
    return 0;
}

UnitWatch *unit_watch_free(UnitWatch *w)
{
    return NULL;
}

const UnitState *unit_watch_state(const UnitWatch *w)
{
    return &w->state;
}

void units_cancel(Units *units, const void *userdata)
{
}

int units_reset_failed(Units *units, const char *unit, units_done_t done, void *userdata)
{
    return -ENOTCONN;
}

int units_start(Units *units, const char *unit, units_done_t done, void *userdata)
{
    return -ENOTCONN;
}

int units_abort(Units *units, const char *unit, units_done_t done, void *userdata)
{
    return -ENOTCONN;
}

void unit_watch_with_times(UnitWatch *w)
{
}

bool unit_watch_is_read(const UnitWatch *w)
{
    return true;
}

int units_get_changed(Units *units, const char *unit, units_time_t done, void *userdata)
{
    return -ENOTCONN;
}

int accept_queue_length(char *const *addresses, uint64_t *ret)
{
    return -ENOTCONN;
}

int units_get_beat(Units *units, const char *unit, units_time_t done, void *userdata)
{
    return -ENOTCONN;
}

void events_emit(Events *events, const Event *event)
{
}

static void on_runner(Runner *runner, void *userdata)
{
}

static bool on_is_braked(void *userdata)
{
    return false;
}

static void on_settled(Service *service, void *userdata)
{
}

/* ---- a thousand of them ---- */

static const char spec_text[] =
    "{\"name\": \"web\", \"type\": \"docker\", \"image\": \"docker.io/library/nginx:1.27\","
    "\"ports\": [\"8080:80\"], \"env\": {\"A\": \"B\"}, \"after\": [\"db\"],"
    "\"healthcheck\": {\"path\": \"/health\", \"port\": 80}}";

static void make_context(ServiceContext *context, const char *folder)
{
    *context = (ServiceContext){
        .onset = on_runner, .offset = on_runner, .is_braked = on_is_braked, .settled = on_settled};
    assert_int_equal(sd_event_new(&context->event), 0);
    context->probes.event = context->event;
    assert_int_equal(
        timers_new(context->event, "checks", SD_EVENT_PRIORITY_NORMAL, &context->probes.timers), 0);
    service_context_init(context);
    assert_int_equal(checkpoint_new(-1, &context->checkpoint), 0);
    assert_int_equal(persist_new(context->event, folder, NULL, NULL, &context->persist), 0);
}

static void free_context(ServiceContext *context)
{
    persist_free(context->persist);
    checkpoint_free(context->checkpoint);
    timers_free(context->probes.timers);
    sd_event_unref(context->event);
}

static void make_services(ServiceContext *context, Service **services)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;
    char name[32];

    assert_int_equal(
        spec_read(spec_text, strlen(spec_text), "/etc/phoenix.d/web.json", &diags, &spec), 0);
    for (size_t i = 0; i < SERVICES; i++) {
        Plan *plan;
        snprintf(name, sizeof(name), "service-%05zu", i);
        assert_int_equal(plan_new(name, i, spec, &plan), 0);
        assert_int_equal(service_new(context, &plan, &services[i]), 0);
        service_post(services[i], HEALTH_EVENT_RESUME, NULL);
    }
}

static void pass_all(unsigned rounds)
{
    const ProbeResult result = {
        .outcome = PROBE_PASS, .latency_usec = 250, .reason = "GET /health: 200 OK"};

    for (unsigned i = 0; i < rounds; i++)
        for (size_t j = 0; j < n_probes; j++)
            probes[j].done(&probes[j], &result, probes[j].userdata);
}

static void test_weight(void **state)
{
    static Service *services[SERVICES];
    char folder[] = "/tmp/test-weight-XXXXXX";
    ServiceContext context;

    assert_non_null(mkdtemp(folder));
    make_context(&context, folder);
    watch.state = UNIT_STATE_NONE;
    size_t before = mallinfo2().uordblks;
    n_allocations = 0;
    make_services(&context, services);
    assert_true(n_allocations >= 4 * SERVICES); /* they are counted */
    pass_all(HISTORY_SAMPLES + 1);
    assert_int_equal(services[0]->state, HEALTH_HEALTHY);
    assert_int_equal(services[SERVICES - 1]->record->checks, HISTORY_SAMPLES + 1);
    /* A sanitizer's or valgrind's malloc is not counted there. */
    size_t each = (mallinfo2().uordblks - before) / SERVICES;
    print_message("%zu bytes for each service\n", each);
    assert_true(each <= BYTES_LIMIT);

    n_allocations = 0;
    pass_all(3);
    assert_int_equal(n_allocations, 0);

    for (size_t i = 0; i < SERVICES; i++)
        service_free(services[i]);
    assert_int_equal(context.n_active, 0);
    free_context(&context);
    assert_int_equal(dir_remove_tree(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
