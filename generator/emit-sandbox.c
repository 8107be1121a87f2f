/* SPDX-License-Identifier: MIT */
/*
 * What a program is kept from. "strict" is meant to be what a careful packager would write for a
 * network service, and to break none; each setting that follows from a key of its own can be taken
 * back with that key.
 *
 * Left out on purpose: MemoryDenyWriteExecute= (kills everything with a JIT: Node, Java, LuaJIT,
 * PCRE in Python), UMask= (sockets and files shared with others), IPAddressDeny= (what it may reach
 * is not known here).
 *
 * A user's manager has no privileges of its own, so there all of it works inside a user namespace
 * (PrivateUsers=); systemd sets that up by itself for most settings but not for capabilities.
 * Without it systemd 257 fails with 218/CAPABILITIES.
 */
#include "generator/emit.h"

#include <errno.h>
#include <inttypes.h>

#include "base/hash.h"
#include "base/strv.h"

/* Settings without a key of their own. */
static const struct {
    const char *key, *value;
} strict_settings[] = {
    {"ProtectKernelTunables", "yes"}, {"ProtectKernelModules", "yes"}, {"ProtectKernelLogs", "yes"},
    {"ProtectControlGroups", "yes"},  {"ProtectClock", "yes"},         {"ProtectHostname", "yes"},
    {"ProtectProc", "invisible"},     {"RestrictNamespaces", "yes"},   {"RestrictRealtime", "yes"},
    {"RestrictSUIDSGID", "yes"},      {"LockPersonality", "yes"},
};

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool is_in_a_home(const char *path)
{
    return path &&
           (is_below(path, "/home") || is_below(path, "/root") || is_below(path, "/run/user"));
}

/* The source of SOURCE:DESTINATION[:OPTIONS] is what counts: that path of the host is used. */
static bool uses_a_home(const Spec *spec)
{
    if (is_in_a_home(spec->image) || is_in_a_home(spec->workdir))
        return true;
    STRV_FOREACH (volume, spec->volumes) {
        size_t n = strcspn(*volume, ":");
        _cleanup_free_ char *source = strndup(*volume, n);
        if (!source || is_in_a_home(source))
            return true;
    }
    return false;
}

static SpecHomeAccess home_access(const EmitContext *context, const Spec *spec)
{
    if (spec->hardening.home != SPEC_UNSET)
        return (SpecHomeAccess)spec->hardening.home;
    if (spec->hardening.level == SPEC_HARDENING_NONE)
        return SPEC_HOME_WRITABLE;
    if (context->scope == SPEC_SCOPE_USER || uses_a_home(spec))
        return SPEC_HOME_READONLY;
    return SPEC_HOME_HIDDEN;
}

static bool hides_homes(const EmitContext *context, const Spec *spec)
{
    return context->scope == SPEC_SCOPE_USER && home_access(context, spec) == SPEC_HOME_HIDDEN;
}

static void emit_home(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    switch (home_access(context, spec)) {
    case SPEC_HOME_HIDDEN:
        if (hides_homes(context, spec)) {
            /* The manager's own socket is below /run/user, and sd_notify(3) needs it. */
            unit_add(unit, "Service", "ProtectHome", "tmpfs");
            unit_add(unit, "Service", "BindReadOnlyPaths", "-%t/systemd/notify");
        } else {
            unit_add(unit, "Service", "ProtectHome", "yes");
        }
        break;
    case SPEC_HOME_READONLY:
        unit_add(unit, "Service", "ProtectHome", "read-only");
        break;
    case SPEC_HOME_WRITABLE:
        /* ProtectSystem=strict makes homes read-only, too. */
        if (spec->hardening.readonly)
            unit_add(unit, "Service", "ReadWritePaths", "-/home -/root -/run/user");
        break;
    case _SPEC_HOME_MAX:
        break;
    }
}

static bool has_option(const char *options, const char *option)
{
    size_t n = strlen(option);

    for (const char *p = options; p && *p; p += strspn(p, ",")) {
        size_t length = strcspn(p, ",");
        if (length == n && strncmp(p, option, n) == 0)
            return true;
        p += length;
    }
    return false;
}

/* SOURCE:DESTINATION[:OPTIONS] as Podman has it; a volume without a source is an empty folder. */
static void emit_volume(const char *volume, UnitFile *unit)
{
    _cleanup_free_ char *source = strdup(volume);

    if (!source) {
        unit_fail_memory(unit);
        return;
    }
    char *destination = strchr(source, ':');
    if (!destination) {
        char *const words[] = {source, NULL};
        unit_add_words(unit, "Service", "TemporaryFileSystem", words, ESCAPE_SPECIFIERS);
        return;
    }
    *destination++ = '\0';
    char *options = strchr(destination, ':');
    if (options)
        *options++ = '\0';
    _cleanup_text_ Text value = {0};
    escape_word(&value, source, ESCAPE_SPECIFIERS);
    text_add_char(&value, ':'); /* outside the quotes, or it would not separate */
    escape_word(&value, destination, ESCAPE_SPECIFIERS);
    if (value.error < 0)
        unit_fail_memory(unit);
    else
        unit_add(unit, "Service", has_option(options, "ro") ? "BindReadOnlyPaths" : "BindPaths",
                 value.data);
}

