/* SPDX-License-Identifier: MIT */
/*
 * A Manager for tests of the interfaces: services that do nothing, with names, labels and reasons
 * that nobody should let through.
 */
#pragma once

#include <systemd/sd-event.h>

#include "supervisor/daemon/view.h"

/* A label with all that a format could stumble over: quotes, a backslash, line ends, control
 * characters (also the two-byte ones), a broken byte, a cut-off character. */
#define TEST_HOSTILE                                                                               \
    "a\"b\\c\nd\re\033[31m\x01\xc2\x9b"                                                            \
    "f\xff\xc3"

/* The names are service0000, service0001, ...; the first one has two checks that look alike and one
 * for readiness, all hostile. */
int test_manager_new(sd_event *event, size_t n_services, Manager **ret);
Manager *test_manager_free(Manager *manager);

/* How often a service was looked at. */
size_t test_manager_n_views(const Manager *manager);
