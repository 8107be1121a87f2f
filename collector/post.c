/* SPDX-License-Identifier: MIT */

/* The way through a posted body: which members there are, then one sample and one event after the
 * other. What lies between the values (commas, colons, brackets) is checked here, the values by
 * jansson, each by itself. */

#include "collector/post.h"

#include <errno.h>

#include "collector/values.h"

#define ACCEPTED_BODY                                                                              \
    "a log entry {\"timestamp\", \"sysinfo\"}, or a batch {\"host\", \"samples\", \"events\"}"

typedef enum MemberKind {
    MEMBER_TIMESTAMP,
    MEMBER_SYSINFO,
    MEMBER_HOST,
    MEMBER_KEY,
    MEMBER_LAST,
    MEMBER_SAMPLES,
    MEMBER_EVENTS,
    _MEMBER_MAX,
} MemberKind;

static const char *const member_names[] = {
    [MEMBER_TIMESTAMP] = "timestamp", [MEMBER_SYSINFO] = "sysinfo",
    [MEMBER_HOST] = "host",           [MEMBER_KEY] = "key",
    [MEMBER_LAST] = "last",           [MEMBER_SAMPLES] = "samples",
    [MEMBER_EVENTS] = "events",
};
_Static_assert(ELEMENTSOF(member_names) == _MEMBER_MAX, "a name for each member");

typedef struct Found {
    JsonSlice values[_MEMBER_MAX]; /* at NULL: not there */
} Found;

void post_done(Post *post)
{
    free(post->host);
    free(post->key);
    *post = (Post){0};
}

bool post_key_is_valid(const char *key)
{
    size_t n = 0;

    for (; key[n] != '\0'; n++)
        if (key[n] < 0x20 || key[n] > 0x7E || n >= KEY_MAX_BYTES)
            return false;
    return n > 0;
}

static int parse_slice(const JsonSlice *slice, size_t flags, const char *path, Fault *fault,
                       json_t **ret)
{
    json_error_t error;
    json_t *value;

    value = json_loadb(slice->at, slice->size, flags | JSON_REJECT_DUPLICATES, &error);
    if (!value && json_error_code(&error) == json_error_out_of_memory)
        return -ENOMEM;
    if (!value)
        return fault_text(fault, path, error.text, "JSON (RFC 8259), each name once in an object");
    *ret = value;
    return 0;
}

static void unref_json(json_t **json)
{
    json_decref(*json);
}
#define _cleanup_json_ _cleanup_(unref_json)

/* Names may be written with escapes, so they are decoded before they are compared. */
static int note_member(const JsonSlice *name, const JsonSlice *value, Found *found, Fault *fault)
{
    _cleanup_json_ json_t *key = NULL, *ignored = NULL;
    int r = parse_slice(name, JSON_DECODE_ANY, "", fault, &key);

    if (r != 0)
        return r;
    if (!json_is_string(key))
        return fault_value(fault, "", key, "a name in quotes");
    for (int i = 0; i < _MEMBER_MAX; i++) {
        if (!streq(json_string_value(key), member_names[i]))
            continue;
        if (found->values[i].at)
            return fault_text(fault, "", "a member twice", "each name once in an object");
        found->values[i] = *value;
        return 0;
    }
    return parse_slice(value, JSON_DECODE_ANY, "", fault, &ignored);
}

static int broken(Fault *fault, const char *at, const char *end, const char *accepted)
{
    char found[16] = "the end";

    if (at && at < end)
        (void)snprintf(found, sizeof(found), "the byte 0x%02X", (unsigned char)*at);
    return fault_text(fault, "", found, accepted);
}

/* One `"name": value`; *at is left behind it. */
static int scan_member(char **at, const char *end, Found *found, Fault *fault)
{
    JsonSlice name = {.at = *at}, value;
    char *p = json_lex_value(*at, end);

    if (!p || **at != '"')
        return broken(fault, *at, end, "a name in quotes");
    name.size = (size_t)(p - name.at);
    p = json_lex_blanks(p, end);
    if (p >= end || *p != ':')
        return broken(fault, p, end, "a colon");
    value.at = json_lex_blanks(p + 1, end);
    p = json_lex_value(value.at, end);
    if (!p)
        return broken(fault, value.at, end, "a value");
    value.size = (size_t)(p - value.at);
    *at = json_lex_blanks(p, end);
    return note_member(&name, &value, found, fault);
}

static int scan_object(JsonSlice *body, Found *ret, Fault *fault)
{
    char *end = body->at + body->size, *at = json_lex_blanks(body->at, end);
    int r;

    if (at >= end || *at != '{')
        return broken(fault, at, end, ACCEPTED_BODY);
    body->at = at;
    at = json_lex_blanks(at + 1, end);
    for (;;) {
        r = scan_member(&at, end, ret, fault);
        if (r != 0)
            return r;
        if (at < end && *at == '}')
            break;
        if (at >= end || *at != ',')
            return broken(fault, at, end, "a comma or the end of the object");
        at = json_lex_blanks(at + 1, end);
    }
    body->size = (size_t)(at + 1 - body->at);
    at = json_lex_blanks(at + 1, end);
    return at == end ? 0 : broken(fault, at, end, "nothing behind the object");
}

