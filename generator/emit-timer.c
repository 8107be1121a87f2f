/* SPDX-License-Identifier: MIT */
/*
 * The timer of a scheduled service. The service itself is a plain oneshot: systemd does not start
 * it again while it runs, so runs never overlap.
 */
#include "generator/emit.h"

#include <errno.h>

#include "base/strv.h"
#include "spec/cron.h"

int emit_timer(const EmitContext *context, const Spec *spec, UnitFile *unit)
{
    _cleanup_strv_free_ char **calendars = NULL;
    int r;

    if (cron_looks_like(spec->schedule))
        r = cron_to_calendar(spec->schedule, &calendars, NULL);
    else
        r = strv_push(&calendars, spec->schedule);
    if (r < 0)
        return r;

    emit_identity(spec, "schedule", unit);
    if (cron_looks_like(spec->schedule)) {
        _cleanup_free_ char *comment = text_printf("cron: %s", spec->schedule);
        if (!comment)
            return -ENOMEM;
        unit_comment(unit, "Timer", comment);
    }
    STRV_FOREACH (calendar, calendars)
        unit_add(unit, "Timer", "OnCalendar", *calendar);
    /* systemd's default of a minute is not what somebody who wrote a time means. */
    unit_add(unit, "Timer", "AccuracySec", "1s");
    emit_passthrough(spec, "Timer", NULL, unit);
    emit_x_phoenix(context, spec, spec->name, "generated", unit);
    return 0;
}
