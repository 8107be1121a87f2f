/* SPDX-License-Identifier: MIT */
/*
 * The reader and the plan: what is accepted, what is said about what is not, and that a plan read
 * back is the same plan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/plan.h"
#include "spec/read.h"
#include "spec/supervision.h"

#define WEB "\"type\": \"docker\", \"image\": \"nginx\""

static int read_string(const char *text, DiagList *diags, Spec **ret)
{
    return spec_read(text, strlen(text), "/etc/phoenix.d/web.json", diags, ret);
}

static Spec *read_good(const char *text)
{
    _cleanup_diag_list_ DiagList diags = {0};
    Spec *spec = NULL;

    int r = read_string(text, &diags, &spec);
    for (size_t i = 0; i < diags.n; i++) {
        _cleanup_(text_done) Text line = {0};
        diag_format(&diags.items[i], &line);
        print_message("%s\n", line.data);
    }
    assert_int_equal(r, 0);
    return spec;
}

/* Reads a spec that has findings and compares them, one per line, without the file's name. */
static void assert_findings(const char *text, size_t size, const char *expected)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;
    _cleanup_(text_done) Text lines = {0};
    bool errors = false;

    int r = spec_read(text, size, "w", &diags, &spec);
    for (size_t i = 0; i < diags.n; i++) {
        diag_format(&diags.items[i], &lines);
        text_add_char(&lines, '\n');
        errors = errors || diags.items[i].severity == DIAG_ERROR;
    }
    assert_string_equal(lines.data ? lines.data : "", expected);
    assert_int_equal(r, errors ? SPEC_INVALID : 0);
}

#define FINDINGS(text, expected) assert_findings(text, strlen(text), expected)

static void test_minimal(void **state)
{
    _cleanup_spec_free_ Spec *spec = read_good("{" WEB "}");

    assert_string_equal(spec->name, "web");
    assert_int_equal(spec->type, SPEC_TYPE_CONTAINER);
    assert_int_equal(spec->duration, SPEC_DURATION_DAEMON);
    assert_int_equal(spec->restart.policy, SPEC_RESTART_ALWAYS);
    assert_int_equal(spec->restart.delay_usec, 20 * USEC_PER_MSEC);
    assert_int_equal(spec->restart.max_usec, USEC_PER_MINUTE);
    assert_int_equal(spec->hardening.readonly, 1);
    assert_non_null(spec->hardening.capabilities);
    assert_int_equal(strv_length(spec->hardening.capabilities), 0);
    assert_int_equal(spec->proxyport, 8000);
    assert_int_equal(spec->enable, 0);
}

static void test_shorthands(void **state)
{
    _cleanup_spec_free_ Spec *spec = read_good(
        "{\"type\": \"oci\", \"image\": \"a/b:1\", \"healthcheck\": \"/health\", \"restart\": "
        "\"on-failure\", \"listen\": 8080, \"idle\": \"30s\", \"hardening\": \"none\", \"env\": "
        "{\"A\": 1, \"B\": \"x=y\"}, \"watchdog\": 10, \"limits\": {\"cpu\": 0.5, \"memory\": "
        "52428800}, \"hooks\": {\"once\": [[\"a\", \"b\"], {\"run\": [\"c\"], \"in\": "
        "\"container\"}]}, \"x-note\": \"mine\", \"$schema\": \"s\"}");

    assert_int_equal(spec->healthcheck.n, 1);
    assert_string_equal(spec->healthcheck.items[0].path, "/health");
    assert_int_equal(spec->healthcheck.items[0].type, SPEC_PROBE_HTTP);
    assert_int_equal(spec->healthcheck.items[0].port, 8000);
    assert_int_equal(spec->healthcheck.items[0].restart, 1);
    assert_string_equal(spec->healthcheck.items[0].status[0], "200");
    assert_int_equal(spec->restart.policy, SPEC_RESTART_ON_FAILURE);
    assert_string_equal(spec->listen.items[0].stream, "8080");
    assert_int_equal(spec->activation, SPEC_ACTIVATION_PROXY);
    assert_int_equal(spec->idle.after_usec, 30 * USEC_PER_SEC);
    assert_int_equal(spec->hardening.readonly, 0);
    assert_string_equal(spec->hardening.capabilities[0], "all");
    assert_string_equal(spec->env[0], "A=1");
    assert_string_equal(spec->env[1], "B=x=y");
    assert_int_equal(spec->watchdog_usec, 10 * USEC_PER_SEC);
    assert_string_equal(spec->limits.cpu, "50%");
    assert_string_equal(spec->limits.memory, "50M");
    assert_int_equal(spec->hooks.once.n, 2);
    assert_string_equal(spec->hooks.once.items[0].run[1], "b");
    assert_int_equal(spec->hooks.once.items[1].in, SPEC_HOOK_CONTAINER);
}

