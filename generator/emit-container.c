/* SPDX-License-Identifier: MIT */
/*
 * A container as a Quadlet file. Quadlet makes the service of it, so everything here is in
 * Quadlet's words (podman-systemd.unit(5)); a word that the Quadlet of this machine does not know
 * yet becomes the option of `podman run` that it stands for.
 */
#include "generator/emit.h"

#include "base/strv.h"

/* Pulling an image can take longer than systemd's 90 s. */
#define PULL_TIMEOUT_USEC (15 * USEC_PER_MINUTE)

/* Keys of [Container] that are younger than the oldest Quadlet we use. Keys that are not here have
 * been there since QUADLET_OLDEST. */
static const struct {
    const char *key;
    unsigned since;
    const char *option; /* of podman run */
} young_keys[] = {
    {"LogDriver", PODMAN_VERSION(4, 5), "--log-driver"},
    {"Tmpfs", PODMAN_VERSION(4, 5), "--tmpfs"},
    {"Pull", PODMAN_VERSION(4, 6), "--pull"},
    {"WorkingDir", PODMAN_VERSION(4, 6), "--workdir"},
    {"Ulimit", PODMAN_VERSION(4, 7), "--ulimit"},
};
#define AUTOUPDATE_SINCE  PODMAN_VERSION(4, 6)
#define IMAGE_UNITS_SINCE PODMAN_VERSION(4, 8)
#define NO_DEFAULTS_SINCE PODMAN_VERSION(5, 3)

bool emit_has_image_units(const EmitContext *context)
{
    return context->quadlet >= IMAGE_UNITS_SINCE;
}

/* The option to use instead of the key; NULL when the key will do, or there is no such option. */
static const char *option_of(const EmitContext *context, const char *key, bool instead)
{
    for (size_t i = 0; i < ELEMENTSOF(young_keys); i++)
        if (streq(young_keys[i].key, key))
            return instead || context->quadlet < young_keys[i].since ? young_keys[i].option : NULL;
    return NULL;
}

/* Adds an option of podman run with its value. */
static void add_podman_option(UnitFile *unit, const char *option, const char *value)
{
    char *const words[] = {(char *)option, (char *)value, NULL};

    unit_add_words(unit, "Container", "PodmanArgs", words, ESCAPE_CONTAINER);
}

/* Quadlet cuts quotes off both ends of a value (not of words, which it unquotes as it should). */
static bool has_outer_quote(const char *value)
{
    size_t n = strlen(value);

    return n > 0 && (value[0] == '"' || value[n - 1] == '"');
}

/* Adds a key whose value Quadlet takes as it is and puts into its command line as one word. */
static void add_key(const EmitContext *context, UnitFile *unit, const char *key, const char *value)
{
    const char *option = option_of(context, key, has_outer_quote(value));

    if (!escape_survives_quadlet(value))
        unit_refuse(unit, "%s= holds the character U+0080, which Quadlet cannot pass on", key);
    else if (option)
        add_podman_option(unit, option, value);
    else if (has_outer_quote(value))
        unit_refuse(unit, "%s= cannot begin or end with a quote, which Quadlet would drop", key);
    else
        unit_add_plain_command(unit, "Container", key, value);
}

/* Adds a key whose value Quadlet splits into words. */
static void add_words(UnitFile *unit, const char *key, char *const *words)
{
    STRV_FOREACH (word, words)
        if (!escape_survives_quadlet(*word))
            unit_refuse(unit, "%s= holds the character U+0080, which Quadlet cannot pass on", key);
    unit_add_words(unit, "Container", key, words, ESCAPE_CONTAINER);
}

static void add_word(UnitFile *unit, const char *key, const char *word)
{
    char *const words[] = {(char *)word, NULL};

    add_words(unit, key, words);
}

static bool image_may_be_pulled(const Spec *spec, const ImageFile *archive)
{
    return !archive && strncmp(spec->image, "localhost/", strlen("localhost/")) != 0;
}

