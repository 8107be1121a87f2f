/* SPDX-License-Identifier: MIT */

/* Lines "Key: value". */

#include "cli/status/status-line.h"

#include "cli/print/screen.h"
#include "cli/print/when.h"

#define KEY_WIDTH 13

void status_add_key(Text *t, const char *key)
{
    text_addf(t, "%*s: ", KEY_WIDTH, key);
}

void status_add_line(Text *t, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    status_add_key(t, key);
    screen_add_clean(t, value);
    text_add_char(t, '\n');
}

void status_add_time_line(Text *t, const char *key, uint64_t now_usec, uint64_t usec)
{
    if (usec == 0 || usec == USEC_INFINITY)
        return;
    status_add_key(t, key);
    when_add_local(t, usec);
    text_add(t, "; ");
    when_add_relative(t, now_usec, usec);
    text_add_char(t, '\n');
}
