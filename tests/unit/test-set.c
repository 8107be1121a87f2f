/* SPDX-License-Identifier: MIT */
/*
 * Folders of specs: precedence, masking, names that clash, links that lead nowhere or in a circle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/set.h"

typedef struct Fixture {
    char root[32];
    char *high, *low;
    SpecSet *set;
} Fixture;

static int setup(void **state)
{
    Fixture *fixture = calloc(1, sizeof(Fixture));

    strcpy(fixture->root, "/tmp/phoenix-set-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->high = text_printf("%s/high", fixture->root);
    fixture->low = text_printf("%s/low", fixture->root);
    assert_int_equal(mkdir(fixture->high, 0755), 0);
    assert_int_equal(mkdir(fixture->low, 0755), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    Fixture *fixture = *state;

    spec_set_free(fixture->set);
    dir_remove_tree(fixture->root);
    free(fixture->high);
    free(fixture->low);
    free(fixture);
    return 0;
}

static void put(const char *folder, const char *name, const char *more)
{
    _cleanup_free_ char *path = text_printf("%s/%s", folder, name);
    _cleanup_fclose_ FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file, "{\"type\": \"binary\", \"image\": \"/bin/true\"%s%s}", *more ? ", " : "", more);
}

static SpecSet *load(Fixture *fixture, SpecScope scope)
{
    char *folders[] = {fixture->high, fixture->low, (char *)"/nonexistent", NULL};

    fixture->set = spec_set_free(fixture->set);
    assert_int_equal(spec_set_load(scope, folders, "edge-1.example.com", &fixture->set), 0);
    return fixture->set;
}

static const SpecEntry *find(Fixture *fixture, const char *name)
{
    const SpecEntry *entry = spec_set_find(fixture->set, name);

    assert_non_null(entry);
    return entry;
}

static void assert_error(const SpecEntry *entry, const char *code, const char *part)
{
    assert_int_equal(entry->fate, SPEC_FATE_BROKEN);
    assert_int_equal(entry->diags.n, 1);
    assert_string_equal(entry->diags.items[0].code, code);
    assert_non_null(strstr(entry->diags.items[0].message, part));
}

static void test_precedence_and_masks(void **state)
{
    Fixture *fixture = *state;
    _cleanup_free_ char *mask = text_printf("%s/db.json", fixture->high);
    _cleanup_free_ char *empty = text_printf("%s/old.json", fixture->high);

    put(fixture->high, "web.json", "\"args\": [\"high\"]");
    put(fixture->low, "web.json", "\"args\": [\"low\"]");
    put(fixture->low, "db.json", "");
    put(fixture->low, ".hidden.json", "");
    put(fixture->low, "notes.txt", "");
    assert_int_equal(symlink("/dev/null", mask), 0);
    fclose(fopen(empty, "w"));
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_int_equal(fixture->set->n, 3);
    assert_string_equal(find(fixture, "web")->spec->args[0], "high");
    assert_int_equal(strv_length(find(fixture, "web")->file.shadows), 1);
    assert_int_equal(find(fixture, "db")->fate, SPEC_FATE_MASKED);
    assert_int_equal(find(fixture, "old")->fate, SPEC_FATE_MASKED);
}

static void test_machine_and_scope(void **state)
{
    Fixture *fixture = *state;

    put(fixture->high, "a.json", "\"machine\": \"edge-1\"");
    put(fixture->high, "b.json", "\"machine\": \"edge-2\"");
    put(fixture->high, "c.json", "\"machine\": \"EDGE-1.example.com\"");
    put(fixture->high, "d.json", "\"scope\": \"system\"");
    load(fixture, SPEC_SCOPE_USER);
    assert_int_equal(find(fixture, "a")->fate, SPEC_FATE_GENERATED);
    assert_int_equal(find(fixture, "b")->fate, SPEC_FATE_ELSEWHERE);
    assert_int_equal(find(fixture, "c")->fate, SPEC_FATE_GENERATED);
    assert_int_equal(find(fixture, "d")->fate, SPEC_FATE_OTHER_SCOPE);
}

static void test_name_clash(void **state)
{
    Fixture *fixture = *state;

    put(fixture->high, "a.json", "\"name\": \"web\"");
    put(fixture->high, "web.json", "");
    put(fixture->high, "z.json", "\"name\": \"broken\", \"args\": 1");
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_string_equal(find(fixture, "web")->file.stem, "web");
    assert_int_equal(find(fixture, "web")->fate, SPEC_FATE_GENERATED);
    assert_error(find(fixture, "a"), DIAG_CODE_NAME_CLASH, "web.json already");
    /* a broken spec still tells its name */
    assert_int_equal(find(fixture, "broken")->fate, SPEC_FATE_BROKEN);
}

