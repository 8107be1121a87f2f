/* SPDX-License-Identifier: MIT */

/* The machine as `phoenix doctor` sees it: what has to be asked of the kernel, the service manager,
 * phoenixd or a program is asked once and kept here; files are read where they are needed, below
 * "root". So the checks themselves talk to nobody, and a test can show them any machine. Whatever
 * was read was written by others: it is cleaned before it is shown (screen.h). */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/supervisor/supervision.h"
#include "cli/systemd/manager.h"
#include "spec/set.h"

/* phoenix-collector.socket, and its service. */
typedef struct CollectorHere {
    bool installed, listens;
    char *open; /* an address that other machines reach, or NULL */
    /* What it needs then: as credentials, or by an option, which may also say that it is meant to
     * be without. */
    bool has_token, has_tls;
    bool without_token, without_tls;
} CollectorHere;

typedef struct Machine {
    const char *root; /* stands before every path; "" for this machine */
    SpecScope scope;  /* of the manager that is looked at */
    uid_t uid;        /* of its owner */
    char *user;       /* name of the owner; the number when it has none */
    char *home;
    char *runtime_dir; /* $XDG_RUNTIME_DIR, or NULL */

    char *release;          /* of the kernel, "6.12.57" */
    bool clock_synced;      /* by NTP, as timedatectl(1) tells it */
    int pidfd_error;        /* negative errno when the kernel has no pidfd_open(2) */
    int userns_error;       /* negative errno when no user namespace could be made */
    uint64_t inotify_used;  /* instances of the owner's processes */
    char *podman, *quadlet; /* what they say with --version; NULL: nothing */

    bool has_manager; /* it answers */
    char *no_manager; /* why not */
    char *systemd;    /* its version, "257.13-1"; without a manager, that of systemctl */
    char *control_group;
    UnitStates states; /* of phoenix@*.service */
    UnitState socket;  /* phoenixd.socket */

    bool has_supervision;
    char *no_supervision; /* why not; NULL also when phoenixd was not asked */
    Supervision supervision;

    CollectorHere collector;
    char *no_libcurl; /* why it cannot be loaded, or NULL */
} Machine;

/* Asks all there is to be asked of this machine. 0 or -ENOMEM: what does not answer is no failure.
 */
int machine_gather(SpecScope scope, Machine *ret);

void machine_done(Machine *machine);
#define _cleanup_machine_ _cleanup_(machine_done)

/* Whether services run without privileges. */
static inline bool machine_is_rootless(const Machine *machine)
{
    return machine->scope == SPEC_SCOPE_USER && machine->uid != 0;
}

/* The text of a file of at most 1 MiB, caller frees; NULL when it cannot be read. */
char *machine_read(const Machine *machine, const char *path);

/* The same without white space at the end, for files of one line. */
char *machine_read_line(const Machine *machine, const char *path);

/* The number that a file consists of. */
bool machine_read_number(const Machine *machine, const char *path, uint64_t *ret);

/* Whether there is such a file or folder. */
bool machine_has(const Machine *machine, const char *path);

/* Whether it is a file that may be executed. */
bool machine_is_program(const Machine *machine, const char *path);

/* Where a program is, in the folders that units search; NULL when it is nowhere. Caller frees. */
char *machine_find_program(const Machine *machine, const char *name);

/* The path as it is on this machine, "root" before it. Caller frees. */
char *machine_path(const Machine *machine, const char *path);

/* The first of these paths that exists, or NULL. */
const char *machine_first(const Machine *machine, const char *const *paths, size_t n);

/* Where Quadlet is, by the list of the generator (generator/platform.c): the first that may be
 * executed, else the first that is there, else NULL. */
const char *machine_find_quadlet(const Machine *machine);

/* "systemd 257 (257.13)" and the like: the first number, and the one behind its dot, as
 * VERSION(257, 0); 0 when there is none. */
#define VERSION(major, minor) ((major)*1000U + (minor))
unsigned version_parse(const char *text);

/* The state of the service of that instance, or NULL. */
const UnitState *machine_service(const Machine *machine, const char *name);

/* Whether that service is up, or on its way. */
bool machine_runs(const Machine *machine, const char *name);