static void test_every_mistake_at_once(void **state)
{
    FINDINGS("{\n  \"type\": \"dokcer\",\n  \"image\": \"nginx\",\n"
             "  \"restart\": {\"delay\": \"5 parsecs\"},\n  \"helthcheck\": \"/\",\n"
             "  \"env\": [\"1A=b\"],\n  \"ports\": [\"80:80\", \"99999\"]\n}",
             "w:2:11: type: \"dokcer\" is not one of \"docker\", \"binary\", \"vm\", \"policy\", "
             "\"collector\"; "
             "did you mean "
             "\"docker\"?\n"
             "w:4:24: restart.delay: \"5 parsecs\" is not a time span (like \"500ms\", \"10s\", "
             "\"1min 30s\")\n"
             "w:5:3: warning: helthcheck: unknown key; did you mean \"healthcheck\"?\n"
             "w:6:11: env[0]: \"1A=b\" is not a variable (like \"TERM=xterm\"; a name has letters, "
             "digits and \"_\")\n"
             "w:7:22: ports[1]: \"99999\" is not a port (like \"8080:80\", "
             "\"127.0.0.1:8080:80\", \"[::1]:8080:80/tcp\" or \"80\")\n");
}

static void test_wrong_types(void **state)
{
    FINDINGS("[]", "w:1:1: an array is not an object\n");
    FINDINGS("{" WEB ", \"args\": \"x\"}", "w:1:46: args: \"x\" is not an array of strings\n");
    FINDINGS("{" WEB ", \"enable\": \"yes\"}", "w:1:48: enable: \"yes\" is not true or false\n");
    FINDINGS("{" WEB ", \"proxyport\": 70000}",
             "w:1:51: proxyport: 70000 is not a whole number from 1 to 65535\n");
    FINDINGS("{" WEB ", \"restart\": null}",
             "w:1:49: restart: null is not one of \"always\", \"on-failure\", \"on-abnormal\", "
             "\"on-abort\", \"on-watchdog\", \"on-success\", \"no\"\n");
    FINDINGS("{\"image\": \"a\"}", "w:1:1: type: is missing: What the image is: a container image, "
                                   "a program, a virtual machine; or \"policy\" or \"collector\", "
                                   "which have keys of their own.\n");
}

static void test_broken_json(void **state)
{
    FINDINGS("", "w:1:1: is not JSON: unexpected token near end of file\n");
    FINDINGS("{\n  \"a\": 1,\n  \"b\": 2,\n  \"a\": 3\n}",
             "w:4:3: a: is here a second time (first in line 2); keep one of them\n");
    FINDINGS(
        "{\"type\": \"docker\",}",
        "w:1:19: is not JSON: string or '}' expected near '}'; is there a comma before it that "
        "is not needed?\n");
}

static void test_hostile_text(void **state)
{
    static const char nul[] = "{\"type\": \"doc\0ker\"}";
    _cleanup_diag_list_ DiagList diags = {0};
    Spec *spec = NULL;

    assert_int_equal(spec_read(nul, sizeof(nul) - 1, "w", &diags, &spec), SPEC_INVALID);
    assert_int_equal(spec_read("{\"a\":2\0}", 8, "w", &diags, &spec), SPEC_INVALID);
    assert_int_equal(read_string("{\"name\": \"a\\u0000b\"}", &diags, &spec), SPEC_INVALID);
    assert_int_equal(read_string("{\"name\": \"\xff\xfe\"}", &diags, &spec), SPEC_INVALID);
    assert_int_equal(read_string("{\"name\": \"\xc0\xaf\"}", &diags, &spec), SPEC_INVALID);
    assert_null(spec);

    char *deep = malloc(100001);
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    assert_int_equal(read_string(deep, &diags, &spec), SPEC_INVALID);
    free(deep);

    size_t large = 10 * 1024 * 1024;
    char *text = malloc(large);
    memset(text, ' ', large);
    assert_int_equal(spec_read(text, large, "w", &diags, &spec), SPEC_INVALID);
    free(text);
    assert_null(spec);
    assert_true(diags.errors >= 7);
}

