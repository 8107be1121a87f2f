/* SPDX-License-Identifier: MIT */

/* The words for how a service has ended, for known ends and for those that systemd may invent. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "base/macros.h"
#include "base/unit-result.h"

static void test_words(void **state)
{
    static const struct {
        const char *result;
        int32_t code, status;
        const char *words;
    } cases[] = {
        {"success", CLD_EXITED, 0, "it ended by itself"},
        {"exit-code", CLD_EXITED, 7, "it exited with status 7"},
        /* Of a hook, or of the lease. */
        {"exit-code", CLD_EXITED, 0, "one of its commands failed (exit-code)"},
        {"exit-code", CLD_KILLED, SIGTERM, "one of its commands failed (exit-code)"},
        {"exit-code", 0, 0, "one of its commands failed (exit-code)"},
        {"signal", CLD_KILLED, SIGKILL, "signal KILL ended it"},
        {"core-dump", CLD_DUMPED, SIGSEGV, "signal SEGV ended it"},
        {"signal", CLD_KILLED, 4711, "a signal ended it"},
        {"signal", 0, 0, "a signal ended it"},
        {"start-limit-hit", 0, 0, "it was started too often (start-limit-hit)"},
        {"watchdog", CLD_KILLED, SIGABRT, "its heartbeats stopped (watchdog)"},
        {"of-the-future", 0, 0, "of-the-future"},
        {"\033[31m", 0, 0, "it failed"},
        {"", 0, 0, "it failed"},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_text_ Text t = {0};
        unit_result_add(&t, cases[i].result, cases[i].code, cases[i].status);
        assert_int_equal(t.error, 0);
        assert_string_equal(t.data, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
