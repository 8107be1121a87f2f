/* SPDX-License-Identifier: MIT */
/*
 * The spec: what a user may say about one service, as one typed structure. Every program works on
 * this and never on JSON. It is filled by read.h from the table in keys.h; resolve.h fills in the
 * defaults, so that a resolved Spec has no unset field that has a default.
 *
 * Unset: strings and vectors NULL, enums and booleans -1, time spans USEC_INFINITY, integers
 * INT64_MIN. A Spec owns everything it points to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "spec/policy.h"
#include "spec/collector.h"

#define SPEC_UNSET     (-1)
#define SPEC_INT_UNSET INT64_MIN

/* The largest spec file that is read, in bytes. */
#define SPEC_SIZE_MAX (1024U * 1024U)

/* The most checks that healthcheck, or readiness, may hold. */
#define SPEC_PROBES_MAX 16

typedef enum SpecType {
    SPEC_TYPE_CONTAINER, /* written "docker", "container" or "oci" */
    SPEC_TYPE_BINARY,
    SPEC_TYPE_VM,
    SPEC_TYPE_POLICY,    /* no service: rules for containers, policy.h */
    SPEC_TYPE_COLLECTOR, /* no service: who is told of them, collector.h */
    _SPEC_TYPE_MAX,
} SpecType;

typedef enum SpecDuration {
    SPEC_DURATION_DAEMON,
    SPEC_DURATION_ONESHOT,
    _SPEC_DURATION_MAX,
} SpecDuration;

typedef enum SpecScope {
    SPEC_SCOPE_ANY, /* generated in both managers, enabled only in the system one */
    SPEC_SCOPE_SYSTEM,
    SPEC_SCOPE_USER,
    _SPEC_SCOPE_MAX,
} SpecScope;

/* The words of systemd's Restart= (systemd.service(5)). */
typedef enum SpecRestartPolicy {
    SPEC_RESTART_ALWAYS,
    SPEC_RESTART_ON_FAILURE,
    SPEC_RESTART_ON_ABNORMAL,
    SPEC_RESTART_ON_ABORT,
    SPEC_RESTART_ON_WATCHDOG,
    SPEC_RESTART_ON_SUCCESS,
    SPEC_RESTART_NO,
    _SPEC_RESTART_MAX,
} SpecRestartPolicy;

typedef enum SpecProbeType {
    SPEC_PROBE_HTTP,
    SPEC_PROBE_HTTPS,
    SPEC_PROBE_TCP,
    SPEC_PROBE_UNIX,
    SPEC_PROBE_EXEC,
    SPEC_PROBE_FILE,
    SPEC_PROBE_LOG,
    SPEC_PROBE_GRPC,
    _SPEC_PROBE_MAX,
} SpecProbeType;

typedef enum SpecActivation {
    SPEC_ACTIVATION_PROXY,
    SPEC_ACTIVATION_NATIVE,
    _SPEC_ACTIVATION_MAX,
} SpecActivation;

typedef enum SpecIdleAction {
    SPEC_IDLE_STOP,
    SPEC_IDLE_FREEZE,
    _SPEC_IDLE_MAX,
} SpecIdleAction;

typedef enum SpecHardeningLevel {
    SPEC_HARDENING_STRICT,
    SPEC_HARDENING_NONE,
    _SPEC_HARDENING_MAX,
} SpecHardeningLevel;

typedef enum SpecHomeAccess {
    SPEC_HOME_HIDDEN,
    SPEC_HOME_READONLY,
    SPEC_HOME_WRITABLE,
    _SPEC_HOME_MAX,
} SpecHomeAccess;

typedef enum SpecAutoUpdate {
    SPEC_AUTOUPDATE_REGISTRY,
    SPEC_AUTOUPDATE_LOCAL,
    _SPEC_AUTOUPDATE_MAX,
} SpecAutoUpdate;

