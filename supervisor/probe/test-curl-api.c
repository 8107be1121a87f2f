/* SPDX-License-Identifier: MIT */
/* libcurl loaded at run time, and what checks say without it. */
#include "test-fixture.h"

#include <errno.h>

#include "supervisor/probe/curl-api.h"

#define MISSING "libno-such-thing.so.4"

static void test_load(void **state)
{
    CurlApi api = {0};
    char *why = NULL;

    assert_int_equal(curl_api_load(&api, CURL_SONAME, &why), 0);
    assert_null(why);
    assert_non_null(api.library);
    CURL *easy = api.easy_init();
    assert_non_null(easy);
    assert_int_equal(api.easy_setopt(easy, CURLOPT_URL, "http://localhost/"), CURLE_OK);
    api.easy_cleanup(easy);
    curl_api_unload(&api);
    assert_null(api.library);
    assert_null(api.easy_init);
    curl_api_unload(&api);
}

static void test_missing(void **state)
{
    CurlApi api = {0};
    char *why = NULL;

    assert_int_equal(curl_api_load(&api, MISSING, &why), -ELIBACC);
    assert_null(api.library);
    assert_string_equal(why, MISSING " cannot be loaded: cannot open shared object file: "
                                     "No such file or directory");
    free(why);
}

/* A library of that name that is something else. */
static void test_wrong_library(void **state)
{
    CurlApi api = {0};
    char *why = NULL;

    assert_int_equal(curl_api_load(&api, "libc.so.6", &why), -ELIBACC);
    assert_null(api.library);
    assert_null(api.easy_init);
    assert_non_null(strstr(why, "libc.so.6 cannot be loaded: "));
    assert_non_null(strstr(why, "undefined symbol: curl_"));
    free(why);
}

static void without_library(Fixture *f)
{
    curl_loop_free(f->context.curl);
    assert_int_equal(curl_loop_new_with(f->context.event, MISSING, &f->context.curl), 0);
    assert_null(curl_loop_missing(f->context.curl));
}

static void test_loop(void **state)
{
    Fixture *f = *state;
    const CurlApi *api = NULL;
    CURL *easy = NULL;

    assert_int_equal(curl_loop_api(f->context.curl, &api), 0);
    assert_null(curl_loop_missing(f->context.curl));
    without_library(f);
    api = NULL;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(curl_loop_take(f->context.curl, &easy), -ELIBACC);
        assert_null(easy);
        assert_non_null(strstr(curl_loop_missing(f->context.curl), MISSING));
    }
    curl_loop_give(f->context.curl, NULL);
    assert_int_equal(curl_loop_api(f->context.curl, &api), -ELIBACC);
    assert_null(api);
}

static void assert_not_checked(Fixture *f, const SpecProbe *spec)
{
    check_once(f, spec);
    assert_int_equal(f->result.outcome, PROBE_VOID);
    assert_non_null(strstr(f->result.reason, ": not checked: " MISSING " cannot be loaded: "));
}

/* What needs it is not checked, and says so; the rest goes on. */
static void test_checks(void **state)
{
    static const int types[] = {SPEC_PROBE_HTTP, SPEC_PROBE_TCP, SPEC_PROBE_HTTPS, SPEC_PROBE_GRPC};
    Fixture *f = *state;

    without_library(f);
    for (size_t i = 0; i < ELEMENTSOF(types); i++) {
        SpecProbe spec = spec_of(types[i], "http");

        spec.path = (char *)"/ok";
        if (i >= 2) {
            assert_not_checked(f, &spec);
            continue;
        }
        check_once(f, &spec);
        assert_int_equal(f->result.outcome, PROBE_PASS);
        spec.host = (char *)"some-host.invalid";
        assert_not_checked(f, &spec);
    }
    SpecProbe spec = spec_of(SPEC_PROBE_HTTP, "http");
    spec.path = (char *)"/to-ok";
    check_once(f, &spec);
    assert_result(f, PROBE_FAIL, "GET /to-ok: 302 Found");
    spec.redirects = 1;
    assert_not_checked(f, &spec);
}

/* A burst of transfers leaves no more handles behind than are kept. */
static void test_handles(void **state)
{
    Fixture *f = *state;
    CURL *first[8], *again[8];
    size_t n_same = 0;

    for (size_t i = 0; i < ELEMENTSOF(first); i++)
        assert_int_equal(curl_loop_take(f->context.curl, &first[i]), 0);
    for (size_t i = 0; i < ELEMENTSOF(first); i++)
        curl_loop_give(f->context.curl, first[i]);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(curl_loop_take(f->context.curl, &again[i]), 0);
    for (size_t i = 0; i < ELEMENTSOF(first); i++)
        n_same += first[i] == again[0] || first[i] == again[1];
    assert_int_equal(n_same, 2);
    for (size_t i = 0; i < 2; i++)
        curl_loop_give(f->context.curl, again[i]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_wrong_library),
        TEST(test_loop),
        TEST(test_checks),
        TEST(test_handles),
    };

    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
