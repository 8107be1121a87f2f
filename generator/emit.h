/* SPDX-License-Identifier: MIT */
/*
 * From a resolved spec to units: functions that fill UnitFiles and write no file, one source file
 * for each kind of unit. What a value means is decided here; how it is spelled, in unit-file.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "generator/image-file.h"
#include "generator/loopback.h"
#include "generator/platform.h"
#include "generator/unit-file.h"
#include "spec/set.h"
#include "spec/spec.h"

/* What the units are made for. */
typedef struct EmitContext {
    SpecScope scope; /* SPEC_SCOPE_SYSTEM or SPEC_SCOPE_USER */
    const Platform *platform;
    unsigned quadlet;           /* PODMAN_VERSION() of Quadlet; 0 when there are no containers */
    const char *output;         /* the folder the units go to, for X-Phoenix */
    const Loopbacks *loopbacks; /* of the whole set */
} EmitContext;

/* Adds the comment lines that open every unit: who made it, from what, and the warnings of the
 * spec. */
void emit_header(const SpecEntry *entry, Text *text);

/* Whether a unit, or a plan, can name this file: they are UTF-8 and have lines, file names need not
 * be and may have more than one. */
bool emit_path_is_writable(const char *path);

/* emit-common.c: the parts that programs and containers share. */

