/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the body of a post. What is accepted must be kept as it was written, but for blanks,
 * and read the same a second time; what is refused must be explained in valid JSON.
 */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/text.h"
#include "collector/describe.h"
#include "collector/post.h"
#include "fuzz.h"

static void require_json(const char *text, size_t size)
{
    json_t *value = json_loadb(text, size, 0, NULL);

    REQUIRE(value);
    json_decref(value);
}

static int on_sample(const Sample *sample, void *userdata)
{
    Text *seen = userdata;
    _cleanup_text_ Text description = {0};

    require_json(sample->raw, sample->raw_size);
    for (size_t i = 0; i < sample->n_services; i++)
        REQUIRE(post_name_is_valid(sample->services[i].name));
    describe_sample(&description, "host", sample);
    require_json(description.data, description.size);
    text_add_n(seen, sample->raw, sample->raw_size);
    return 0;
}

static int on_event(const SampleEvent *event, void *userdata)
{
    Text *seen = userdata;
    size_t from = seen->size;

    describe_event(seen, "host", 1, event);
    require_json(seen->data + from, seen->size - from);
    return 0;
}

static void require_explained(const Fault *fault)
{
    _cleanup_text_ Text t = {0};

    REQUIRE(*fault->accepted != '\0' && *fault->found != '\0');
    fault_add_json(&t, fault);
    require_json(t.data, t.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Exactly as long, so that the sanitizer sees each byte that is read beyond it. */
    char *body = malloc(MAX(size, (size_t)1));
    _cleanup_post_ Post post = {0};
    _cleanup_text_ Text first = {0}, second = {0};
    Fault fault = {0};

    REQUIRE(body);
    if (size > 0)
        memcpy(body, data, size);
    int r = post_open(body, size, &post, &fault), again;
    if (r == 0) {
        REQUIRE(!post.host || post_name_is_valid(post.host));
        REQUIRE(!post.key || post_key_is_valid(post.key));
        r = post_read(&post, &(PostSink){on_sample, on_event, &first}, &fault);
        again = post_read(&post, &(PostSink){on_sample, on_event, &second}, &fault);
        REQUIRE(again == r && first.size == second.size);
        REQUIRE(first.size == 0 || memcmp(first.data, second.data, first.size) == 0);
    }
    REQUIRE(r == 0 || r == POST_INVALID);
    if (r == POST_INVALID)
        require_explained(&fault);
    free(body);
    return 0;
}
