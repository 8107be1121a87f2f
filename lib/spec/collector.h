/* SPDX-License-Identifier: MIT */
/*
 * What a spec of "type": "collector" says: who is told how this host and its services fare. No unit
 * is made of it; phoenixd reads its plan and posts.
 */
#pragma once

#include <stdint.h>

/* Where phoenix-collector.socket listens. */
#define SPEC_COLLECTOR_URL "http://localhost:5000"

typedef struct SpecSpool {
    char *size; /* canonical, size.h */
    uint64_t age_usec;
} SpecSpool;

typedef struct SpecCollector {
    char *url;   /* http, https, or unix:/PATH */
    char *token; /* absolute path, or name of a credential of phoenixd.service; or NULL */
    char *ca;    /* the same, certificates that are trusted instead of the system's; or NULL */
    char *host;  /* what this one is called there; NULL: as it is called */
    uint64_t interval_usec;
    SpecSpool spool;
} SpecCollector;
