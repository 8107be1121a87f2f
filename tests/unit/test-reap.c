/* SPDX-License-Identifier: MIT */
/* What a policy makes of containers: a made-up machine and a made-up clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"
#include "reap/look.h"
#include "spec/read.h"

#define MANY  40
#define GIB   (UINT64_C(1) << 30)
#define START (1000 * USEC_PER_SEC)

typedef struct Fixture {
    SysinfoContainer infos[MANY];
    ReapContainer containers[MANY];
    ReapInput input;
    ReapHistory history;
    ReapDecisions decisions;
    Spec *spec;
} Fixture;

static int setup(void **state)
{
    Fixture *fixture = calloc(1, sizeof(Fixture));

    assert_non_null(fixture);
    fixture->input = (ReapInput){
        .policy_name = "stress",
        .containers = fixture->containers,
        .memory_total_bytes = 8 * GIB,
        .pressure = {-1, -1, -1},
        .history = &fixture->history,
        .now_usec = START,
        .manager = SYSINFO_SYSTEM_MANAGER,
    };
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    Fixture *fixture = *state;

    for (size_t i = 0; i < fixture->input.n; i++) {
        free((char *)fixture->infos[i].cmdline);
        free((char *)fixture->infos[i].unit);
    }
    reap_history_done(&fixture->history);
    reap_decisions_done(&fixture->decisions);
    spec_free(fixture->spec);
    free(fixture);
    return 0;
}

static void set_policy(Fixture *fixture, const char *more)
{
    _cleanup_free_ char *text = text_printf("{\"type\": \"policy\", %s}", more);
    _cleanup_diag_list_ DiagList diags = {0};

    fixture->spec = spec_free(fixture->spec);
    assert_int_equal(spec_read(text, strlen(text), "/stress.json", &diags, &fixture->spec), 0);
    fixture->input.policy = &fixture->spec->policy;
}

/* The newest so far. */
static SysinfoContainer *add(Fixture *fixture, const char *cmdline)
{
    size_t i = fixture->input.n++;
    SysinfoContainer *info = &fixture->infos[i];

    assert_true(i < MANY);
    *info = (SysinfoContainer){
        .pid = (pid_t)(100 + i),
        .cmdline = strdup(cmdline),
        .unit = text_printf("libpod-%zu.scope", i),
        .manager = SYSINFO_SYSTEM_MANAGER,
        .cgroup_id = 1000 + i,
        .start_usec = (i + 1) * USEC_PER_SEC,
    };
    snprintf(info->id, sizeof(info->id), "%064zx", i);
    snprintf(info->name, sizeof(info->name), "%.*s", (int)strcspn(cmdline, " "), cmdline);
    fixture->containers[i] = (ReapContainer){.info = info, .name = "c"};
    return info;
}

static void set_unit(SysinfoContainer *info, const char *unit)
{
    free((char *)info->unit);
    info->unit = unit ? strdup(unit) : NULL;
}

/* One line for each decision: "class rank verdict reason container". */
static void assert_decides(Fixture *fixture, const char *expected)
{
    _cleanup_text_ Text text = {0};

    reap_decisions_done(&fixture->decisions);
    assert_int_equal(reap_decide(&fixture->input, &fixture->decisions), 0);
    for (size_t i = 0; i < fixture->decisions.n; i++) {
        const ReapDecision *decision = &fixture->decisions.items[i];
        text_addf(&text, "%s %zu %s %s %zu\n",
                  fixture->input.policy->classes.items[decision->class].name, decision->rank,
                  reap_verdict_word(decision->verdict), reap_reason_word(decision->reason),
                  decision->container);
    }
    assert_string_equal(text.data ? text.data : "", expected);
}

/* The session of the document: of three, three and two the newest stays. */
static void test_document(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": {\"command\": \"stress\"}");
    add(fixture, "stress --io 1 ");
    add(fixture, "stress --io 1 ");
    add(fixture, "stress --vm 2 --vm-bytes 256M ");
    add(fixture, "stress --io 1 ");
    add(fixture, "stress --hdd 1 --hdd-bytes 1G ");
    add(fixture, "stress --hdd 1 --hdd-bytes 1G ");
    add(fixture, "stress --vm 2 --vm-bytes 256M ");
    add(fixture, "nginx -g daemon ");
    add(fixture, "stress --timeout 60 ");
    assert_decides(fixture, "io 1 keep newest 3\n"
                            "io 2 stop surplus 1\n"
                            "io 3 stop surplus 0\n"
                            "ram 1 keep newest 6\n"
                            "ram 2 stop surplus 2\n"
                            "disk 1 keep newest 5\n"
                            "disk 2 stop surplus 4\n");
}

