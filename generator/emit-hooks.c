/* SPDX-License-Identifier: MIT */
/*
 * The programs that a user wants run around a service. Each becomes one command line of the
 * service; the order in the unit is the order in the spec.
 */
#include "generator/emit.h"

#include <errno.h>

#include "base/hash.h"
#include "base/strv.h"

/* Over the words, each with the NUL at its end. It only has to tell a changed command from the one
 * whose stamp is there. */
static uint32_t hash_words(char *const *words)
{
    uint32_t hash = HASH32_START;

    STRV_FOREACH (word, words)
        hash = hash32(hash, *word, strlen(*word) + 1);
    return hash;
}

/* The words in front of a hook that runs inside the container. */
static int container_prefix(const Spec *spec, char ***prefix)
{
    _cleanup_free_ char *container = text_printf("phoenix-%s", spec->name);

    if (!container)
        return -ENOMEM;
    int r = strv_push(prefix, "podman");
    if (r >= 0)
        r = strv_push(prefix, "exec");
    return r < 0 ? r : strv_push(prefix, container);
}

/* The words that make a command run one time ever: phoenix-once keeps a stamp in the state
 * directory. The stamp's name holds a hash, so that a changed command is run again, and the
 * position, so that the same command may stand there twice. */
static int once_prefix(const EmitContext *context, const SpecHook *hook, size_t index,
                       char ***prefix)
{
    int r = strv_consume(prefix, text_printf("%s/phoenix-once", context->platform->libexec));

    if (r >= 0)
        r = strv_push(prefix, "--name");
    if (r >= 0)
        r = strv_consume(prefix, text_printf("%08x-%zu", hash_words(hook->run), index));
    return r < 0 ? r : strv_push(prefix, "--");
}

typedef struct HookKind {
    const char *name;
    const SpecHookList *hooks;
    const char *host_key;      /* where a hook on the host goes */
    const char *container_key; /* and one inside the container, which must be running */
    bool once;
    const char *prefix; /* "-": its failure changes nothing */
} HookKind;

static void emit_hook(const EmitContext *context, const Spec *spec, const HookKind *kind,
                      size_t index, UnitFile *unit)
{
    const SpecHook *hook = &kind->hooks->items[index];
    bool inside = hook->in == SPEC_HOOK_CONTAINER;
    _cleanup_strv_free_ char **prefix = NULL;
    _cleanup_free_ char *what = text_printf("hooks.%s[%zu]", kind->name, index);

    int r = what ? 0 : -ENOMEM;
    if (r >= 0 && kind->once)
        r = once_prefix(context, hook, index, &prefix);
    if (r >= 0 && inside)
        r = container_prefix(spec, &prefix);
    if (r < 0) {
        unit_fail_memory(unit);
        return;
    }
    unit_add_command(unit, "Service", inside ? kind->container_key : kind->host_key, kind->prefix,
                     prefix, hook->run, what);
}

static void emit_kinds(const EmitContext *context, const Spec *spec, const HookKind *kinds,
                       size_t n, UnitFile *unit)
{
    for (size_t kind = 0; kind < n; kind++)
        for (size_t i = 0; i < kinds[kind].hooks->n; i++)
            emit_hook(context, spec, &kinds[kind], i, unit);
}

void emit_hooks(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    const SpecHooks *hooks = &spec->hooks;
    /* A start waits for its hooks and fails with them. A stop must not: systemd would leave out the
     * commands behind the one that fails, and one of them removes the container. */
    const HookKind before[] = {
        {"once", &hooks->once, "ExecStartPre", "ExecStartPost", true, NULL},
        {"always", &hooks->always, "ExecStartPre", "ExecStartPost", false, NULL},
    };
    const HookKind after[] = {
        {"started", &hooks->started, "ExecStartPost", "ExecStartPost", false, NULL},
        {"stop", &hooks->stop, "ExecStop", "ExecStop", false, "-"},
        {"stopped", &hooks->stopped, "ExecStopPost", "ExecStopPost", false, "-"},
    };

    emit_gate(context, spec, unit);
    emit_kinds(context, spec, before, ELEMENTSOF(before), unit);
    /* What prepares a container from inside may be what makes it healthy; what runs when it has
     * started is for a healthy one. */
    emit_lease(context, spec, unit);
    emit_socket_access(context, spec, unit);
    emit_kinds(context, spec, after, ELEMENTSOF(after), unit);
}
