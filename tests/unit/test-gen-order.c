/* SPDX-License-Identifier: MIT */

/* Tests of putting Quadlet's options in order. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "generator/quadlet-order.h"

static void expect(const char *command, const char *expected)
{
    _cleanup_text_ Text text = {0};

    assert_int_equal(quadlet_order_options(command, &text), 0);
    assert_string_equal(text.data, expected);
}

static void test_groups_are_sorted(void **state)
{
    expect("ExecStart=/usr/bin/podman run --name x --cidfile=%t/%N.cid --replace --rm "
           "--cgroups=split --tz UTC --workdir \"/a b\" --pull never --ulimit a=b --tmpfs /t "
           "--env-host --init -d image",
           "ExecStart=/usr/bin/podman run --name x --cidfile=%t/%N.cid --replace --rm "
           "--cgroups=split --pull never --tz UTC --workdir \"/a b\" --tmpfs /t --ulimit a=b "
           "--env-host --init -d image");
}

static void test_repeated_options_keep_their_order(void **state)
{
    expect("podman run --ulimit b --tmpfs 2 --ulimit a --tmpfs 1 x",
           "podman run --tmpfs 2 --tmpfs 1 --ulimit b --ulimit a x");
    expect("podman run --label z --env B=1 --label a --env A=1 x",
           "podman run --env B=1 --env A=1 --label z --label a x");
}

static void test_what_is_not_known_is_left_alone(void **state)
{
    expect("podman run --new-option --workdir /a --pull never x",
           "podman run --new-option --workdir /a --pull never x");
    expect("podman run image --workdir /a --pull never",
           "podman run image --workdir /a --pull never");
    expect("podman image pull --workdir --pull", "podman image pull --workdir --pull");
    expect("podman run --workdir", "podman run --workdir");
    expect("podman run ", "podman run ");
    expect("", "");
}

static void test_quoted_values(void **state)
{
    expect("podman run --env \"B=x --env A=\\\"q \" --annotation \"a b\" x",
           "podman run --annotation \"a b\" --env \"B=x --env A=\\\"q \" x");
    expect("podman run --env \"unfinished --annotation a",
           "podman run --env \"unfinished --annotation a");
}

static void test_result_is_the_same_for_every_order(void **state)
{
    const char *expected = "podman run --ip 1 --pull b --tz c x";

    expect("podman run --ip 1 --pull b --tz c x", expected);
    expect("podman run --tz c --pull b --ip 1 x", expected);
    expect("podman run --pull b --tz c --ip 1 x", expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_are_sorted),
        cmocka_unit_test(test_repeated_options_keep_their_order),
        cmocka_unit_test(test_what_is_not_known_is_left_alone),
        cmocka_unit_test(test_quoted_values),
        cmocka_unit_test(test_result_is_the_same_for_every_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
