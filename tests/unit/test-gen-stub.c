/* SPDX-License-Identifier: MIT */

/* Tests of the words that stand in for a service: of a spec that is wrong, and of one that is not
 * there. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "base/file.h"
#include "base/macros.h"
#include "generator/emit.h"
#include "generator/stub.h"

static char folder[] = "/tmp/phoenix-test-stub-XXXXXX";
static SpecSet *set;

static void add_spec(const char *name, const char *text)
{
    assert_int_equal(file_write_atomic(-100, name, text, strlen(text), 0644, false), 0);
}

static int setup(void **state)
{
    char *const folders[] = {folder, NULL};

    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    add_spec("web.json", "{\"type\": \"binary\", \"image\": \"/bin/true\"}");
    add_spec("far.json", "{\"type\": \"binary\", \"image\": \"/bin/true\", \"machine\": \"moon\"}");
    add_spec("mine.json", "{\"type\": \"binary\", \"image\": \"/bin/true\", \"scope\": \"user\"}");
    add_spec("called.json",
             "{\"type\": \"binary\", \"image\": \"/bin/true\", \"name\": \"other\"}");
    assert_int_equal(symlink("/dev/null", "masked.json"), 0);
    return spec_set_load(SPEC_SCOPE_SYSTEM, folders, "earth", &set);
}

static int teardown(void **state)
{
    set = spec_set_free(set);
    return dir_remove_tree(folder);
}

static void expect(const char *instance, const char *expected)
{
    char *const folders[] = {(char *)"/one", (char *)"/two", NULL};
    _cleanup_text_ Text text = {0};

    assert_int_equal(stub_explain_missing(set, folders, instance, SPEC_SCOPE_SYSTEM, &text), 0);
    if (!strstr(text.data, expected))
        fail_msg("\"%s\" does not say \"%s\"", text.data, expected);
}

static void test_missing(void **state)
{
    expect("nothing", "no spec named \"nothing\" (looked in /one, /two)");
    expect("wbe", "no spec named \"wbe\"; did you mean \"web\"? (looked in");
}

static void test_there_but_no_unit(void **state)
{
    expect("web", "systemctl daemon-reload");
    expect("masked", "is masked by");
    expect("far", "is for the machine \"moon\"");
    expect("mine", "is for users' managers (systemctl --user)");
    expect("called", "is called \"other\"");
}

static char *emit_messages(DiagList *diags)
{
    const Platform platform = {.libexec = (char *)"/libexec"};
    const EmitContext context = {.platform = &platform, .scope = SPEC_SCOPE_SYSTEM, .output = "/o"};
    const SpecEntry entry = {
        .file = {.path = (char *)"/etc/phoenix.d/a.json"}, .unit = (char *)"a", .diags = *diags};
    _cleanup_unit_ UnitFile unit = {0};
    _cleanup_text_ Text text = {0};
    char *ret = NULL;

    emit_stub(&context, &entry, &unit);
    assert_int_equal(unit_render(&unit, NULL, &text), 0);
    assert_int_equal(text_take(&text, &ret), 0);
    return ret;
}

static void expect_in(const char *unit, const char *part)
{
    if (!strstr(unit, part))
        fail_msg("\"%s\" is missing in:\n%s", part, unit);
}

static void test_messages(void **state)
{
    _cleanup_diag_list_ DiagList diags = {0};

    diag_add(&diags, DIAG_ERROR, "a.json", "env", DIAG_CODE_BAD_VALUE, NULL,
             "100%% of \"$x\"\nis %s", "wrong");
    diag_add(&diags, DIAG_WARNING, "a.json", "env", DIAG_CODE_NO_EFFECT, NULL, "not this");
    _cleanup_free_ char *unit = emit_messages(&diags);
    expect_in(unit, "ExecStart=/libexec/phoenix-stub -- "
                    "\"a.json: env: 100%% of \\\"$$x\\\"\\\\nis wrong\"\n");
    assert_null(strstr(unit, "not this"));
}

static void test_many_and_long_messages(void **state)
{
    _cleanup_diag_list_ DiagList diags = {0};
    char *message = malloc(20000);

    for (size_t i = 0; i < 9999; i++)
        memcpy(message + 2 * i, "\xc3\xbc", 3);
    for (size_t i = 0; i < 300; i++)
        diag_add(&diags, DIAG_ERROR, "a.json", "args", DIAG_CODE_BAD_VALUE, NULL, "%s",
                 i == 1 ? message : "short");
    free(message);
    _cleanup_free_ char *unit = emit_messages(&diags);
    assert_true(strlen(unit) < 12000);
    assert_true(utf8_valid(unit, strlen(unit)));
    expect_in(unit, "and 298 more; see phoenix check /etc/phoenix.d/a.json");
}

static void test_no_messages(void **state)
{
    DiagList none = {0};
    _cleanup_free_ char *unit = emit_messages(&none);

    expect_in(unit, "the spec cannot be used");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing),     cmocka_unit_test(test_there_but_no_unit),
        cmocka_unit_test(test_messages),    cmocka_unit_test(test_many_and_long_messages),
        cmocka_unit_test(test_no_messages),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
