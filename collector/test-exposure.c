/* SPDX-License-Identifier: MIT */

/* Which sockets other machines can reach, and what they need then. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/text.h"
#include "collector/exposure.h"

/* The first port from some place on that is free. */
static void listen_on(const char *address, Listen *ret)
{
    for (unsigned port = 20000 + (unsigned)getpid() % 20000;; port++) {
        _cleanup_free_ char *text = text_printf("%s:%u", address, port);
        char *const list[] = {text, NULL};
        assert_non_null(text);
        int r = listen_take(list, ret);
        if (r == 0)
            return;
        assert_int_equal(r, -EADDRINUSE);
        listen_done(ret);
    }
}

static void test_who_can_connect(void **state)
{
    static const struct {
        const char *address;
        bool local;
    } cases[] = {
        {"127.0.0.1", true}, {"127.3.2.1", true}, {"0.0.0.0", false},
        {"[::1]", true},     {"[::]", false},     {"[::ffff:127.0.0.1]", true},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_(listen_done) Listen listen = {0};
        listen_on(cases[i].address, &listen);
        assert_int_equal(listen_is_local(listen.fds[0]), cases[i].local);
    }
    _cleanup_close_ int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(local >= 0);
    assert_true(listen_is_local(local));
    assert_false(listen_is_local(-1));
}

static void test_what_is_needed(void **state)
{
    const ServerOptions nothing = {0}, token = {.token = "t"},
                        tls = {.tls_cert = "c", .tls_key = "k"},
                        both = {.token = "t", .tls_cert = "c", .tls_key = "k"},
                        token_alone = {.token = "t", .without_tls = true},
                        tls_alone = {.tls_cert = "c", .tls_key = "k", .without_token = true},
                        neither = {.without_token = true, .without_tls = true};
    const ServerOptions *const refused[] = {&nothing, &token, &tls};
    const ServerOptions *const taken[] = {&both, &token_alone, &tls_alone, &neither};
    _cleanup_(listen_done) Listen open = {0};
    _cleanup_(listen_done) Listen local = {0};

    listen_on("0.0.0.0", &open);
    listen_on("127.0.0.1", &local);
    for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
        assert_int_equal(exposure_check(&open, refused[i]), -EPERM);
        assert_int_equal(exposure_check(&local, refused[i]), 0);
    }
    for (size_t i = 0; i < ELEMENTSOF(taken); i++)
        assert_int_equal(exposure_check(&open, taken[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_can_connect),
        cmocka_unit_test(test_what_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
