/* SPDX-License-Identifier: MIT */
/*
 * What the files of value.h share: what they read with, the findings, and the kinds that the table
 * reader leaves to others.
 */
#pragma once

#include "base/text.h"
#include "spec/value.h"

typedef struct Reader {
    const char *source;
    bool plan;
    DiagList *diags;
    Text path; /* of the value at hand */
} Reader;

/* value-finding.c: the path back to what it was when it had that size, and its text. */
void reader_cut(Reader *reader, size_t size);
const char *reader_path(const Reader *reader);

/* Text in quotes, short enough for a message; NULL when there is no memory. */
char *value_quote(const char *s);

/* Findings about the value at hand: it is not `what`, or the table has no key of that name. hint
 * may be NULL. They return 0 or -ENOMEM. */
int reader_add_wrong(Reader *reader, const char *code, const json_t *value, const char *what,
                     const char *hint);
int reader_add_unknown(Reader *reader, const KeyTable *table, const char *name);

/* value-scalar.c: they set the field or add a finding. They return 0 or -ENOMEM. */
int value_read_bool(Reader *reader, const json_t *value, int *field);
int value_read_integer(Reader *reader, const Key *key, const json_t *value, int64_t *field);
int value_read_enum(Reader *reader, const Key *key, const json_t *value, int *field);
int value_read_span(Reader *reader, const Key *key, const json_t *value, uint64_t *field);
int value_read_string(Reader *reader, const Key *key, const json_t *value, char **field);

/* The text of a string that satisfies the rule, or 0 with *ret left NULL and a finding. */
int value_read_text(Reader *reader, const KeyRule *rule, const json_t *value, char **ret);

/* value-pairs.c: the same for environments and headers. */
int value_read_env(Reader *reader, const json_t *value, char ***field);
int value_read_headers(Reader *reader, const json_t *value, char ***field);
