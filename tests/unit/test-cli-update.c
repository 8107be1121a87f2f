/* SPDX-License-Identifier: MIT */

/* The parts of updates that need no Podman: names of images, and the ledger. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/update/ledger.h"
#include "cli/update/pull.h"
#include "cli/update/reference.h"

#define NAME "web"
#define WHEN (UINT64_C(1790000000) * USEC_PER_SEC)

/* ---- names ---- */

static void test_kind(void **state)
{
    assert_int_equal(reference_kind("web"), REFERENCE_REGISTRY);
    assert_int_equal(reference_kind("localhost:5000/web"), REFERENCE_REGISTRY);
    assert_int_equal(reference_kind("localhost/web:1"), REFERENCE_LOCAL);
    assert_int_equal(reference_kind("/srv/web.tar"), REFERENCE_ARCHIVE);
    assert_int_equal(reference_kind("quay.io/web@sha256:00"), REFERENCE_DIGEST);
}

static void assert_full(const char *image, char *const *tags, const char *expected)
{
    _cleanup_free_ char *full = reference_full(image, tags);

    assert_string_equal(full, expected);
}

static void test_full(void **state)
{
    char *const tags[] = {"quay.io/other:1", "docker.io/library/web:latest", "quay.io/me/web:2",
                          NULL};

    assert_full("web", tags, "docker.io/library/web:latest");
    assert_full("library/web", tags, "docker.io/library/web:latest");
    assert_full("web:2", tags, "quay.io/me/web:2");
    assert_full("quay.io/me/web:2", tags, "quay.io/me/web:2");
    assert_full("quay.io/me/web", tags, "quay.io/me/web:latest");
    assert_full("b", tags, "b:latest");
    assert_full("127.0.0.1:5000/web", NULL, "127.0.0.1:5000/web:latest");
    assert_full("127.0.0.1:5000/web:1", NULL, "127.0.0.1:5000/web:1");
}

static void assert_with_digest(const char *full, const char *expected)
{
    _cleanup_free_ char *name = reference_with_digest(full, "sha256:12");

    assert_string_equal(name, expected);
}

static void test_with_digest(void **state)
{
    assert_with_digest("quay.io/me/web:2", "quay.io/me/web@sha256:12");
    assert_with_digest("127.0.0.1:5000/web:1", "127.0.0.1:5000/web@sha256:12");
    assert_with_digest("127.0.0.1:5000/web", "127.0.0.1:5000/web@sha256:12");
    assert_with_digest("quay.io/web@sha256:00", "quay.io/web@sha256:12");
}

/* ---- the ledger ---- */

static int set_up(void **state)
{
    static char folder[] = "/tmp/phoenix-test-ledger-XXXXXX";

    (void)strcpy(folder + sizeof(folder) - 7, "XXXXXX");
    *state = mkdtemp(folder);
    return *state ? setenv("PHOENIX_UPDATES_DIR", *state, 1) : -1;
}

static int tear_down(void **state)
{
    return dir_remove_tree(*state);
}

static void load(Ledger *ledger)
{
    ledger_done(ledger);
    assert_int_equal(ledger_load(SPEC_SCOPE_USER, NAME, ledger), 0);
}

/* Image N has the digest "sha256:NNNN..." */
static void add(Ledger *ledger, unsigned image, LedgerResult result)
{
    _cleanup_free_ char *digest = text_printf("sha256:%04u%060u", image, 0);
    _cleanup_free_ char *id = text_printf("%u", image);
    const LedgerEntry entry = {
        .when_usec = WHEN + image,
        .reference = "quay.io/web:1",
        .digest = digest,
        .image = id,
        .result = result,
        .who = LEDGER_UPDATE,
    };

    assert_int_equal(ledger_add(ledger, &entry), 0);
}