/* Quadlet's own ordering waits for the network to be online, in a user's manager by a service that
 * can take 90 s; so it is turned off where it can be, and this is ours. */
static void emit_network_order(const EmitContext *context, const Spec *spec,
                               const ImageFile *archive, UnitFile *container)
{
    if (context->quadlet >= NO_DEFAULTS_SINCE)
        unit_add(container, "Quadlet", "DefaultDependencies", "false");
    if (context->scope != SPEC_SCOPE_SYSTEM)
        return;
    unit_add(container, "Unit", "After", "network.target");
    if (image_may_be_pulled(spec, archive) && !strv_contains(spec->network, "none")) {
        unit_add(container, "Unit", "Wants", "network-online.target");
        unit_add(container, "Unit", "After", "network-online.target");
    }
}

static void emit_image_key(const EmitContext *context, const Spec *spec, const ImageFile *archive,
                           UnitFile *container)
{
    if (!archive) {
        add_key(context, container, "Image", spec->image);
        /* Podman's default, said aloud so that containers.conf(5) cannot change it: what is there
         * starts without a network. */
        add_key(context, container, "Pull", "missing");
    } else if (emit_has_image_units(context)) {
        unit_addf(container, "Container", "Image", "phoenix-image@%s.image", spec->name);
        /* What was in the archive is meant, never something of that name from elsewhere. */
        add_key(context, container, "Pull", "never");
    } else {
        _cleanup_free_ char *image =
            text_printf("%s:%s", image_file_transport(archive), spec->image);
        if (image)
            add_key(context, container, "Image", image);
        else
            unit_fail_memory(container);
    }
}

static void emit_arguments(const Spec *spec, UnitFile *container)
{
    bool empty = false;

    STRV_FOREACH (arg, spec->args)
        empty |= escape_needs_empty(*arg);
    if (empty)
        unit_add(container, "Service", "Environment", ESCAPE_EMPTY_VARIABLE "=");
    if (spec->args && *spec->args)
        add_words(container, "Exec", spec->args);
    STRV_FOREACH (variable, spec->env)
        add_word(container, "Environment", *variable);
}

static bool sets_variable(char *const *env, const char *name)
{
    size_t n = strlen(name);

    STRV_FOREACH (variable, env)
        if (strncmp(*variable, name, n) == 0 && (*variable)[n] == '=')
            return true;
    return false;
}

/* systemd tells a service how often to beat by $WATCHDOG_USEC (sd_watchdog_enabled(3)), but Podman
 * hands only the socket on. Without $WATCHDOG_PID it is meant for whoever reads it. */
static void emit_watchdog(const Spec *spec, UnitFile *container)
{
    if (spec->watchdog_usec == USEC_INFINITY)
        return;
    if (!sets_variable(spec->env, "WATCHDOG_USEC"))
        unit_addf(container, "Container", "Environment", "WATCHDOG_USEC=%ju",
                  (uintmax_t)spec->watchdog_usec);
    unit_add(container, "Container", "Notify", "true");
}

/* An environment file may be missing when "-" stands in front; podman run has no such thing, so the
 * file is then looked for now. */
static void emit_envfiles(const Spec *spec, UnitFile *container)
{
    STRV_FOREACH (file, spec->envfile) {
        bool optional = (*file)[0] == '-';
        if (!optional || access(*file + 1, F_OK) == 0)
            add_word(container, "EnvironmentFile", *file + optional);
    }
}

/* Quadlet orders a container after the mount that its volume is on, with RequiresMountsFor= and the
 * path as it stands. That key has words, and no variables; a path with anything special in it goes
 * past Quadlet instead. */
static void emit_volume(const char *volume, UnitFile *container)
{
    size_t n = strcspn(volume, ":");
    _cleanup_free_ char *source = strndup(volume, n);

    if (!source) {
        unit_fail_memory(container);
        return;
    }
    if (source[0] != '/' || !volume[n] || !strpbrk(source, " \t\"'\\$")) {
        unit_add_plain_command(container, "Container", "Volume", volume);
        return;
    }
    char *const words[] = {source, NULL};
    unit_add_words(container, "Unit", "RequiresMountsFor", words, ESCAPE_SPECIFIERS);
    add_podman_option(container, "--volume", volume);
}

