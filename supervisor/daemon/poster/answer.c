/* SPDX-License-Identifier: MIT */
/* What a collector's answer means; see answer.h. */
#include "supervisor/daemon/poster/answer.h"

#include <jansson.h>

#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/event-internal.h"

/* Of somebody else's words, so that the rest of the line has room. */
#define WORDS_MAX 300U

static const char *advice(long status)
{
    switch (status) {
    case 401:
    case 403:
        return "give its token (\"token\" of the collector's spec, or the credential "
               "collector-token of phoenixd.service)";
    case 404:
    case 405:
        return "there is no collector at this address";
    case 415:
    case 411:
        return "this is no collector, or there is a proxy in between that changes posts";
    case 421:
        return "allow this name on the collector's side (--allow-host=)";
    case 507:
        return "its disk is full";
    default:
        return status >= 300 && status < 400 ? "redirects are not followed: give the address that "
                                               "it leads to"
                                             : NULL;
    }
}

static void add_words(Text *t, const json_t *json)
{
    const char *words = json_string_value(json_object_get(json, "error"));
    _cleanup_text_ Text clean = {0};

    if (!words || !*words)
        return;
    event_add_line(&clean, words);
    text_shorten(&clean, WORDS_MAX);
    if (clean.error == 0)
        text_addf(t, ": %s", clean.data);
}

static void say(const HttpPostAnswer *http, const json_t *json, Answer *answer)
{
    const char *more = advice(http->status);
    _cleanup_text_ Text t = {0};

    if (http->status == 0)
        text_add(&t, http->error);
    else if (http->status < 300)
        text_addf(&t, "HTTP %ld, but not as a collector answers: is the address right?",
                  http->status);
    else
        text_addf(&t, "HTTP %ld", http->status);
    add_words(&t, json);
    if (more)
        text_addf(&t, "; %s", more);
    text_shorten(&t, ANSWER_WHAT_MAX - 8);
    snprintf(answer->what, sizeof(answer->what), "%s",
             t.error < 0 || t.size == 0 ? "no answer" : t.data);
}

void answer_read(const HttpPostAnswer *http, Answer *ret)
{
    json_auto_t *json = http->size > 0 ? json_loadb(http->text, http->size, 0, NULL) : NULL;

    *ret = (Answer){.answered = http->status > 0, .verdict = delivery_verdict(http->status)};
    if (http->status == 0 && http->hopeless)
        ret->verdict = DELIVERY_ASTRAY;
    /* Many things answer 200 to everything; what they do not is the collector's JSON. */
    if (ret->verdict == DELIVERY_STORED && !json_is_object(json))
        ret->verdict = DELIVERY_ASTRAY;
    if (ret->verdict == DELIVERY_STORED)
        ret->duplicate = json_is_true(json_object_get(json, "duplicate"));
    else
        say(http, json, ret);
}