static void test_equal_age(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": \"stress\"");
    for (size_t i = 0; i < 3; i++)
        add(fixture, "stress -c 1 ")->start_usec = USEC_PER_SEC;
    fixture->infos[0].cgroup_id = 9999;
    assert_decides(fixture, "cpu 1 keep newest 0\n"
                            "cpu 2 stop surplus 2\n"
                            "cpu 3 stop surplus 1\n");
}

static void test_keep(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": \"stress\", \"keep\": 2, \"classes\": {\"cpu\": \"--cpu\", "
                        "\"none\": {\"args\": \"--vm\", \"keep\": 0}, \"rest\": {}}");
    add(fixture, "stress --cpu=1 ");
    add(fixture, "/usr/bin/stress --cpu 1 ");
    add(fixture, "stress --cpu 1 --vm 1 "); /* the first class that fits */
    add(fixture, "stress --vm 1 ");
    add(fixture, "stress --io 1 ");
    snprintf(fixture->infos[1].name, sizeof(fixture->infos[1].name), "renamed");
    assert_decides(fixture, "cpu 1 keep newest 2\n"
                            "cpu 2 keep newest 1\n"
                            "cpu 3 stop surplus 0\n"
                            "none 1 stop surplus 3\n"
                            "rest 1 keep newest 4\n");
}

static void test_by_name(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": {\"command\": \"str*\", \"container\": \"batch-*\"}, "
                        "\"classes\": {\"all\": {}}");
    for (size_t i = 0; i < 4; i++)
        add(fixture, i == 3 ? "nginx " : "stress --cpu 1 ");
    fixture->containers[0].name = "batch-1";
    fixture->containers[1].name = "web";
    fixture->containers[2].name = ""; /* not known: not matched */
    fixture->containers[3].name = "batch-2";
    assert_decides(fixture, "all 1 keep newest 0\n");
}

/* None of these is stopped, nor does any of them count as the one that is kept. */
static void test_spared(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": \"stress\", \"classes\": {\"all\": {}}, \"keep\": 0, "
                        "\"spare\": [\"precious*\", \"libpod-1.scope\"]");
    for (size_t i = 0; i < 9; i++)
        add(fixture, "stress --cpu 1 ");
    fixture->containers[0].name = "precious-1";
    set_unit(&fixture->infos[2], "phoenix@web.service");
    set_unit(&fixture->infos[3], "phoenix-collector.service");
    set_unit(&fixture->infos[4], NULL);
    fixture->infos[5].manager = 1000;
    fixture->infos[6].unit_shared = true;
    fixture->containers[7].name = "";
    assert_decides(fixture, "all 1 stop surplus 8\n"
                            "all 0 spare name-unknown 7\n"
                            "all 0 spare shared-unit 6\n"
                            "all 0 spare other-manager 5\n"
                            "all 0 spare no-unit 4\n"
                            "all 0 spare collector 3\n"
                            "all 0 spare service 2\n"
                            "all 0 spare spared 1\n"
                            "all 0 spare spared 0\n");

    /* In a user's manager it is the other way round. */
    fixture->input.manager = 1000;
    reap_decisions_done(&fixture->decisions);
    assert_int_equal(reap_decide(&fixture->input, &fixture->decisions), 0);
    assert_int_equal(fixture->decisions.items[0].container, 5);
    assert_int_equal(fixture->decisions.items[0].verdict, REAP_STOP);
    for (size_t i = 1; i < fixture->decisions.n; i++)
        assert_int_equal(fixture->decisions.items[i].verdict, REAP_SPARE);
}

/* The collector is safe by its name as well, whatever it runs and whoever asks for it. */
static void test_collector(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": {\"container\": \"*\", \"services\": \"*\"}, \"keep\": 0, "
                        "\"classes\": {\"all\": {}}");
    add(fixture, "phoenix-collector ");
    add(fixture, "phoenix-collector ");
    fixture->containers[0].name = "phoenix-collector";
    set_unit(&fixture->infos[1], "phoenix-collector.service");
    assert_decides(fixture, "all 0 spare collector 1\nall 0 spare collector 0\n");
}