/* A message quotes a part of the input; never half a character. */
static void test_long_text_is_cut_between_characters(void **state)
{
    _cleanup_text_ Text text = {0};

    text_add(&text, "{" WEB ", \"env\": [\"");
    for (int i = 0; i < 100; i++)
        text_add(&text, "\xc3\xbc");
    text_add(&text, "\"]}");
    for (int shift = 0; shift < 2; shift++) {
        _cleanup_diag_list_ DiagList diags = {0};
        _cleanup_spec_free_ Spec *spec = NULL;
        _cleanup_text_ Text line = {0};
        assert_int_equal(read_string(text.data, &diags, &spec), SPEC_INVALID);
        assert_int_equal(diag_format(&diags.items[0], &line), 0);
        assert_true(utf8_valid(line.data, line.size));
        char *first = strstr(text.data, "\xc3\xbc");
        memcpy(first, "aa", 2);
    }
}

static void test_names(void **state)
{
    static const char *const bad[] = {"../x",    "/etc", "a b",   "",   "Web",
                                      ".hidden", "a@b",  "a\\nb", "-x", "a%n"};
    char text[200];

    for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
        _cleanup_diag_list_ DiagList diags = {0};
        _cleanup_spec_free_ Spec *spec = NULL;
        snprintf(text, sizeof(text), "{" WEB ", \"name\": \"%s\"}", bad[i]);
        assert_int_equal(read_string(text, &diags, &spec), SPEC_INVALID);
        assert_string_equal(diags.items[0].key, "name");
    }
    snprintf(text, sizeof(text), "{" WEB ", \"name\": \"%065d\"}", 1);
    FINDINGS(text, "w:1:46: name: "
                   "\"000000000000000000000000000000000000000000000000000000000000...\" is not a "
                   "service name (a-z, 0-9, \"_\", \".\", \"-\", beginning with a letter or digit, "
                   "at most 64 characters)\n");
}

static void test_rules_between_keys(void **state)
{
    FINDINGS("{" WEB ", \"schedule\": \"daily\", \"duration\": \"daemon\"}",
             "w:1:71: duration: a daemon stays, so it cannot be started by a schedule; leave "
             "\"duration\" out, or the schedule\n");
    FINDINGS("{\"type\": \"binary\", \"image\": \"sleep\"}",
             "w:1:29: image: \"sleep\" is not an absolute path, which the image of a binary is\n");
    FINDINGS("{\"type\": \"binary\", \"image\": \"/bin/sleep\", \"ports\": [\"80\"]}",
             "w:1:43: warning: ports: has no effect on a binary, which has the host's network\n");
    FINDINGS("{" WEB ", \"network\": [\"none\", \"x\"]}",
             "w:1:49: network: \"none\" goes with no other network\n");
    FINDINGS(
        "{" WEB ", \"hooks\": {\"stopped\": [{\"run\": [\"a\"], \"in\": \"container\"}]}}",
        "w:1:81: hooks.stopped[0].in: the container is gone when it has stopped; use \"stop\", "
        "which runs before it ends\n");
    FINDINGS("{" WEB ", \"restart\": {\"delay\": \"2min\", \"max\": \"1min\"}}",
             "w:1:74: restart.max: is less than restart.delay\n");
    FINDINGS("{" WEB ", \"healthcheck\": {\"type\": \"exec\"}}",
             "w:1:53: healthcheck[0].exec: is missing: a check of type \"exec\" needs it\n");
}

#define HEALTH(check) "{" WEB ", \"healthcheck\": " check "}"

