/* SPDX-License-Identifier: MIT */

/* The stress workload: containers of four kinds, each an instance of a Quadlet template that lies
 * in Quadlet's run-time folder while the workload is on. Their units are systemd's; nothing here
 * runs Podman but to ask for the image. */

#pragma once

#include "cli/systemd/manager.h"
#include "spec/spec.h"

#define STRESS_TIMER   "phoenix-stress.timer"
#define STRESS_ROUND   "phoenix-stress.service"
#define STRESS_PATTERN "phoenix-stress-*@*.service"
#define STRESS_IMAGE   "localhost/phoenix-stress"

#define STRESS_PER_ROUND 10U
/* Without a policy they would be more with each round. */
#define STRESS_MAX 40U

#define STRESS_KINDS 4U
extern const char *const stress_kinds[STRESS_KINDS];

/* The kind of a unit of the workload, an index; STRESS_KINDS when it is none of it. */
size_t stress_kind_of_unit(const char *unit);

/* phoenix-stress-KIND@XXXXXXXX.service, of random kind and with eight random characters; NULL
 * without memory. */
char *stress_random_unit(void);

/* The folder that Quadlet reads until the machine, or the user's manager, goes down. Negative errno
 * when there is none. */
int stress_quadlet_folder(SpecScope scope, char **ret);

/* Puts the templates there, or takes them away. Returns 0, or negative errno with the path that it
 * is about in *ret_path (caller frees). The manager has to be reloaded afterwards. */
int stress_install(SpecScope scope, char **ret_path);
int stress_remove(SpecScope scope, char **ret_path);
