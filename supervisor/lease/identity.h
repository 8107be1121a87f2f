/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What makes a process one of the service besides its namespaces: user and groups, capabilities,
 * environment, working directory. Read from /proc of the payload, put on by the program of a check.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "payload.h"

#define ENVIRON_SIZE (64 * 1024)
#define ENVIRON_MAX  1024
#define GROUPS_MAX   256

struct identity {
    uid_t uid;
    gid_t gid;
    gid_t groups[GROUPS_MAX];
    size_t n_groups;
    uint64_t bounding; /* capability bounding set, bit N is capability N */
    bool no_new_privs;
    int cwd;                            /* or -1 */
    char *environment[ENVIRON_MAX + 1]; /* into the buffer below, ended with NULL */
    char environ_buf[ENVIRON_SIZE];
};

/* To be called in the payload's user namespace already, as the numbers of users are those of the
 * reader's. Returns 0 or a negative errno. */
int identity_read(const struct payload *payload, struct identity *ret);

/* Becomes that; `payload` says whether there is anything to become. Returns 0 or a negative errno:
 * then the program must not be run. */
int identity_put_on(const struct payload *payload, const struct identity *identity);

/* The rules of identity_read(), on the texts alone. */
int identity_parse_status(const char *text, struct identity *ret);
void identity_split_environ(struct identity *identity, size_t size);
