/* SPDX-License-Identifier: MIT */
/*
 * What the tables of all kinds of spec share, so that a key that stands in each is defined once,
 * and means the same in each.
 */
#pragma once

#include <stddef.h>

#include "base/macros.h"
#include "spec/keys.h"
#include "spec/rules.h"
#include "spec/spec.h"

#define TABLE(type, list, ...)                                                                     \
    {                                                                                              \
        .keys = (list), .n = ELEMENTSOF(list), .size = sizeof(type), __VA_ARGS__                   \
    }

extern const char *const key_type_words[], *const key_scope_words[];
extern const KeyAlias key_type_aliases[];

/* What every spec begins with, for the table of its kind; the arguments are the sentences that
 * differ. KEY_SCOPE() has a place of its own in each. */
/* clang-format off */
#define KEYS_OF_ALL(about_name, about_machine, about_type)                                         \
    {"plan", KEY_INTEGER, KEY_PLAN, offsetof(Spec, plan), .min = 1, .max = 1000000,                \
     .about = "Version of the plan's format."},                                                    \
    {"source", KEY_STRING, KEY_PLAN, offsetof(Spec, source), .rule = &rule_text,                   \
     .about = "Path of the spec that the plan was made from."},                                    \
    {"$schema", KEY_STRING, 0, offsetof(Spec, schema), .rule = &rule_line,                         \
     .about = "The JSON Schema, for editors."},                                                    \
    {"name", KEY_STRING, 0, offsetof(Spec, name), .rule = &rule_name,                              \
     .derived = "the file name without .json", .about = about_name},                               \
    {"machine", KEY_STRING, 0, offsetof(Spec, machine), .rule = &rule_host,                        \
     .about = about_machine},                                                                      \
    {"type", KEY_ENUM, KEY_REQUIRED, offsetof(Spec, type), .words = key_type_words,                \
     .aliases = key_type_aliases, .about = about_type}

#define KEY_SCOPE(about_scope)                                                                     \
    {"scope", KEY_ENUM, 0, offsetof(Spec, scope), .words = key_scope_words, .fallback = "any",     \
     .about = about_scope}
/* clang-format on */