static void test_round_trip(void **state)
{
    _cleanup_ledger_ Ledger ledger = {0};
    const LedgerEntry *entry;

    load(&ledger);
    assert_int_equal(ledger.n, 0);
    assert_null(ledger_last_good(&ledger, NULL));
    add(&ledger, 1, LEDGER_HEALTHY);
    add(&ledger, 2, LEDGER_PENDING);
    load(&ledger);
    assert_int_equal(ledger.n, 2);
    assert_int_equal(ledger.items[1].result, LEDGER_PENDING);
    assert_int_equal(ledger_settle(&ledger, LEDGER_FAILED, "GET /: 503 \"no\"\n\x1b[31m"), 0);
    load(&ledger);
    entry = &ledger.items[1];
    assert_int_equal(entry->result, LEDGER_FAILED);
    assert_string_equal(entry->reason, "GET /: 503 \"no\"\n\x1b[31m");
    assert_string_equal(entry->reference, "quay.io/web:1");
    assert_string_equal(entry->image, "2");
    assert_true(entry->when_usec == WHEN + 2);
    assert_int_equal(entry->who, LEDGER_UPDATE);
    assert_null(ledger.items[0].reason);
    assert_string_equal(ledger_last_good(&ledger, NULL)->image, "1");
    assert_null(ledger_last_good(&ledger, "1"));
}

static void test_long_reason(void **state)
{
    _cleanup_ledger_ Ledger ledger = {0};
    char reason[5000];

    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    load(&ledger);
    add(&ledger, 1, LEDGER_PENDING);
    assert_int_equal(ledger_settle(&ledger, LEDGER_FAILED, reason), 0);
    load(&ledger);
    assert_true(strlen(ledger.items[0].reason) < 500);
}

static void test_bounded(void **state)
{
    _cleanup_ledger_ Ledger ledger = {0};

    load(&ledger);
    for (unsigned i = 1; i <= 2; i++)
        add(&ledger, i, LEDGER_HEALTHY);
    for (unsigned i = 3; i <= 50; i++)
        add(&ledger, i, LEDGER_FAILED);
    load(&ledger);
    assert_int_equal(ledger.n, LEDGER_MAX);
    assert_string_equal(ledger.items[0].image, "1");
    assert_string_equal(ledger.items[1].image, "2");
    assert_string_equal(ledger.items[2].image, "33");
    for (unsigned i = 51; i <= 90; i++)
        add(&ledger, i, LEDGER_HEALTHY);
    assert_int_equal(ledger.n, LEDGER_MAX);
    assert_string_equal(ledger.items[0].image, "71");
}

static void test_broken_lines(void **state)
{
    static const char bad[] =
        "{\"usec\": 1}\n"
        "[]\n\n{\n"
        "{\"usec\": 5, \"result\": \"fine\", \"who\": \"update\", \"reference\": \"a\", "
        "\"digest\": \"sha256:1\", \"image\": \"1\"}\n"
        "{\"usec\": 5, \"result\": \"healthy\", \"who\": \"update\", \"reference\": \"a\", "
        "\"digest\": \"1\", \"image\": \"1\"}\n"
        "{\"usec\": -5, \"result\": \"healthy\", \"who\": \"update\", \"reference\": \"a\", "
        "\"digest\": \"sha256:1\", \"image\": \"1\"}\n"
        "\xff\xfe\n"
        "{\"usec\": 5, \"result\": \"healthy\", \"who\": \"start\", \"reference\": \"a\", "
        "\"digest\": \"sha256:1\", \"image\": \"1\", \"more\": {}}";
    _cleanup_ledger_ Ledger ledger = {0};

    load(&ledger);
    assert_int_equal(file_write_atomic(AT_FDCWD, ledger.path, bad, strlen(bad), 0600, false), 0);
    load(&ledger);
    assert_int_equal(ledger.n, 1);
    assert_int_equal(ledger.items[0].who, LEDGER_START);
}

static void test_find(void **state)
{
    _cleanup_ledger_ Ledger ledger = {0};

    load(&ledger);
    for (unsigned i = 1; i <= 12; i++)
        add(&ledger, i, LEDGER_HEALTHY);
    add(&ledger, 11, LEDGER_FAILED);
    assert_string_equal(ledger_find(&ledger, "1")->image, "11");
    assert_string_equal(ledger_find(&ledger, "2")->image, "12");
    assert_string_equal(ledger_find(&ledger, "13")->image, "1");
    assert_null(ledger_find(&ledger, "14"));
    assert_null(ledger_find(&ledger, "0"));
    assert_null(ledger_find(&ledger, ""));
    assert_null(ledger_find(&ledger, "sha256:"));
    assert_null(ledger_find(&ledger, "sha256:00"));
    assert_null(ledger_find(&ledger, "beef"));
    assert_string_equal(ledger_find(&ledger, "0007")->image, "7");
    assert_string_equal(ledger_find(&ledger, "sha256:0011")->image, "11");
    assert_int_equal(ledger_find(&ledger, "0011")->result, LEDGER_FAILED);
}