static int take_string(const JsonSlice *slice, const char *path, bool (*is_valid)(const char *),
                       const char *accepted, Fault *fault, char **ret)
{
    _cleanup_json_ json_t *value = NULL;
    int r;

    if (!slice->at)
        return 0;
    r = parse_slice(slice, JSON_DECODE_ANY, path, fault, &value);
    if (r != 0 || json_is_null(value))
        return r;
    if (!json_is_string(value) || !is_valid(json_string_value(value)))
        return fault_value(fault, path, value, accepted);
    *ret = strdup(json_string_value(value));
    return *ret ? 0 : -ENOMEM;
}

static int take_bool(const JsonSlice *slice, const char *path, Fault *fault, bool *ret)
{
    _cleanup_json_ json_t *value = NULL;
    int r;

    if (!slice->at)
        return 0;
    r = parse_slice(slice, JSON_DECODE_ANY, path, fault, &value);
    if (r != 0 || json_is_null(value))
        return r;
    if (!json_is_boolean(value))
        return fault_value(fault, path, value, "true or false");
    *ret = json_is_true(value);
    return 0;
}

static int check_array(const JsonSlice *slice, const char *path, Fault *fault)
{
    _cleanup_json_ json_t *value = NULL;

    if (!slice->at || *slice->at == '[')
        return 0;
    int r = parse_slice(slice, JSON_DECODE_ANY, path, fault, &value);
    return r != 0 ? r : fault_value(fault, path, value, "an array");
}

int post_open(char *body, size_t size, Post *ret, Fault *ret_fault)
{
    _cleanup_post_ Post post = {.body = {body, size}};
    Found found = {0};
    int r = scan_object(&post.body, &found, ret_fault);

    if (r == 0)
        r = take_string(&found.values[MEMBER_HOST], "/host", post_name_is_valid,
                        "a name of 1 to 253 bytes without control characters", ret_fault,
                        &post.host);
    if (r == 0)
        r = take_string(&found.values[MEMBER_KEY], "/key", post_key_is_valid,
                        "1 to 128 printable ASCII characters", ret_fault, &post.key);
    if (r == 0)
        r = check_array(&found.values[MEMBER_SAMPLES], "/samples", ret_fault);
    if (r == 0)
        r = check_array(&found.values[MEMBER_EVENTS], "/events", ret_fault);
    if (r != 0)
        return r;
    post.samples = found.values[MEMBER_SAMPLES];
    post.events = found.values[MEMBER_EVENTS];
    post.is_entry = !post.samples.at && !post.events.at;
    if (!post.is_entry && (found.values[MEMBER_TIMESTAMP].at || found.values[MEMBER_SYSINFO].at))
        return fault_text(ret_fault, "", "both in one object", ACCEPTED_BODY);
    if (!post.is_entry && !post.host)
        return fault_value(ret_fault, "/host", NULL, "the name of the host that a batch is of");
    if (!post.is_entry)
        r = take_bool(&found.values[MEMBER_LAST], "/last", ret_fault, &post.is_last);
    if (r != 0)
        return r;
    *ret = post;
    post = (Post){0};
    return 0;
}

static int hand_sample(JsonSlice *slice, const char *path, bool is_entry, const PostSink *sink,
                       Fault *fault)
{
    _cleanup_json_ json_t *value = NULL;
    Sample sample = {0};
    int r = parse_slice(slice, JSON_DECODE_ANY, path, fault, &value);

    if (r != 0)
        return r;
    r = sample_read(&(Members){value, path, fault}, is_entry, &sample);
    if (r == 0) {
        json_lex_squeeze(slice);
        sample.raw = slice->at;
        sample.raw_size = slice->size;
        r = sink->sample(&sample, sink->userdata);
    }
    free(sample.services);
    return r;
}

static int hand_event(JsonSlice *slice, const char *path, bool is_entry, const PostSink *sink,
                      Fault *fault)
{
    _cleanup_json_ json_t *value = NULL;
    SampleEvent event;
    int r = parse_slice(slice, JSON_DECODE_ANY, path, fault, &value);

    if (r == 0)
        r = sample_event_read(&(Members){value, path, fault}, &event);
    return r != 0 ? r : sink->event(&event, sink->userdata);
}

/* Each element of an array whose brackets are known to be there. */
static int each_element(const JsonSlice *array, const char *path, const PostSink *sink,
                        Fault *fault,
                        int (*hand)(JsonSlice *, const char *, bool, const PostSink *, Fault *))
{
    char item[64], *end = array->at + array->size - 1, *at = json_lex_blanks(array->at + 1, end);

    for (size_t i = 0; at < end; i++) {
        JsonSlice slice = {.at = at};
        fault_join_index(item, sizeof(item), path, i);
        at = json_lex_value(at, end);
        if (!at)
            return fault_text(fault, item, "no value", "a value");
        slice.size = (size_t)(at - slice.at);
        int r = hand(&slice, item, false, sink, fault);
        if (r != 0)
            return r;
        at = json_lex_blanks(at, end);
        if (at < end && (*at != ',' || (at = json_lex_blanks(at + 1, end)) == end))
            return fault_text(fault, item, "no comma and value behind it",
                              "a comma between elements");
    }
    return *end == ']' ? 0 : fault_text(fault, path, "no end", "an array");
}

int post_read(Post *post, const PostSink *sink, Fault *ret_fault)
{
    int r = 0;

    if (post->is_entry)
        return hand_sample(&post->body, "", true, sink, ret_fault);
    if (post->samples.at)
        r = each_element(&post->samples, "/samples", sink, ret_fault, hand_sample);
    if (r == 0 && post->events.at)
        r = each_element(&post->events, "/events", sink, ret_fault, hand_event);
    return r;
}
