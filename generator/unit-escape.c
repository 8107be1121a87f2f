/* SPDX-License-Identifier: MIT */
/*
 * The escaping behind unit-escape.h. Words are put in double quotes as soon as they hold anything
 * that could mean something to any of the readers; there is no cleverness about what may stay bare.
 */
#include "generator/unit-escape.h"

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_./:=@,+-%$", c));
}

static bool needs_quotes(const char *word)
{
    if (!*word)
        return true;
    for (; *word; word++)
        if (!is_bare(*word))
            return true;
    return false;
}

/* One byte of a quoted string. Bytes of UTF-8 characters stay as they are; hexadecimal escapes of
 * 0x80 and above mean a byte to systemd but a character to Quadlet, so there are none. */
static void add_quoted(Text *text, char c)
{
    unsigned char byte = (unsigned char)c;

    if (c == '"' || c == '\\') {
        text_add_char(text, '\\');
        text_add_char(text, c);
    } else if (c == '\n') {
        text_add(text, "\\n");
    } else if (c == '\t') {
        text_add(text, "\\t");
    } else if (byte < 0x20 || byte == 0x7f) {
        text_addf(text, "\\x%02x", byte);
    } else {
        text_add_char(text, c);
    }
}

bool escape_needs_empty(const char *word)
{
    return streq(word, "") || streq(word, ";");
}

bool escape_survives_quadlet(const char *s)
{
    return !strstr(s, "\xc2\x80");
}

int escape_word(Text *text, const char *word, EscapeFlags flags)
{
    if ((flags & ESCAPE_QUADLET) && escape_needs_empty(word))
        return text_addf(text, "${" ESCAPE_EMPTY_VARIABLE "}%s", word);

    bool quotes = needs_quotes(word);
    if (quotes)
        text_add_char(text, '"');
    for (; *word; word++) {
        if ((*word == '%' && (flags & ESCAPE_SPECIFIERS)) ||
            (*word == '$' && (flags & ESCAPE_VARIABLES)))
            text_add_char(text, *word);
        add_quoted(text, *word);
    }
    return quotes ? text_add_char(text, '"') : text->error;
}

static int add_doubled(Text *text, const char *s, const char *doubled)
{
    for (;;) {
        size_t n = strcspn(s, doubled);
        text_add_n(text, s, n);
        s += n;
        if (!*s)
            return text->error;
        text_add_char(text, *s);
        text_add_char(text, *s++);
    }
}

int escape_specifiers(Text *text, const char *s)
{
    return add_doubled(text, s, "%");
}

int escape_plain_command(Text *text, const char *s)
{
    return add_doubled(text, s, "%$");
}