static void test_not_writable(void **state)
{
    _cleanup_ledger_ Ledger ledger = {0};

    load(&ledger);
    add(&ledger, 1, LEDGER_HEALTHY);
    free(ledger.path);
    ledger.path = strdup("/proc/nothing/web.jsonl");
    const LedgerEntry entry = {.when_usec = 1, .reference = "a", .digest = "sha256:", .image = "2"};
    assert_true(ledger_add(&ledger, &entry) < 0);
    assert_int_equal(ledger.n, 1);
}

static void test_lock(void **state)
{
    int first = ledger_lock(SPEC_SCOPE_USER, NAME), other;

    assert_true(first >= 0);
    assert_int_equal(ledger_lock(SPEC_SCOPE_USER, NAME), -EWOULDBLOCK);
    other = ledger_lock(SPEC_SCOPE_USER, "other");
    assert_true(other >= 0);
    close(first);
    close(other);
    first = ledger_lock(SPEC_SCOPE_USER, NAME);
    assert_true(first >= 0);
    close(first);
}

static void test_forget(void **state)
{
    _cleanup_ledger_ Ledger ledger = {0};
    int held = ledger_lock(SPEC_SCOPE_USER, NAME);

    assert_true(held >= 0);
    load(&ledger);
    add(&ledger, 1, LEDGER_HEALTHY);
    assert_int_equal(ledger_forget(SPEC_SCOPE_USER, NAME), 1);
    assert_int_equal(ledger_forget(SPEC_SCOPE_USER, NAME), 0);
    ledger_done(&ledger);
    load(&ledger);
    assert_int_equal(ledger.n, 0);
    /* Who comes next shares nothing with who still has the one that is gone. */
    int first = ledger_lock(SPEC_SCOPE_USER, NAME);
    assert_true(first >= 0);
    assert_int_equal(ledger_lock(SPEC_SCOPE_USER, NAME), -EWOULDBLOCK);
    close(first);
    close(held);
}

/* ---- pulls that fail ---- */

static void test_pull_reason(void **state)
{
    static const struct {
        const char *said, *reason;
    } cases[] = {
        {"unable to copy from source docker://127.0.0.1:5000/web:1: initializing source "
         "docker://127.0.0.1:5000/web:1: pinging container registry 127.0.0.1:5000: Get "
         "\"http://127.0.0.1:5000/v2/\": dial tcp 127.0.0.1:5000: connect: connection refused",
         "the registry 127.0.0.1:5000 cannot be reached: connection refused"},
        {"initializing source docker://quay.io/a/b:1: pinging container registry quay.io: Get "
         "\"https://quay.io/v2/\": dial tcp: lookup quay.io on 10.0.0.1:53: no such host",
         "the registry quay.io cannot be reached: no such host"},
        {"initializing source docker://reg/a:1: pinging container registry reg: Get "
         "\"https://reg/v2/\": tls: failed to verify certificate: x509: certificate has expired or "
         "is not yet valid",
         "the registry reg cannot be reached: certificate has expired or is not yet valid"},
        {"initializing source docker://reg/a:1: reading manifest 1 in reg/a: manifest unknown",
         "the registry has no image of that name and tag"},
        {"initializing source docker://reg/a:1: reading manifest 1 in reg/a: unauthorized: "
         "authentication required",
         "the registry wants a login (podman login), or there is no such image"},
        {"initializing source docker://reg/a:1: pinging container registry reg: Get "
         "\"https://reg/v2/\": unauthorized",
         "the registry reg wants a login (podman login reg), or there is no such image"},
        {"pinging container registry ", "pinging container registry "},
        {"writing blob: storing blob to file: no space left on device",
         "writing blob: storing blob to file: no space left on device"},
        {"", ""},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *reason = pull_reason(cases[i].said);
        assert_string_equal(reason, cases[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kind),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_with_digest),
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_writable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forget, set_up, tear_down),
        cmocka_unit_test(test_pull_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
