/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a spec, said once and completely: every finding names the file, the place, the
 * key, what was found and what is accepted. Readers only add findings; the programs print them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

typedef enum DiagSeverity {
    DIAG_ERROR,   /* the spec is not used; its unit explains why */
    DIAG_WARNING, /* the spec is used; something in it has no effect or looks mistyped */
    DIAG_NOTE,    /* the spec is used; good to know */
    _DIAG_SEVERITY_MAX,
} DiagSeverity;

typedef struct Diag {
    DiagSeverity severity;
    char *file;      /* path as it was given to the reader; may be NULL */
    unsigned line;   /* 1-based; 0 when there is no place */
    unsigned column; /* 1-based, in characters; 0 when there is no place */
    char *key;       /* "restart.delay", "healthcheck[0].path"; "" for the file as a whole */
    const char
        *code; /* a stable word: "syntax", "unknown-key", "bad-value", ... (diag.c lists them) */
    char *message;
    char *hint; /* what to do about it; may be NULL */
} Diag;

/* Findings in the order in which they were made. Zero-initialised is empty. */
typedef struct DiagList {
    Diag *items;
    size_t n, allocated;
    size_t errors;  /* how many are DIAG_ERROR */
    size_t dropped; /* findings beyond DIAG_MAX, counted but not kept */
} DiagList;

/* A list keeps this many findings; a hostile file cannot make it grow further. */
#define DIAG_MAX 100U

#define DIAG_CODE_SYNTAX        "syntax"
#define DIAG_CODE_DUPLICATE_KEY "duplicate-key"
#define DIAG_CODE_UNKNOWN_KEY   "unknown-key"
#define DIAG_CODE_WRONG_TYPE    "wrong-type"
#define DIAG_CODE_BAD_VALUE     "bad-value"
#define DIAG_CODE_MISSING_KEY   "missing-key"
#define DIAG_CODE_CONFLICT      "conflict"
#define DIAG_CODE_NO_EFFECT     "no-effect"
#define DIAG_CODE_NOT_YET       "not-yet"
#define DIAG_CODE_UNSUPPORTED   "unsupported"
#define DIAG_CODE_FILE          "file"
#define DIAG_CODE_DEFAULT       "default"
#define DIAG_CODE_NAME_CLASH    "name-clash"
#define DIAG_CODE_LISTEN_CLASH  "listen-clash"
#define DIAG_CODE_MISSING_SPEC  "missing-spec"
#define DIAG_CODE_CYCLE         "cycle"
#define DIAG_CODE_IMAGE         "image"
#define DIAG_CODE_QUADLET       "quadlet"

void diag_list_done(DiagList *list);
#define _cleanup_diag_list_ _cleanup_(diag_list_done)

/*
 * Adds a finding. key, code and the format are required, hint may be NULL; everything is copied but
 * code, which must be a constant. Returns 0, or -ENOMEM.
 */
int diag_add(DiagList *list, DiagSeverity severity, const char *file, const char *key,
             const char *code, const char *hint, const char *format, ...) _printf_(7, 8);

/* Finds line and column of every finding that has none yet, in the text of its file. */
void diag_list_locate(DiagList *list, const char *text, size_t size);

/*
 * One finding as a line without newline:
 *   web.json:12:16: restart.delay: "5 parsecs" is not a time span (like "500ms", ...)
 *   web.json:3:3: warning: helthcheck: unknown key; did you mean "healthcheck"?
 */
int diag_format(const Diag *diag, Text *text);

/* One finding as a JSON object {file, line, column, key, severity, code, message, hint}. */
int diag_format_json(const Diag *diag, Text *text);

const char *diag_severity_word(DiagSeverity severity);