static void test_checks_that_are_hardly_meant(void **state)
{
    FINDINGS(HEALTH("{\"path\": \"/\", \"port\": 80, \"interval\": \"1s\", \"timeout\": \"2s\"}"),
             "w:1:53: warning: healthcheck[0].timeout: is longer than the interval: a check that "
             "hangs delays the ones after it\n");
    FINDINGS(HEALTH("{\"path\": \"/\", \"port\": 80, \"grace\": 0}"),
             "w:1:53: warning: healthcheck[0].grace: of 0 counts failures from the first check "
             "on, 100ms after the start; give the time that a start may take\n");
    FINDINGS(HEALTH("{\"port\": 1, \"insecure\": true, \"redirects\": true}"),
             "w:1:53: warning: healthcheck[0].insecure: has no effect on a check of type \"tcp\"\n"
             "w:1:53: warning: healthcheck[0].redirects: has no effect on a check of type "
             "\"tcp\"\n");
    FINDINGS(HEALTH("{\"exec\": [\"a\"], \"host\": \"b\"}"),
             "w:1:53: warning: healthcheck[0].host: has no effect on a check of type \"exec\"\n");
    FINDINGS("{" WEB ", \"healthcheck\": \"/\", \"duration\": \"oneshot\"}",
             "w:1:38: warning: healthcheck: has no effect on a oneshot, which is done when it has "
             "ended\n");
    FINDINGS("{" WEB ", \"healthcheck\": \"/\", \"proxyport\": 80, \"restart\": \"no\"}",
             "w:1:86: warning: restart.policy: of \"no\" leaves the service down when a check has "
             "ended it; give the checks \"restart\": false, to be told only\n");
    FINDINGS("{" WEB ", \"readiness\": {\"port\": 80}, \"restart\": \"no\"}", "");
}

static void test_port_of_a_check(void **state)
{
    FINDINGS("{" WEB ", \"healthcheck\": \"/\", \"ports\": [\"8080:80\"]}",
             "w:1:53: warning: healthcheck[0].port: is not given, so the check goes to 8000, the "
             "default of \"proxyport\", which is not among \"ports\"; give \"proxyport\", or "
             "\"port\" in the check\n");
    FINDINGS("{" WEB ", \"healthcheck\": \"/\", \"ports\": [\"80\", \"1:7990-8010/tcp\"]}", "");
    FINDINGS("{" WEB ", \"healthcheck\": \"/\", \"ports\": [\"80\"], \"proxyport\": 8000}", "");
    FINDINGS("{" WEB ", \"healthcheck\": {\"exec\": [\"a\"]}, \"ports\": [\"80\"]}", "");
    FINDINGS(
        "{" WEB ", \"healthcheck\": [\"/\", \"/b\"], \"readiness\": \"/\"}",
        "w:1:54: note: healthcheck[0].port: is not given, so the check goes to 8000, the default "
        "of \"proxyport\"; give \"proxyport\", or \"port\" in the check, if it serves on another "
        "one\n");
    FINDINGS("{" WEB ", \"healthcheck\": \"/\", \"proxyport\": 8000}", "");
}

static void test_times_of_a_check(void **state)
{
    _cleanup_spec_free_ Spec *spec =
        read_good("{" WEB ", \"healthcheck\": [\"/\", {\"port\": 1, \"interval\": \"1s\"}]}");

    assert_int_equal(spec->healthcheck.items[0].timeout_usec, 3 * USEC_PER_SEC);
    assert_int_equal(spec->healthcheck.items[1].timeout_usec, USEC_PER_SEC);
}

static void test_who_is_told(void **state)
{
    _cleanup_spec_free_ Spec *all = read_good("{" WEB ", \"onfailure\": {\"url\": \"http://x/\"}}");
    _cleanup_spec_free_ Spec *none = read_good("{" WEB "}");

    assert_int_equal(strv_length(all->onfailure.on), 4);
    assert_true(strv_contains(all->onfailure.on, "held"));
    assert_null(none->onfailure.on);
    FINDINGS("{" WEB ", \"onfailure\": {\"on\": \"held\"}}",
             "w:1:38: warning: onfailure: has no effect without \"url\" or \"exec\"\n");
    FINDINGS("{" WEB ", \"onfailure\": {\"url\": \"ftp://x/\", \"on\": \"hold\"}}",
             "w:1:59: onfailure.url: \"ftp://x/\" is not an address (like "
             "\"https://example.com/hook\")\n"
             "w:1:77: onfailure.on: \"hold\" is not one of \"unhealthy\", \"restarted\", "
             "\"held\", \"recovered\"\n");
}