typedef enum SpecHookPlace {
    SPEC_HOOK_HOST,
    SPEC_HOOK_CONTAINER,
    _SPEC_HOOK_PLACE_MAX,
} SpecHookPlace;

/* One health or readiness check. */
typedef struct SpecProbe {
    int type;               /* SpecProbeType */
    char *host;             /* "localhost" is the service's own network namespace */
    int64_t port;           /* 1..65535 */
    char *path;             /* http, https: request target */
    char *method;           /* http, https */
    char **headers;         /* http, https: "Name: value" */
    char **status;          /* http, https: accepted codes, "200" or "200-299" */
    char *body;             /* http, https: text that the body must contain */
    int64_t certdays;       /* https: days the certificate must still be valid */
    int insecure;           /* https: bool, do not verify the certificate */
    int redirects;          /* http, https: bool, follow redirects */
    char *socket;           /* unix: absolute path */
    char **exec;            /* exec: argument vector, run inside the service */
    char *file;             /* file: absolute path of a heartbeat file */
    char *match;            /* log: text that a journal line must contain */
    uint64_t age_usec;      /* file, log: greatest accepted age */
    char *service;          /* grpc: service name of grpc.health.v1 */
    uint64_t interval_usec; /* between two checks */
    uint64_t timeout_usec;  /* of one check */
    int64_t retries;        /* failures in a row until the verdict is unhealthy, 1..1000 */
    int64_t successes;      /* successes in a row until it is healthy again, 1..1000 */
    uint64_t grace_usec;    /* time from the start during which failures do not count */
    char *jitter;           /* percentage, "10%" */
    int restart;            /* bool: an unhealthy verdict restarts the service */
} SpecProbe;

typedef struct SpecProbes {
    SpecProbe *items;
    size_t n;
} SpecProbes;

typedef struct SpecRestart {
    int policy;          /* SpecRestartPolicy */
    uint64_t delay_usec; /* before the first restart */
    uint64_t max_usec;   /* the delay grows to this */
    char *jitter;        /* percentage, "10%" */
    uint64_t reset_usec; /* healthy time after which the delay starts again at delay_usec */
    int64_t burst;       /* restarts within reset_usec after which the service is held; 0 = never */
} SpecRestart;

typedef struct SpecListen {
    char *stream;       /* "8080", "127.0.0.1:8080", "[::1]:8080", "/run/x.sock", "@abstract" */
    int64_t backlog;    /* 1..65535 */
    char *mode;         /* octal, unix sockets */
    char *user;         /* owner, unix sockets */
    char *group;        /* group, unix sockets */
    char *bindipv6only; /* "default", "both", "ipv6-only" */
    int64_t maxconnections;
    int freebind; /* bool */
} SpecListen;

typedef struct SpecListens {
    SpecListen *items;
    size_t n;
} SpecListens;

typedef struct SpecIdle {
    uint64_t after_usec;
    int action;         /* SpecIdleAction */
    int reclaim;        /* bool: hand the memory back while frozen */
    uint64_t min_usec;  /* stays up at least this long after a start */
    uint64_t stop_usec; /* frozen for this long: stop for good */
} SpecIdle;

/* Each is NULL or a value that systemd.resource-control(5) takes as it is. */
typedef struct SpecLimits {
    char *memory;  /* "50M", "10%" */
    char *cpu;     /* "10%" of one CPU */
    int64_t tasks; /* 1.. */
    int64_t io;    /* weight 1..10000 */
    int64_t files; /* open files, 1.. */
} SpecLimits;

typedef struct SpecHardening {
    int level;         /* SpecHardeningLevel; decides what the rest defaults to */
    int readonly;      /* bool: read-only root */
    int newprivileges; /* bool: may gain privileges (setuid programs) */
    char *
        *capabilities; /* capabilities kept, "CAP_NET_BIND_SERVICE"; "all" keeps the default set */
    int tmp;           /* bool: private /tmp */
    int home;          /* SpecHomeAccess; unset: the generator chooses by scope and paths */
    int devices;       /* bool: physical devices reachable (binary) */
    char **syscalls;   /* system calls or @sets allowed (binary) */
    char *seccomp;     /* absolute path of a seccomp profile (docker) */
    int init;          /* bool: a small init as process 1 (docker) */
    int dynamicuser;   /* bool: run as a user made for the run (binary, system scope) */
} SpecHardening;

