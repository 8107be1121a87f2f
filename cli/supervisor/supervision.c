/* SPDX-License-Identifier: MIT */

/* phoenixd about itself. */

#include "cli/supervisor/supervision.h"

#include "cli/print/when.h"
#include "cli/systemd/properties.h"

void supervision_done(Supervision *supervision)
{
    free(supervision->degraded);
    free(supervision->brake_reason);
    postings_done(&supervision->postings);
    *supervision = (Supervision){0};
}

int supervision_read(sd_bus_message *m, Supervision *ret)
{
    static const Property properties[] = {
        PROPERTY("Degraded", "s", Supervision, degraded),
        PROPERTY("Brake", "b", Supervision, brake),
        PROPERTY("BrakeUntil", "t", Supervision, brake_until_usec),
        PROPERTY("BrakeReason", "s", Supervision, brake_reason),
        {"Collectors", "aa{sv}", offsetof(Supervision, postings), postings_read},
    };
    _cleanup_supervision_ Supervision supervision = {0};
    int r;

    r = properties_read(m, properties, ELEMENTSOF(properties), &supervision);
    if (r < 0)
        return r;
    *ret = supervision;
    supervision = (Supervision){0};
    return 0;
}

static bool is_degraded(const Supervision *supervision)
{
    return supervision->degraded && *supervision->degraded;
}

bool supervision_is_good(const Supervision *supervision)
{
    return !supervision->brake && !is_degraded(supervision);
}

static void add_brake(Text *t, const Supervision *supervision)
{
    text_add(t, "the brake is closed until ");
    when_add_clock(t, supervision->brake_until_usec);
    if (supervision->brake_reason && *supervision->brake_reason) {
        text_add(t, ": ");
        screen_add_clean(t, supervision->brake_reason);
    }
}

void supervision_add(Text *t, const Screen *screen, const Supervision *supervision)
{
    if (is_degraded(supervision)) {
        text_add(t, screen_on(screen, COLOR_YELLOW));
        text_add(t, "supervision is degraded: ");
        screen_add_clean(t, supervision->degraded);
        text_add(t, screen_off(screen, COLOR_YELLOW));
        text_add_char(t, '\n');
    }
    if (supervision->brake) {
        text_add(t, screen_on(screen, COLOR_YELLOW));
        add_brake(t, supervision);
        text_add(t, screen_off(screen, COLOR_YELLOW));
        text_add_char(t, '\n');
    }
    postings_add_away(t, screen, &supervision->postings);
}
