/* SPDX-License-Identifier: MIT */

/* Tests of the position index. The random part builds a JSON text and writes down, while doing so,
 * where each value and key stands; jansson is the judge of what is JSON and what is a duplicate. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "base/macros.h"
#include "base/text.h"
#include "spec/position.h"

static const char sample[] = "{\n"                                           /* line 1 */
                             "  \"name\": \"web\",\n"                        /* 2 */
                             "  \"restart\": {\"delay\" : \"5 parsecs\"},\n" /* 3 */
                             "\t\"healthcheck\": [ {\"path\": \"/\"},\n"     /* 4 */
                             "    17, [], [1, [2,3]] ],\r\n"                 /* 5 */
                             "  \"env\": {\"a.b\": 1, \"\": 2, \"x[0]\": 3, \"q\\\"\": 4,\n" /* 6 */
                             "    \"h\xC3\xA9\": \"\xF0\x9F\x90\xA6\", \"\\u0068\": 5, "     /* 7 */
                             "\"\\ud83d\\udc26\": 6, \"a\\/b\": 7},\n"
                             "  \"last\": null\n" /* 8 */
                             "}\n";

static void test_find(void **state)
{
    static const struct {
        const char *path;
        unsigned line, column, key_line, key_column;
    } cases[] = {
        {"", 1, 1, 1, 1},
        {"name", 2, 11, 2, 3},
        {"[\"name\"]", 2, 11, 2, 3},
        {"restart", 3, 14, 3, 3},
        {"restart.delay", 3, 25, 3, 15},
        {"restart[\"delay\"]", 3, 25, 3, 15},
        {"healthcheck", 4, 17, 4, 2},
        {"healthcheck[0]", 4, 19, 4, 19},
        {"healthcheck[0].path", 4, 28, 4, 20},
        {"healthcheck[1]", 5, 5, 5, 5},
        {"healthcheck[2]", 5, 9, 5, 9},
        {"healthcheck[3][1][0]", 5, 18, 5, 18},
        {"env[\"a.b\"]", 6, 18, 6, 11},
        {"env[\"\"]", 6, 25, 6, 21},
        {"env[\"x[0]\"]", 6, 36, 6, 28},
        {"env[\"q\\\"\"]", 6, 46, 6, 39},
        {"env.h\xC3\xA9", 7, 11, 7, 5},
        {"env.h", 7, 26, 7, 16},
        {"env.\xF0\x9F\x90\xA6", 7, 45, 7, 29},
        {"env.a/b", 7, 56, 7, 48},
        {"last", 8, 11, 8, 3},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        Position value = {0}, key = {0};

        assert_int_equal(position_find(sample, strlen(sample), cases[i].path, false, &value), 0);
        assert_int_equal(position_find(sample, strlen(sample), cases[i].path, true, &key), 0);
        if (value.line != cases[i].line || value.column != cases[i].column ||
            key.line != cases[i].key_line || key.column != cases[i].key_column)
            fail_msg("%s: value %u:%u, key %u:%u", cases[i].path, value.line, value.column,
                     key.line, key.column);
    }
}

static void test_not_found(void **state)
{
    static const struct {
        const char *path;
        int error;
    } cases[] = {
        {"nam", -ENOENT},
        {"names", -ENOENT},
        {"name.x", -ENOENT},
        {"name[0]", -ENOENT},
        {"healthcheck.path", -ENOENT},
        {"healthcheck[4]", -ENOENT},
        {"healthcheck[2][0]", -ENOENT},
        {"healthcheck[99999999999999999999999]", -ENOENT},
        {"env.a", -ENOENT},
        {"[0]", -ENOENT},
        {".", -EINVAL},
        {".name", -EINVAL},
        {"restart.", -EINVAL},
        {"restart..delay", -EINVAL},
        {"env[", -EINVAL},
        {"env[]", -EINVAL},
        {"env[x]", -EINVAL},
        {"healthcheck[0", -EINVAL},
        {"healthcheck[0]path", -EINVAL},
        {"env[\"a.b]", -EINVAL},
        {"env[\"a.b\"", -EINVAL},
        {"env[\"\\x\"]", -EINVAL},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        Position p = {7, 7};
        int r = position_find(sample, strlen(sample), cases[i].path, false, &p);

        if (r != cases[i].error || p.line != 7 || p.column != 7)
            fail_msg("%s: %d, not %d", cases[i].path, r, cases[i].error);
    }
}

