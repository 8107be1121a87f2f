/* SPDX-License-Identifier: MIT */

/* Tests of the writer of unit files. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/strv.h"
#include "generator/unit-file.h"

static void expect_unit(UnitFile *unit, const char *expected)
{
    _cleanup_text_ Text text = {0};

    assert_int_equal(unit_render(unit, NULL, &text), 0);
    assert_string_equal(text.data, expected);
    unit_done(unit);
}

static void expect_refused(UnitFile *unit, const char *reason)
{
    _cleanup_text_ Text text = {0};

    assert_int_equal(unit_render(unit, NULL, &text), UNIT_REFUSED);
    assert_non_null(strstr(unit->refused, reason));
    unit_done(unit);
}

static void test_sections_in_order_of_use(void **state)
{
    UnitFile unit = {0};
    _cleanup_text_ Text text = {0};

    unit_add(&unit, "Unit", "Description", "x");
    unit_add(&unit, "Service", "Type", "exec");
    unit_addf(&unit, "Unit", "After", "%s.target", "a");
    unit_add(&unit, "Service", "CapabilityBoundingSet", "");
    unit_comment(&unit, "Service", "why");
    assert_int_equal(unit_render(&unit, "# made by a test\n", &text), 0);
    assert_string_equal(text.data, "# made by a test\n\n[Unit]\nDescription=x\nAfter=a.target\n\n"
                                   "[Service]\nType=exec\nCapabilityBoundingSet=\n# why\n");
    unit_done(&unit);
    unit_done(&unit);
}

static void test_values(void **state)
{
    char *const words[] = {(char *)"A=b c", (char *)"100%", NULL};
    UnitFile unit = {0};

    unit_add_plain(&unit, "S", "Path", "/a b/100%/$x");
    unit_add_plain_command(&unit, "S", "Image", "/$x");
    unit_add_words(&unit, "S", "Environment", words, ESCAPE_SPECIFIERS);
    unit_add_words(&unit, "S", "None", NULL, ESCAPE_SPECIFIERS);
    expect_unit(&unit, "[S]\nPath=/a b/100%%/$x\nImage=/$$x\nEnvironment=\"A=b c\" 100%%\nNone=\n");
}

static void test_commands(void **state)
{
    char *const first[] = {(char *)"/lib/once", (char *)"--", NULL};
    char *const argv[] = {(char *)"/bin/echo", (char *)"", (char *)"$x", NULL};
    char *const dollar[] = {(char *)"/opt/$x", NULL};
    UnitFile unit = {0};

    unit_add_command(&unit, "S", "ExecStart", NULL, NULL, argv, "image");
    unit_add_command(&unit, "S", "ExecStop", "-", first, argv, "hooks.stop[0]");
    unit_add_command(&unit, "S", "ExecStart", NULL, NULL, dollar, "image");
    expect_unit(&unit, "[S]\nExecStart=/bin/echo \"\" $$x\n"
                       "ExecStop=-/lib/once -- /bin/echo \"\" $$x\n"
                       "ExecStart=@/opt/$x /opt/$$x\n");
}

static void test_programs_that_systemd_would_misread(void **state)
{
    static const char *const names[] = {"", "-x", "@x", ":x", "+x", "!x", "|x"};

    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        char *const argv[] = {(char *)names[i], NULL};
        UnitFile unit = {0};
        unit_add_command(&unit, "S", "ExecStart", NULL, NULL, argv, "hooks.started[0]");
        expect_refused(&unit, "hooks.started[0]");
    }
}

static void test_values_that_fit_into_no_line(void **state)
{
    static const char *const values[] = {"a\nb", "a\\", " a", "a\t", "a\x01"};

    for (size_t i = 0; i < ELEMENTSOF(values); i++) {
        UnitFile unit = {0};
        unit_add(&unit, "S", "Key", values[i]);
        expect_refused(&unit, "Key=");
    }
}

static void test_line_longer_than_systemd_reads(void **state)
{
    UnitFile unit = {0};
    char *value = malloc(UNIT_LINE_MAX + 2);

    memset(value, 'x', UNIT_LINE_MAX + 1);
    value[UNIT_LINE_MAX + 1] = '\0';
    unit_add(&unit, "S", "Key", value);
    free(value);
    expect_refused(&unit, "1000001 bytes");
}

static void test_no_memory_is_no_unit(void **state)
{
    UnitFile unit = {0};
    _cleanup_text_ Text text = {0};

    unit_fail_memory(&unit);
    assert_int_equal(unit_render(&unit, NULL, &text), -ENOMEM);
    unit_done(&unit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections_in_order_of_use),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_programs_that_systemd_would_misread),
        cmocka_unit_test(test_values_that_fit_into_no_line),
        cmocka_unit_test(test_line_longer_than_systemd_reads),
        cmocka_unit_test(test_no_memory_is_no_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
