/* SPDX-License-Identifier: MIT */
/*
 * The table of keys. Reader, plan, JSON Schema and man page all come from it, so a key is defined
 * in exactly one place: its name, where its value goes, what is accepted, its default, and what it
 * is for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum KeyKind {
    KEY_STRING,   /* char * */
    KEY_BOOL,     /* int */
    KEY_INTEGER,  /* int64_t, min..max */
    KEY_ENUM,     /* int, an index into words */
    KEY_SPAN,     /* uint64_t microseconds, min..max */
    KEY_STRV,     /* char **, each checked by rule */
    KEY_ENV,      /* char ** of "A=B"; array or object */
    KEY_HEADERS,  /* char ** of "Name: value"; array or object */
    KEY_OBJECT,   /* an embedded structure described by table */
    KEY_OBJECTS,  /* a {items, n} pair of structures described by table */
    KEY_NAMED,    /* the same, as an object of objects; their KEY_NAME is how each is called */
    KEY_SETTINGS, /* SpecSettings */
    _KEY_KIND_MAX,
} KeyKind;

typedef enum KeyFlags {
    KEY_REQUIRED = 1 << 0, /* must be there (or have been derived) when the spec is resolved */
    KEY_SINGLE = 1 << 1,   /* KEY_STRV, KEY_OBJECTS: one element may stand without its array */
    KEY_NOT_YET = 1 << 2,  /* checked and carried, not acted on by this version */
    KEY_PLAN = 1 << 3,     /* only in plans, never in specs */
    KEY_NONEMPTY = 1 << 4, /* KEY_STRV: an empty array is an error */
    KEY_NAME = 1 << 5,     /* the name of a member of KEY_NAMED; never stands inside of it */
} KeyFlags;

/* What a string must look like. */
typedef struct KeyRule {
    const char *what; /* completes "... is not": "a time span (like \"10s\")" */
    /* Returns 0 or -EINVAL or -ENOMEM. ret_canonical: how the plan writes it, left NULL when as it
     * is. ret_reason: what exactly is wrong, may be left NULL. Both are allocated. */
    int (*check)(const char *value, char **ret_canonical, char **ret_reason);
    const char *pattern; /* ECMA 262 regular expression for the schema, or NULL */
    bool numbers;        /* a JSON number stands for its text */
} KeyRule;

typedef struct KeyAlias {
    const char *word;
    int value;
} KeyAlias;

typedef struct KeyTable KeyTable;

typedef struct Key {
    const char *name;
    KeyKind kind;
    KeyFlags flags;
    size_t offset;            /* in the structure that the table describes */
    const KeyRule *rule;      /* KEY_STRING, KEY_STRV; may be NULL */
    const char *const *words; /* KEY_ENUM: NULL-terminated */
    const KeyAlias *aliases;  /* KEY_ENUM: further words, ends with word NULL; may be NULL */
    const KeyTable *table;    /* KEY_OBJECT, KEY_OBJECTS, KEY_NAMED */
    uint64_t min, max;        /* KEY_INTEGER, KEY_SPAN; max 0 = none */
    const char *fallback;     /* default as text; NULL = none, or derived from other keys */
    const char *derived; /* how the default is derived, for people; NULL when fallback says it */
    const char *about;   /* one sentence for schema and man page */
} Key;

struct KeyTable {
    const Key *keys;
    size_t n;
    size_t size;           /* of the structure */
    const char *shorthand; /* a value that is no object stands for {shorthand: value}; or NULL */
};

/* The shape that every {items, n} pair in spec.h has; key.c holds them to it. */
typedef struct KeyObjects {
    void *items;
    size_t n;
} KeyObjects;

/* The tables of a whole spec of a service, a policy, a collector. All describe a Spec. */
extern const KeyTable spec_keys, spec_policy_keys, spec_collector_keys;

/* A kind of spec: what has a table of its own. The first one is that of services. */
typedef struct SpecKind {
    int type; /* SpecType; SPEC_UNSET: all that have no kind of their own */
    const KeyTable *table;
    const char *one, *many; /* "policy", "policies" */
} SpecKind;
#define SPEC_KINDS 3
extern const SpecKind spec_kinds[SPEC_KINDS];

/* The one for that SpecType; for one that is unset that of services. */
const KeyTable *spec_table(int type);

/* Whose table it is; NULL for one that is only a part of another. */
const SpecKind *spec_kind_with(const KeyTable *table);

/* Whether no kind before this one has that key for the same member. */
bool spec_kind_adds(const SpecKind *kind, const Key *key);

/* The key with KEY_NAME; there is one in each table of KEY_NAMED. */
const Key *key_of_name(const KeyTable *table);

/* The key of that name, or NULL. */
const Key *key_find(const KeyTable *table, const char *name);

/* Sets every field of a structure to unset (spec.h), or frees all it owns and does so. */
void key_table_init(const KeyTable *table, void *object);
void key_table_done(const KeyTable *table, void *object);

/* Whether the field is unset (spec.h). Objects count as unset when all their fields are. */
bool key_is_unset(const Key *key, const void *object);

/* Address of the key's field in its structure. */
static inline void *key_field(const Key *key, void *object)
{
    return (char *)object + key->offset;
}

static inline const void *key_field_const(const Key *key, const void *object)
{
    return (const char *)object + key->offset;
}

const char *key_kind_word(KeyKind kind);
