/* SPDX-License-Identifier: MIT */
/* What an http check sends, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/probe/http-request.h"

#define AGENT     "User-Agent: phoenix-probe/" PHOENIX_VERSION "\r\n"
#define ACCEPT    "Accept: */*\r\n"
#define OWN_AGENT "User-Agent: mine\r\n"

static void assert_request(const SpecProbe *spec, const char *expected)
{
    _cleanup_free_ char *request = NULL;

    assert_int_equal(http_request(spec, &request), 0);
    assert_string_equal(request, expected);
}

static void test_plain(void **state)
{
    SpecProbe spec = {.port = 8080};

    assert_request(&spec, "GET / HTTP/1.1\r\nHost: localhost:8080\r\n" AGENT ACCEPT "\r\n");
    spec.path = (char *)"/health?deep=1#part";
    spec.port = 80;
    assert_request(&spec, "GET /health?deep=1 HTTP/1.1\r\nHost: localhost\r\n" AGENT ACCEPT "\r\n");
    spec.method = (char *)"HEAD";
    spec.path = (char *)"/";
    spec.host = (char *)"fd00::7";
    assert_request(&spec, "HEAD / HTTP/1.1\r\nHost: [fd00::7]\r\n" AGENT ACCEPT "\r\n");
    spec.host = (char *)"[::1]";
    spec.port = 443;
    assert_request(&spec, "HEAD / HTTP/1.1\r\nHost: [::1]:443\r\n" AGENT ACCEPT "\r\n");
}

static void test_methods_with_body(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH"};
    char length[] = "Content-length: 0", type[] = "Content-Type: text/plain",
         *headers[] = {length, type, NULL};

    for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
        SpecProbe spec = {.port = 80, .method = (char *)methods[i]};
        char expected[512];

        snprintf(expected, sizeof(expected),
                 "%s / HTTP/1.1\r\nHost: localhost\r\n" AGENT ACCEPT "Content-Length: 0\r\n"
                 "Content-Type: application/x-www-form-urlencoded\r\n\r\n",
                 methods[i]);
        assert_request(&spec, expected);
        spec.headers = headers;
        snprintf(expected, sizeof(expected),
                 "%s / HTTP/1.1\r\nHost: localhost\r\n" AGENT ACCEPT "Content-length: 0\r\n"
                 "Content-Type: text/plain\r\n\r\n",
                 methods[i]);
        assert_request(&spec, expected);
    }
    SpecProbe spec = {.port = 80, .method = (char *)"DELETE"};
    assert_request(&spec, "DELETE / HTTP/1.1\r\nHost: localhost\r\n" AGENT ACCEPT "\r\n");
}

static void test_own_headers(void **state)
{
    char host[] = "host: web.example", agent[] = "User-Agent: mine", accept[] = "Accept: \t",
         hosts[] = "Hosts: all", *headers[] = {host, agent, accept, hosts, NULL};
    SpecProbe spec = {.port = 8080, .headers = headers};

    assert_request(&spec, "GET / HTTP/1.1\r\nhost: web.example\r\n" OWN_AGENT "Hosts: all\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_methods_with_body),
        cmocka_unit_test(test_own_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
