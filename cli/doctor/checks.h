/* SPDX-License-Identifier: MIT */

/* The checks, in the order of the table in doctor.c. Each adds one finding or more. */

#pragma once

#include "cli/doctor/doctor.h"

/* check-units.c */
void check_specs(Doctor *doctor);
void check_units(Doctor *doctor);
void check_stubs(Doctor *doctor);

/* check-install.c */
void check_generator(Doctor *doctor);
void check_programs(Doctor *doctor);

/* check-phoenixd.c */
void check_socket(Doctor *doctor);
void check_phoenixd(Doctor *doctor);

/* check-collector.c */
void check_libcurl(Doctor *doctor);
void check_posting_to_collectors(Doctor *doctor);
void check_collector_here(Doctor *doctor);

/* check-system.c */
void check_systemd(Doctor *doctor);
void check_kernel(Doctor *doctor);
void check_cgroup(Doctor *doctor);
void check_machine_id(Doctor *doctor);
void check_clock(Doctor *doctor);

/* check-user.c */
void check_runtime(Doctor *doctor);
void check_manager(Doctor *doctor);
void check_linger(Doctor *doctor);

/* check-userns.c */
void check_userns(Doctor *doctor);
void check_newuidmap(Doctor *doctor);
void check_subids(Doctor *doctor);

/* check-podman.c */
void check_podman(Doctor *doctor);
void check_quadlet(Doctor *doctor);
void check_init(Doctor *doctor);

/* check-engines.c */
void check_engines(Doctor *doctor);

/* check-storage.c */
void check_storage(Doctor *doctor);

/* check-network.c */
void check_network(Doctor *doctor);
void check_ports(Doctor *doctor);

/* check-limits.c */
void check_controllers(Doctor *doctor);
void check_files(Doctor *doctor);

/* check-quota.c */
void check_keys(Doctor *doctor);
void check_inotify(Doctor *doctor);

/* check-journal.c */
void check_journal(Doctor *doctor);
void check_journal_access(Doctor *doctor);
