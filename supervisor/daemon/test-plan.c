/* SPDX-License-Identifier: MIT */
/* What is kept of a plan: all that a check needs, its own copy of each text, in one piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/strv.h"
#include "spec/keys.h"
#include "spec/read.h"
#include "supervisor/daemon/plans.h"

static const char everything[] =
    "{\"name\": \"web\", \"type\": \"binary\", \"image\": \"/bin/true\", \"watchdog\": \"30s\","
    "\"restart\": {\"delay\": \"2s\", \"max\": \"1min\", \"reset\": \"5min\", \"burst\": 7},"
    "\"after\": [\"db\", \"cache\"], \"needs\": [\"db\"],"
    "\"onfailure\": {\"url\": \"http://localhost/x\", \"exec\": [\"/bin/tell\", \"me\"],"
    "  \"on\": [\"held\"]},"
    "\"healthcheck\": [{\"path\": \"/health\", \"port\": 80, \"headers\": {\"A\": \"b\"},"
    "  \"status\": [\"200\", \"204\"], \"body\": \"fine\"},"
    "  {\"exec\": [\"/bin/check\", \"\", \"x\"]}, {\"match\": \"a line\", \"age\": \"1min\"}],"
    "\"readiness\": [{\"socket\": \"/run/x.sock\"}, {\"file\": \"/run/beat\"}]}";

static Spec *read_spec(const char *text)
{
    _cleanup_diag_list_ DiagList diags = {0};
    Spec *spec = NULL;

    assert_int_equal(spec_read(text, strlen(text), "/etc/phoenix.d/web.json", &diags, &spec), 0);
    return spec;
}

static bool same_texts(const Key *key, const void *a, const void *b)
{
    char *const *x = key_field_const(key, a), *const *y = key_field_const(key, b);
    char **const *v = key_field_const(key, a), **const *w = key_field_const(key, b);

    if (key->kind == KEY_STRING)
        return !*x == !*y && (!*x || (*x != *y && streq(*x, *y)));
    if (key->kind == KEY_STRV || key->kind == KEY_ENV || key->kind == KEY_HEADERS)
        return !*v == !*w && (!*v || (*v != *w && strv_equal(*v, *w)));
    return true;
}

/* Each text is equal and another one; the rest is equal, byte by byte. */
static void assert_copied(const char *table, const void *from, const void *to)
{
    const KeyTable *keys = key_find(&spec_keys, table)->table;
    _cleanup_free_ char *a = malloc(keys->size), *b = malloc(keys->size);

    assert_true(a && b);
    memcpy(a, from, keys->size);
    memcpy(b, to, keys->size);
    for (size_t i = 0; i < keys->n; i++) {
        const Key *key = &keys->keys[i];
        if (!same_texts(key, from, to))
            fail_msg("%s.%s", table, key->name);
        if (key->kind == KEY_STRING || key->kind == KEY_STRV || key->kind == KEY_HEADERS)
            memset(key_field(key, a), 0, sizeof(char *)),
                memset(key_field(key, b), 0, sizeof(char *));
    }
    assert_memory_equal(a, b, keys->size);
}

static void test_keeps_all(void **state)
{
    _cleanup_spec_free_ Spec *spec = read_spec(everything);
    _cleanup_(plan_freep) Plan *plan = NULL;

    assert_int_equal(plan_new("web", 42, spec, &plan), 0);
    assert_string_equal(plan->name, "web");
    assert_true(plan->hash == 42);
    assert_int_equal(plan->type, SPEC_TYPE_BINARY);
    assert_true(plan->watchdog_usec == 30 * USEC_PER_SEC);
    assert_true(plan->restart.delay_usec == 2 * USEC_PER_SEC);
    assert_true(plan->restart.max_usec == USEC_PER_MINUTE);
    assert_true(plan->restart.reset_usec == 5 * USEC_PER_MINUTE);
    assert_int_equal(plan->restart.burst, 7);
    assert_true(strv_equal(plan->after, spec->after));
    assert_true(strv_equal(plan->needs, spec->needs));
    assert_copied("onfailure", &spec->onfailure, &plan->onfailure);
    assert_int_equal(plan->n_checks, 5);
    assert_int_equal(plan->n_liveness, 3);
    for (size_t i = 0; i < 3; i++)
        assert_copied("healthcheck", &spec->healthcheck.items[i], &plan->checks[i]);
    for (size_t i = 0; i < 2; i++)
        assert_copied("readiness", &spec->readiness.items[i], &plan->checks[3 + i]);
}

/* The spec is gone when the plan is used; a sanitizer or valgrind would see a text of it. */
static void test_outlives_the_spec(void **state)
{
    _cleanup_(plan_freep) Plan *plan = NULL;
    Spec *spec = read_spec(everything);

    assert_int_equal(plan_new("web", 42, spec, &plan), 0);
    spec_free(spec);
    assert_string_equal(plan->checks[0].path, "/health");
    assert_string_equal(plan->checks[0].headers[0], "A: b");
    assert_string_equal(plan->checks[1].exec[1], "");
    assert_string_equal(plan->checks[1].exec[2], "x");
    assert_null(plan->checks[1].exec[3]);
    assert_string_equal(plan->checks[4].file, "/run/beat");
    assert_string_equal(plan->onfailure.exec[1], "me");
}

