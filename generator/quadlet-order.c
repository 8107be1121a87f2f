/* SPDX-License-Identifier: MIT */
/*
 * Putting options in order, behind quadlet-order.h. The groups are the maps of ConvertContainer()
 * in Podman's pkg/systemd/quadlet/quadlet.go, 4.4 to 5.6.
 */
#include "generator/quadlet-order.h"

#include <errno.h>
#include <stdbool.h>

#include "base/macros.h"

/* Which map of Quadlet's an option comes from. */
typedef enum Group {
    GROUP_NONE, /* written in a fixed order */
    GROUP_STRINGS,
    GROUP_LISTS,
    GROUP_BOOLEANS,
    GROUP_PAIRS,
    GROUP_UNKNOWN, /* not an option that is known here */
} Group;

typedef struct Option {
    const char *name;
    Group group;
    bool value; /* the next word belongs to it */
} Option;

static const Option options[] = {
    {"--add-host", GROUP_LISTS, true},
    {"--annotation", GROUP_PAIRS, true},
    {"--cap-add", GROUP_NONE, true},
    {"--cap-drop", GROUP_NONE, true},
    {"--cgroups", GROUP_NONE, true},
    {"--cidfile", GROUP_NONE, false},
    {"--device", GROUP_NONE, true},
    {"--dns", GROUP_LISTS, true},
    {"--dns-option", GROUP_LISTS, true},
    {"--dns-search", GROUP_LISTS, true},
    {"--entrypoint", GROUP_STRINGS, true},
    {"--env", GROUP_PAIRS, true},
    {"--env-host", GROUP_BOOLEANS, false},
    {"--expose", GROUP_NONE, true},
    {"--gidmap", GROUP_NONE, true},
    {"--group-add", GROUP_LISTS, true},
    {"--hostname", GROUP_STRINGS, true},
    {"--init", GROUP_BOOLEANS, false},
    {"--ip", GROUP_STRINGS, true},
    {"--ip6", GROUP_STRINGS, true},
    {"--label", GROUP_PAIRS, true},
    {"--log-driver", GROUP_NONE, true},
    {"--log-opt", GROUP_NONE, true},
    {"--memory", GROUP_STRINGS, true},
    {"--name", GROUP_NONE, true},
    {"--network", GROUP_NONE, true},
    {"--network-alias", GROUP_LISTS, true},
    {"--pids-limit", GROUP_STRINGS, true},
    {"--publish", GROUP_NONE, true},
    {"--pull", GROUP_STRINGS, true},
    {"--read-only", GROUP_NONE, false},
    {"--read-only-tmpfs", GROUP_BOOLEANS, false},
    {"--replace", GROUP_NONE, false},
    {"--retry", GROUP_STRINGS, true},
    {"--retry-delay", GROUP_STRINGS, true},
    {"--rm", GROUP_NONE, false},
    {"--sdnotify", GROUP_NONE, false},
    {"--secret", GROUP_NONE, true},
    {"--security-opt", GROUP_NONE, true},
    {"--shm-size", GROUP_STRINGS, true},
    {"--stop-signal", GROUP_STRINGS, true},
    {"--stop-timeout", GROUP_STRINGS, true},
    {"--subgidname", GROUP_NONE, true},
    {"--subuidname", GROUP_NONE, true},
    {"--sysctl", GROUP_NONE, true},
    {"--tmpfs", GROUP_LISTS, true},
    {"--tz", GROUP_STRINGS, true},
    {"--uidmap", GROUP_NONE, true},
    {"--ulimit", GROUP_LISTS, true},
    {"--user", GROUP_NONE, true},
    {"--userns", GROUP_NONE, true},
    {"--workdir", GROUP_STRINGS, true},
    {"-d", GROUP_NONE, false},
    {"-v", GROUP_NONE, true},
};

/* An option with its value, as it stands in the command. */
typedef struct Piece {
    const char *start;
    size_t size;  /* with the value, without the blank behind it */
    size_t name;  /* bytes of the option's name */
    size_t index; /* where it stood */
    Group group;
} Piece;

/* Bytes of the word at s: up to a blank outside double quotes. */
static size_t word_length(const char *s)
{
    bool quoted = false;
    size_t n = 0;

    for (; s[n] && (quoted || s[n] != ' '); n++) {
        if (s[n] == '"')
            quoted = !quoted;
        else if (s[n] == '\\' && s[n + 1])
            n++;
    }
    return n;
}

static int compare_name(const void *key, const void *member)
{
    const Piece *piece = key;
    const Option *option = member;
    int c = strncmp(piece->start, option->name, piece->name);

    return c != 0 ? c : (option->name[piece->name] ? -1 : 0);
}

/* Reads the piece at s; its group is GROUP_UNKNOWN when it is no option that is known. */
static Piece read_piece(const char *s, size_t index)
{
    size_t n = word_length(s);
    const char *equals = memchr(s, '=', n);
    Piece piece = {.start = s,
                   .size = n,
                   .name = equals ? (size_t)(equals - s) : n,
                   .index = index,
                   .group = GROUP_UNKNOWN};

    const Option *option =
        bsearch(&piece, options, ELEMENTSOF(options), sizeof(options[0]), compare_name);
    if (!option)
        return piece;
    if (option->value && !equals) {
        if (s[n] != ' ')
            return piece;
        piece.size = n + 1 + word_length(s + n + 1);
    }
    piece.group = option->group;
    return piece;
}

static int compare_pieces(const void *a, const void *b)
{
    const Piece *left = a, *right = b;
    int c = strncmp(left->start, right->start, MIN(left->name, right->name));

    if (c == 0 && left->name != right->name)
        c = left->name < right->name ? -1 : 1;
    if (c == 0)
        c = left->index < right->index ? -1 : 1;
    return c;
}

static void sort_groups(Piece *pieces, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && pieces[end].group == pieces[i].group)
            end++;
        if (pieces[i].group != GROUP_NONE)
            qsort(pieces + i, end - i, sizeof(*pieces), compare_pieces);
        i = end;
    }
}

int quadlet_order_options(const char *command, Text *text)
{
    const char *options_start = strstr(command, " run ");
    _cleanup_free_ Piece *pieces = NULL;
    size_t n = 0;

    if (!options_start)
        return text_add(text, command);
    options_start += strlen(" run ");

    /* There are not more pieces than blanks. */
    pieces = calloc(strlen(options_start) / 2 + 1, sizeof(*pieces));
    if (!pieces)
        return text->error = -ENOMEM;
    const char *p = options_start;
    while (*p) {
        Piece piece = read_piece(p, n);
        if (piece.group == GROUP_UNKNOWN)
            break;
        pieces[n++] = piece;
        p += piece.size;
        p += *p == ' ';
    }
    sort_groups(pieces, n);
    text_add_n(text, command, (size_t)(options_start - command));
    for (size_t i = 0; i < n; i++) {
        text_add_n(text, pieces[i].start, pieces[i].size);
        if (i + 1 < n || *p)
            text_add_char(text, ' ');
    }
    return text_add(text, p);
}
