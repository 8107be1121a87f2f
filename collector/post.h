/* SPDX-License-Identifier: MIT */

/* What somebody posts to /logs: a log entry, or a batch of samples and events. Read in two passes,
 * as the members of an object come in any order: who it is from, then what it holds, one sample
 * after the other. Pure: no I/O. The format is docs/collector-api.md. */

#pragma once

#include "collector/fault.h"
#include "collector/json-lex.h"
#include "collector/sample.h"

typedef struct Post {
    char *host, *key; /* NULL: not given */
    bool is_entry;    /* the body is one sample */
    bool is_last;     /* of a batch: nothing more comes from this host now */
    JsonSlice body, samples, events;
} Post;

void post_done(Post *post);
#define _cleanup_post_ _cleanup_(post_done)

/* Finds out what kind of post it is, and its host and key. The body (size bytes, need not end with
 * a NUL) has to live as long as the post and is changed by post_read(): blanks between tokens go.
 * 0, POST_INVALID, or -ENOMEM. */
int post_open(char *body, size_t size, Post *ret, Fault *ret_fault);

/* What becomes of the parts: called for each, until one returns something other than 0. */
typedef struct PostSink {
    int (*sample)(const Sample *sample, void *userdata);
    int (*event)(const SampleEvent *event, void *userdata);
    void *userdata;
} PostSink;

/* Validates all samples and events and hands them to the sink, in their order. What came before
 * a mistake has been handed over already, so the sink must be able to undo. May be called again for
 * the same post. 0, POST_INVALID, -ENOMEM, or what the sink returned. */
int post_read(Post *post, const PostSink *sink, Fault *ret_fault);

/* Whether a key has 1 to 128 printable ASCII characters. */
bool post_key_is_valid(const char *key);
/* 1 to 253 bytes of UTF-8 without control characters. */
bool post_name_is_valid(const char *name);
