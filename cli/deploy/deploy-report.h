/* SPDX-License-Identifier: MIT */

/* What people and programs are told of a deployment, an update or a rollback. */

#pragma once

#include "cli/deploy/deploy.h"

/* Runs one, takes it back when it fails, and says how it went: on the terminal, or as one object
 * more in an array of JSON objects. Returns an exit status of CLI_EXIT_*, or a negative errno. */
int deploy_and_report(Deploy *deploy, Text *json);

/* Several: what is common to all verbs that do this. source() makes a deployment of an argument;
 * what it cannot find it has said, and returns the exit status for it. */
typedef int (*DeploySource)(const Cli *cli, const char *arg, char **ret);
int deploy_several(const Cli *cli, char *const *args, const Deploy *model, DeploySource source);
