/* SPDX-License-Identifier: MIT */
/* Texts of results: clean, of one line, and not too long. And whose a journal line is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "supervisor/probe/http-answer.h"
#include "supervisor/probe/log-line.h"
#include "supervisor/probe/reason.h"

static void expect_clean(size_t size, const char *text, const char *clean)
{
    char buffer[64];

    memset(buffer, 'Z', sizeof(buffer));
    reason_clean(buffer, size, text, strlen(text));
    assert_string_equal(buffer, clean);
    assert_true(utf8_valid(buffer, strlen(buffer)));
    assert_int_equal(buffer[size], 'Z');
}

static void test_clean(void **state)
{
    expect_clean(40, "", "");
    expect_clean(40, "plain text", "plain text");
    expect_clean(40, "\r\n a \t b\x7f\n\n", "a b");
    expect_clean(40, "\x1b[31mred", "[31mred");
    expect_clean(40, "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
    expect_clean(40, "a\xff\xfe b\xc3", "a?? b?");
    /* A C1 control and a mark that turns text around. */
    expect_clean(40,
                 "a\xc2\x9b"
                 "31mb",
                 "a?31mb");
    expect_clean(40,
                 "a\xe2\x80\xae"
                 "b",
                 "a?b");
    expect_clean(10, "123456789", "123456789");
    expect_clean(10, "1234567890", "123456...");
    expect_clean(10, "12345\xc3\xbc\xc3\xbc\xc3\xbc", "12345...");
    expect_clean(4, "1234", "...");
    expect_clean(5, "\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5", "...");
}

static void test_words(void **state)
{
    char words[REASON_WORDS_MAX];

    assert_string_equal(reason_errno(-ECONNREFUSED, words), "connection refused");
    assert_string_equal(reason_errno(ENOENT, words), "no such file or directory");
    assert_string_equal(reason_errno(-9999, words), "error 9999");
    assert_string_equal(reason_span(0, words), "0");
    assert_string_equal(reason_span(150 * USEC_PER_MSEC + 7, words), "150ms");
    assert_string_equal(reason_span(35 * USEC_PER_SEC + 123456, words), "35s");
    assert_string_equal(reason_span(2 * USEC_PER_HOUR + 5 * USEC_PER_MINUTE + 1, words), "2h 5min");
    assert_string_equal(reason_span(USEC_INFINITY, words), "infinity");
}

static void test_status_list(void **state)
{
    char one[] = "204", range[] = "300-399", *list[] = {one, range, NULL};

    assert_true(http_status_accepted(list, 204));
    assert_true(http_status_accepted(list, 300) && http_status_accepted(list, 399));
    assert_false(http_status_accepted(list, 200) || http_status_accepted(list, 400));
    assert_false(http_status_accepted(NULL, 200));
}

/* At each place where an answer can be cut in two. */
static void test_body_borders(void **state)
{
    static const char body[] = "aabaabaaab--";

    for (size_t i = 0; i <= strlen(body); i++) {
        HttpAnswer answer;

        http_answer_init(&answer, "aabaaab");
        if (http_answer_body(&answer, body, i))
            http_answer_body(&answer, body + i, strlen(body) - i);
        assert_true(answer.found && answer.enough);
        http_answer_done(&answer);
    }
}

static void test_body_bound(void **state)
{
    static char piece[10000];
    HttpAnswer answer;
    size_t n = 0;

    http_answer_init(&answer, "needle");
    while (http_answer_body(&answer, piece, sizeof(piece)))
        n++;
    assert_int_equal(n, HTTP_BODY_MAX / sizeof(piece));
    assert_int_equal(answer.body.size, HTTP_BODY_MAX);
    assert_true(answer.enough && !answer.found);
    http_answer_done(&answer);
}

static LogLine line_of(bool user, const char *const *fields)
{
    LogLine line = {0};

    for (; *fields; fields++)
        log_line_add(&line, user, 1000, *fields, strlen(*fields));
    return line;
}

#define FIELDS(...) ((const char *const[]){"MESSAGE=x", __VA_ARGS__, NULL})

static void test_log_lines(void **state)
{
    static const char unit[] = "phoenix@web.service";
    char name[LOG_UNIT_MAX];

    log_container_name(unit, name, sizeof(name));
    assert_string_equal(name, "phoenix-web");
    LogLine line = line_of(false, FIELDS("_SYSTEMD_UNIT=phoenix@web.service", "_UID=33"));
    assert_true(log_line_is_of(&line, false, unit, name));
    assert_false(log_line_is_of(&line, false, "phoenix@we.service", "phoenix-we"));
    line = line_of(true, FIELDS("_SYSTEMD_USER_UNIT=phoenix@web.service", "_UID=1000"));
    assert_true(log_line_is_of(&line, true, unit, name));
    line = line_of(true, FIELDS("_SYSTEMD_USER_UNIT=phoenix@web.service", "_UID=1001"));
    assert_false(log_line_is_of(&line, true, unit, name));

    /* The name of a container is believed only from who runs the containers. */
    line = line_of(true, FIELDS("CONTAINER_NAME=phoenix-web", "_UID=1000"));
    assert_true(log_line_is_of(&line, true, unit, name));
    line = line_of(true, FIELDS("CONTAINER_NAME=phoenix-web", "_UID=10001"));
    assert_false(log_line_is_of(&line, true, unit, name));
    line = line_of(true, FIELDS("CONTAINER_NAME=phoenix-web", "UID=1000"));
    assert_false(log_line_is_of(&line, true, unit, name));

    log_container_name("nginx.service", name, sizeof(name));
    assert_string_equal(name, "");
    line = line_of(true, FIELDS("CONTAINER_NAME=", "_UID=1000"));
    assert_false(log_line_is_of(&line, true, "nginx.service", name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),       cmocka_unit_test(test_words),
        cmocka_unit_test(test_status_list), cmocka_unit_test(test_body_borders),
        cmocka_unit_test(test_body_bound),  cmocka_unit_test(test_log_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
