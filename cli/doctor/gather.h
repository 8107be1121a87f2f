/* SPDX-License-Identifier: MIT */

/* What gathering a machine consists of, between its files. */

#pragma once

#include <errno.h>
#include <systemd/sd-bus.h>

#include "cli/doctor/machine.h"

#define COLLECTOR_SOCKET  "phoenix-collector.socket"
#define COLLECTOR_SERVICE "phoenix-collector.service"

/* Negative errno when the manager does not answer. */
int gather_collector(Manager *manager, Machine *machine);
/* 0 or -ENOMEM. */
int gather_libcurl(Machine *machine);
