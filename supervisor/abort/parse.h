/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The text side of phoenix-abort: everything the kernel and the service manager tell us in words,
 * turned into values. No I/O happens here, so each rule is tested with strings. All input is
 * untrusted: a payload chooses its own process name, and a cgroup can be named anything, so nothing
 * is copied without a bound.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads a time span as systemd writes them: "500ms", "10s", "1min 30s", "2" (seconds). Units: us,
 * ms, s, min, h. Returns 0 and the span in microseconds, -EINVAL when it is not one, -ERANGE when
 * it is longer than a day. */
int parse_span(const char *text, uint64_t *ret_usec);

/* The same with another limit, which is less than half of what fits. */
int parse_span_up_to(const char *text, uint64_t max_usec, uint64_t *ret_usec);

/* Finds the cgroup2 entry ("0::/path") in the text of /proc/PID/cgroup (cgroups(7)).
 * Returns 0 and the path, -ENODATA without such an entry, -ENAMETOOLONG, -EINVAL for a path with
 * "." or ".." parts or one that does not begin with "/". */
int parse_proc_cgroup(const char *text, char *ret_path, size_t size);

/* The unit's own cgroup, given the one that an ExecStopPost= process runs in: the same, or its
 * parent when the unit is delegated and systemd runs control processes in ".control". Returns 0, or
 * -EPERM when the result is no service's cgroup: then nothing may be touched. */
int unit_cgroup_of(const char *path, char *ret_unit, size_t size);

/* True when the cgroup `path` is `parent` or below it. Both absolute, "/" is everybody's parent. */
bool cgroup_is_within(const char *path, const char *parent);

/* Podman's names for the two halves of a unit's cgroup with --cgroups=split. */
bool cgroup_name_is_container(const char *name);
bool cgroup_name_is_overhead(const char *name);

/* From the text of cgroup.events (the kernel's cgroup-v2.rst). A missing key is false. */
struct cgroup_events {
    bool populated;
    bool frozen;
};
void parse_cgroup_events(const char *text, struct cgroup_events *ret);

/* What /proc/PID/status (proc_pid_status(5)) says that matters here. A missing field leaves its
 * default. */
struct proc_status {
    bool zombie;  /* dead and waiting for its parent: needs no signal */
    bool ns_init; /* PID 1 of a PID namespace below ours */
    bool core_dumping;
    uint64_t blocked; /* signal sets, bit N-1 is signal N */
    uint64_t ignored;
    uint64_t caught;
};
void parse_proc_status(const char *text, struct proc_status *ret);

/* Whether `signal` does anything to such a process. The kernel drops a signal that is ignored, and
 * one with default disposition sent to the init of a PID namespace (pid_namespaces(7)); a blocked
 * one may be read from a signalfd. */
bool signal_has_effect(const struct proc_status *status, int signal);

/* Whether to send `signal` to such a process. The init of a container is spared so that it can pass
 * the end of its children on, unless it wants the signal (has a handler) or is all there is. */
bool signal_is_for(const struct proc_status *status, int signal, bool alone);

/* Takes the next PID of a cgroup.procs text. Returns the PID and moves *text on, or 0 at the end.
 * Zeroes (processes of a PID namespace we do not see) and garbage are skipped. */
pid_t parse_next_pid(const char **text);
