/* SPDX-License-Identifier: MIT */

/* JSON members. */

#include "cli/print/json.h"

#include <inttypes.h>

#include "base/strv.h"
#include "cli/print/when.h"

static void add_value(Text *t, const char *s)
{
    if (s)
        text_add_json_string(t, s, strlen(s));
    else
        text_add(t, "null");
}

void json_add_name(Text *t, const char *name)
{
    if (t->size > 0 && t->data[t->size - 1] != '{')
        text_add(t, ", ");
    text_addf(t, "\"%s\": ", name);
}

void json_add_string(Text *t, const char *name, const char *value)
{
    json_add_name(t, name);
    add_value(t, value);
}

void json_add_strv(Text *t, const char *name, char *const *values)
{
    bool any = false;

    json_add_name(t, name);
    text_add_char(t, '[');
    STRV_FOREACH (s, values) {
        text_add(t, any ? ", " : "");
        add_value(t, *s);
        any = true;
    }
    text_add_char(t, ']');
}

void json_add_number(Text *t, const char *name, uint64_t value)
{
    json_add_name(t, name);
    text_addf(t, "%" PRIu64, value);
}

void json_add_bool(Text *t, const char *name, bool value)
{
    json_add_name(t, name);
    text_add(t, value ? "true" : "false");
}

void json_add_time(Text *t, const char *name, uint64_t usec)
{
    json_add_name(t, name);
    if (usec == 0 || usec == USEC_INFINITY) {
        text_add(t, "null");
        return;
    }
    text_add_char(t, '"');
    when_add_rfc3339(t, usec);
    text_add_char(t, '"');
}
