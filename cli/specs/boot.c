/* SPDX-License-Identifier: MIT */

/* The generator's rule for "enable", in words. */

#include "cli/specs/boot.h"

#include <pwd.h>

#include "base/text.h"

/* A spec of the whole system with scope "any" is generated in every manager, but it would be one
 * service too many if each of them also started it. */
static bool is_shared_file(const char *path)
{
    static const char *const folders[] = {
        "/etc/phoenix.d/",
        "/run/phoenix.d/",
        "/usr/local/lib/phoenix.d/",
        "/usr/lib/phoenix.d/",
    };

    for (size_t i = 0; i < ELEMENTSOF(folders); i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

/* The settings that make links of their own, whatever "enable" says. */
static bool has_install(const Spec *spec)
{
    for (size_t i = 0; i < spec->unit.n; i++) {
        const SpecSetting *setting = &spec->unit.items[i];

        if (streq(setting->section, "Install") &&
            (streq(setting->key, "WantedBy") || streq(setting->key, "RequiredBy") ||
             streq(setting->key, "UpheldBy")))
            return true;
    }
    return false;
}

Boot boot_of_entry(SpecScope scope, const SpecEntry *entry)
{
    const Spec *spec = entry->spec;

    if (entry->fate != SPEC_FATE_GENERATED)
        return (Boot){false, "nothing runs here"};
    if (has_install(spec))
        return (Boot){true, "with the units that [Install] in its \"unit\" names"};
    if (spec->enable != 1)
        return (Boot){false, "\"enable\" is false"};
    if (scope == SPEC_SCOPE_USER && spec->scope != SPEC_SCOPE_USER &&
        is_shared_file(entry->file.path))
        return (Boot){false, "the spec is the machine's, and only the system's manager starts it"};
    return (Boot){true, NULL};
}

bool boot_user_lingers(void)
{
    const struct passwd *user = getpwuid(geteuid());
    _cleanup_free_ char *path = NULL;

    if (!user)
        return false;
    path = text_printf("/var/lib/systemd/linger/%s", user->pw_name);
    return path && access(path, F_OK) == 0;
}