static void test_broken_text(void **state)
{
    static const struct {
        const char *text;
        int value, key; /* results for the path "b" */
    } cases[] = {
        {"", -ENOENT, -ENOENT},
        {"null", -ENOENT, -ENOENT},
        {"[1]", -ENOENT, -ENOENT},
        {"{", -EBADMSG, -EBADMSG},
        {"{\"a", -EBADMSG, -EBADMSG},
        {"{\"a\"", -EBADMSG, -EBADMSG},
        {"{\"a\":", -EBADMSG, -EBADMSG},
        {"{\"a\":1", -EBADMSG, -EBADMSG},
        {"{\"a\":[1", -EBADMSG, -EBADMSG},
        {"{\"a\":\"\\\"", -EBADMSG, -EBADMSG},
        {"{\"a\":\"\\", -EBADMSG, -EBADMSG},
        {"{a:1}", -EBADMSG, -EBADMSG},
        {"{\"\\ud800\":1,\"b\":2}", -EBADMSG, -EBADMSG},
        {"{\"a\":1,\"b\":", -EBADMSG, 0},
        {"{\"a\":1,\"b\":}", -EBADMSG, 0},
        {"{\"a\":1,\"b\":2", 0, 0},
        {"{\"a\":[{]},\"b\":2 and nonsense", 0, 0},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        size_t n = strlen(cases[i].text);
        Position p;
        int value = position_find(cases[i].text, n, "b", false, &p);
        int key = position_find(cases[i].text, n, "b", true, &p);

        if (value != cases[i].value || key != cases[i].key)
            fail_msg("%s: %d, %d", cases[i].text, value, key);
    }
}

static void test_offsets(void **state)
{
    static const char text[] = "a\n\xC3\xA9x\n\n";
    static const Position expected[] = {
        {1, 1}, {1, 2}, {2, 1}, {2, 2}, {2, 2}, {2, 3}, {3, 1}, {4, 1}, {4, 1},
    };

    for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
        Position p;

        position_of_offset(text, strlen(text), i, &p);
        assert_int_equal(p.line, expected[i].line);
        assert_int_equal(p.column, expected[i].column);
    }
}

static void test_paths(void **state)
{
    static const struct {
        const char *key, *expected;
    } cases[] = {
        {"plain", "top.plain"},         {"a b", "top.a b"},        {"", "top[\"\"]"},
        {"a.b", "top[\"a.b\"]"},        {"a[0]", "top[\"a[0]\"]"}, {"a\"b", "top[\"a\\\"b\"]"},
        {"a\\b", "top[\"a\\\\b\"]"},    {"a'b", "top[\"a'b\"]"},   {"a\nb", "top[\"a\\nb\"]"},
        {"h\xC3\xA9", "top.h\xC3\xA9"},
    };
    _cleanup_text_ Text first = {0};

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_text_ Text path = {0};

        assert_int_equal(path_add_key(&path, "top"), 0);
        assert_int_equal(path_add_key(&path, cases[i].key), 0);
        assert_string_equal(path.data, cases[i].expected);
    }
    path_add_index(&first, 3);
    path_add_key(&first, "k");
    path_add_index(&first, 0);
    path_add_index(&first, 12);
    assert_string_equal(first.data, "[3].k[0][12]");
}