static bool has_own_tmp(const EmitContext *context, const Spec *spec)
{
    if (emit_socket_is_in(context, spec, "/tmp"))
        return true;
    STRV_FOREACH (tmpfs, spec->tmpfs)
        if (streq(*tmpfs, "/tmp") || strncmp(*tmpfs, "/tmp:", 5) == 0)
            return true;
    STRV_FOREACH (volume, spec->volumes) {
        const char *colon = strchr(*volume, ':');
        const char *destination = colon ? colon + 1 : *volume;
        if (strncmp(destination, "/tmp", 4) == 0 && (!destination[4] || destination[4] == ':'))
            return true;
    }
    return false;
}

static void emit_storage(const EmitContext *context, const Spec *spec, UnitFile *container)
{
    STRV_FOREACH (volume, spec->volumes)
        emit_volume(*volume, container);
    if (spec->hardening.tmp == 1 && !has_own_tmp(context, spec))
        add_key(context, container, "Tmpfs", "/tmp");
    STRV_FOREACH (tmpfs, spec->tmpfs)
        add_key(context, container, "Tmpfs", *tmpfs);
    emit_socket_mount(context, spec, container);
}

static void emit_network(const EmitContext *context, const Spec *spec, UnitFile *container)
{
    STRV_FOREACH (network, spec->network)
        add_key(context, container, "Network", *network);
    STRV_FOREACH (port, spec->ports)
        add_key(context, container, "PublishPort", *port);
    emit_publish_target(context, spec, container);
}

static void emit_hardening(const EmitContext *context, const Spec *spec, UnitFile *container)
{
    const SpecHardening *hardening = &spec->hardening;

    if (hardening->readonly == 1)
        unit_add(container, "Container", "ReadOnly", "true");
    if (hardening->newprivileges == 0)
        unit_add(container, "Container", "NoNewPrivileges", "true");
    if (!strv_contains(hardening->capabilities, "all")) {
        unit_add(container, "Container", "DropCapability", "all");
        STRV_FOREACH (capability, hardening->capabilities)
            add_word(container, "AddCapability", *capability);
    }
    if (hardening->seccomp)
        add_key(context, container, "SeccompProfile", hardening->seccomp);
    if (hardening->init == 1 && context->platform->catatonit)
        unit_add(container, "Container", "RunInit", "true");
    if (spec->limits.files != SPEC_INT_UNSET) {
        _cleanup_free_ char *limit = text_printf("nofile=%jd", (intmax_t)spec->limits.files);
        if (limit)
            add_key(context, container, "Ulimit", limit);
        else
            unit_fail_memory(container);
    }
}

static void emit_autoupdate(const EmitContext *context, const Spec *spec, UnitFile *container)
{
    static const char *const words[] = {
        [SPEC_AUTOUPDATE_REGISTRY] = "registry",
        [SPEC_AUTOUPDATE_LOCAL] = "local",
    };

    if (spec->autoupdate == SPEC_UNSET)
        return;
    if (context->quadlet >= AUTOUPDATE_SINCE)
        unit_add(container, "Container", "AutoUpdate", words[spec->autoupdate]);
    else
        unit_addf(container, "Container", "Label", "io.containers.autoupdate=%s",
                  words[spec->autoupdate]);
}

/* Health is Phoenix's business, and a healthcheck of the image's own costs a process each time; so
 * it is turned off, unless the user asks for Podman's. Not by HealthCmd=none: Podman 5.4 then runs
 * `podman healthcheck` every 30 s all the same. */
static bool sets_healthcheck(const Spec *spec)
{
    for (size_t i = 0; i < spec->unit.n; i++)
        if (streq(spec->unit.items[i].section, "Container") &&
            strncmp(spec->unit.items[i].key, "Health", 6) == 0)
            return true;
    return false;
}

