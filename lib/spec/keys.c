/* SPDX-License-Identifier: MIT */
/*
 * The keys of services, defined here and nowhere else but for those that every spec has
 * (keys-internal.h). What a key accepts is in rules.h, what follows between keys in resolve.c.
 */
#include "spec/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/strv.h"
#include "spec/keys-internal.h"

const char *const key_type_words[] = {
    [SPEC_TYPE_CONTAINER] = "docker", [SPEC_TYPE_BINARY] = "binary",       [SPEC_TYPE_VM] = "vm",
    [SPEC_TYPE_POLICY] = "policy",    [SPEC_TYPE_COLLECTOR] = "collector", [_SPEC_TYPE_MAX] = NULL,
};

const KeyAlias key_type_aliases[] = {
    {"container", SPEC_TYPE_CONTAINER},
    {"oci", SPEC_TYPE_CONTAINER},
    {NULL, 0},
};

static const char *const duration_words[] = {
    [SPEC_DURATION_DAEMON] = "daemon",
    [SPEC_DURATION_ONESHOT] = "oneshot",
    [_SPEC_DURATION_MAX] = NULL,
};

const char *const key_scope_words[] = {
    [SPEC_SCOPE_ANY] = "any",
    [SPEC_SCOPE_SYSTEM] = "system",
    [SPEC_SCOPE_USER] = "user",
    [_SPEC_SCOPE_MAX] = NULL,
};

static const char *const restart_words[] = {
    [SPEC_RESTART_ALWAYS] = "always",
    [SPEC_RESTART_ON_FAILURE] = "on-failure",
    [SPEC_RESTART_ON_ABNORMAL] = "on-abnormal",
    [SPEC_RESTART_ON_ABORT] = "on-abort",
    [SPEC_RESTART_ON_WATCHDOG] = "on-watchdog",
    [SPEC_RESTART_ON_SUCCESS] = "on-success",
    [SPEC_RESTART_NO] = "no",
    [_SPEC_RESTART_MAX] = NULL,
};

static const KeyAlias restart_aliases[] = {
    {"never", SPEC_RESTART_NO},
    {"unless-stopped", SPEC_RESTART_ALWAYS},
    {NULL, 0},
};

static const char *const probe_words[] = {
    [SPEC_PROBE_HTTP] = "http", [SPEC_PROBE_HTTPS] = "https", [SPEC_PROBE_TCP] = "tcp",
    [SPEC_PROBE_UNIX] = "unix", [SPEC_PROBE_EXEC] = "exec",   [SPEC_PROBE_FILE] = "file",
    [SPEC_PROBE_LOG] = "log",   [SPEC_PROBE_GRPC] = "grpc",   [_SPEC_PROBE_MAX] = NULL,
};

