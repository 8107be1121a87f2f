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

static void put_policy(const char *folder, const char *name, const char *more)
{
    _cleanup_free_ char *path = text_printf("%s/%s", folder, name);
    _cleanup_fclose_ FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file, "{\"type\": \"policy\", \"match\": \"stress\"%s%s}", *more ? ", " : "", more);
}

/* A policy has a name like a service, and is none. */
static void test_policies(void **state)
{
    Fixture *fixture = *state;

    put_policy(fixture->high, "stress.json", "");
    put_policy(fixture->high, "other.json", "\"name\": \"web\"");
    put_policy(fixture->high, "bad.json", "\"keep\": -1");
    put_policy(fixture->high, "theirs.json", "\"scope\": \"user\"");
    put(fixture->high, "web.json", "");
    put(fixture->high, "needy.json", "\"needs\": \"stress\"");
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_int_equal(find(fixture, "stress")->fate, SPEC_FATE_POLICY);
    assert_int_equal(find(fixture, "stress")->spec->policy.keep, 1);
    assert_error(find(fixture, "other"), DIAG_CODE_NAME_CLASH, "web.json already");
    assert_int_equal(find(fixture, "web")->fate, SPEC_FATE_GENERATED);
    assert_int_equal(find(fixture, "bad")->fate, SPEC_FATE_BROKEN);
    assert_int_equal(find(fixture, "theirs")->fate, SPEC_FATE_OTHER_SCOPE);
    assert_error(find(fixture, "needy"), DIAG_CODE_MISSING_SPEC, "is a policy, and no service");
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

/* A finding of that entry at the key, with the part in its message. */
static void assert_clash(const SpecEntry *entry, const char *key, const char *part)
{
    assert_int_equal(entry->fate, SPEC_FATE_BROKEN);
    for (size_t i = 0; i < entry->diags.n; i++)
        if (streq(entry->diags.items[i].key, key) && strstr(entry->diags.items[i].message, part) &&
            streq(entry->diags.items[i].code, DIAG_CODE_LISTEN_CLASH))
            return;
    fail_msg("%s has no finding at %s with %s", entry->unit, key, part);
}

/* It serves what it listens on, and nothing else. */
static void put_native(const Fixture *fixture, const char *name, const char *listen)
{
    _cleanup_free_ char *more = text_printf("\"activation\": \"native\", \"listen\": %s", listen);

    put(fixture->high, name, more);
}

static void test_addresses_that_clash(void **state)
{
    Fixture *fixture = *state;

    put_native(fixture, "any.json", "[80]");
    put_native(fixture, "four.json", "[\"10.0.0.1:80\"]");
    put_native(fixture, "six.json", "[\"[::1]:80\"]");
    put_native(fixture, "fine.json", "[\"10.0.0.1:81\", \"[::1]:82\", \"/run/a\"]");
    put_native(fixture, "fine2.json", "[\"10.0.0.2:81\", \"[::2]:82\", \"@run/a\"]");
    put_native(fixture, "file.json", "[\"/run/b\"]");
    put_native(fixture, "file2.json", "[\"/run/c\", \"/run/b\"]");
    put_native(fixture, "twice.json", "[\"83\", \"127.0.0.1:83\"]");
    put_native(fixture, "only6.json", "{\"stream\": \"[::]:84\", \"bindipv6only\": \"ipv6-only\"}");
    put_native(fixture, "only4.json", "[\"0.0.0.0:84\"]");
    put_native(fixture, "both.json", "[\"[::]:85\"]");
    put_native(fixture, "mapped.json", "[\"[::ffff:10.0.0.1]:85\"]");
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_clash(find(fixture, "any"), "listen[0].stream", "\"four\" listens on");
    assert_clash(find(fixture, "four"), "listen[0].stream", "\"any\" listens on");
    assert_clash(find(fixture, "six"), "listen[0].stream", "\"any\"");
    assert_clash(find(fixture, "file"), "listen[0].stream",
                 "\"file2\" listens on (listen[1].stream)");
    assert_clash(find(fixture, "file2"), "listen[1].stream", "\"file\"");
    assert_clash(find(fixture, "twice"), "listen[0].stream", "its own listen[1].stream");
    assert_clash(find(fixture, "both"), "listen[0].stream", "\"mapped\"");
    assert_clash(find(fixture, "mapped"), "listen[0].stream", "\"both\"");
    static const char *const good[] = {"fine", "fine2", "only6", "only4"};
    for (size_t i = 0; i < ELEMENTSOF(good); i++)
        assert_int_equal(find(fixture, good[i])->fate, SPEC_FATE_GENERATED);
}

static void put_container(const char *folder, const char *name, const char *more)
{
    _cleanup_free_ char *path = text_printf("%s/%s", folder, name);
    _cleanup_fclose_ FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file, "{\"type\": \"docker\", \"image\": \"x\", %s}", more);
}