static void test_services(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": {\"services\": [\"web-*\"]}, \"keep\": 1, "
                        "\"classes\": {\"all\": {}}");
    for (size_t i = 0; i < 4; i++)
        add(fixture, "httpd ");
    set_unit(&fixture->infos[0], "phoenix@web-1.service");
    set_unit(&fixture->infos[1], "phoenix@web-2.service");
    set_unit(&fixture->infos[2], "phoenix@db.service");
    assert_decides(fixture, "all 1 keep newest 1\nall 2 stop surplus 0\n");

    /* With a command as well, the services that are not named are spared, and said to be. */
    set_policy(fixture, "\"match\": {\"command\": \"httpd\", \"services\": \"web-1\"}, "
                        "\"keep\": 0, \"classes\": {\"all\": {}}");
    assert_decides(fixture, "all 1 stop surplus 3\nall 2 stop surplus 0\n"
                            "all 0 spare service 2\nall 0 spare service 1\n");
}

/* Who is known by its labels, who not, and who cannot be known. */
static void test_labels(void **state)
{
    EngineLabel labels[] = {{(char *)"com.example.role", (char *)"batch"},
                            {(char *)"x", (char *)""}};
    EngineContainer batch = {.labels = labels, .n_labels = 2},
                    other = {.labels = labels + 1, .n_labels = 1};
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": {\"label\": \"com.example.role=batch\"}, \"keep\": 1, "
                        "\"classes\": {\"all\": {}}");
    for (size_t i = 0; i < 7; i++) {
        add(fixture, "sh ");
        fixture->containers[i].engine = &batch;
    }
    fixture->containers[1].engine = &other;
    fixture->containers[2].engine = NULL;
    /* Of these it would not matter what they are. */
    fixture->containers[3].engine = fixture->containers[4].engine = NULL;
    fixture->infos[3].manager = 1000;
    set_unit(&fixture->infos[4], NULL);
    assert_decides(fixture, "all 1 keep newest 6\n"
                            "all 2 stop surplus 5\n"
                            "all 3 stop surplus 0\n"
                            "all 0 spare labels-unknown 2\n");
    /* All of them; and a bare key. */
    set_policy(fixture, "\"match\": {\"label\": [\"com.example.role=b*\", \"x\"]}, \"keep\": 0, "
                        "\"classes\": {\"all\": {}}");
    assert_decides(fixture, "all 1 stop surplus 6\nall 2 stop surplus 5\nall 3 stop surplus 0\n"
                            "all 0 spare labels-unknown 2\n");
    set_policy(fixture, "\"match\": {\"label\": \"x\", \"command\": \"sh\"}, \"keep\": 3, "
                        "\"classes\": {\"all\": {}}");
    assert_decides(fixture, "all 1 keep newest 6\nall 2 keep newest 5\nall 3 keep newest 1\n"
                            "all 4 stop surplus 0\nall 0 spare labels-unknown 2\n");
    /* Without an engine nothing is touched. */
    for (size_t i = 0; i < 7; i++)
        fixture->containers[i].engine = NULL;
    assert_decides(fixture, "all 0 spare labels-unknown 6\nall 0 spare labels-unknown 5\n"
                            "all 0 spare labels-unknown 2\nall 0 spare labels-unknown 1\n"
                            "all 0 spare labels-unknown 0\n");
}

static void test_memory(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": \"stress\", \"keep\": 3, \"classes\": {\"all\": {}}, "
                        "\"budget\": {\"memory\": \"2G\"}");
    for (size_t i = 0; i < 4; i++)
        add(fixture, "stress --vm 1 ")->memory_bytes = GIB;
    fixture->infos[2].memory_bytes = 2 * GIB;
    /* The oldest is surplus and gone; 4 GiB are left, 2 may stay: the largest goes. */
    assert_decides(fixture, "all 1 keep newest 3\n"
                            "all 2 stop memory 2\n"
                            "all 3 keep newest 1\n"
                            "all 4 stop surplus 0\n");
    /* Of the same size the older one. 15% of 8 GiB are 1.2. */
    set_policy(fixture, "\"match\": \"stress\", \"keep\": 3, \"classes\": {\"all\": {}}, "
                        "\"budget\": \"15%\"");
    assert_decides(fixture, "all 1 keep newest 3\n"
                            "all 2 stop memory 2\n"
                            "all 3 stop memory 1\n"
                            "all 4 stop surplus 0\n");
    /* Nothing to gain from those whose memory cannot be read. */
    for (size_t i = 0; i < 4; i++)
        fixture->infos[i].memory_bytes = 0;
    assert_decides(fixture, "all 1 keep newest 3\nall 2 keep newest 2\nall 3 keep newest 1\n"
                            "all 4 stop surplus 0\n");
}