static void test_duplicates(void **state)
{
    static const struct {
        const char *text;
        int result;
        const char *path;
        unsigned first, second; /* columns */
    } cases[] = {
        {"{}", 0, NULL, 0, 0},
        {" 1 ", 0, NULL, 0, 0},
        {"[{\"a\":1},{\"a\":1}]", 0, NULL, 0, 0},
        {"{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}", 0, NULL, 0, 0},
        {"{\"a\":1,\"b\":2,\"a\":3}", 1, "a", 2, 14},
        {"{\"a\":1,\"\\u0061\":2}", 1, "a", 2, 8},
        {"{\"\":1,\"\":2}", 1, "[\"\"]", 2, 7},
        {"{\"a\":1,\"a\":2,\"a\":3}", 1, "a", 2, 8},
        {"{\"b\":1,\"a\":1,\"b\":2,\"a\":2}", 1, "b", 2, 14},
        {"{\"a\":1,\"x\":[0,{\"k.l\":{\"z\":1,\"z\":2}}],\"a\":2}", 1, "x[1][\"k.l\"].z", 23, 29},
        {"[[],[[{\"b\":0,\"a\":{},\"b\":[]}]]]", 1, "[1][0][0].b", 8, 21},
        {"", -EBADMSG, NULL, 0, 0},
        {"{", -EBADMSG, NULL, 0, 0},
        {"{\"a\":1,}", -EBADMSG, NULL, 0, 0},
        {"{\"a\":1]", -EBADMSG, NULL, 0, 0},
        {"[1 2]", -EBADMSG, NULL, 0, 0},
        {"[1],", -EBADMSG, NULL, 0, 0},
        {"{} {}", -EBADMSG, NULL, 0, 0},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *path = NULL;
        Position first = {0}, second = {0};
        int r;

        r = position_find_duplicate(cases[i].text, strlen(cases[i].text), &path, &first, &second);
        if (r != cases[i].result || first.column != cases[i].first ||
            second.column != cases[i].second)
            fail_msg("%s: %d, %u, %u", cases[i].text, r, first.column, second.column);
        if (cases[i].path)
            assert_string_equal(path, cases[i].path);
        else
            assert_null(path);
        assert_int_equal(
            position_find_duplicate(cases[i].text, strlen(cases[i].text), NULL, NULL, NULL), r);
    }
}

static void test_deep_text(void **state)
{
    _cleanup_text_ Text t = {0};
    Position p;

    text_add(&t, "{\"a\":");
    for (unsigned i = 0; i < 1000000; i++)
        text_add_char(&t, '[');
    for (unsigned i = 0; i < 1000000; i++)
        text_add_char(&t, ']');
    text_add(&t, ",\"b\":1}");
    assert_int_equal(position_find(t.data, t.size, "b", false, &p), 0);
    assert_int_equal(p.column, 2000011);
    assert_int_equal(position_find_duplicate(t.data, t.size, NULL, NULL, NULL), -EBADMSG);
}

/* Three hundred thousand keys in one object, and the last one is the first one again. */
static void test_wide_text(void **state)
{
    _cleanup_text_ Text t = {0};
    _cleanup_free_ char *path = NULL;
    Position first, second;

    text_add(&t, "{");
    for (unsigned i = 0; i < 300000; i++)
        text_addf(&t, "\"key%u\":%u,\n", i, i);
    assert_int_equal(text_add(&t, "\"z\":0}"), 0);
    assert_int_equal(position_find_duplicate(t.data, t.size, &path, NULL, NULL), 0);
    t.data[t.size - 1] = ',';
    assert_int_equal(text_add(&t, "\"key0\":1}"), 0);
    assert_int_equal(position_find_duplicate(t.data, t.size, &path, &first, &second), 1);
    assert_string_equal(path, "key0");
    assert_int_equal(first.line, 1);
    assert_int_equal(second.line, 300001);
}

/* A fixed sequence of numbers (Knuth's MMIX generator), so that a failure can be had again. */
static unsigned next_random(uint64_t *seed, unsigned below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((*seed >> 33) % below);
}

typedef struct Place {
    char *path;
    size_t value, key; /* offsets */
} Place;

/* A JSON text in the making, and where everything in it is. */
typedef struct Document {
    Text text;
    uint64_t seed;
    Place places[4096];
    size_t n;
} Document;

static void document_done(Document *d)
{
    for (size_t i = 0; i < d->n; i++)
        free(d->places[i].path);
    text_done(&d->text);
}