static void test_ports_that_clash(void **state)
{
    Fixture *fixture = *state;

    put(fixture->high, "web.json", "\"listen\": [\"127.0.0.1:80\"]");
    put_container(fixture->high, "range.json", "\"ports\": [\"79-81:1-3\"]");
    put_container(fixture->high, "one.json", "\"ports\": [\"443:1\", \"127.0.0.1:80:2\"]");
    put_container(fixture->high, "own.json", "\"listen\": [90], \"ports\": [\"[::1]:90:1\"]");
    put_container(fixture->high, "udp.json",
                  "\"ports\": [\"80:1/udp\", \"80\", \"10.0.0.1:80:1\"]");
    put_container(fixture->high, "six.json", "\"ports\": [\"[::]:80:1\"]");
    /* In turn, perhaps. */
    put_container(fixture->high, "blue.json", "\"ports\": [\"99:1\"]");
    put_container(fixture->high, "green.json", "\"ports\": [\"99:1\"]");
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_clash(find(fixture, "web"), "listen[0].stream", "publishes (ports[");
    assert_clash(find(fixture, "range"), "ports[0]", "\"web\" listens on");
    assert_clash(find(fixture, "one"), "ports[1]", "\"web\" listens on");
    assert_clash(find(fixture, "own"), "listen[0].stream", "its own ports[0]");
    static const char *const good[] = {"udp", "six", "blue", "green"};
    for (size_t i = 0; i < ELEMENTSOF(good); i++)
        assert_int_equal(find(fixture, good[i])->fate, SPEC_FATE_GENERATED);
}

static void test_targets_that_clash(void **state)
{
    Fixture *fixture = *state;

    put(fixture->high, "a.json", "\"listen\": [8000]");
    put(fixture->high, "b.json", "\"listen\": [81], \"proxyport\": 9000");
    put(fixture->high, "c.json", "\"listen\": [82], \"proxyport\": 9000");
    put(fixture->high, "d.json", "\"listen\": [\"127.0.0.2:9000\"], \"proxyport\": 9001");
    put(fixture->high, "native.json",
        "\"listen\": [9002], \"proxyport\": 9002, \"activation\": "
        "\"native\"");
    put_container(fixture->high, "apart.json", "\"listen\": [83], \"proxyport\": 83");
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_clash(find(fixture, "a"), "listen[0].stream", "its own proxyport");
    assert_clash(find(fixture, "a"), "proxyport", "127.0.0.1:8000");
    assert_clash(find(fixture, "b"), "proxyport", "\"c\" serves on");
    assert_clash(find(fixture, "c"), "proxyport", "\"b\" serves on");
    static const char *const good[] = {"d", "native", "apart"};
    for (size_t i = 0; i < ELEMENTSOF(good); i++)
        assert_int_equal(find(fixture, good[i])->fate, SPEC_FATE_GENERATED);
}

/* What only the manager decides. */
static void test_no_way_in_a_user_manager(void **state)
{
    Fixture *fixture = *state;

    put(fixture->high, "web.json", "\"listen\": [80], \"network\": \"none\"");
    load(fixture, SPEC_SCOPE_SYSTEM);
    assert_int_equal(find(fixture, "web")->fate, SPEC_FATE_GENERATED);
    load(fixture, SPEC_SCOPE_USER);
    assert_error(find(fixture, "web"), DIAG_CODE_CONFLICT, "no way to a program");
}

/* On one port, of which none clashes. */
static void test_many_addresses(void **state)
{
    Fixture *fixture = *state;

    for (unsigned i = 0; i < 3000; i++) {
        _cleanup_free_ char *name = text_printf("s%u.json", i);
        _cleanup_free_ char *more = text_printf(
            "\"listen\": [\"127.1.%u.%u:80\"], \"activation\": \"native\"", i / 250, i % 250 + 1);
        put(fixture->high, name, more);
    }
    load(fixture, SPEC_SCOPE_SYSTEM);
    for (size_t i = 0; i < fixture->set->n; i++)
        assert_int_equal(fixture->set->items[i].fate, SPEC_FATE_GENERATED);
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
        TEST(test_policies),
        TEST(test_missing_links),
        TEST(test_circles),
        TEST(test_addresses_that_clash),
        TEST(test_ports_that_clash),
        TEST(test_targets_that_clash),
        TEST(test_no_way_in_a_user_manager),
        TEST(test_many_addresses),
        TEST(test_unreadable_and_strange_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
