/* SPDX-License-Identifier: MIT */
/*
 * Defaults first (the table's, then those that follow from other keys), rules between keys second.
 * Checks of probes are in resolve-probe.c, what follows from "listen" in resolve-demand.c.
 */
#include "spec/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/keys.h"
#include "spec/name.h"
#include "spec/resolve-internal.h"
#include "spec/rules.h"
#include "spec/value.h"

static int field_fall_back(const Key *key, void *object)
{
    void *field = key_field(key, object);

    if (key->kind == KEY_OBJECT)
        return resolve_fall_back(key->table, field);
    if (key->kind == KEY_OBJECTS) {
        KeyObjects *pair = field;
        for (size_t i = 0; i < pair->n; i++) {
            int r = resolve_fall_back(key->table, (char *)pair->items + i * key->table->size);
            if (r < 0)
                return r;
        }
        return 0;
    }
    if (!key->fallback || !key_is_unset(key, object))
        return 0;
    return value_set_text(key, field, key->fallback);
}

int resolve_fall_back(const KeyTable *table, void *object)
{
    for (size_t i = 0; i < table->n; i++) {
        int r = field_fall_back(&table->keys[i], object);
        if (r < 0)
            return r;
    }
    return 0;
}

int resolve_error(Resolver *resolver, const char *key, const char *hint, const char *message)
{
    return diag_add(resolver->diags, DIAG_ERROR, resolver->spec->source, key, DIAG_CODE_CONFLICT,
                    hint, "%s", message);
}

int resolve_no_effect(Resolver *resolver, const char *key, const char *message)
{
    return diag_add(resolver->diags, DIAG_WARNING, resolver->spec->source, key, DIAG_CODE_NO_EFFECT,
                    NULL, "%s", message);
}

static int resolve_name(Resolver *resolver)
{
    Spec *spec = resolver->spec;

    if (spec->name)
        return 0;
    if (!spec_name_valid(resolver->stem))
        return diag_add(resolver->diags, DIAG_ERROR, spec->source, "name", DIAG_CODE_BAD_VALUE,
                        "rename the file or give a \"name\"",
                        "\"%s\", from the name of the file, is not %s", resolver->stem,
                        rule_name.what);
    spec->name = strdup(resolver->stem);
    return spec->name ? 0 : -ENOMEM;
}

static int resolve_image(Resolver *resolver)
{
    const Spec *spec = resolver->spec;

    if (spec->type != SPEC_TYPE_CONTAINER && spec->image[0] != '/')
        return diag_add(resolver->diags, DIAG_ERROR, spec->source, "image", DIAG_CODE_BAD_VALUE,
                        NULL, "\"%s\" is not an absolute path, which the image of a %s is",
                        spec->image, spec_type_word(spec->type));
    if (spec->type == SPEC_TYPE_CONTAINER && spec->image[0] == '/' &&
        spec->image[strlen(spec->image) - 1] == '/')
        return diag_add(resolver->diags, DIAG_ERROR, spec->source, "image", DIAG_CODE_BAD_VALUE,
                        NULL, "\"%s\" is a folder, not an OCI or Docker archive", spec->image);
    return 0;
}

static int resolve_duration(Resolver *resolver)
{
    Spec *spec = resolver->spec;

    if (spec->duration == SPEC_UNSET)
        spec->duration = spec->schedule ? SPEC_DURATION_ONESHOT : SPEC_DURATION_DAEMON;
    if (spec->schedule && spec->duration == SPEC_DURATION_DAEMON)
        return resolve_error(resolver, "duration", "leave \"duration\" out, or the schedule",
                             "a daemon stays, so it cannot be started by a schedule");
    if (spec->watchdog_usec != USEC_INFINITY && spec->duration == SPEC_DURATION_ONESHOT)
        return resolve_error(resolver, "watchdog", NULL,
                             "a oneshot has no watchdog: systemd watches only what stays");
    return 0;
}