static void test_stub_gives_way(void **state)
{
    Fixture *fixture = *state;

    put(fixture->high, "a.json", "\"name\": \"web\"");
    put(fixture->high, "web.json", "oops");
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_string_equal(find(fixture, "web")->file.stem, "a");
    assert_int_equal(find(fixture, "web.json")->fate, SPEC_FATE_BROKEN);
}

static void test_missing_links(void **state)
{
    Fixture *fixture = *state;

    put(fixture->high, "database.json", "");
    put(fixture->high, "web.json", "\"needs\": [\"databse\"]");
    put(fixture->high, "far.json", "\"machine\": \"edge-2\"");
    put(fixture->high, "x.json", "\"needs\": \"far\"");
    put(fixture->high, "y.json", "\"after\": \"far\"");
    put(fixture->high, "bad.json", "\"args\": 1");
    put(fixture->high, "z.json", "\"needs\": \"bad\"");
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_error(find(fixture, "web"), DIAG_CODE_MISSING_SPEC, "no spec named \"databse\"");
    assert_string_equal(find(fixture, "web")->diags.items[0].hint, "did you mean \"database\"?");
    assert_error(find(fixture, "x"), DIAG_CODE_MISSING_SPEC, "is for another machine");
    assert_int_equal(find(fixture, "y")->fate, SPEC_FATE_GENERATED);
    assert_int_equal(find(fixture, "z")->fate, SPEC_FATE_GENERATED);
}

static void test_circles(void **state)
{
    Fixture *fixture = *state;

    put(fixture->high, "a.json", "\"needs\": \"b\"");
    put(fixture->high, "b.json", "\"after\": \"c\"");
    put(fixture->high, "c.json", "\"needs\": \"a\"");
    put(fixture->high, "self.json", "\"after\": \"self\"");
    put(fixture->high, "leads-in.json", "\"needs\": \"a\"");
    put(fixture->high, "free.json", "\"after\": \"leads-in\"");
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_error(find(fixture, "a"), DIAG_CODE_CYCLE, "a -> b -> c -> a");
    assert_error(find(fixture, "b"), DIAG_CODE_CYCLE, "a -> b -> c -> a");
    assert_error(find(fixture, "c"), DIAG_CODE_CYCLE, "a -> b -> c -> a");
    assert_error(find(fixture, "self"), DIAG_CODE_CYCLE, "self -> self");
    assert_int_equal(find(fixture, "leads-in")->fate, SPEC_FATE_GENERATED);
    assert_int_equal(find(fixture, "free")->fate, SPEC_FATE_GENERATED);
}

static void test_unreadable_and_strange_names(void **state)
{
    Fixture *fixture = *state;
    _cleanup_free_ char *fifo = text_printf("%s/fifo.json", fixture->high);
    _cleanup_free_ char *dangling = text_printf("%s/dangling.json", fixture->high);

    assert_int_equal(mkfifo(fifo, 0644), 0);
    assert_int_equal(symlink("/nonexistent", dangling), 0);
    put(fixture->high, "A b%n@x.json", "");
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_error(find(fixture, "fifo"), DIAG_CODE_FILE, "not a regular file");
    assert_error(find(fixture, "dangling"), DIAG_CODE_FILE, "cannot be read");
    assert_error(find(fixture, "A b%n@x"), DIAG_CODE_BAD_VALUE, "is not a service name");
    assert_string_equal(find(fixture, "A b%n@x")->unit, "A\\x20b\\x25n\\x40x");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_precedence_and_masks),
        TEST(test_machine_and_scope),
        TEST(test_name_clash),
        TEST(test_stub_gives_way),
        TEST(test_missing_links),
        TEST(test_circles),
        TEST(test_unreadable_and_strange_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
