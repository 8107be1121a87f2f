/* SPDX-License-Identifier: MIT */

/* What a post holds, once it has been understood: samples (a host's memory and CPU, its containers
 * by class, its services) and events. Strings point into what was parsed and live as long. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_MAX_BYTES 253U  /* hosts and services, as host names of DNS */
#define WORD_MAX_BYTES 32U   /* states, events */
#define TEXT_MAX_BYTES 4096U /* reasons, messages, command lines */
#define KEY_MAX_BYTES  128U

typedef enum ContainerClass {
    CLASS_CPU,
    CLASS_RAM,
    CLASS_IO,
    CLASS_DISK,
    CLASS_OTHER,
    _CLASS_MAX,
} ContainerClass;

/* "cpu", "ram", "io", "disk", "other" */
const char *container_class_word(ContainerClass class);
/* -EINVAL */
int container_class_from_word(const char *word);
/* By the stress(1) arguments of a command line, else by a name "stress_CLASS_...". */
ContainerClass container_class_guess(const char *cmdline, const char *name);

/* A number that may be missing is NAN. */
typedef struct SystemValues {
    double cpu_percent; /* 100: all CPUs */
    double memory_total_mb, memory_free_mb, memory_used_mb;
} SystemValues;

/* Sums over the containers of a class. */
typedef struct ClassValues {
    uint64_t containers;
    double cpu_percent; /* 100: one CPU */
    double memory_percent, memory_mb;
    double disk_write_kb, disk_read_kb, io_write_ops, io_read_ops; /* totals since their start */
} ClassValues;

/* The order in which a state hides another one when several become one; see service_state_rank().
 */
typedef struct ServiceValues {
    const char *name, *state, *reason; /* reason: "" */
    int ready;                         /* 1, 0, -1: not known */
    double restarts, beats, beats_per_minute, latency_usec, cpu_percent, memory_bytes;
} ServiceValues;

/* Higher is worse. Words that are not known rank as "failing". */
int service_state_rank(const char *state);
const char *service_state_of_rank(int rank);

typedef struct Sample {
    uint64_t time_usec; /* CLOCK_REALTIME of who sent it */
    const char *raw;    /* as it was sent, without blanks between tokens */
    size_t raw_size;
    bool has_system; /* any of the values is there */
    SystemValues system;
    bool has_containers;
    ClassValues classes[_CLASS_MAX];
    ServiceValues *services;
    size_t n_services;
} Sample;

typedef struct SampleEvent {
    uint64_t time_usec;
    const char *event;                              /* a word */
    const char *service, *state, *reason, *message; /* may be NULL */
} SampleEvent;
