/* SPDX-License-Identifier: MIT */

/* Posts, read: what is kept of log entries and batches, what is summed of their containers, and
 * that each mistake is told with its place. */

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/test-near.h"
#include "collector/post.h"

/* What came out of a post, as one text that tests compare. */
typedef struct Seen {
    Text samples, events;
    Sample last; /* without its pointers */
} Seen;

static int see_sample(const Sample *sample, void *userdata)
{
    Seen *seen = userdata;

    text_add_n(&seen->samples, sample->raw, sample->raw_size);
    text_add_char(&seen->samples, '\n');
    for (size_t i = 0; i < sample->n_services; i++)
        text_addf(&seen->events, "%s is %s;", sample->services[i].name, sample->services[i].state);
    seen->last = *sample;
    return 0;
}

static int see_event(const SampleEvent *event, void *userdata)
{
    Seen *seen = userdata;

    text_addf(&seen->events, "%s of %s: %s;", event->event,
              event->service ? event->service : "host", event->reason ? event->reason : "-");
    return 0;
}

static void seen_done(Seen *seen)
{
    text_done(&seen->samples);
    text_done(&seen->events);
}

/* The post, read twice, as a retry does: what is seen is the same both times. */
static int read_text(const char *text, Post *post, Seen *seen, Fault *fault)
{
    char *body = strdup(text);
    const PostSink sink = {see_sample, see_event, seen};
    Seen first = {0};
    const PostSink sink_first = {see_sample, see_event, &first};

    assert_non_null(body);
    int r = post_open(body, strlen(body), post, fault);
    if (r == 0) {
        r = post_read(post, &sink_first, fault);
        assert_int_equal(post_read(post, &sink, fault), r);
        assert_int_equal(first.samples.size, seen->samples.size);
        if (first.samples.size > 0)
            assert_string_equal(first.samples.data, seen->samples.data);
    }
    seen_done(&first);
    free(body);
    return r;
}

static void refused(const char *text, const char *path, const char *found, const char *accepted)
{
    _cleanup_post_ Post post = {0};
    _cleanup_(seen_done) Seen seen = {0};
    Fault fault = {0};

    int r = read_text(text, &post, &seen, &fault);
    if (r != POST_INVALID || !streq(fault.path, path) || !strstr(fault.found, found) ||
        !strstr(fault.accepted, accepted))
        fail_msg("%s: %d, path %s, found %s, accepted %s", text, r, fault.path, fault.found,
                 fault.accepted);
}

#define TIME "\"timestamp\": \"2023-01-01T00:00:00Z\""

static void test_log_entry_is_kept_as_it_was_written(void **state)
{
    _cleanup_post_ Post post = {0};
    _cleanup_(seen_done) Seen seen = {0};
    Fault fault;

    assert_int_equal(
        read_text(" { " TIME ",\n \"sysinfo\" : {\"Memory\": {\"Total_Memory_MB\": 31874, "
                  "\"CPU_Usage_Percentage\": 16.40}, \"a \\\" b\" : [1e2, 0.00 , \" x \"]} }\n",
                  &post, &seen, &fault),
        0);
    assert_string_equal(seen.samples.data,
                        "{\"timestamp\":\"2023-01-01T00:00:00Z\",\"sysinfo\":{\"Memory\":{\"Total_"
                        "Memory_MB\":31874,"
                        "\"CPU_Usage_Percentage\":16.40},\"a \\\" b\":[1e2,0.00,\" x \"]}}\n");
    assert_int_equal(seen.last.time_usec, UINT64_C(1672531200000000));
    assert_true(seen.last.has_system);
    assert_near(seen.last.system.cpu_percent, 16.4, 1e-9);
    assert_near(seen.last.system.memory_total_mb, 31874, 0);
    assert_true(isnan(seen.last.system.memory_used_mb));
    assert_null(post.host);
    assert_true(post.is_entry);
}

