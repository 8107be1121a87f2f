/* SPDX-License-Identifier: MIT */
/*
 * Reap: containers are stopped while the loop goes on, and the call is answered when the last one
 * has ended. Needs neither the Api nor the caller to be there still.
 */
#include "supervisor/daemon/api/api-internal.h"

#include <errno.h>

#include "base/macros.h"
#include "spec/name.h"

static int append_row(sd_bus_message *m, const ReapView *row)
{
    const struct {
        const char *key, *value;
    } strings[] = {
        {"Policy", row->policy}, {"Class", row->class},   {"Container", row->id},
        {"Name", row->name},     {"Unit", row->unit},     {"Verdict", row->verdict},
        {"Cause", row->cause},   {"Result", row->result}, {"Reason", row->reason},
    };
    int r = sd_bus_message_open_container(m, 'a', "{sv}");

    for (size_t i = 0; r >= 0 && i < ELEMENTSOF(strings); i++)
        r = api_append_string_entry(m, strings[i].key, strings[i].value);
    if (r >= 0)
        r = api_append_u32(m, "Rank", row->rank);
    if (r >= 0)
        r = api_append_u32(m, "Pid", (size_t)row->pid);
    if (r >= 0)
        r = api_append_u64(m, "Memory", row->memory_bytes);
    if (r >= 0)
        r = api_append_entry(m, "CPU", 'd', &row->cpu_percent);
    return r < 0 ? r : sd_bus_message_close_container(m);
}

static int answer(sd_bus_message *call, const ReapView *rows, size_t n)
{
    _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
    int r = sd_bus_message_new_method_return(call, &reply);

    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'a', "a{sv}");
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = append_row(reply, &rows[i]);
    if (r >= 0)
        r = sd_bus_message_close_container(reply);
    return r < 0 ? r : sd_bus_send(sd_bus_message_get_bus(call), reply, NULL);
}

/* That the caller has gone meanwhile is none of our business. */
static void on_done(const ReapView *rows, size_t n, void *userdata)
{
    sd_bus_message *call = userdata;
    int r = rows ? answer(call, rows, n) : -ECANCELED;

    if (r < 0)
        (void)sd_bus_reply_method_errno(call, r, NULL);
    sd_bus_message_unref(call);
}

int api_reap(Manager *manager, sd_bus_message *call, const char *name, sd_bus_error *error)
{
    if (name[0] && !spec_name_valid(name))
        return sd_bus_error_set(error, API_ERROR_NO_POLICY, "This is no name of a policy");
    int r = manager_reap(manager, name, on_done, call);
    if (r == -ENOENT && name[0])
        return sd_bus_error_setf(error, API_ERROR_NO_POLICY, "There is no policy %s", name);
    if (r < 0)
        return sd_bus_error_set_errnof(error, r, "The containers cannot be read: %s", strerror(-r));
    sd_bus_message_ref(call); /* answered by on_done(), which is never called from manager_reap() */
    return 1;
}
