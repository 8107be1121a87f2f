/* SPDX-License-Identifier: MIT */
/*
 * The parts of the D-Bus API: the connection (api.c), methods and properties (api-methods.c), the
 * answer to ProbeNow (api-probe.c) and Reap (api-reap.c), views as messages (api-message.c).
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-bus-vtable.h>

#include "supervisor/daemon/api/api.h"
#include "supervisor/daemon/view.h"

#define API_NAME      "io.phoenix.Supervisor1"
#define API_PATH      "/io/phoenix/Supervisor1"
#define API_INTERFACE "io.phoenix.Supervisor1"

#define API_ERROR_NO_SERVICE  "io.phoenix.Error.NoSuchService"
#define API_ERROR_NO_POLICY   "io.phoenix.Error.NoSuchPolicy"
#define API_ERROR_NOT_RUNNING "io.phoenix.Error.NotRunning"
#define API_ERROR_BUSY        "io.phoenix.Error.Busy"

/* Its userdata is the Manager. */
extern const sd_bus_vtable api_vtable[];

/* The answer to a call that failed with this negative errno of view.h, about this service. */
int api_set_error(sd_bus_error *error, int r, const char *name);

/* Makes all checks of the service; the call is answered when they have ended. Returns 1, or a
 * negative errno with `error` set when it cannot begin. */
int api_probe_now(Manager *manager, sd_bus_message *call, const char *name, sd_bus_error *error);

/* Acts by the policy of that name, or by all for ""; the call is answered when what is stopped has
 * ended. As api_probe_now(). */
int api_reap(Manager *manager, sd_bus_message *call, const char *name, sd_bus_error *error);

/* Strings on the bus must be UTF-8 or the bus throws us out: what is none becomes U+FFFD. */
int api_append_string(sd_bus_message *m, const char *s);
/* {sv}: one entry of a dictionary, with a variant of this basic type. */
int api_append_string_entry(sd_bus_message *m, const char *key, const char *value);
int api_append_entry(sd_bus_message *m, const char *key, char type, const void *value);
int api_append_u64(sd_bus_message *m, const char *key, uint64_t value);
int api_append_u32(sd_bus_message *m, const char *key, size_t value); /* at most UINT32_MAX */
int api_append_bool(sd_bus_message *m, const char *key, bool value);

/* a{sv} of a service; with its checks under "Probes", or without. */
int api_append_service(sd_bus_message *m, Manager *manager, size_t i, bool with_probes);
/* ssssssta{sv} of an event. */
int api_append_event(sd_bus_message *m, const Event *event);

/* "pass", "fail", "void" */
const char *api_outcome_word(ProbeOutcome outcome);