/* The times that follow from checks; what they are for is in supervision.h. */
static void test_supervision(void **state)
{
    _cleanup_spec_free_ Spec *none = read_good("{" WEB "}");
    _cleanup_spec_free_ Spec *slow =
        read_good("{" WEB ", \"healthcheck\": {\"path\": \"/\", \"interval\": \"1d\", \"timeout\": "
                  "\"1h\", \"retries\": 1000, \"grace\": \"1d\"}, \"readiness\": {\"path\": \"/\", "
                  "\"successes\": 5}}");

    assert_false(spec_is_supervised(none));
    assert_true(spec_watchdog_usec(none) == USEC_INFINITY);
    assert_int_equal(spec_health_wait_usec(none), 0);
    assert_true(spec_is_supervised(slow));
    assert_int_equal(spec_watchdog_usec(slow), 75 * USEC_PER_HOUR);
    assert_int_equal(spec_health_wait_usec(slow), 25024 * USEC_PER_HOUR);
}

static void test_settings(void **state)
{
    _cleanup_spec_free_ Spec *spec = read_good(
        "{" WEB ", \"unit\": {\"Service\": {\"Nice\": 5, \"ExecStartPre\": [\"/a\", \"/b\"]}}}");

    assert_int_equal(spec->unit.n, 3);
    assert_string_equal(spec->unit.items[0].value, "5");
    assert_string_equal(spec->unit.items[2].key, "ExecStartPre");
    FINDINGS("{" WEB ", \"unit\": {\"Service\": {\"Nice\": \"5\\n[Install]\"}}}",
             "w:1:67: unit.Service.Nice: holds a control character; a setting is one line\n");
    FINDINGS("{" WEB ", \"unit\": {\"Ser]vice\": {\"Nice\": 5}}}",
             "w:1:59: unit[\"Ser]vice\"]: is not the name of a section (like \"Service\")\n");
}

/* Reading a plan back and writing it again gives the same bytes, for specs that use many keys. */
static void test_plan_is_stable(void **state)
{
    static const char *const specs[] = {
        "{" WEB "}",
        "{\"type\": \"binary\", \"image\": \"/usr/bin/true\", \"schedule\": \"*/15 * * * 1-5\", "
        "\"hardening\": {\"capabilities\": [\"net_bind_service\"], \"home\": \"writable\"}}",
        "{\"type\": \"vm\", \"image\": \"/srv/vm.zst\", \"machine\": \"edge-1\", \"link\": "
        "[\"a\"]}",
        "{" WEB
        ", \"healthcheck\": [\"/a\", {\"port\": 5432}, {\"exec\": [\"true\"], \"interval\": "
        "1.5}, {\"socket\": \"/run/x\"}, {\"match\": \"beat\"}], \"readiness\": \"/r\", "
        "\"listen\": "
        "[80, {\"stream\": \"/run/w.sock\", \"mode\": \"0660\"}], \"idle\": {\"after\": \"1min\", "
        "\"action\": \"freeze\", \"stop\": \"1h\"}, \"proxysocket\": \"/run/w/s\", \"env\": "
        "[\"A=\\\"%$\\n\\t\\u00fc\"], "
        "\"args\": "
        "[\"\", \"$HOME\", \"100%\", \";\"], \"network\": \"none\", \"volumes\": [\"/a:/b:ro\"], "
        "\"onfailure\": {\"url\": \"https://x/y\", \"on\": \"held\"}, \"secrets\": [\"token\"], "
        "\"backup\": {\"paths\": [\"/a\"]}, \"logs\": {\"size\": \"1536K\"}, \"limits\": {\"cpu\": "
        "\"12.5%\", \"memory\": \"10%\", \"tasks\": 5}, \"unit\": {\"Service\": {\"Nice\": [1, 2], "
        "\"Environment\": \"\"}, \"Container\": {\"Label\": \"a=b\"}}}",
    };

    for (size_t i = 0; i < ELEMENTSOF(specs); i++) {
        _cleanup_spec_free_ Spec *spec = read_good(specs[i]), *again = NULL;
        _cleanup_(text_done) Text first = {0}, second = {0};
        _cleanup_diag_list_ DiagList diags = {0};

        assert_int_equal(plan_write(spec, &first), 0);
        assert_int_equal(spec_read_plan(first.data, first.size, "p", &diags, &again), 0);
        assert_int_equal(plan_write(again, &second), 0);
        assert_string_equal(first.data, second.data);
        assert_string_equal(again->source, "/etc/phoenix.d/web.json");
    }
}