#define F(member) .offset = offsetof(SpecProbe, member)
static const Key probe_keys[] = {
    {"type", KEY_ENUM, 0, F(type), .words = probe_words,
     .derived =
         "from the other keys: \"exec\", \"socket\", \"file\" and \"match\" name their kind, "
         "\"port\" without \"path\" is tcp, everything else is http",
     .about = "Kind of check."},
    {"host", KEY_STRING, 0, F(host), .rule = &rule_address, .fallback = "localhost",
     .about = "Where to connect to; localhost is inside the service's own network namespace."},
    {"port", KEY_INTEGER, 0, F(port), .min = 1, .max = 65535,
     .derived = "proxyport, or the port of \"listen\" when \"activation\" is native; for http, "
                "https, tcp and grpc",
     .about = "Port to connect to."},
    {"path", KEY_STRING, 0, F(path), .rule = &rule_urlpath, .derived = "\"/\" for http and https",
     .about = "Path to request."},
    {"method", KEY_STRING, 0, F(method), .rule = &rule_method,
     .derived = "\"GET\" for http and https", .about = "Request method."},
    {"headers", KEY_HEADERS, 0, F(headers), .about = "Request headers."},
    {"status", KEY_STRV, KEY_SINGLE | KEY_NONEMPTY, F(status), .rule = &rule_status,
     .derived = "[\"200\"] for http and https", .about = "Accepted statuses and ranges of them."},
    {"body", KEY_STRING, 0, F(body), .rule = &rule_text,
     .about = "Text that the body of the answer must contain."},
    {"certdays", KEY_INTEGER, 0, F(certdays), .min = 0, .max = 3650,
     .about = "Days for which the certificate must still be valid."},
    {"insecure", KEY_BOOL, 0, F(insecure), .fallback = "false", .about = "Accept any certificate."},
    {"redirects", KEY_BOOL, 0, F(redirects), .fallback = "false", .about = "Follow redirects."},
    {"socket", KEY_STRING, 0, F(socket), .rule = &rule_path, .about = "Unix socket to connect to."},
    {"exec", KEY_STRV, KEY_NONEMPTY, F(exec), .rule = &rule_text,
     .about = "Command to run inside the service; status 0 is healthy."},
    {"file", KEY_STRING, 0, F(file), .rule = &rule_path,
     .about = "Heartbeat file whose age is checked."},
    {"match", KEY_STRING, 0, F(match), .rule = &rule_line,
     .about = "Text of a journal line of the service whose age is checked."},
    {"age", KEY_SPAN, 0, F(age_usec), .min = USEC_PER_SEC,
     .derived = "three intervals, for file and log", .about = "Greatest accepted age."},
    {"service", KEY_STRING, 0, F(service), .rule = &rule_line,
     .about = "Service name to ask grpc.health.v1 for."},
    {"interval", KEY_SPAN, 0, F(interval_usec), .min = 100 * USEC_PER_MSEC, .max = USEC_PER_DAY,
     .fallback = "10s", .about = "Time between two checks."},
    {"timeout", KEY_SPAN, 0, F(timeout_usec), .min = USEC_PER_MSEC, .max = USEC_PER_HOUR,
     .derived = "3s, or interval when that is shorter",
     .about = "Time after which one check has failed."},
    {"retries", KEY_INTEGER, 0, F(retries), .min = 1, .max = 1000, .fallback = "3",
     .about = "Failures in a row that make the service unhealthy."},
    {"successes", KEY_INTEGER, 0, F(successes), .min = 1, .max = 1000, .fallback = "1",
     .about = "Successes in a row that make it healthy again."},
    {"grace", KEY_SPAN, 0, F(grace_usec), .max = USEC_PER_DAY, .fallback = "1min",
     .about = "Time after a start in which failures do not count."},
    {"jitter", KEY_STRING, 0, F(jitter), .rule = &rule_percent, .fallback = "10%",
     .about = "Share of the interval by which checks are spread at random."},
    {"restart", KEY_BOOL, 0, F(restart), .derived = "true for healthcheck, false for readiness",
     .about = "Restart the service when it is unhealthy."},
};
#undef F
static const KeyTable probe_table = TABLE(SpecProbe, probe_keys, .shorthand = "path");

#define F(member) .offset = offsetof(SpecRestart, member)
static const Key restart_keys[] = {
    {"policy", KEY_ENUM, 0, F(policy), .words = restart_words, .aliases = restart_aliases,
     .derived = "\"always\" for a daemon, \"no\" for a oneshot", .about = "When to restart."},
    {"delay", KEY_SPAN, 0, F(delay_usec), .max = USEC_PER_DAY, .fallback = "20ms",
     .about = "Time before the first restart; it doubles with each one that follows."},
    {"max", KEY_SPAN, 0, F(max_usec), .max = USEC_PER_DAY,
     .derived = "\"1min\", or delay when that is longer", .about = "The delay grows up to this."},
    {"jitter", KEY_STRING, 0, F(jitter), .rule = &rule_percent, .fallback = "10%",
     .about = "Share of the longest delay by which services are spread, each by a fixed part."},
    {"reset", KEY_SPAN, 0, F(reset_usec), .min = USEC_PER_SEC, .max = 7 * USEC_PER_DAY,
     .fallback = "10min", .about = "Healthy time after which the delay begins at the start again."},
    {"burst", KEY_INTEGER, 0, F(burst), .min = 0, .max = 100000, .fallback = "0",
     .about = "Restarts within reset after which it is held and tried slowly; 0 is no limit."},
};
#undef F
static const KeyTable restart_table = TABLE(SpecRestart, restart_keys, .shorthand = "policy");

