/* SPDX-License-Identifier: MIT */

/* Dictionaries of variants. */

#include "cli/systemd/properties.h"

#include <errno.h>
#include <stdbool.h>

#include "base/macros.h"

int properties_set_string(char **field, const char *s)
{
    char *copy = strdup(s);

    if (!copy)
        return -ENOMEM;
    free(*field);
    *field = copy;
    return 0;
}

/* Reads the value of a variant that has been entered. */
static int read_value(sd_bus_message *m, const Property *property, void *field)
{
    const char *s;
    int r, b;

    if (property->read)
        return property->read(m, field);

    switch (property->type[0]) {
    case 's':
        r = sd_bus_message_read_basic(m, 's', &s);
        return r < 0 ? r : properties_set_string(field, s);
    case 'b':
        r = sd_bus_message_read_basic(m, 'b', &b);
        if (r >= 0)
            *(bool *)field = b;
        return r;
    default:
        return sd_bus_message_read_basic(m, property->type[0], field);
    }
}

/* At a variant: reads it into its field when it has the type we know, skips it otherwise. */
static int read_variant(sd_bus_message *m, const Property *property, void *structure)
{
    const char *contents;
    char type;
    int r;

    r = sd_bus_message_peek_type(m, &type, &contents);
    if (r < 0)
        return r;
    if (!property || !contents || !streq(contents, property->type))
        return sd_bus_message_skip(m, "v");

    r = sd_bus_message_enter_container(m, 'v', contents);
    if (r < 0)
        return r;
    r = read_value(m, property, (char *)structure + property->offset);
    if (r < 0)
        return r;
    return sd_bus_message_exit_container(m);
}

static const Property *property_find(const Property *properties, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (streq(properties[i].name, name))
            return &properties[i];
    return NULL;
}

int properties_read(sd_bus_message *m, const Property *properties, size_t n, void *structure)
{
    int r;

    r = sd_bus_message_enter_container(m, 'a', "{sv}");
    if (r < 0)
        return r;
    while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
        const char *name;

        r = sd_bus_message_read_basic(m, 's', &name);
        if (r < 0)
            return r;
        r = read_variant(m, property_find(properties, n, name), structure);
        if (r < 0)
            return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : sd_bus_message_exit_container(m);
}