static int resolve_restart(Resolver *resolver)
{
    SpecRestart *restart = &resolver->spec->restart;
    bool oneshot = resolver->spec->duration == SPEC_DURATION_ONESHOT;

    if (restart->policy == SPEC_UNSET)
        restart->policy = oneshot ? SPEC_RESTART_NO : SPEC_RESTART_ALWAYS;
    if (restart->max_usec == USEC_INFINITY)
        restart->max_usec = MAX(restart->delay_usec, USEC_PER_MINUTE);
    if (restart->max_usec < restart->delay_usec)
        return resolve_error(resolver, "restart.max", NULL, "is less than restart.delay");
    if (oneshot &&
        (restart->policy == SPEC_RESTART_ALWAYS || restart->policy == SPEC_RESTART_ON_SUCCESS))
        return resolve_error(resolver, "restart.policy",
                             "\"on-failure\" tries again until it works",
                             "a oneshot that has done its work is not started again");
    return 0;
}

static int default_strv(char ***field, const char *only)
{
    if (*field)
        return 0;
    if (only)
        return strv_push(field, only);
    *field = calloc(1, sizeof(char *));
    return *field ? 0 : -ENOMEM;
}

static int resolve_hardening(Resolver *resolver)
{
    SpecHardening *hardening = &resolver->spec->hardening;
    bool strict = hardening->level == SPEC_HARDENING_STRICT;
    bool binary = resolver->spec->type == SPEC_TYPE_BINARY;
    int r = 0;

    resolve_default_bool(&hardening->readonly, strict);
    resolve_default_bool(&hardening->newprivileges, !strict);
    resolve_default_bool(&hardening->tmp, strict);
    if (binary) {
        resolve_default_bool(&hardening->devices, !strict);
        resolve_default_bool(&hardening->dynamicuser, strict && !resolver->spec->user);
        if (strict)
            r = default_strv(&hardening->syscalls, "@system-service");
        if (hardening->dynamicuser && resolver->spec->user)
            return resolve_error(resolver, "hardening.dynamicuser", NULL,
                                 "there is a \"user\" already");
    } else {
        resolve_default_bool(&hardening->init, true);
    }
    return r < 0 ? r : default_strv(&hardening->capabilities, strict ? NULL : "all");
}

/* Who wants to hear of failures hears of all of them. */
static int resolve_on_failure(Resolver *resolver)
{
    static const char *const events[] = {"unhealthy", "restarted", "held", "recovered"};
    SpecOnFailure *onfailure = &resolver->spec->onfailure;
    int r = 0;

    if (!onfailure->url && !onfailure->exec)
        return onfailure->on ? resolve_no_effect(resolver, "onfailure",
                                                 "has no effect without \"url\" or \"exec\"")
                             : 0;
    if (resolver->spec->duration == SPEC_DURATION_ONESHOT)
        r = resolve_no_effect(resolver, "onfailure", "has no effect on a oneshot");
    if (onfailure->on)
        return r;
    for (size_t i = 0; r >= 0 && i < ELEMENTSOF(events); i++)
        r = strv_push(&onfailure->on, events[i]);
    return r;
}