typedef struct SpecHook {
    char **run; /* argument vector */
    int in;     /* SpecHookPlace */
} SpecHook;

typedef struct SpecHookList {
    SpecHook *items;
    size_t n;
} SpecHookList;

typedef struct SpecHooks {
    SpecHookList once, always, started, stop, stopped;
} SpecHooks;

typedef struct SpecSecret {
    char *name;
    char *source;  /* absolute path, or NULL: systemd's credential store */
    int encrypted; /* bool */
} SpecSecret;

typedef struct SpecSecrets {
    SpecSecret *items;
    size_t n;
} SpecSecrets;

typedef struct SpecBackup {
    char **paths;
    char *schedule;
    int64_t keep;
    char **before; /* argument vector */
    char **after;  /* argument vector */
} SpecBackup;

typedef struct SpecLogs {
    char *namespace; /* journal namespace, LogNamespace= */
    char *size;      /* "100M" */
    char *forward;   /* URL */
} SpecLogs;

typedef struct SpecOnFailure {
    char *url;
    char **exec;
    char **on; /* "unhealthy", "restarted", "held", "recovered" */
} SpecOnFailure;

/* One line of the unit passthrough, in the order it was written. */
typedef struct SpecSetting {
    char *section; /* "Service" */
    char *key;     /* "Nice" */
    char *value;   /* no newline */
} SpecSetting;

typedef struct SpecSettings {
    SpecSetting *items;
    size_t n;
} SpecSettings;

typedef struct Spec {
    int64_t plan; /* version of the plan this was read from, or unset */
    char *source; /* absolute path of the spec file */

    char *schema; /* "$schema", carried for editors */
    char *name;
    char *machine;
    int type; /* SpecType */
    char *image;
    char **args;
    char **env; /* "A=B" */
    char **envfile;
    char *workdir;
    char *user;
    int duration;   /* SpecDuration */
    char *schedule; /* as written */
    uint64_t watchdog_usec;
    SpecProbes healthcheck, readiness;
    SpecRestart restart;
    SpecListens listen;
    SpecIdle idle;
    int activation; /* SpecActivation */
    char **ports, **volumes, **tmpfs, **network;
    SpecLimits limits;
    SpecHardening hardening;
    char **after, **needs;
    int enable;     /* bool */
    int scope;      /* SpecScope */
    int autoupdate; /* SpecAutoUpdate */
    SpecHooks hooks;
    char *proxyname;
    int64_t proxyport;
    char *proxysocket; /* path inside the service */
    char *ip;
    char **link;
    SpecSecrets secrets;
    SpecBackup backup;
    SpecLogs logs;
    SpecOnFailure onfailure;
    SpecSettings unit;

    Policy policy; /* of SPEC_TYPE_POLICY, which has nothing of the above but what names it */

    /* Of SPEC_TYPE_COLLECTOR, which has nothing of the above but what names it. */
    SpecCollector collector;
} Spec;

/* A Spec with every field unset; NULL when there is no memory. */
Spec *spec_new(void);

/* Frees all of it; takes NULL and half-filled ones. Returns NULL. */
Spec *spec_free(Spec *spec);

static inline void spec_freep(Spec **spec)
{
    spec_free(*spec);
}
#define _cleanup_spec_free_ _cleanup_(spec_freep)

/* The word of an enum as it stands in specs and plans: "docker", "on-failure", ... */
const char *spec_type_word(int type);
const char *spec_scope_word(int scope);
const char *spec_duration_word(int duration);
const char *spec_restart_word(int policy);
const char *spec_probe_word(int type);
