/* SPDX-License-Identifier: MIT */
/*
 * Explaining a missing service, behind stub.h.
 */
#include "generator/stub.h"

#include "base/strv.h"

static void add_no_spec(const SpecSet *set, char *const *folders, const char *instance, Text *text)
{
    const char *nearest = spec_set_nearest(set, instance);
    const char *separator = " (looked in ";

    text_addf(text, "no spec named \"%s\"", instance);
    if (nearest)
        text_addf(text, "; did you mean \"%s\"?", nearest);
    STRV_FOREACH (folder, folders) {
        text_addf(text, "%s%s", separator, *folder);
        separator = ", ";
    }
    if (folders && *folders)
        text_add_char(text, ')');
}

int stub_explain_missing(const SpecSet *set, char *const *folders, const char *instance,
                         SpecScope scope, Text *text)
{
    const SpecEntry *entry = spec_set_find(set, instance);
    const char *user = scope == SPEC_SCOPE_USER ? " --user" : "";

    if (!entry) {
        add_no_spec(set, folders, instance, text);
        return text->error;
    }
    switch (entry->fate) {
    case SPEC_FATE_GENERATED:
    case SPEC_FATE_BROKEN:
        if (streq(entry->unit, instance))
            text_addf(text, "%s is newer than the units: run \"systemctl%s daemon-reload\"",
                      entry->file.path, user);
        else
            text_addf(text, "the service of %s is called \"%s\"", entry->file.path, entry->unit);
        break;
    case SPEC_FATE_POLICY:
        text_addf(text, "%s is a policy, not a service: phoenixd acts by it", entry->file.path);
        break;
    case SPEC_FATE_COLLECTOR:
        text_addf(text, "%s is a collector, not a service: phoenixd posts to it", entry->file.path);
        break;
    case SPEC_FATE_MASKED:
        text_addf(text, "\"%s\" is masked by %s", instance, entry->file.path);
        break;
    case SPEC_FATE_ELSEWHERE:
        text_addf(text, "%s is for the machine \"%s\"", entry->file.path,
                  entry->spec && entry->spec->machine ? entry->spec->machine : "another");
        break;
    case SPEC_FATE_OTHER_SCOPE:
        text_addf(text, "%s is for %s, not for %s", entry->file.path,
                  scope == SPEC_SCOPE_USER ? "the system's manager (systemctl without --user)"
                                           : "users' managers (systemctl --user)",
                  scope == SPEC_SCOPE_USER ? "a user's" : "the system's");
        break;
    case _SPEC_FATE_MAX:
        break;
    }
    return text->error;
}
