/* SPDX-License-Identifier: MIT */
/*
 * The rules of name.h. A stub's name may come from any file name, so it is escaped; a service's
 * name never needs to be.
 */
#include "spec/name.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/macros.h"
#include "base/text.h"

bool spec_name_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-");

    return n > 0 && n <= SPEC_NAME_MAX && name[n] == '\0' && !strchr("_.-", name[0]);
}

static void add_escaped(Text *text, const char *stem)
{
    for (const char *p = stem; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == ':' || (c == '.' && p != stem);
        if (plain)
            text_add_char(text, (char)c);
        else if (c == '/')
            text_add_char(text, '-');
        else
            text_addf(text, "\\x%02x", c);
    }
}

char *spec_name_for_stub(const char *stem)
{
    _cleanup_(text_done) Text text = {0};
    char *name;

    if (spec_name_valid(stem))
        text_add(&text, stem);
    else
        add_escaped(&text, stem);
    if (text_take(&text, &name) < 0)
        return NULL;
    if (strlen(name) > SPEC_NAME_MAX)
        sprintf(name + SPEC_NAME_MAX - 9, "_%08x", hash32(HASH32_START, stem, strlen(stem)));
    return name;
}