static void test_pressure(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": \"stress\", \"keep\": 9, \"classes\": {\"all\": {}}, "
                        "\"budget\": {\"psi\": {\"memory\": \"20%\", \"cpu\": \"50.5%\", "
                        "\"io\": \"10%\"}}, \"cooldown\": \"30s\"");
    for (size_t i = 0; i < 3; i++)
        add(fixture, "stress --vm 1 ");
    fixture->infos[0].memory_bytes = GIB;
    fixture->infos[1].cpu_percent = 150;
    fixture->infos[2].wbytes = GIB;
    /* not known, and exactly at the limit */
    assert_decides(fixture, "all 1 keep newest 2\nall 2 keep newest 1\nall 3 keep newest 0\n");
    fixture->input.pressure = (ReapPressure){20, 50.5, 10};
    assert_decides(fixture, "all 1 keep newest 2\nall 2 keep newest 1\nall 3 keep newest 0\n");
    /* One at a time, memory before the rest. */
    fixture->input.pressure = (ReapPressure){20.01, 99, 99};
    assert_decides(fixture,
                   "all 1 keep newest 2\nall 2 keep newest 1\nall 3 stop memory-pressure 0\n");
    fixture->input.pressure = (ReapPressure){0, 50.51, 99};
    assert_decides(fixture,
                   "all 1 keep newest 2\nall 2 stop cpu-pressure 1\nall 3 keep newest 0\n");
    fixture->input.pressure = (ReapPressure){0, 0, 11};
    assert_decides(fixture, "all 1 stop io-pressure 2\nall 2 keep newest 1\nall 3 keep newest 0\n");
    /* Then it rests. */
    fixture->history.pressure_usec = START;
    fixture->input.now_usec = START + 29 * USEC_PER_SEC;
    assert_decides(fixture, "all 1 keep newest 2\nall 2 keep newest 1\nall 3 keep newest 0\n");
    fixture->input.now_usec = START + 30 * USEC_PER_SEC;
    assert_decides(fixture, "all 1 stop io-pressure 2\nall 2 keep newest 1\nall 3 keep newest 0\n");
}

static void test_cooldown(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": \"stress\", \"cooldown\": \"30s\"");
    add(fixture, "stress --cpu 1 ");
    add(fixture, "stress --cpu 1 ");
    add(fixture, "stress --cpu 1 ");
    assert_decides(fixture, "cpu 1 keep newest 2\ncpu 2 stop surplus 1\ncpu 3 stop surplus 0\n");
    reap_history_add(&fixture->history, &fixture->infos[0])->ended_usec = UINT64_MAX;
    reap_history_add(&fixture->history, &fixture->infos[1])->ended_usec = START;
    fixture->input.now_usec = START + 29 * USEC_PER_SEC;
    assert_decides(fixture, "cpu 1 keep newest 2\ncpu 2 wait surplus 1\ncpu 3 wait surplus 0\n");
    fixture->input.now_usec = START + 30 * USEC_PER_SEC;
    assert_decides(fixture, "cpu 1 keep newest 2\ncpu 2 stop surplus 1\ncpu 3 wait surplus 0\n");
    /* The same ID that was started again is another container. */
    fixture->infos[0].cgroup_id = 77;
    assert_decides(fixture, "cpu 1 keep newest 2\ncpu 2 stop surplus 1\ncpu 3 stop surplus 0\n");
}

static void test_history(void **state)
{
    Fixture *fixture = *state;

    add(fixture, "a ");
    add(fixture, "b ");
    reap_history_add(&fixture->history, &fixture->infos[0])->ended_usec = 5;
    reap_history_add(&fixture->history, &fixture->infos[1])->ended_usec = 6;
    assert_ptr_equal(reap_history_add(&fixture->history, &fixture->infos[0]),
                     reap_history_find(&fixture->history, &fixture->infos[0]));
    reap_history_forget(&fixture->history, &fixture->containers[1], 1);
    assert_null(reap_history_find(&fixture->history, &fixture->infos[0]));
    assert_int_equal(reap_history_find(&fixture->history, &fixture->infos[1])->ended_usec, 6);
    /* What is under way is not forgotten while its processes end. */
    reap_history_find(&fixture->history, &fixture->infos[1])->ended_usec = UINT64_MAX;
    reap_history_forget(&fixture->history, NULL, 0);
    assert_int_equal(fixture->history.n, 1);
}

static void assert_explains(Fixture *fixture, size_t i, const char *expected)
{
    _cleanup_text_ Text text = {0};

    reap_explain(&fixture->input, &fixture->decisions.items[i], &text);
    assert_string_equal(text.data, expected);
}