static int check_volumes(Resolver *resolver)
{
    if (resolver->spec->type != SPEC_TYPE_BINARY)
        return 0;
    STRV_FOREACH (volume, resolver->spec->volumes) {
        if ((*volume)[0] == '/')
            continue;
        int r = diag_add(resolver->diags, DIAG_ERROR, resolver->spec->source, "volumes",
                         DIAG_CODE_CONFLICT, NULL,
                         "\"%s\" is a named volume, which only containers have", *volume);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_network(Resolver *resolver)
{
    const Spec *spec = resolver->spec;
    bool none = strv_contains(spec->network, "none");

    if (none && strv_length(spec->network) > 1)
        return resolve_error(resolver, "network", NULL, "\"none\" goes with no other network");
    if (none && spec->ports && *spec->ports)
        return resolve_error(resolver, "ports", NULL,
                             "\"network\": \"none\" has no ports to publish");
    if (spec->type == SPEC_TYPE_BINARY && spec->network && !none &&
        !(strv_length(spec->network) == 1 && streq(spec->network[0], "host")))
        return resolve_no_effect(resolver, "network",
                                 "has no effect on a binary, unless it is \"none\" or \"host\"");
    return 0;
}

static int check_hooks(Resolver *resolver, const char *name, const SpecHookList *hooks)
{
    for (size_t i = 0; i < hooks->n; i++) {
        _cleanup_free_ char *path = text_printf("hooks.%s[%zu].in", name, i);
        int r = 0;

        if (!path)
            return -ENOMEM;
        if (hooks->items[i].in != SPEC_HOOK_CONTAINER)
            continue;
        if (resolver->spec->type != SPEC_TYPE_CONTAINER)
            r = resolve_error(resolver, path, NULL, "only a container can run a hook inside it");
        else if (streq(name, "stopped"))
            r = resolve_error(resolver, path, "use \"stop\", which runs before it ends",
                              "the container is gone when it has stopped");
        else if (resolver->spec->duration == SPEC_DURATION_ONESHOT)
            r = resolve_error(resolver, path, NULL,
                              "a oneshot container has ended before a hook could run inside it");
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_all_hooks(Resolver *resolver)
{
    const SpecHooks *hooks = &resolver->spec->hooks;
    int r = check_hooks(resolver, "once", &hooks->once);

    if (r >= 0)
        r = check_hooks(resolver, "always", &hooks->always);
    if (r >= 0)
        r = check_hooks(resolver, "started", &hooks->started);
    if (r >= 0)
        r = check_hooks(resolver, "stop", &hooks->stop);
    if (r >= 0)
        r = check_hooks(resolver, "stopped", &hooks->stopped);
    return r;
}

/* Keys that mean nothing for the kind of workload; a person should know, but it does no harm. */
static int check_no_effect(Resolver *resolver)
{
    const Spec *spec = resolver->spec;
    const SpecHardening *hardening = &spec->hardening;
    bool binary = spec->type == SPEC_TYPE_BINARY;
    const struct {
        bool there;
        const char *key, *message;
    } cases[] = {
        {binary && spec->ports, "ports", "has no effect on a binary, which has the host's network"},
        {binary && spec->autoupdate != SPEC_UNSET, "autoupdate", "has no effect on a binary"},
        {binary && hardening->seccomp, "hardening.seccomp",
         "has no effect on a binary; use \"syscalls\""},
        {binary && hardening->init == 1, "hardening.init", "has no effect on a binary"},
        {!binary && hardening->syscalls, "hardening.syscalls",
         "has no effect on a container; use \"seccomp\""},
        {!binary && hardening->devices != SPEC_UNSET, "hardening.devices",
         "has no effect on a container"},
        {!binary && hardening->home != SPEC_UNSET, "hardening.home",
         "has no effect on a container"},
        {!binary && hardening->dynamicuser == 1, "hardening.dynamicuser",
         "has no effect on a container"},
        {binary && spec->scope == SPEC_SCOPE_USER && spec->user, "user",
         "has no effect in a user's manager, which can only run as that user"},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        int r = cases[i].there ? resolve_no_effect(resolver, cases[i].key, cases[i].message) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int spec_resolve(Spec *spec, const char *stem, DiagList *diags)
{
    static int (*const steps[])(Resolver * resolver) = {
        resolve_name,      resolve_image,     resolve_duration, resolve_restart,
        resolve_hardening, resolve_on_demand, resolve_probes,   resolve_on_failure,
        check_volumes,     check_network,     check_all_hooks,  check_no_effect,
    };
    Resolver resolver = {.spec = spec,
                         .stem = stem,
                         .diags = diags,
                         .proxyport_given = spec->proxyport != SPEC_INT_UNSET};

    int r = resolve_fall_back(spec_table(spec->type), spec);
    if (spec->type == SPEC_TYPE_POLICY) {
        if (r >= 0)
            r = resolve_name(&resolver);
        return r < 0 ? r : resolve_policy(&resolver);
    }
    if (spec->type == SPEC_TYPE_COLLECTOR) {
        spec->enable = false; /* which is asked of every spec */
        return r < 0 ? r : resolve_name(&resolver);
    }
    for (size_t i = 0; r >= 0 && i < ELEMENTSOF(steps); i++)
        r = steps[i](&resolver);
    return r;
}