static void test_plan_of_other_version(void **state)
{
    static const char plan[] = "{\"plan\": 2, \"source\": \"/x\", " WEB "}";
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;

    assert_int_equal(spec_read_plan(plan, strlen(plan), "p", &diags, &spec), SPEC_INVALID);
    assert_string_equal(diags.items[0].code, DIAG_CODE_UNSUPPORTED);
}

static void test_findings_as_json(void **state)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;
    _cleanup_(text_done) Text text = {0};

    assert_int_equal(read_string("{" WEB ", \"enable\": \"\\\"\"}", &diags, &spec), SPEC_INVALID);
    assert_int_equal(diag_format_json(&diags.items[0], &text), 0);
    assert_string_equal(text.data,
                        "{\"file\": \"/etc/phoenix.d/web.json\", \"line\": 1, \"column\": "
                        "48, \"key\": \"enable\", \"severity\": \"error\", \"code\": "
                        "\"wrong-type\", \"message\": \"\\\"\\\"\\\" is not true or "
                        "false\", \"hint\": null}");
}

static void test_list_is_bounded(void **state)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;
    _cleanup_(text_done) Text text = {0};

    text_add(&text, "{" WEB ", \"args\": [");
    for (int i = 0; i < 500; i++)
        text_add(&text, i ? ",1" : "1");
    text_add(&text, "]}");
    assert_int_equal(read_string(text.data, &diags, &spec), SPEC_INVALID);
    assert_int_equal(diags.n, DIAG_MAX);
    assert_int_equal(diags.errors, 500);
    assert_int_equal(diags.dropped, 500 - DIAG_MAX);
}

static void test_checks_are_bounded(void **state)
{
    for (int n = 16; n <= 17; n++) {
        _cleanup_diag_list_ DiagList diags = {0};
        _cleanup_spec_free_ Spec *spec = NULL;
        _cleanup_(text_done) Text text = {0};

        text_add(&text, "{" WEB ", \"proxyport\": 80, \"healthcheck\": [");
        for (int i = 0; i < n; i++)
            text_add(&text, i ? ",{}" : "{}");
        text_add(&text, "]}");
        assert_int_equal(read_string(text.data, &diags, &spec), n > 16 ? SPEC_INVALID : 0);
    }
}

#define POLICY "\"type\": \"policy\", \"match\": "

static void test_policy(void **state)
{
    _cleanup_spec_free_ Spec *spec = read_good("{" POLICY "\"stress\"}");
    static const char *const names[] = {"cpu", "io", "ram", "disk"};
    const Policy *policy = &spec->policy;

    assert_int_equal(spec->type, SPEC_TYPE_POLICY);
    assert_string_equal(spec->name, "web");
    assert_int_equal(spec->scope, SPEC_SCOPE_ANY);
    assert_string_equal(policy->match.command, "stress");
    assert_null(policy->match.services);
    assert_int_equal(policy->classes.n, 4);
    for (size_t i = 0; i < policy->classes.n; i++) {
        assert_string_equal(policy->classes.items[i].name, names[i]);
        assert_int_equal(policy->classes.items[i].keep, 1);
    }
    assert_string_equal(policy->classes.items[2].args[0], "--vm");
    assert_int_equal(policy->interval_usec, 10 * USEC_PER_SEC);
    assert_int_equal(policy->action, POLICY_ACTION_STOP);
    assert_int_equal(policy->grace_usec, 15 * USEC_PER_SEC);
    assert_int_equal(policy->cooldown_usec, 30 * USEC_PER_SEC);
    assert_null(spec->image);
    assert_int_equal(spec->restart.policy, SPEC_UNSET); /* which is a matter of services */
}