static void test_explain(void **state)
{
    Fixture *fixture = *state;

    set_policy(fixture, "\"match\": \"stress\", \"keep\": 1, \"budget\": {\"psi\": \"20%\"}");
    add(fixture, "stress --cpu 1 ");
    add(fixture, "stress --cpu 1 ")->memory_bytes = GIB;
    assert_decides(fixture, "cpu 1 keep newest 1\ncpu 2 stop surplus 0\n");
    assert_explains(fixture, 0, "number 1 from the newest, 1 is kept");
    assert_explains(fixture, 1, "number 2 from the newest, and only 1 is kept");
    set_unit(&fixture->infos[0], NULL);
    fixture->input.pressure.memory = 33.333;
    assert_decides(fixture, "cpu 1 stop memory-pressure 1\ncpu 0 spare no-unit 0\n");
    assert_explains(fixture, 0, "uses most, and the pressure on memory is 33.33%, above 20%");
    assert_explains(fixture, 1, "no unit of systemd is its own");
}

static void test_pressure_parse(void **state)
{
    assert_true(reap_pressure_parse("some avg10=12.34 avg60=0.00 avg300=0.00 total=5\n") > 12.33);
    assert_true(reap_pressure_parse("some avg10=12.34 avg60=0.00 avg300=0.00 total=5\n") < 12.35);
    assert_true(reap_pressure_parse("some avg10=0.00 ") == 0);
    assert_true(reap_pressure_parse("") < 0);
    assert_true(reap_pressure_parse("full avg10=1") < 0);
    assert_true(reap_pressure_parse("some avg10=") < 0);
    assert_true(reap_pressure_parse("some avg10=900") < 0);
    assert_true(reap_pressure_parse("some avg10=nan") < 0);
}

/* ---- names ---- */

static void put(const char *root, int pid, const char *file, const char *text, size_t size)
{
    _cleanup_free_ char *folder = text_printf("%s/%d", root, pid);
    _cleanup_free_ char *path = text_printf("%s/%s", folder, file);

    assert_int_equal(dir_make(folder, 0755), 0);
    assert_int_equal(file_write_atomic(-100, path, text, size, 0644, false), 0);
}

static void put_process(const char *root, int pid, int parent, const char *cgroup,
                        const char *cmdline, size_t size)
{
    _cleanup_free_ char *stat = text_printf("%d (x) y) S %d 1 1 0", pid, parent);
    _cleanup_free_ char *group = text_printf("0::%s\n", cgroup);

    put(root, pid, "stat", stat, strlen(stat));
    put(root, pid, "cgroup", group, strlen(group));
    put(root, pid, "cmdline", cmdline, size);
}

#define CONMON(id, name) "/usr/bin/conmon\0--api-version\0001\0-c\0" id "\0-u\0x\0-n\0" name "\0"

static void assert_name(const char *root, const SysinfoContainer *info, const char *expected)
{
    _cleanup_free_ char *name = NULL;

    assert_int_equal(reap_container_name(root, info, &name), 0);
    assert_string_equal(name, expected);
}

static void test_name(void **state)
{
    static const char good[] = CONMON("abc", "stress_cpu_1"), other[] = CONMON("abd", "other");
    char root[] = "/tmp/test-reap-XXXXXX";
    SysinfoContainer info = {.pid = 30, .id = "abc", .cgroup = (char *)"/a.service/libpod-payload"};

    assert_non_null(mkdtemp(root));
    assert_name(root, &info, ""); /* gone, or hidden */
    put_process(root, 30, 20, info.cgroup, "stress\0", 7);
    put_process(root, 20, 10, info.cgroup, "/run/podman-init\0", 17);
    put_process(root, 10, 1, "/a.service", good, sizeof(good) - 1);
    assert_name(root, &info, "stress_cpu_1");
    /* That of another container is not ours, */
    put_process(root, 10, 1, "/a.service", other, sizeof(other) - 1);
    assert_name(root, &info, "");
    /* and what a container says of itself is not heard. */
    put_process(root, 20, 10, "/a.service/libpod-payload/sub", good, sizeof(good) - 1);
    assert_name(root, &info, "");
    /* Cut off in the middle of the arguments. */
    put_process(root, 10, 1, "/a.service", good, sizeof("/usr/bin/conmon\0--api-version\0001\0-c"));
    assert_name(root, &info, "");
    assert_int_equal(dir_remove_tree(root), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_document),
        TEST(test_equal_age),
        TEST(test_keep),
        TEST(test_by_name),
        TEST(test_spared),
        TEST(test_collector),
        TEST(test_services),
        TEST(test_labels),
        TEST(test_memory),
        TEST(test_pressure),
        TEST(test_cooldown),
        TEST(test_history),
        TEST(test_explain),
        cmocka_unit_test(test_pressure_parse),
        cmocka_unit_test(test_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