static void emit_paths(const Spec *spec, UnitFile *unit)
{
    STRV_FOREACH (volume, spec->volumes)
        emit_volume(*volume, unit);
    STRV_FOREACH (tmpfs, spec->tmpfs) {
        char *const words[] = {*tmpfs, NULL};
        unit_add_words(unit, "Service", "TemporaryFileSystem", words, ESCAPE_SPECIFIERS);
    }
}

static void emit_capabilities(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    char **kept = spec->hardening.capabilities;

    if (strv_contains(kept, "all"))
        return;
    if (context->scope == SPEC_SCOPE_USER) {
        unit_add(unit, "Service", "PrivateUsers", "yes");
        if (kept && *kept)
            unit_comment(unit, "Service", "A user's manager has no capabilities to give.");
        unit_add(unit, "Service", "CapabilityBoundingSet", "");
        return;
    }
    unit_add_words(unit, "Service", "CapabilityBoundingSet", kept, 0);
    /* root has what its bounding set leaves; any other user has to be given it. */
    if (kept && *kept && (spec->user || spec->hardening.dynamicuser == 1))
        unit_add_words(unit, "Service", "AmbientCapabilities", kept, 0);
}

static void emit_syscalls(const Spec *spec, UnitFile *unit)
{
    if (!spec->hardening.syscalls || !*spec->hardening.syscalls)
        return;
    /* One line each: a "~" is for its whole line. */
    STRV_FOREACH (set, spec->hardening.syscalls)
        unit_add(unit, "Service", "SystemCallFilter", *set);
    unit_add(unit, "Service", "SystemCallErrorNumber", "EPERM");
    unit_add(unit, "Service", "SystemCallArchitectures", "native");
}

/* Without a name systemd would take the template's, "phoenix", for all: services would share one
 * user, or run as a user who happens to be called so. A user's name has no dots and ends after 31
 * bytes (systemd's user-names page), so some services need a number instead of theirs. */
static void emit_dynamic_user(const Spec *spec, UnitFile *unit)
{
    unit_add(unit, "Service", "DynamicUser", "yes");
    if (strchr(spec->name, '.') || strlen("phoenix-") + strlen(spec->name) > 31)
        unit_addf(unit, "Service", "User", "phoenix-%016" PRIx64,
                  hash64(HASH64_START, spec->name, strlen(spec->name)));
    else
        unit_addf(unit, "Service", "User", "phoenix-%s", spec->name);
}

static void emit_strict(const Spec *spec, UnitFile *unit)
{
    char **kept = spec->hardening.capabilities;
    bool raw = strv_contains(kept, "CAP_NET_RAW") || strv_contains(kept, "CAP_NET_ADMIN");

    unit_addf(unit, "Service", "RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK%s",
              raw ? " AF_PACKET" : "");
    for (size_t i = 0; i < ELEMENTSOF(strict_settings); i++)
        unit_add(unit, "Service", strict_settings[i].key, strict_settings[i].value);
}

bool emit_has_mounts(const Spec *spec)
{
    return (spec->volumes && *spec->volumes) || (spec->tmpfs && *spec->tmpfs);
}

bool emit_covers_run(const Spec *spec)
{
    STRV_FOREACH (tmpfs, spec->tmpfs)
        if (strcspn(*tmpfs, ":") == strlen("/run") && strncmp(*tmpfs, "/run", 4) == 0)
            return true;
    return false;
}

void emit_sandbox(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    const SpecHardening *hardening = &spec->hardening;

    if (hardening->dynamicuser == 1 && context->scope == SPEC_SCOPE_SYSTEM)
        emit_dynamic_user(spec, unit);
    if (hardening->readonly == 1) {
        unit_add(unit, "Service", "ProtectSystem", "strict");
        /* systemd 257 leaves /run writable when ProtectControlGroups= is set as well. A user's
         * manager has nothing there that the user could write to but what ProtectHome= is for. */
        if (context->scope == SPEC_SCOPE_SYSTEM && !emit_covers_run(spec))
            unit_add(unit, "Service", "ReadOnlyPaths", "/run");
    }
    emit_home(context, spec, unit);
    if (hardening->tmp == 1 && !emit_socket_is_in(context, spec, "/tmp"))
        unit_add(unit, "Service", "PrivateTmp", "yes");
    if (hardening->devices == 0)
        unit_add(unit, "Service", "PrivateDevices", "yes");
    if (hardening->newprivileges == 0)
        unit_add(unit, "Service", "NoNewPrivileges", "yes");
    emit_capabilities(context, spec, unit);
    emit_syscalls(spec, unit);
    if (hardening->level == SPEC_HARDENING_STRICT)
        emit_strict(spec, unit);
    if (strv_contains(spec->network, "none"))
        unit_add(unit, "Service", "PrivateNetwork", "yes");
    emit_paths(spec, unit);
    emit_socket_mount(context, spec, unit);
}
