/* SPDX-License-Identifier: MIT */
/*
 * Making links, behind links.h.
 */
#include "generator/links.h"

#include <errno.h>

#include "base/strv.h"
#include "spec/demand.h"

/* Of folders of links, systemd.unit(5). */
#define UPHOLDS_SINCE 254U

/* Folders that all managers of a machine read (scan.h). */
static const char *const shared_folders[] = {
    "/etc/phoenix.d/",
    "/run/phoenix.d/",
    "/usr/local/lib/phoenix.d/",
    "/usr/lib/phoenix.d/",
};

static bool is_shared(const char *path)
{
    for (size_t i = 0; i < ELEMENTSOF(shared_folders); i++)
        if (strncmp(path, shared_folders[i], strlen(shared_folders[i])) == 0)
            return true;
    return false;
}

/* A spec of the machine that says nothing about the manager would otherwise be started once by the
 * system and once more by each user who logs in. */
bool links_is_for_manager(const EmitContext *context, const SpecEntry *entry)
{
    return context->scope == SPEC_SCOPE_SYSTEM || entry->spec->scope == SPEC_SCOPE_USER ||
           !is_shared(entry->file.path);
}

bool links_enabled(const EmitContext *context, const SpecEntry *entry)
{
    return entry->spec && entry->spec->enable == 1 && links_is_for_manager(context, entry);
}

static int link_into(const Output *output, const char *target, const char *kind, const char *unit)
{
    _cleanup_free_ char *folder = text_printf("%s.%s", target, kind);
    _cleanup_free_ char *path = text_printf("../%s", unit);

    if (!folder || !path)
        return -ENOMEM;
    return output_link(output, folder, unit, path);
}

static bool is_unit_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && dot > name && dot[1] && strlen(name) < 256 &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              ":-_.\\@")];
}

/* Returns 0, also for a name that is none (with a warning), or negative errno. */
static int install_one(const Output *output, SpecEntry *entry, const char *kind, const char *name,
                       const char *unit)
{
    if (!is_unit_name(name))
        return diag_add(&entry->diags, DIAG_WARNING, entry->file.path, "unit.Install",
                        DIAG_CODE_NO_EFFECT, NULL, "\"%s\" is not the name of a unit", name);
    return link_into(output, name, kind, unit);
}

/* One [Install] setting: words, each a unit. */
static int install_setting(const Output *output, SpecEntry *entry, const SpecSetting *setting,
                           const char *unit)
{
    static const struct {
        const char *key, *kind;
    } kinds[] = {
        {"WantedBy", "wants"},
        {"RequiredBy", "requires"},
        {"UpheldBy", "upholds"},
    };
    _cleanup_strv_free_ char **names = NULL;

    for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
        if (!streq(setting->key, kinds[i].key))
            continue;
        int r = strv_split(setting->value, " \t", &names);
        for (char **name = names; r >= 0 && name && *name; name++)
            r = install_one(output, entry, kinds[i].kind, *name, unit);
        return r;
    }
    /* Also Alias=: an instance of a template can only have other instances as aliases. */
    return diag_add(&entry->diags, DIAG_WARNING, entry->file.path, "unit.Install",
                    DIAG_CODE_NO_EFFECT, NULL, "%s= has no effect on a generated unit",
                    setting->key);
}

static int install_all(const Output *output, SpecEntry *entry, const char *unit)
{
    const SpecSettings *settings = &entry->spec->unit;

    for (size_t i = 0; i < settings->n; i++) {
        if (!streq(settings->items[i].section, "Install"))
            continue;
        int r = install_setting(output, entry, &settings->items[i], unit);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What is reached at boot, or when the user logs in. */
static const char *boot_target(const EmitContext *context)
{
    return context->scope == SPEC_SCOPE_SYSTEM ? "multi-user.target" : "default.target";
}

int links_uphold_supervisor(const EmitContext *context, const Output *output)
{
    return link_into(output, boot_target(context),
                     context->platform->systemd >= UPHOLDS_SINCE ? "upholds" : "wants",
                     "phoenixd.service");
}

int links_make(const EmitContext *context, const Output *output, SpecEntry *entry)
{
    _cleanup_free_ char *service = text_printf("phoenix@%s.service", entry->unit);
    _cleanup_free_ char *timer = text_printf("phoenix@%s.timer", entry->unit);
    _cleanup_free_ char *socket = text_printf("phoenix@%s.socket", entry->unit);

    if (!service || !timer || !socket)
        return -ENOMEM;
    int r = entry->spec ? install_all(output, entry, service) : 0;
    if (r < 0 || !links_enabled(context, entry))
        return r;
    if (entry->spec->schedule && entry->fate == SPEC_FATE_GENERATED)
        return link_into(output, "timers.target", "wants", timer);
    if (spec_is_listened_for(entry->spec) && entry->fate == SPEC_FATE_GENERATED)
        return link_into(output, "sockets.target", "wants", socket);
    return link_into(output, boot_target(context), "wants", service);
}