#define F(member) .offset = offsetof(SpecListen, member)
static const Key listen_keys[] = {
    {"stream", KEY_STRING, KEY_REQUIRED, F(stream), .rule = &rule_stream,
     .about = "Address to listen on."},
    {"backlog", KEY_INTEGER, 0, F(backlog), .min = 1, .max = 65535,
     .derived = "as another address says, else 4096",
     .about = "Connections that may wait to be accepted."},
    {"mode", KEY_STRING, 0, F(mode), .rule = &rule_mode,
     .derived = "as another address says, else \"0666\", for a unix socket",
     .about = "Mode of a unix socket."},
    {"user", KEY_STRING, 0, F(user), .rule = &rule_account,
     .about = "Owner of a unix socket, in the system manager."},
    {"group", KEY_STRING, 0, F(group), .rule = &rule_account, .about = "Group of a unix socket."},
    {"bindipv6only", KEY_STRING, 0, F(bindipv6only), .rule = &rule_bindipv6only,
     .derived = "as another address says, else \"default\"",
     .about = "Whether an IPv6 address also takes IPv4."},
    {"maxconnections", KEY_INTEGER, 0, F(maxconnections), .min = 1, .max = 80000,
     .derived = "as another address says, else 256, with a proxy",
     .about = "Connections that the proxy serves at the same time."},
    {"freebind", KEY_BOOL, 0, F(freebind), .derived = "as another address says, else false",
     .about = "Listen on an address that is not there yet."},
};
#undef F
static const KeyTable listen_table = TABLE(SpecListen, listen_keys, .shorthand = "stream");

static const char *const idle_words[] = {
    [SPEC_IDLE_STOP] = "stop",
    [SPEC_IDLE_FREEZE] = "freeze",
    [_SPEC_IDLE_MAX] = NULL,
};

#define F(member) .offset = offsetof(SpecIdle, member)
static const Key idle_keys[] = {
    {"after", KEY_SPAN, KEY_REQUIRED, F(after_usec), .min = USEC_PER_SEC, .max = 30 * USEC_PER_DAY,
     .about = "Time without traffic after which the service is idle."},
    {"action", KEY_ENUM, 0, F(action), .words = idle_words,
     .derived = "\"stop\" when idle is given", .about = "What happens to an idle service."},
    {"reclaim", KEY_BOOL, 0, F(reclaim), .derived = "false when idle is given",
     .about = "Hand the memory of a frozen service back to the machine."},
    {"min", KEY_SPAN, 0, F(min_usec), .max = USEC_PER_DAY, .derived = "\"0\" when idle is given",
     .about = "Time to stay up after a start."},
    {"stop", KEY_SPAN, 0, F(stop_usec), .min = USEC_PER_SEC, .max = 365 * USEC_PER_DAY,
     .about = "A service frozen for this long is stopped."},
};
#undef F
static const KeyTable idle_table = TABLE(SpecIdle, idle_keys, .shorthand = "after");

#define F(member) .offset = offsetof(SpecLimits, member)
static const Key limits_keys[] = {
    {"memory", KEY_STRING, 0, F(memory), .rule = &rule_memory,
     .about = "Memory that the service may use (MemoryMax=)."},
    {"cpu", KEY_STRING, 0, F(cpu), .rule = &rule_cpu,
     .about = "CPU time that it may use, 100% is one CPU (CPUQuota=)."},
    {"tasks", KEY_INTEGER, 0, F(tasks), .min = 1, .max = 4194304,
     .about = "Processes and threads that it may have (TasksMax=)."},
    {"io", KEY_INTEGER, 0, F(io), .min = 1, .max = 10000,
     .about = "Its weight when the disk is contended, 100 is usual (IOWeight=)."},
    {"files", KEY_INTEGER, 0, F(files), .min = 8, .max = 1073741816,
     .about = "Files that a process may have open (LimitNOFILE=)."},
};
#undef F
static const KeyTable limits_table = TABLE(SpecLimits, limits_keys);

static const char *const hardening_words[] = {
    [SPEC_HARDENING_STRICT] = "strict",
    [SPEC_HARDENING_NONE] = "none",
    [_SPEC_HARDENING_MAX] = NULL,
};

static const char *const home_words[] = {
    [SPEC_HOME_HIDDEN] = "hidden",
    [SPEC_HOME_READONLY] = "readonly",
    [SPEC_HOME_WRITABLE] = "writable",
    [_SPEC_HOME_MAX] = NULL,
};