static void add_blanks(Document *d)
{
    static const char *const blanks[] = {"", "", "", " ", "\n", "\t ", "\r\n"};

    text_add(&d->text, blanks[next_random(&d->seed, ELEMENTSOF(blanks))]);
}

static void add_value(Document *d, const Text *path, size_t key, unsigned depth);

static void add_member(Document *d, const Text *path, unsigned i, unsigned depth)
{
    static const char *const keys[] = {
        "a", "b.c", "", "x[1]", "\xC3\xA9", "q\"'\\", "\n", "\xF0\x9F\x90\xA6", " ", "[", "\x7F",
    };
    _cleanup_text_ Text sub = {0}, key = {0};
    size_t at = d->text.size;

    /* The number keeps keys apart. */
    text_addf(&key, "%s%u", keys[next_random(&d->seed, ELEMENTSOF(keys))], i);
    if (i == 0)
        text_truncate(&key, key.size - 1);
    text_add_json_string(&d->text, key.data, key.size);
    add_blanks(d);
    text_add_char(&d->text, ':');
    add_blanks(d);
    text_add_n(&sub, path->data, path->size);
    path_add_key(&sub, key.data);
    add_value(d, &sub, at, depth);
}

static void add_container(Document *d, const Text *path, unsigned depth)
{
    bool object = next_random(&d->seed, 2);
    unsigned n = next_random(&d->seed, 5);

    text_add_char(&d->text, object ? '{' : '[');
    for (unsigned i = 0; i < n; i++) {
        _cleanup_text_ Text sub = {0};

        if (i > 0)
            text_add_char(&d->text, ',');
        add_blanks(d);
        if (object)
            add_member(d, path, i, depth);
        else {
            text_add_n(&sub, path->data, path->size);
            path_add_index(&sub, i);
            add_value(d, &sub, d->text.size, depth);
        }
        add_blanks(d);
    }
    text_add_char(&d->text, object ? '}' : ']');
}

static void add_value(Document *d, const Text *path, size_t key, unsigned depth)
{
    static const char *const scalars[] = {
        "1", "-2.5e3", "true", "null", "\"\"", "\"]}{[,:\"", "\"\\\"\\\\\"", "\"\xE2\x82\xAC\\n\"",
    };

    if (d->n < ELEMENTSOF(d->places))
        d->places[d->n++] =
            (Place){text_printf("%s", path->size > 0 ? path->data : ""), d->text.size, key};
    if (depth > 0 && next_random(&d->seed, 3) > 0)
        add_container(d, path, depth - 1);
    else
        text_add(&d->text, scalars[next_random(&d->seed, ELEMENTSOF(scalars))]);
}

static bool same_position(const Position *a, const Position *b)
{
    return a->line == b->line && a->column == b->column;
}

static void test_random_documents(void **state)
{
    size_t places = 0;

    for (unsigned i = 0; i < 300; i++) {
        _cleanup_(document_done) Document d = {.seed = i};
        Text top = {0};
        json_t *json;

        add_blanks(&d);
        add_value(&d, &top, d.text.size, 6);
        add_blanks(&d);
        json = json_loadb(d.text.data, d.text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
        assert_non_null(json);
        json_decref(json);
        assert_int_equal(position_find_duplicate(d.text.data, d.text.size, NULL, NULL, NULL), 0);

        for (size_t k = 0; k < d.n; k++) {
            Position expected, found = {0};

            position_of_offset(d.text.data, d.text.size, d.places[k].value, &expected);
            assert_int_equal(
                position_find(d.text.data, d.text.size, d.places[k].path, false, &found), 0);
            assert_true(same_position(&expected, &found));
            position_of_offset(d.text.data, d.text.size, d.places[k].key, &expected);
            assert_int_equal(
                position_find(d.text.data, d.text.size, d.places[k].path, true, &found), 0);
            assert_true(same_position(&expected, &found));
        }
        places += d.n;
    }
    assert_in_range(places, 1000, 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_broken_text),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_deep_text),
        cmocka_unit_test(test_wide_text),
        cmocka_unit_test(test_random_documents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