static void test_policy_in_full(void **state)
{
    _cleanup_spec_free_ Spec *spec = read_good(
        "{" POLICY "{\"command\": \"str*\", \"container\": \"x_*\", \"services\": \"web-*\"}, "
        "\"classes\": {\"b\": \"--cpu\", \"a\": {\"command\": \"x\", \"keep\": 3, \"x-why\": 1}, "
        "\"x-note\": 5, \"rest\": {}}, \"keep\": 2, \"budget\": {\"memory\": \"1.5G\", "
        "\"psi\": \"20%\"}, \"action\": \"none\", \"spare\": [\"x_keep\"]}");
    const Policy *policy = &spec->policy;

    /* in the order of the file: the first that fits counts */
    assert_int_equal(policy->classes.n, 3);
    assert_string_equal(policy->classes.items[0].name, "b");
    assert_string_equal(policy->classes.items[0].args[0], "--cpu");
    assert_int_equal(policy->classes.items[0].keep, 2);
    assert_string_equal(policy->classes.items[1].name, "a");
    assert_int_equal(policy->classes.items[1].keep, 3);
    assert_null(policy->classes.items[2].args);
    assert_string_equal(policy->match.services[0], "web-*");
    assert_string_equal(policy->budget.memory, "1536M");
    assert_string_equal(policy->budget.psi.memory, "20%");
    assert_int_equal(policy->action, POLICY_ACTION_NONE);
}

static void test_policy_mistakes(void **state)
{
    FINDINGS("{\"type\": \"policy\"}",
             "w:1:1: match: is missing: The containers that it is about; all that is given must "
             "fit.\n");
    FINDINGS("{" POLICY "{}}",
             "w:1:29: match: is empty, so it would be about every container; give \"command\", "
             "\"container\", \"label\" or \"services\"\n");
    FINDINGS("{" POLICY "{\"label\": [\"=b\", \"a=b\"]}}",
             "w:1:40: match.label[0]: \"=b\" is not the key of a label, or key and value (like "
             "\"com.example.role\" or \"com.example.role=batch-*\")\n");
    FINDINGS("{" POLICY "\"a\", \"classes\": {\"CPU\": \"--cpu\"}}",
             "w:1:53: classes.CPU: \"CPU\" is not the name of a class (a-z, 0-9, \"_\", \"-\", "
             "beginning with a letter or digit, at most 32 characters)\n");
    FINDINGS("{" POLICY "\"a\", \"classes\": {\"cpu\": {\"args\": [], \"kep\": 1}}, \"keep\": -1}",
             "w:1:62: classes.cpu.args: is empty; at least one string is needed\n"
             "w:1:66: warning: classes.cpu.kep: unknown key; did you mean \"keep\"?\n"
             "w:1:86: keep: -1 is not a whole number from 0 to 100000\n");
    FINDINGS(
        "{" POLICY "\"a\", \"classes\": [], \"budget\": {\"psi\": {\"io\": \"110%\"}}}",
        "w:1:45: classes: an array is not an object\n"
        "w:1:74: budget.psi.io: \"110%\" is not a percentage from 0% to 100% (like \"10%\")\n");
    /* A key of the other kind is named as such. */
    FINDINGS("{" POLICY "\"a\", \"image\": \"x\"}",
             "w:1:34: warning: image: is a key of services, and this is a policy\n");
    FINDINGS("{" WEB ", \"spare\": \"x\"}",
             "w:1:38: warning: spare: is a key of policies (\"type\": \"policy\"), and this is a "
             "service\n");
    FINDINGS("{" POLICY "\"a\", \"action\": \"kill\", \"interval\": \"10ms\"}",
             "w:1:44: action: \"kill\" is not one of \"stop\", \"none\"\n"
             "w:1:64: interval: \"10ms\" is not a time span from 1s to 1d\n");
}

static void test_policy_plan(void **state)
{
    _cleanup_spec_free_ Spec *spec = read_good(
        "{" POLICY "{\"command\": \"stress\"}, \"classes\": {\"z\": \"-z\", \"a\": \"-a\"}, "
        "\"budget\": \"1G\", \"scope\": \"user\"}");
    _cleanup_spec_free_ Spec *again = NULL;
    _cleanup_(text_done) Text first = {0}, second = {0};
    _cleanup_diag_list_ DiagList diags = {0};

    assert_int_equal(plan_write(spec, &first), 0);
    assert_non_null(strstr(first.data, "\"z\""));
    assert_null(strstr(first.data, "restart"));
    assert_int_equal(spec_read_plan(first.data, first.size, "p", &diags, &again), 0);
    assert_int_equal(plan_write(again, &second), 0);
    assert_string_equal(first.data, second.data);
    assert_string_equal(again->policy.classes.items[0].name, "z");
}