static void test_little(void **state)
{
    _cleanup_spec_free_ Spec *spec =
        read_spec("{\"name\": \"web\", \"type\": \"binary\", \"image\": \"/bin/true\"}");
    _cleanup_(plan_freep) Plan *plan = NULL;

    assert_int_equal(plan_new("web", 42, spec, &plan), 0);
    assert_int_equal(plan->n_checks, 0);
    assert_true(plan->watchdog_usec == USEC_INFINITY);
    assert_null(plan->onfailure.url);
    assert_null(plan->demand);
    assert_null(plan_free(NULL));
}

static void test_demand(void **state)
{
    _cleanup_spec_free_ Spec *spec =
        read_spec("{\"name\": \"web\", \"type\": \"binary\", \"image\": \"/bin/true\","
                  "\"listen\": [\"8080\", \"/run/web.sock\"], \"activation\": \"native\","
                  "\"idle\": {\"after\": \"30s\", \"min\": \"2min\", \"action\": \"freeze\","
                  "\"stop\": \"1h\"},"
                  "\"healthcheck\": [{\"exec\": [\"/bin/check\"]}, {\"path\": \"/\"}],"
                  "\"readiness\": [{\"path\": \"/\", \"port\": 8080},"
                  "  {\"path\": \"/\", \"port\": 81}]}");
    _cleanup_(plan_freep) Plan *plan = NULL;

    assert_int_equal(plan_new("web", 42, spec, &plan), 0);
    spec = spec_free(spec);
    assert_non_null(plan->demand);
    assert_int_equal(strv_length(plan->demand->listen), 2);
    assert_string_equal(plan->demand->listen[0], "8080");
    assert_string_equal(plan->demand->listen[1], "/run/web.sock");
    assert_true(plan->demand->native && plan->demand->idle && plan->demand->freeze);
    assert_true(plan->demand->after_usec == 30 * USEC_PER_SEC);
    assert_true(plan->demand->stay_usec == 2 * USEC_PER_MINUTE);
    assert_true(plan->demand->stop_usec == USEC_PER_HOUR);
    /* Those that go to port 8080: the second one has it by default. */
    assert_int_equal(plan->demand->outside, 1 << 1 | 1 << 2);
}

/* Which checks go to where systemd listens, and not to another machine's port of that number. */
static void test_outside(void **state)
{
    _cleanup_spec_free_ Spec *spec = read_spec(
        "{\"name\": \"web\", \"type\": \"binary\", \"image\": \"/bin/true\","
        "\"listen\": [\"10.0.0.1:80\", \"[fd00::1]:80\", \"81\"], \"activation\": \"native\","
        "\"healthcheck\": [{\"type\": \"tcp\"}, {\"type\": \"tcp\", \"host\": \"10.0.0.2\"},"
        "{\"type\": \"tcp\", \"host\": \"db\", \"port\": 81},"
        "{\"type\": \"tcp\", \"host\": \"fd00::1\", \"port\": 80},"
        "{\"type\": \"tcp\", \"host\": \"127.0.0.1\", \"port\": 81},"
        "{\"type\": \"tcp\", \"port\": 82}]}");
    _cleanup_(plan_freep) Plan *plan = NULL;

    assert_int_equal(plan_new("web", 42, spec, &plan), 0);
    assert_int_equal(plan->n_checks, 6);
    assert_int_equal(plan->demand->outside, 1 << 0 | 1 << 3 | 1 << 4);
}

static void test_demand_without_idle(void **state)
{
    _cleanup_spec_free_ Spec *spec =
        read_spec("{\"name\": \"web\", \"type\": \"binary\", \"image\": \"/bin/true\","
                  "\"listen\": \"127.0.0.1:8080\"}");
    _cleanup_(plan_freep) Plan *plan = NULL;

    assert_int_equal(plan_new("web", 42, spec, &plan), 0);
    assert_string_equal(plan->demand->listen[0], "127.0.0.1:8080");
    assert_null(plan->demand->listen[1]);
    assert_false(plan->demand->native || plan->demand->idle || plan->demand->freeze);
    /* The check that follows from the proxy is of the port behind it. */
    assert_int_equal(plan->n_checks, 1);
    assert_int_equal(plan->demand->outside, 0);
}

static void test_oneshot_is_not_checked(void **state)
{
    _cleanup_spec_free_ Spec *spec = read_spec(everything);
    _cleanup_(plan_freep) Plan *plan = NULL;

    spec->duration = SPEC_DURATION_ONESHOT;
    assert_int_equal(plan_new("web", 42, spec, &plan), 0);
    assert_int_equal(plan->n_checks, 0);
    assert_int_equal(plan->n_liveness, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_all),
        cmocka_unit_test(test_outlives_the_spec),
        cmocka_unit_test(test_little),
        cmocka_unit_test(test_demand),
        cmocka_unit_test(test_outside),
        cmocka_unit_test(test_demand_without_idle),
        cmocka_unit_test(test_oneshot_is_not_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
