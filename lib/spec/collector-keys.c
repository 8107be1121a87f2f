/* SPDX-License-Identifier: MIT */
/*
 * The keys of a collector. Its table describes a Spec, as that of services does, so that all that
 * works by tables works for both.
 */
#include <stdlib.h>

#include "spec/keys-internal.h"

#define F(member) .offset = offsetof(SpecSpool, member)
static const Key spool_keys[] = {
    {"size", KEY_STRING, 0, F(size), .rule = &rule_size, .fallback = "16M",
     .about = "Room on disk for batches that wait; when it is full the oldest go."},
    {"age", KEY_SPAN, 0, F(age_usec), .min = USEC_PER_MINUTE, .max = 29 * USEC_PER_DAY,
     .fallback = "7d", .about = "How long a batch waits at most."},
};
#undef F
static const KeyTable spool_table = TABLE(SpecSpool, spool_keys, .shorthand = "size");

#define F(member) .offset = offsetof(Spec, member)
static const Key keys[] = {
    KEYS_OF_ALL("Name of the collector, for messages and for the folder of its spool.",
                "Host that it is for; others do not post to it.", "\"collector\"."),
    {"url", KEY_STRING, 0, F(collector.url), .rule = &rule_collector,
     .fallback = SPEC_COLLECTOR_URL, .about = "Its address; batches are posted to /logs there."},
    {"interval", KEY_SPAN, 0, F(collector.interval_usec), .min = USEC_PER_SEC, .max = USEC_PER_DAY,
     .fallback = "10s", .about = "Time between two samples."},
    {"host", KEY_STRING, 0, F(collector.host), .rule = &rule_collector_host,
     .derived = "the name of the host; of a user's manager USER@HOST",
     .about = "What this host is called there."},
    {"token", KEY_STRING, 0, F(collector.token), .rule = &rule_secret_place,
     .derived = "the credential collector-token, when phoenixd.service has it",
     .about = "File with its bearer token: a path, or the name of a credential."},
    {"ca", KEY_STRING, 0, F(collector.ca), .rule = &rule_secret_place,
     .derived = "the certificates of the system",
     .about = "File with the certificates that it is verified with, as PEM."},
    {"spool", KEY_OBJECT, 0, F(collector.spool), .table = &spool_table,
     .about = "What waits on disk until the collector has it."},
    KEY_SCOPE("Which manager's phoenixd posts."),
};
#undef F
const KeyTable spec_collector_keys = TABLE(Spec, keys);
