/* SPDX-License-Identifier: MIT */

/* Finds the containers in the hierarchy of cgroups. */

#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_DEPTH_MAX 32U

typedef struct TreeContainer {
    int parent_fd;    /* of the cgroup that it lies in; open during the call only */
    const char *name; /* in there */
    const char *path; /* from the root, with the name */
    size_t path_size;
    const char *id;     /* its digits, in the path */
    uint64_t cgroup_id; /* cgroups that exist at the same time have different ones */
} TreeContainer;

/* A negative result ends the walk. */
typedef int (*TreeFound)(const TreeContainer *container, void *userdata);

/* Initialise with { 0 }; it may be used again and again. */
typedef struct Tree {
    char path[PATH_MAX];
    size_t path_size;
    void *buffers[TREE_DEPTH_MAX];
    size_t n_refused; /* cgroups that the last walk could not look into */
    TreeFound found;
    void *userdata;
} Tree;

void tree_done(Tree *tree);

/* Calls found for each container below root_fd; what lies within one is not looked at. Never
 * follows a link. Cgroups that vanish meanwhile are left out. Negative errno: what found returned;
 * -ENOMEM, -EMFILE, -ENFILE; what reading the root itself gave. */
int tree_walk(Tree *tree, int root_fd, TreeFound found, void *userdata);