static void emit_section(const EmitContext *context, const Spec *spec, const ImageFile *archive,
                         UnitFile *container)
{
    emit_image_key(context, spec, archive, container);
    unit_addf(container, "Container", "ContainerName", "phoenix-%s", spec->name);
    emit_arguments(spec, container);
    emit_envfiles(spec, container);
    if (spec->workdir)
        add_key(context, container, "WorkingDir", spec->workdir);
    if (spec->user)
        add_key(context, container, "User", spec->user);
    emit_network(context, spec, container);
    emit_storage(context, spec, container);
    emit_hardening(context, spec, container);
    emit_autoupdate(context, spec, container);
    /* A oneshot runs in the foreground of its unit, where Podman itself prints what the container
     * says: with journald as well, each line would be there twice. ("passthrough" would be cheaper,
     * but what a rootless container says itself, under a sub-uid, its user may not read.) */
    add_key(context, container, "LogDriver",
            spec->duration == SPEC_DURATION_ONESHOT ? "none" : "journald");
    if (!sets_healthcheck(spec))
        unit_add(container, "Container", "PodmanArgs", "--no-healthcheck");
    emit_watchdog(spec, container);
}

static void emit_service(const EmitContext *context, const Spec *spec, const ImageFile *archive,
                         UnitFile *container)
{
    uint64_t start_usec = image_may_be_pulled(spec, archive) ? PULL_TIMEOUT_USEC : 0;

    if (spec->duration == SPEC_DURATION_ONESHOT)
        unit_add(container, "Service", "Type", "oneshot");
    emit_supervision_times(spec, start_usec, container);
    emit_demand_service(context, spec, start_usec, container);
    /* Before Quadlet's own `podman rm`, which would wait the whole stop timeout for a container
     * that hangs: systemd's signals reach only its monitor. */
    _cleanup_free_ char *program = text_printf("%s/phoenix-abort", context->platform->libexec);
    char *const abort[] = {program, NULL};
    if (program)
        unit_add_command(container, "Service", "ExecStopPost", "-", abort, NULL, "phoenix-abort");
    else
        unit_fail_memory(container);
    emit_hooks(context, spec, container);
    if (spec->hooks.once.n > 0)
        unit_addf(container, "Service", "StateDirectory", "phoenix/%s", spec->name);
    emit_restart(context, spec, container);
    emit_stop_timeout(context, spec, container);
    emit_limits(spec, container);
}

void emit_container(const EmitContext *context, const Spec *spec, const ImageFile *archive,
                    UnitFile *container)
{
    static const char *const except[] = {"Image", NULL};

    emit_unit_section(context, spec, container);
    emit_network_order(context, spec, archive, container);
    emit_section(context, spec, archive, container);
    emit_service(context, spec, archive, container);
    emit_passthrough(spec, NULL, except, container);
    emit_x_phoenix(context, spec, spec->name, "generated", container);
}

void emit_image(const EmitContext *context, const Spec *spec, const ImageFile *archive,
                UnitFile *image)
{
    _cleanup_free_ char *source = text_printf("%s:%s", image_file_transport(archive), spec->image);

    if (!source) {
        unit_fail_memory(image);
        return;
    }
    unit_addf(image, "Unit", "Description", "%s (Phoenix image)", spec->name);
    unit_add(image, "Unit", "Documentation", "man:phoenix-spec(5)");
    unit_add_plain(image, "Unit", "SourcePath", spec->source);
    unit_add_plain_command(image, "Image", "Image", source);
    unit_add_plain_command(image, "Image", "ImageTag", archive->reference);
    if (context->quadlet >= NO_DEFAULTS_SINCE)
        unit_add(image, "Quadlet", "DefaultDependencies", "false");
    emit_add_span(image, "TimeoutStartSec", PULL_TIMEOUT_USEC);
    emit_passthrough(spec, "Image", NULL, image);
    emit_x_phoenix(context, spec, spec->name, "generated", image);
}
