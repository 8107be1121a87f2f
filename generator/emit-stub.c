/* SPDX-License-Identifier: MIT */
/*
 * The unit of a spec that cannot be used. It exists so that the place people look at first,
 * `systemctl status`, says what is wrong with the spec instead of "not found".
 */
#include "generator/emit.h"

#include <errno.h>

#include "base/strv.h"

/* Enough to mend a file by; a file with more is mended in rounds. */
#define STUB_MESSAGES_MAX 20U
#define STUB_BYTES_MAX    8192U
/* With less room than this a message would only be a stump. */
#define STUB_MESSAGE_MIN 80U

/* The message as one argument. A unit must be UTF-8, which the name of a file need not be; a huge
 * message is cut, between characters. */
static int add_message(const Diag *diag, char ***messages, size_t *bytes)
{
    _cleanup_text_ Text line = {0}, message = {0};
    char *text;

    int r = diag_format(diag, &line);
    if (r < 0)
        return r;
    for (size_t i = 0; i < line.size;) {
        size_t n = utf8_char(line.data + i, line.size - i);
        if (*bytes + message.size + n > STUB_BYTES_MAX)
            break;
        if (n > 0)
            text_add_n(&message, line.data + i, n);
        else
            text_add_char(&message, '?');
        i += MAX(n, (size_t)1);
    }
    *bytes += message.size;
    r = text_take(&message, &text);
    return r < 0 ? r : strv_consume(messages, text);
}

static int collect_messages(const SpecEntry *entry, char ***messages)
{
    size_t bytes = 0, n = 0;

    for (size_t i = 0; i < entry->diags.n; i++) {
        if (entry->diags.items[i].severity != DIAG_ERROR)
            continue;
        if (n++ >= STUB_MESSAGES_MAX || bytes + STUB_MESSAGE_MIN > STUB_BYTES_MAX)
            continue;
        int r = add_message(&entry->diags.items[i], messages, &bytes);
        if (r < 0)
            return r;
    }
    n += entry->diags.dropped;
    size_t shown = strv_length(*messages);
    if (n > shown)
        return strv_consume(messages, text_printf("... and %zu more; see phoenix check %s",
                                                  n - shown, entry->file.path));
    if (shown == 0)
        return strv_push(messages, "the spec cannot be used");
    return 0;
}

void emit_stub(const EmitContext *context, const SpecEntry *entry, UnitFile *unit)
{
    _cleanup_strv_free_ char **messages = NULL;
    _cleanup_free_ char *program = text_printf("%s/phoenix-stub", context->platform->libexec);
    char *const first[] = {program, (char *)"--", NULL};

    if (!program || collect_messages(entry, &messages) < 0) {
        unit_fail_memory(unit);
        return;
    }
    unit_addf(unit, "Unit", "Description", "%s (Phoenix spec not usable)", entry->unit);
    unit_add(unit, "Unit", "Documentation", "man:phoenix-spec(5)");
    if (emit_path_is_writable(entry->file.path))
        unit_add_plain(unit, "Unit", "SourcePath", entry->file.path);
    unit_add(unit, "Service", "Type", "oneshot");
    unit_add(unit, "Service", "NotifyAccess", "main");
    unit_add_command(unit, "Service", "ExecStart", NULL, first, messages, "stub");
    emit_x_phoenix(context, entry->spec, entry->unit, "stub", unit);
}
