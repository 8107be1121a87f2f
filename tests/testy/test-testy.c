/* SPDX-License-Identifier: MIT */

/* The pure parts of phoenix-testy. What it does as a process is in test-testy.py. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "answer.h"
#include "command.h"
#include "notify.h"
#include "options.h"
#include "request.h"
#include "util.h"

static void test_numbers(void **state)
{
    uint64_t value = 7;

    assert_int_equal(parse_number("0", 9, &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(parse_number("65535", 65535, &value), 0);
    assert_int_equal(parse_number("65536", 65535, &value), -ERANGE);
    assert_int_equal(parse_number("99999999999999999999999", UINT64_MAX, &value), -ERANGE);
    assert_int_equal(parse_number("", 9, &value), -EINVAL);
    assert_int_equal(parse_number("-1", 9, &value), -EINVAL);
    assert_int_equal(parse_number("1 ", 9, &value), -EINVAL);
    assert_int_equal(value, 65535);

    assert_int_equal(parse_span("250ms", &value), 0);
    assert_int_equal(value, 250000);
    assert_int_equal(parse_span("1min 30", &value), 0);
    assert_int_equal(value, 90 * USEC_PER_SEC);
    assert_int_equal(parse_span("2 parsecs", &value), -EINVAL);
    assert_int_equal(parse_span("2d", &value), -EINVAL);
    assert_int_equal(parse_span("25h", &value), -ERANGE);
}

static char *quoted(void (*print)(FILE *, const char *), const char *text)
{
    char *result = NULL;
    size_t size;

    FILE *f = open_memstream(&result, &size);
    assert_non_null(f);
    print(f, text);
    assert_int_equal(fclose(f), 0);
    return result;
}

static void test_quoting(void **state)
{
    static const struct {
        void (*print)(FILE *, const char *);
        const char *text, *expected;
    } cases[] = {
        {print_c_quoted, "", "\"\""},
        {print_c_quoted, "a b%$;", "\"a b%$;\""},
        {print_c_quoted, "\"\\\n\t\r\a\b\v\f", "\"\\\"\\\\\\n\\t\\r\\a\\b\\v\\f\""},
        {print_c_quoted,
         "\x01"
         "1\x7f\xc3\xa4",
         "\"\\0011\\177\\303\\244\""},
        {print_json_string, "\"\\\n\xff", "\"\\\"\\\\\\u000a\\u00ff\""},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        char *text = quoted(cases[i].print, cases[i].text);
        assert_string_equal(text, cases[i].expected);
        free(text);
    }
}

static void test_commands(void **state)
{
    struct command command = {.kind = COMMAND_SPAM, .value = 1};

    assert_int_equal(command_parse("exit", "3", &command), 0);
    assert_int_equal(command.kind, COMMAND_EXIT);
    assert_int_equal(command.value, 3);
    assert_int_equal(command_parse("hang", "", &command), 0);
    assert_int_equal(command.kind, COMMAND_HANG);
    assert_int_equal(command_parse("exit", NULL, &command), -EINVAL);
    assert_int_equal(command_parse("exit", "256", &command), -ERANGE);
    assert_int_equal(command_parse("hang", "1", &command), -EINVAL);
    assert_int_equal(command_parse("hank", NULL, &command), -ENOENT);
    assert_int_equal(command_parse("", NULL, &command), -ENOENT);
    assert_int_equal(command.kind, COMMAND_HANG);

    assert_int_equal(command_parse_line("", &command), 0);
    assert_int_equal(command.kind, COMMAND_HANG);
    assert_int_equal(command_parse_line(" \n", &command), 0);
    assert_int_equal(command_parse_line("  leak \t 20 \n", &command), 0);
    assert_int_equal(command.kind, COMMAND_LEAK);
    assert_int_equal(command.value, 20);
    assert_int_equal(command_parse_line("exit 3 4\n", &command), -EINVAL);
    assert_int_equal(command_parse_line("crash\nhang\n", &command), -EINVAL);
    assert_int_equal(
        command_parse_line("a234567890123456789012345678901234567890123456789012345678901234567890",
                           &command),
        -ENOENT);
}

static int parse(const char *text, struct request *ret)
{
    return request_parse(text, strlen(text), ret);
}

static void test_requests(void **state)
{
    struct request request;
    char line[REQUEST_PATH_MAX + 64];

    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: x\r\n\r\n", &request), 1);
    assert_string_equal(request.path, "/");
    assert_string_equal(request.query, "");
    assert_false(request.is_head);
    assert_int_equal(parse("HEAD /a%20b?c%3dd HTTP/1.0\n\n", &request), 1);
    assert_true(request.is_head);
    assert_string_equal(request.path, "/a b");
    assert_string_equal(request.query, "c=d");
    assert_int_equal(parse("POST /control/exit?3 HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", &request),
                     1);

    assert_int_equal(parse("", &request), 0);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: x\r\n", &request), 0);
    assert_int_equal(parse("DELETE / HTTP/1.1\r\n\r\n", &request), -EOPNOTSUPP);
    assert_int_equal(parse("GE / HTTP/1.1\r\n\r\n", &request), -EOPNOTSUPP);
    assert_int_equal(parse("GET /\r\n\r\n", &request), -EINVAL);
    assert_int_equal(parse("GET / HTTP/2.0\r\n\r\n", &request), -EINVAL);
    assert_int_equal(parse("GET / HTTP/1.1 \r\n\r\n", &request), -EINVAL);
    assert_int_equal(parse("GET  HTTP/1.1\r\n\r\n", &request), -EINVAL);
    assert_int_equal(parse("GET x HTTP/1.1\r\n\r\n", &request), -EINVAL);
    assert_int_equal(parse("GET /%00 HTTP/1.1\r\n\r\n", &request), -EINVAL);
    assert_int_equal(parse("GET /%4 HTTP/1.1\r\n\r\n", &request), -EINVAL);
    assert_int_equal(parse("GET /%zz HTTP/1.1\r\n\r\n", &request), -EINVAL);
    assert_int_equal(parse("\r\n\r\n", &request), -EINVAL);
    assert_int_equal(parse("\n\n", &request), -EINVAL);
    assert_int_equal(request_parse("GET / HTTP/1.1\0\r\n\r\n", 19, &request), -EINVAL);

    memset(line, 'a', sizeof(line));
    memcpy(line, "GET /", 5);
    strcpy(line + REQUEST_PATH_MAX + 20, " HTTP/1.1\r\n\r\n");
    assert_int_equal(parse(line, &request), -ENAMETOOLONG);
}

static void test_answers(void **state)
{
    struct facts facts = {.name = "we\"b", .start_usec = 0};
    struct answer answer;
    size_t length;

    assert_int_equal(answer_request(&facts, &(struct request){.path = "/status"}, 1500000, &answer),
                     0);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "{\"name\": \"we\\\"b\""));
    assert_non_null(strstr(answer.body, "\"uptime_usec\": 1500000"));
    free(answer.body);

    assert_int_equal(
        answer_request(&facts, &(struct request){.path = "/control/unhealthy"}, 0, &answer), 0);
    assert_false(answer.has_after);
    assert_true(facts.faults.unhealthy);
    free(answer.body);
    assert_int_equal(answer_request(&facts, &(struct request){.path = "/health"}, 0, &answer), 0);
    assert_int_equal(answer.status, 503);
    char *response = answer_to_response(&answer, true, &length);
    assert_non_null(strstr(response, "Content-Length: 10\r\nConnection: close\r\n\r\n"));
    assert_int_equal(strlen(response), length);
    assert_null(strstr(response, "unhealthy"));
    free(response);
    free(answer.body);

    assert_int_equal(answer_request(&facts,
                                    &(struct request){.path = "/control/exit", .query = "9"}, 0,
                                    &answer),
                     0);
    assert_true(answer.has_after);
    assert_int_equal(answer.after.value, 9);
    free(answer.body);
    assert_int_equal(answer_request(&facts, &(struct request){.path = "/control/exit"}, 0, &answer),
                     0);
    assert_int_equal(answer.status, 400);
    assert_false(answer.has_after);
    free(answer.body);
    assert_int_equal(facts.requests, 5);
}

static void test_notify(void **state)
{
    struct notify notify;
    char pid[16], path[200];

    assert_int_equal(notify_open(&notify, NULL), 0);
    assert_int_equal(notify_send(&notify, "READY=1"), 0);
    assert_int_equal(notify_open(&notify, "relative"), -EINVAL);
    assert_int_equal(notify_open(&notify, "vsock:2:1"), -EINVAL);
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(notify_open(&notify, path), -ENAMETOOLONG);
    assert_int_equal(notify_open(&notify, "@phoenix-test-nobody-here"), 0);
    assert_int_equal(notify_send(&notify, "READY=1"), -ECONNREFUSED);
    notify_close(&notify);

    snprintf(pid, sizeof(pid), "%d", getpid());
    assert_int_equal(notify_watchdog_usec("5000000", NULL), 5000000);
    assert_int_equal(notify_watchdog_usec("5000000", pid), 5000000);
    assert_int_equal(notify_watchdog_usec("5000000", "1"), 0);
    assert_int_equal(notify_watchdog_usec("5s", NULL), 0);
    assert_int_equal(notify_watchdog_usec(NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_commands), cmocka_unit_test(test_requests),
        cmocka_unit_test(test_answers),  cmocka_unit_test(test_notify),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
