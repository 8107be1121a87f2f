/* SPDX-License-Identifier: MIT */
/*
 * ProbeNow: the checks run while the loop goes on, and the call is answered when the last one has
 * ended. Needs neither the Api nor the caller to be there still.
 */
#include "supervisor/daemon/api/api-internal.h"

#include <assert.h>
#include <errno.h>

#include "base/macros.h"

typedef struct ProbeCall {
    sd_bus_message *call, *reply;
    int error; /* the first one in building the reply */
} ProbeCall;

static ProbeCall *probe_call_free(ProbeCall *probe)
{
    if (!probe)
        return NULL;
    sd_bus_message_unref(probe->call);
    sd_bus_message_unref(probe->reply);
    free(probe);
    return NULL;
}

static int probe_call_new(sd_bus_message *call, ProbeCall **ret)
{
    ProbeCall *probe = calloc(1, sizeof(ProbeCall));
    int r;

    if (!probe)
        return -ENOMEM;
    probe->call = sd_bus_message_ref(call);
    r = sd_bus_message_new_method_return(call, &probe->reply);
    if (r >= 0)
        r = sd_bus_message_open_container(probe->reply, 'a', "a{sv}");
    if (r < 0) {
        probe_call_free(probe);
        return r;
    }
    *ret = probe;
    return 0;
}

static int append_result(sd_bus_message *m, const ProbeView *view, const ProbeSample *sample)
{
    int r = sd_bus_message_open_container(m, 'a', "{sv}");

    if (r >= 0)
        r = api_append_string_entry(m, "Label", view->label);
    if (r >= 0)
        r = api_append_bool(m, "Readiness", view->readiness);
    if (r >= 0)
        r = api_append_string_entry(m, "Outcome", api_outcome_word(sample->outcome));
    if (r >= 0)
        r = api_append_u64(m, "Latency", sample->latency_usec);
    if (r >= 0)
        r = api_append_string_entry(m, "Reason", sample->reason);
    return r < 0 ? r : sd_bus_message_close_container(m);
}

/* That the caller has gone meanwhile is none of our business. */
static void probe_call_answer(ProbeCall *probe)
{
    sd_bus *bus = sd_bus_message_get_bus(probe->call);
    int r = probe->error;

    if (r >= 0)
        r = sd_bus_message_close_container(probe->reply);
    if (r >= 0)
        r = sd_bus_send(bus, probe->reply, NULL);
    if (r < 0)
        (void)sd_bus_reply_method_errno(probe->call, r, NULL);
}

static void on_probe_done(const ProbeView *view, const ProbeSample *sample, void *userdata)
{
    ProbeCall *probe = userdata;

    if (!view) {
        probe_call_answer(probe);
        probe_call_free(probe);
    } else if (probe->error >= 0) {
        probe->error = append_result(probe->reply, view, sample);
    }
}

int api_probe_now(Manager *manager, sd_bus_message *call, const char *name, sd_bus_error *error)
{
    ProbeCall *probe;
    int r;

    r = probe_call_new(call, &probe);
    if (r < 0)
        return r;
    r = manager_probe_now(manager, name, on_probe_done, probe);
    if (r < 0) {
        probe_call_free(probe);
        return api_set_error(error, r, name);
    }
    return 1; /* answered, or going to be */
}