static void test_containers_are_summed_by_class(void **state)
{
    _cleanup_post_ Post post = {0};
    _cleanup_(seen_done) Seen seen = {0};
    Fault fault;
    const char *text =
        "{" TIME ", \"sysinfo\": {\"Docker_Containers\": ["
        "{\"Cmdline\": \"stress --io 1 \", \"IOWriteOps\": 20830, \"CPUUsage_percent\": 1.5},"
        "{\"Cmdline\": \"stress --io 2\", \"IOWriteOps\": 10, \"CPUUsage_percent\": 2},"
        "{\"Cmdline\": \"stress --vm 2 --vm-bytes 256M\", \"MemoryUsage_percent\": 3.32},"
        "{\"Cmdline\": \"sleep\", \"Name\": \"stress_hdd_ab12cd34\", \"Write_KBytes\": 7, "
        "\"Read_KBytes\": 8},"
        "{\"Cmdline\": \"stress --io 1\", \"Class\": \"cpu\"},"
        "{\"Cmdline\": \"stress --io 1\", \"Class\": \"database\"},"
        "{\"Cmdline\": \"nginx -g --cpuset\"}]}}";

    assert_int_equal(read_text(text, &post, &seen, &fault), 0);
    const ClassValues *c = seen.last.classes;
    assert_int_equal(c[CLASS_IO].containers, 2);
    assert_near(c[CLASS_IO].io_write_ops, 20840, 0);
    assert_near(c[CLASS_IO].cpu_percent, 3.5, 1e-9);
    assert_int_equal(c[CLASS_RAM].containers, 1);
    assert_near(c[CLASS_RAM].memory_percent, 3.32, 1e-9);
    assert_int_equal(c[CLASS_DISK].containers, 1);
    assert_near(c[CLASS_DISK].disk_write_kb + c[CLASS_DISK].disk_read_kb, 15, 0);
    assert_int_equal(c[CLASS_CPU].containers, 1);
    assert_int_equal(c[CLASS_OTHER].containers, 2);
}

static void test_batch(void **state)
{
    _cleanup_post_ Post post = {0};
    _cleanup_(seen_done) Seen seen = {0};
    Fault fault;
    const char *text =
        "{\"samples\": [{" TIME ", \"sysinfo\": {}} , {" TIME
        ",\"services\":[{\"name\":\"web\",\"state\":"
        "\"healthy\",\"ready\":null,\"restarts\":2}]}], \"k\\u0065y\": \"a-1\", \"more\": [1, "
        "{\"x\": 2}],"
        "\"events\": [ {" TIME
        ", \"event\": \"failing\", \"service\": \"web\", \"reason\": \"503\"}, {" TIME
        ", \"event\": \"brake-on\"}], \"host\": \"web-1\"}";

    assert_int_equal(read_text(text, &post, &seen, &fault), 0);
    assert_string_equal(post.host, "web-1");
    assert_string_equal(post.key, "a-1");
    assert_string_equal(seen.samples.data,
                        "{\"timestamp\":\"2023-01-01T00:00:00Z\",\"sysinfo\":{}}\n"
                        "{\"timestamp\":\"2023-01-01T00:00:00Z\",\"services\":[{\"name\":\"web\","
                        "\"state\":\"healthy\","
                        "\"ready\":null,\"restarts\":2}]}\n");
    assert_string_equal(seen.events.data,
                        "web is healthy;failing of web: 503;brake-on of host: -;");
}

static void test_empty_batch(void **state)
{
    _cleanup_post_ Post post = {0};
    _cleanup_(seen_done) Seen seen = {0};
    Fault fault;

    assert_int_equal(
        read_text("{\"host\":\"a\",\"samples\":[ ],\"events\":[]}", &post, &seen, &fault), 0);
    assert_int_equal(seen.samples.size + seen.events.size, 0);
}

