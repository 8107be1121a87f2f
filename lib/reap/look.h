/* SPDX-License-Identifier: MIT */
/*
 * What decisions are made by, read from the machine: the containers, what they are called, and the
 * pressure.
 */
#pragma once

#include "engine/book.h"
#include "reap/reap.h"

typedef struct ReapLook {
    Sysinfo sysinfo;
    ReapContainer *containers; /* as in sysinfo */
    ReapPressure pressure;
} ReapLook;

void reap_look_done(ReapLook *look);
#define _cleanup_reap_look_ _cleanup_(reap_look_done)

/* *ret must be { 0 } or of an earlier look, whose names are used again for the containers that are
 * still there. proc_root: NULL is "/proc". Returns 0 or negative errno of sysinfo_read(). */
int reap_look(SysinfoReader *reader, const char *proc_root, ReapLook *ret);

/* Adds what engines have said: names where there are none, and labels. Those belong to the book, so
 * this is done again whenever it has changed. Returns 0 or -ENOMEM. */
int reap_look_up(ReapLook *look, const EngineBook *book);

/* Whether an engine of this kind should be asked for the containers of `manager` (as in ReapInput):
 * there are some that it has not told of, whose labels are needed, or that have no name. */
bool reap_look_wants(const ReapLook *look, const EngineBook *book, EngineKind kind, uid_t manager,
                     bool labels, uint64_t now_usec);

/* The kind of engine that runs it. */
EngineKind reap_engine_of(const SysinfoContainer *info);

/* The name of a container of Podman, read from the command line of its conmon, which is an ancestor
 * of the main process and belongs to the same user. "" when it cannot be found. Returns 0 or
 * -ENOMEM. */
int reap_container_name(const char *proc_root, const SysinfoContainer *info, char **ret);

/* "some avg10=" of a file of /proc/pressure as text; -1 when it does not say. */
double reap_pressure_parse(const char *text);