#define F(member) .offset = offsetof(SpecHardening, member)
static const Key hardening_keys[] = {
    {"level", KEY_ENUM, 0, F(level), .words = hardening_words, .fallback = "strict",
     .about = "What the other keys default to."},
    {"readonly", KEY_BOOL, 0, F(readonly), .derived = "true when strict",
     .about = "Read-only file system, but for volumes, tmpfs and the state directory."},
    {"newprivileges", KEY_BOOL, 0, F(newprivileges), .derived = "false when strict",
     .about = "May gain privileges, by setuid programs for example."},
    {"capabilities", KEY_STRV, 0, F(capabilities), .rule = &rule_capability,
     .derived = "[] when strict, [\"all\"] when none",
     .about = "Capabilities that are kept; \"all\" is what the service would have anyway."},
    {"tmp", KEY_BOOL, 0, F(tmp), .derived = "true when strict", .about = "A /tmp of its own."},
    {"home", KEY_ENUM, 0, F(home), .words = home_words,
     .derived = "\"hidden\" for a binary in the system manager that uses no path below a home, "
                "\"readonly\" for the others",
     .about = "How a binary sees /home, /root and /run/user."},
    {"devices", KEY_BOOL, 0, F(devices), .derived = "false when strict",
     .about = "A binary may use physical devices."},
    {"syscalls", KEY_STRV, 0, F(syscalls), .rule = &rule_syscall,
     .derived = "[\"@system-service\"] for a binary when strict",
     .about = "System calls and sets of them that a binary may use."},
    {"seccomp", KEY_STRING, 0, F(seccomp), .rule = &rule_path,
     .about = "Seccomp profile of a container instead of Podman's own."},
    {"init", KEY_BOOL, 0, F(init), .derived = "true for a container",
     .about =
         "A small init as process 1 of a container, which reaps children and passes signals on."},
    {"dynamicuser", KEY_BOOL, 0, F(dynamicuser),
     .derived = "true for a binary when strict and without user",
     .about = "In the system manager, run a binary as a user that exists only while it runs."},
};
#undef F
static const KeyTable hardening_table = TABLE(SpecHardening, hardening_keys, .shorthand = "level");

static const char *const place_words[] = {
    [SPEC_HOOK_HOST] = "host",
    [SPEC_HOOK_CONTAINER] = "container",
    [_SPEC_HOOK_PLACE_MAX] = NULL,
};

#define F(member) .offset = offsetof(SpecHook, member)
static const Key hook_keys[] = {
    {"run", KEY_STRV, KEY_REQUIRED | KEY_NONEMPTY, F(run), .rule = &rule_text,
     .about = "Program and arguments."},
    {"in", KEY_ENUM, 0, F(in), .words = place_words, .fallback = "host", .about = "Where it runs."},
};
#undef F
static const KeyTable hook_table = TABLE(SpecHook, hook_keys, .shorthand = "run");

#define F(member) .offset = offsetof(SpecHooks, member)
static const Key hooks_keys[] = {
    {"once", KEY_OBJECTS, 0, F(once), .table = &hook_table,
     .about = "Run before the first start ever; one that fails is tried again at the next start."},
    {"always", KEY_OBJECTS, 0, F(always), .table = &hook_table, .about = "Run before each start."},
    {"started", KEY_OBJECTS, 0, F(started), .table = &hook_table, .about = "Run after each start."},
    {"stop", KEY_OBJECTS, 0, F(stop), .table = &hook_table,
     .about = "Run before the service is asked to stop."},
    {"stopped", KEY_OBJECTS, 0, F(stopped), .table = &hook_table,
     .about = "Run after the service has ended, however it ended."},
};
#undef F
static const KeyTable hooks_table = TABLE(SpecHooks, hooks_keys);

#define F(member) .offset = offsetof(SpecSecret, member)
static const Key secret_keys[] = {
    {"name", KEY_STRING, KEY_REQUIRED, F(name), .rule = &rule_name, .about = "Name of the secret."},
    {"source", KEY_STRING, 0, F(source), .rule = &rule_path, .about = "File that holds it."},
    {"encrypted", KEY_BOOL, 0, F(encrypted), .fallback = "false",
     .about = "The file was made by systemd-creds(1)."},
};
#undef F
static const KeyTable secret_table = TABLE(SpecSecret, secret_keys, .shorthand = "name");

#define F(member) .offset = offsetof(SpecBackup, member)
static const Key backup_keys[] = {
    {"paths", KEY_STRV, 0, F(paths), .rule = &rule_path, .about = "What is kept."},
    {"schedule", KEY_STRING, 0, F(schedule), .rule = &rule_schedule, .about = "When."},
    {"keep", KEY_INTEGER, 0, F(keep), .min = 1, .max = 100000, .about = "How many are kept."},
    {"before", KEY_STRV, KEY_NONEMPTY, F(before), .rule = &rule_text,
     .about = "Program and arguments run before it."},
    {"after", KEY_STRV, KEY_NONEMPTY, F(after), .rule = &rule_text,
     .about = "Program and arguments run after it."},
};
#undef F
static const KeyTable backup_table = TABLE(SpecBackup, backup_keys);