static void test_mistakes_have_their_place(void **state)
{
    refused("", "", "the end", "a log entry");
    refused("[]", "", "0x5B", "a log entry");
    refused("{", "", "the end", "a name");
    refused("{}", "", "0x7D", "a name");
    refused("{\"a\" 1}", "", "0x31", "a colon");
    refused("{\"a\": }", "", "0x7D", "a value");
    refused("{\"a\": 1 \"b\": 2}", "", "0x22", "a comma");
    refused("{" TIME ", \"sysinfo\": {}} x", "", "0x78", "nothing behind");
    refused("{" TIME "}", "/sysinfo", "nothing", "an object");
    refused("{\"sysinfo\": {}}", "/timestamp", "nothing", "RFC 3339");
    refused("{\"timestamp\": 5, \"sysinfo\": {}}", "/timestamp", "5", "RFC 3339");
    refused("{" TIME ", \"sysinfo\": []}", "/sysinfo", "an array", "an object");
    refused("{" TIME ", \"sysinfo\": {\"Memory\": {\"CPU_Usage_Percentage\": \"12\"}}}",
            "/sysinfo/Memory/CPU_Usage_Percentage", "the string \"12\"", "a number from 0");
    refused("{" TIME ", \"sysinfo\": {\"Memory\": {\"Used_Memory_MB\": -1}}}",
            "/sysinfo/Memory/Used_Memory_MB", "-1", "a number from 0");
    refused("{" TIME ", \"sysinfo\": {\"Docker_Containers\": [{}, {\"Cmdline\": 1}]}}",
            "/sysinfo/Docker_Containers/1/Cmdline", "1", "a string");
    refused("{" TIME ", \"sysinfo\": {\"Docker_Containers\": [7]}}", "/sysinfo/Docker_Containers/0",
            "7", "an object");
    refused("{" TIME ", \"sysinfo\": {\"a\": 1, \"a\": 2}}", "", "duplicate", "each name once");
    refused("{" TIME ", " TIME ", \"sysinfo\": {}}", "", "twice", "each name once");
    refused("{" TIME ", \"sysinfo\": {\"a\": tru}}", "", "tru", "JSON");
    refused("{" TIME ", \"sysinfo\": {\"a\": 1 2}}", "", "expected", "JSON");
    refused("{" TIME ", \"sysinfo\": {\"a\": 1e999}}", "", "overflow", "JSON");
    refused("{\"samples\": [], \"host\": \"h\", \"last\": 1}", "/last", "1", "true or false");
    refused("{\"samples\": []}", "/host", "nothing", "the name of the host");
    refused("{\"samples\": [], \"host\": \"\"}", "/host", "the string \"\"", "1 to 253 bytes");
    refused("{\"samples\": [], \"host\": \"a\\u0007\"}", "/host", "the string",
            "control characters");
    refused("{\"samples\": [], \"host\": \"a\\u0085\"}", "/host", "the string",
            "control characters");
    refused("{\"samples\": [], \"host\": \"a\", \"key\": \"\\u00e4\"}", "/key", "the string",
            "ASCII");
    refused("{\"samples\": {}, \"host\": \"a\"}", "/samples", "an object", "an array");
    refused("{\"samples\": [], \"host\": \"a\", " TIME "}", "", "both", "a log entry");
    refused("{\"host\": \"a\", \"samples\": [{" TIME ", \"sysinfo\": {}}, {" TIME "}]}",
            "/samples/1/sysinfo", "nothing", "an object");
    refused("{\"host\": \"a\", \"samples\": [,]}", "/samples/0", "no value", "a value");
    refused("{\"host\": \"a\", \"samples\": [{" TIME ",\"sysinfo\":{}},]}", "/samples/0",
            "no comma and value", "a comma");
    refused("{\"host\": \"a\", \"samples\": [{" TIME ",\"sysinfo\":{}}}}", "/samples", "no end",
            "an array");
    refused("{\"host\": \"a\", \"events\": [{" TIME ", \"event\": \"Not A Word\"}]}",
            "/events/0/event", "the string \"Not A Word\"", "a word");
    refused("{\"host\": \"a\", \"more\": [1 2]}", "", "expected", "JSON");
    refused("{\"host\": \"a\", \"samples\": [{" TIME ", \"services\": [{\"name\": \"w\"}]}]}",
            "/samples/0/services/0/state", "nothing", "a word");
}

static void test_fault_is_json_whatever_was_posted(void **state)
{
    _cleanup_text_ Text t = {0};
    Fault fault;
    json_t *parsed;

    (void)fault_text(&fault, "/\"<script>\x01", "\xff\xfe\"", "b");
    fault_add_json(&t, &fault);
    parsed = json_loads(t.data, 0, NULL);
    assert_non_null(parsed);
    assert_string_equal(json_string_value(json_object_get(parsed, "path")), "/\"<script>\x01");
    json_decref(parsed);
}

static void test_path_is_a_pointer(void **state)
{
    char path[16];

    fault_join(path, sizeof(path), "/a", "b/c~d");
    assert_string_equal(path, "/a/b~1c~0d");
    fault_join(path, sizeof(path), "/0123456789", "abcdefgh");
    assert_true(strlen(path) < sizeof(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_entry_is_kept_as_it_was_written),
        cmocka_unit_test(test_containers_are_summed_by_class),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_empty_batch),
        cmocka_unit_test(test_mistakes_have_their_place),
        cmocka_unit_test(test_fault_is_json_whatever_was_posted),
        cmocka_unit_test(test_path_is_a_pointer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
