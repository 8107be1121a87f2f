/* SPDX-License-Identifier: MIT */
/*
 * What single strings in a spec must look like. Each rule says so in words, so that a finding can
 * tell a person what would be accepted.
 */
#pragma once

#include "spec/keys.h"

extern const KeyRule rule_line;           /* one line of text, no control characters */
extern const KeyRule rule_text;           /* any text */
extern const KeyRule rule_name;           /* a service name, name.h */
extern const KeyRule rule_host;           /* a host name, RFC 1123 */
extern const KeyRule rule_image;          /* an image reference or an absolute path */
extern const KeyRule rule_path;           /* an absolute, normalised path */
extern const KeyRule rule_optional_path;  /* the same, "-" in front allowed */
extern const KeyRule rule_user;           /* USER or USER:GROUP */
extern const KeyRule rule_account;        /* one user or group */
extern const KeyRule rule_schedule;       /* OnCalendar or five-field cron */
extern const KeyRule rule_percent;        /* "10%" */
extern const KeyRule rule_memory;         /* size or percentage */
extern const KeyRule rule_size;           /* size */
extern const KeyRule rule_cpu;            /* percentage or number of CPUs */
extern const KeyRule rule_port;           /* Podman's publish form */
extern const KeyRule rule_volume;         /* Podman's volume form */
extern const KeyRule rule_tmpfs;          /* path[:options] */
extern const KeyRule rule_network;        /* Podman's network form */
extern const KeyRule rule_capability;     /* CAP_... or all */
extern const KeyRule rule_syscall;        /* a system call, @set, or either with ~ */
extern const KeyRule rule_stream;         /* a listening address, systemd.socket(5) */
extern const KeyRule rule_mode;           /* octal file mode */
extern const KeyRule rule_bindipv6only;   /* systemd.socket(5) */
extern const KeyRule rule_urlpath;        /* a request target that starts with / */
extern const KeyRule rule_url;            /* http:// or https:// */
extern const KeyRule rule_method;         /* an HTTP method */
extern const KeyRule rule_status;         /* an HTTP status or a range */
extern const KeyRule rule_address;        /* a host name or an IP address */
extern const KeyRule rule_ipv6;           /* an IPv6 address */
extern const KeyRule rule_glob;           /* a pattern for names, fnmatch(3) */
extern const KeyRule rule_label;          /* KEY, or KEY=GLOB */
extern const KeyRule rule_class;          /* the name of a class of containers */
extern const KeyRule rule_arguments;      /* words of a command line, as patterns */
extern const KeyRule rule_collector;      /* the address of a collector */
extern const KeyRule rule_collector_host; /* what a host is called there */
extern const KeyRule rule_secret_place;   /* an absolute path, or a credential's name */
extern const KeyRule rule_event;          /* unhealthy, restarted, held, recovered */