#define F(member) .offset = offsetof(SpecLogs, member)
static const Key logs_keys[] = {
    {"namespace", KEY_STRING, 0, F(namespace), .rule = &rule_name,
     .about = "A journal of its own."},
    {"size", KEY_STRING, 0, F(size), .rule = &rule_size, .about = "How large it may grow."},
    {"forward", KEY_STRING, 0, F(forward), .rule = &rule_url, .about = "Where logs are sent."},
};
#undef F
static const KeyTable logs_table = TABLE(SpecLogs, logs_keys);

#define F(member) .offset = offsetof(SpecOnFailure, member)
static const Key onfailure_keys[] = {
    {"url", KEY_STRING, 0, F(url), .rule = &rule_url,
     .about = "Address to post the event to, as JSON."},
    {"exec", KEY_STRV, KEY_NONEMPTY, F(exec), .rule = &rule_text,
     .about = "Program and arguments, run with the event in its environment."},
    {"on", KEY_STRV, KEY_SINGLE | KEY_NONEMPTY, F(on), .rule = &rule_event,
     .derived = "all of them when onfailure is given", .about = "Which events are told."},
};
#undef F
static const KeyTable onfailure_table = TABLE(SpecOnFailure, onfailure_keys);

static const char *const activation_words[] = {
    [SPEC_ACTIVATION_PROXY] = "proxy",
    [SPEC_ACTIVATION_NATIVE] = "native",
    [_SPEC_ACTIVATION_MAX] = NULL,
};

static const char *const autoupdate_words[] = {
    [SPEC_AUTOUPDATE_REGISTRY] = "registry",
    [SPEC_AUTOUPDATE_LOCAL] = "local",
    [_SPEC_AUTOUPDATE_MAX] = NULL,
};