/* [Unit] of a unit that belongs to a service: description, with what it is, and source. */
void emit_identity(const Spec *spec, const char *what, UnitFile *unit);
/* [Unit]: description, source, order, start limit. */
void emit_unit_section(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* [Service]: restart policy. */
void emit_restart(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* [Service]: memory, CPU, tasks, I/O. */
void emit_limits(const Spec *spec, UnitFile *unit);
/* [X-Phoenix]: what the supervisor and people look up. state: "generated" or "stub". */
void emit_x_phoenix(const EmitContext *context, const Spec *spec, const char *instance,
                    const char *state, UnitFile *unit);
/* The spec's "unit" settings of one section, or of all that are neither one of the sections in
 * `except` (NULL-terminated, may be NULL) nor "Install", "Timer", "Socket" when section is NULL. */
void emit_passthrough(const Spec *spec, const char *section, const char *const *except,
                      UnitFile *unit);

/* The last of a user's own values of a [Service] setting; NULL when there is none. */
const char *emit_last_setting(const Spec *spec, const char *key);

/* emit-demand.c: a service that its connections start, and what it shares with their units. Those
 * that fill a unit add nothing for any other service. */

/* Whether its payload can be frozen here, whether it is, whether idleness stops it in the end (also
 * instead of freezing it), and whether phoenix-idle looks after it. */
bool emit_can_freeze(const EmitContext *context, const Spec *spec);
bool emit_freezes(const EmitContext *context, const Spec *spec);
bool emit_stops_when_idle(const EmitContext *context, const Spec *spec);
bool emit_has_idle_watch(const EmitContext *context, const Spec *spec);
/* Whether its proxy stays as long as it does, and is frozen with it; else the proxy ends when
 * nobody is connected. */
bool emit_freezes_proxy(const EmitContext *context, const Spec *spec);
/* [Unit]: the ties to its socket and to what keeps it up. */
void emit_demand_order(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* [Service]: the end of the proxy, the folder of its socket, the group that is frozen; start_usec
 * as for emit_supervision_times(). */
void emit_demand_service(const EmitContext *context, const Spec *spec, uint64_t start_usec,
                         UnitFile *unit);
/* Whether a start lasts, through restarts, until it works. */
bool emit_is_patient(const EmitContext *context, const Spec *spec);
/* [Service]: what lets its proxy connect to its socket, once that is there. */
void emit_socket_access(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* [Service] or [Container]: the folder of its socket where the service sees it, ... */
void emit_socket_mount(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* ... whether that is this one ... */
bool emit_socket_is_in(const EmitContext *context, const Spec *spec, const char *folder);
/* ... and [Container]: the port on which the proxy finds it. */
void emit_publish_target(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* [Service]: how long a stop may take; also of any other service. */
void emit_stop_timeout(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* Where its proxy connects to, as a word of ExecStart=. Returns 0 or -ENOMEM. */
int emit_target(const EmitContext *context, const Spec *spec, Text *text);
/* [Service] of its proxy: the folder of the socket, to be seen in spite of a sandbox. */
void emit_target_folder(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* [Service] of a unit whose processes are frozen: the group that they are put into. */
void emit_frozen_group(UnitFile *unit);
/* [Service] of a unit that belongs to it: the same slice. */
void emit_slice(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* The slice below that one in which a proxy is alone, so that its end is seen; NULL without memory.
 */
char *emit_proxy_slice(const EmitContext *context, const Spec *spec);
/* A time span as one word for a command line, "30s"; NULL without memory. */
char *emit_span_word(uint64_t usec);

/* emit-socket.c: phoenix@NAME.socket, phoenix-reopen@NAME.timer. */
void emit_socket(const EmitContext *context, const Spec *spec, UnitFile *unit);
void emit_reopen(const EmitContext *context, const Spec *spec, UnitFile *unit);

/* emit-proxy.c: phoenix-proxy@NAME.service. */
void emit_proxy(const EmitContext *context, const Spec *spec, UnitFile *unit);

/* emit-idle.c: phoenix-up@NAME.timer, phoenix-idle@NAME.service. */
void emit_up_timer(const EmitContext *context, const Spec *spec, UnitFile *unit);
void emit_idle_watch(const EmitContext *context, const Spec *spec, UnitFile *unit);

/* emit-hooks.c: [Service] ExecStartPre= and its like, with the gate and the lease at their places.
 */
void emit_hooks(const EmitContext *context, const Spec *spec, UnitFile *unit);

/* emit-supervision.c: what ties a service to phoenixd. Each adds nothing when there is nothing to
 * add. */

/* [Unit]: the socket of phoenixd comes first. */
void emit_supervision_order(const Spec *spec, UnitFile *unit);
/* [Service]: the command that waits its turn before a container starts ... */
void emit_gate(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* ... and the one that waits until the service is healthy and stays. */
void emit_lease(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* [Service]: watchdog and start timeout; start_usec is what the start needs in any case, 0 for
 * systemd's default. */
void emit_supervision_times(const Spec *spec, uint64_t start_usec, UnitFile *unit);
/* What TimeoutStartSec= is in the end, systemd's default included. */
uint64_t emit_start_timeout_usec(const Spec *spec, uint64_t start_usec);
/* [Service] of a program: what the lease needs of the sandbox. Comes after the user's settings. */
void emit_lease_access(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* [Service]: a key whose value is a time span. */
void emit_add_span(UnitFile *unit, const char *key, uint64_t usec);

/* emit-binary.c: phoenix@NAME.service of a program. */
void emit_binary(const EmitContext *context, const Spec *spec, UnitFile *unit);

/* emit-sandbox.c: [Service] what a program is kept from. */
void emit_sandbox(const EmitContext *context, const Spec *spec, UnitFile *unit);
/* Whether it sees something else than the host in some place. */
bool emit_has_mounts(const Spec *spec);
/* Whether a tmpfs of the spec covers /run, where the manager's sockets are. */
bool emit_covers_run(const Spec *spec);

/* emit-container.c: phoenix@NAME.container, and phoenix-image@NAME.image when archive is given (the
 * image is then that archive; NULL for a reference). */
void emit_container(const EmitContext *context, const Spec *spec, const ImageFile *archive,
                    UnitFile *container);
void emit_image(const EmitContext *context, const Spec *spec, const ImageFile *archive,
                UnitFile *image);
/* Whether Quadlet has .image files. */
bool emit_has_image_units(const EmitContext *context);

/* emit-timer.c: phoenix@NAME.timer. Returns 0, -EINVAL for a schedule that is none (the reader
 * refuses those), or -ENOMEM. */
int emit_timer(const EmitContext *context, const Spec *spec, UnitFile *unit);

/* emit-stub.c: phoenix@NAME.service of a spec that cannot be used; its messages are the errors of
 * the entry. */
void emit_stub(const EmitContext *context, const SpecEntry *entry, UnitFile *unit);