#define COLLECTOR "\"type\": \"collector\""

static void test_collector(void **state)
{
    _cleanup_spec_free_ Spec *spec = read_good("{" COLLECTOR "}");
    const SpecCollector *collector = &spec->collector;

    assert_int_equal(spec->type, SPEC_TYPE_COLLECTOR);
    assert_string_equal(spec->name, "web");
    assert_int_equal(spec->scope, SPEC_SCOPE_ANY);
    assert_string_equal(collector->url, "http://localhost:5000");
    assert_int_equal(collector->interval_usec, 10 * USEC_PER_SEC);
    assert_string_equal(collector->spool.size, "16M");
    assert_int_equal(collector->spool.age_usec, 7 * USEC_PER_DAY);
    assert_null(collector->token);
    assert_null(collector->host);
    assert_null(spec->image);
    assert_int_equal(spec->restart.policy, SPEC_UNSET); /* which is a matter of services */
}

static void test_collector_mistakes(void **state)
{
    FINDINGS("{" COLLECTOR ", \"url\": \"ftp://x\"}",
             "w:1:30: url: \"ftp://x\" is not the address of a collector (like "
             "\"https://collector.example.com\" or \"unix:/run/collector.sock\"), without user, "
             "\"?\" and \"#\"\n");
    FINDINGS("{" COLLECTOR ", \"url\": \"https://me:pw@x\", \"interval\": \"1ms\"}",
             "w:1:30: url: \"https://me:pw@x\" is not the address of a collector (like "
             "\"https://collector.example.com\" or \"unix:/run/collector.sock\"), without user, "
             "\"?\" and \"#\"\n"
             "w:1:61: interval: \"1ms\" is not a time span from 1s to 1d\n");
    FINDINGS("{" COLLECTOR ", \"token\": \"a/b\"}",
             "w:1:32: token: \"a/b\" is not an absolute path, or the name of a credential of "
             "phoenixd.service (like \"collector-token\")\n");
    /* A key of the other kind is named as such. */
    FINDINGS("{" COLLECTOR ", \"image\": \"x\"}",
             "w:1:23: warning: image: is a key of services, and this is a collector\n");
    FINDINGS(
        "{" WEB ", \"spool\": \"1M\"}",
        "w:1:38: warning: spool: is a key of collectors (\"type\": \"collector\"), and this is "
        "a service\n");
}

static void test_collector_plan(void **state)
{
    _cleanup_spec_free_ Spec *spec =
        read_good("{" COLLECTOR ", \"url\": \"unix:/run/c.sock\", \"spool\": \"64M\", "
                  "\"host\": \"edge 7\", \"token\": \"/etc/token\", \"scope\": \"user\"}");
    _cleanup_spec_free_ Spec *again = NULL;
    _cleanup_(text_done) Text first = {0}, second = {0};
    _cleanup_diag_list_ DiagList diags = {0};

    assert_int_equal(plan_write(spec, &first), 0);
    assert_null(strstr(first.data, "restart"));
    assert_int_equal(spec_read_plan(first.data, first.size, "p", &diags, &again), 0);
    assert_int_equal(plan_write(again, &second), 0);
    assert_string_equal(first.data, second.data);
    assert_string_equal(again->collector.spool.size, "64M");
    assert_string_equal(again->collector.url, "unix:/run/c.sock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks_are_bounded),
        cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_shorthands),
        cmocka_unit_test(test_every_mistake_at_once),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_broken_json),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_long_text_is_cut_between_characters),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rules_between_keys),
        cmocka_unit_test(test_checks_that_are_hardly_meant),
        cmocka_unit_test(test_port_of_a_check),
        cmocka_unit_test(test_times_of_a_check),
        cmocka_unit_test(test_who_is_told),
        cmocka_unit_test(test_supervision),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_plan_is_stable),
        cmocka_unit_test(test_plan_of_other_version),
        cmocka_unit_test(test_findings_as_json),
        cmocka_unit_test(test_list_is_bounded),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_policy_in_full),
        cmocka_unit_test(test_policy_mistakes),
        cmocka_unit_test(test_policy_plan),
        cmocka_unit_test(test_collector),
        cmocka_unit_test(test_collector_mistakes),
        cmocka_unit_test(test_collector_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