#define F(member) .offset = offsetof(Spec, member)
static const Key keys[] = {
    KEYS_OF_ALL("Name of the service; its unit is phoenix@NAME.service.",
                "Host that it is for; others do not generate it.",
                "What the image is: a container image, a program, a virtual machine; or \"policy\" "
                "or \"collector\", which have keys of their own."),
    {"image", KEY_STRING, KEY_REQUIRED, F(image), .rule = &rule_image,
     .about = "Image reference, or the path of an OCI or Docker archive; for a binary its path."},
    {"args", KEY_STRV, 0, F(args), .rule = &rule_text, .about = "Arguments, passed exactly."},
    {"env", KEY_ENV, 0, F(env), .about = "Environment, as [\"NAME=value\"] or as an object."},
    {"envfile", KEY_STRV, KEY_SINGLE, F(envfile), .rule = &rule_optional_path,
     .about = "Files with further environment."},
    {"workdir", KEY_STRING, 0, F(workdir), .rule = &rule_path, .about = "Working directory."},
    {"user", KEY_STRING, 0, F(user), .rule = &rule_user,
     .about = "User to run as: of the container, or of a binary in the system manager."},
    {"duration", KEY_ENUM, 0, F(duration), .words = duration_words,
     .derived = "\"oneshot\" when schedule is given, else \"daemon\"",
     .about = "Whether it stays or ends by itself."},
    {"schedule", KEY_STRING, 0, F(schedule), .rule = &rule_schedule,
     .about = "When to start it: OnCalendar= (systemd.time(7)) or five-field cron."},
    {"watchdog", KEY_SPAN, 0, F(watchdog_usec), .min = 100 * USEC_PER_MSEC, .max = USEC_PER_DAY,
     .about = "The application speaks sd_notify(3): it is ready when it says READY=1, and killed "
              "and restarted when it has not said WATCHDOG=1 for this long."},
    {"healthcheck", KEY_OBJECTS, KEY_SINGLE, F(healthcheck), .table = &probe_table,
     .derived = "a connection to proxyport or proxysocket, with \"restart\": false, when a proxy "
                "listens for the service and it has no watchdog",
     .about = "Checks whose failure restarts the service."},
    {"readiness", KEY_OBJECTS, KEY_SINGLE, F(readiness), .table = &probe_table,
     .about = "Checks whose failure takes the service out of rotation."},
    {"restart", KEY_OBJECT, 0, F(restart), .table = &restart_table,
     .about = "When and how fast it is started again."},
    {"listen", KEY_OBJECTS, KEY_SINGLE, F(listen), .table = &listen_table,
     .about = "Addresses on which a connection starts the service."},
    {"idle", KEY_OBJECT, 0, F(idle), .table = &idle_table,
     .about = "What happens when nobody uses it."},
    {"activation", KEY_ENUM, 0, F(activation), .words = activation_words,
     .derived = "\"proxy\" when listen is given",
     .about = "How it gets its connections: through a proxy, or the sockets themselves."},
    {"ports", KEY_STRV, 0, F(ports), .rule = &rule_port,
     .about = "Ports of a container to publish."},
    {"volumes", KEY_STRV, 0, F(volumes), .rule = &rule_volume,
     .about = "Files and folders it may use."},
    {"tmpfs", KEY_STRV, 0, F(tmpfs), .rule = &rule_tmpfs,
     .about = "Folders that are empty at each start."},
    {"network", KEY_STRV, KEY_SINGLE, F(network), .rule = &rule_network,
     .about = "Network of a container; \"none\" also for a binary."},
    {"limits", KEY_OBJECT, 0, F(limits), .table = &limits_table, .about = "What it may use up."},
    {"hardening", KEY_OBJECT, 0, F(hardening), .table = &hardening_table,
     .about = "What it is kept from; \"strict\", \"none\", or an object of exceptions."},
    {"after", KEY_STRV, KEY_SINGLE, F(after), .rule = &rule_name,
     .about = "Services that start before it when both start."},
    {"needs", KEY_STRV, KEY_SINGLE, F(needs), .rule = &rule_name,
     .about = "Services that are started with it, before it."},
    {"enable", KEY_BOOL, 0, F(enable), .fallback = "false", .about = "Start it at boot."},
    KEY_SCOPE("Which manager generates it."),
    {"autoupdate", KEY_ENUM, 0, F(autoupdate), .words = autoupdate_words,
     .about = "Where podman-auto-update(1) looks for a newer image."},
    {"hooks", KEY_OBJECT, 0, F(hooks), .table = &hooks_table,
     .about = "Programs run around its start and stop; each is an array of program and arguments, "
              "or an object."},
    {"proxyname", KEY_STRING, KEY_NOT_YET, F(proxyname), .rule = &rule_host,
     .about = "Domain under which the service is published."},
    {"proxyport", KEY_INTEGER, 0, F(proxyport), .min = 1, .max = 65535, .fallback = "8000",
     .about = "Port on which it serves: where checks and the proxy of \"listen\" connect to."},
    {"proxysocket", KEY_STRING, 0, F(proxysocket), .rule = &rule_path,
     .about = "Unix socket on which it serves instead, as the service sees it; for the proxy of "
              "\"listen\"."},
    {"ip", KEY_STRING, KEY_NOT_YET, F(ip), .rule = &rule_ipv6, .about = "Address of the service."},
    {"link", KEY_STRV, KEY_SINGLE | KEY_NOT_YET, F(link), .rule = &rule_name,
     .about = "Services it may talk to."},
    {"secrets", KEY_OBJECTS, KEY_NOT_YET, F(secrets), .table = &secret_table,
     .about = "Secrets handed to it."},
    {"backup", KEY_OBJECT, KEY_NOT_YET, F(backup), .table = &backup_table,
     .about = "What is backed up."},
    {"logs", KEY_OBJECT, KEY_NOT_YET, F(logs), .table = &logs_table, .about = "Where its logs go."},
    {"onfailure", KEY_OBJECT, 0, F(onfailure), .table = &onfailure_table,
     .about = "Who is told when it fails."},
    {"unit", KEY_SETTINGS, 0, F(unit),
     .about = "Settings for systemd or Quadlet, by section; they have the last word."},
};
#undef F
const KeyTable spec_keys = TABLE(Spec, keys);

const char *spec_type_word(int type)
{
    assert(type >= 0 && type < _SPEC_TYPE_MAX);
    return key_type_words[type];
}

const char *spec_scope_word(int scope)
{
    assert(scope >= 0 && scope < _SPEC_SCOPE_MAX);
    return key_scope_words[scope];
}

const char *spec_duration_word(int duration)
{
    assert(duration >= 0 && duration < _SPEC_DURATION_MAX);
    return duration_words[duration];
}

const char *spec_restart_word(int policy)
{
    assert(policy >= 0 && policy < _SPEC_RESTART_MAX);
    return restart_words[policy];
}

const char *spec_probe_word(int type)
{
    assert(type >= 0 && type < _SPEC_PROBE_MAX);
    return probe_words[type];
}
