/* SPDX-License-Identifier: MIT */

/* From "a{sv}" on the bus to a structure: a table says which entry goes into which field. What a
 * newer or older peer does not have, or has with another type, leaves its field as it was. */

#pragma once

#include <stddef.h>
#include <systemd/sd-bus.h>

/* Strings (type "s") go into a char *, replacing what was there; "b" into a bool; other basic types
 * into a field of their size. For anything else read() is called inside the variant and consumes
 * its value. */
typedef struct Property {
    const char *name;
    const char *type; /* signature of the value */
    size_t offset;
    int (*read)(sd_bus_message *m, void *field);
} Property;

#define PROPERTY(name, type, structure, field)                                                     \
    {                                                                                              \
        name, type, offsetof(structure, field), NULL                                               \
    }

/* Reads one dictionary. What was read before a failure stays in the structure. */
int properties_read(sd_bus_message *m, const Property *properties, size_t n, void *structure);

/* Replaces a string by a copy of s. 0 or -ENOMEM. */
int properties_set_string(char **field, const char *s);
