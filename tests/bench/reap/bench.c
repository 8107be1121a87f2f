/* SPDX-License-Identifier: MIT */
/*
 * What a round of a policy costs: real cgroups, each with a process, and the parts of a round one
 * after the other, as CPU time of this program. Nothing is stopped by it. Run as root where cgroups
 * may be made: reap-bench [CONTAINERS [ROUNDS]]
 */
#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "engine/listing.h"
#include "reap/look.h"
#include "spec/read.h"

#define SLICE "/sys/fs/cgroup/phoenixbench.slice"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            perror(#condition);                                                                    \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

typedef enum Part {
    READ,   /* cgroups and processes */
    LOOK,   /* the same, with names and pressure */
    ENGINE, /* what was known of them, added */
    DECIDE,
    LIST, /* an engine's answer, which is read once for new containers */
    _PARTS,
} Part;

static const char *const part_names[_PARTS] = {"reading alone", "look", "look up", "decide",
                                               "listing"};

static double cpu_msec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void folder_of(size_t i, char *ret, size_t size)
{
    snprintf(ret, size, SLICE "/libpod-%064zx.scope", i);
}

static void start_container(size_t i)
{
    char folder[256], file[300];

    folder_of(i, folder, sizeof(folder));
    snprintf(file, sizeof(file), "%s/cgroup.procs", folder);
    REQUIRE(mkdir(folder, 0755) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    FILE *procs = fopen(file, "we");
    REQUIRE(procs && fprintf(procs, "%d\n", (int)pid) > 0 && fclose(procs) == 0);
}

static void end_containers(size_t n)
{
    char folder[256];

    kill(0, SIGTERM); /* of our own group, see main() */
    while (wait(NULL) > 0)
        continue;
    for (size_t i = 0; i < n; i++) {
        folder_of(i, folder, sizeof(folder));
        (void)rmdir(folder);
    }
    (void)rmdir(SLICE);
}

static void make_listing(size_t n, Text *t)
{
    text_add_char(t, '[');
    for (size_t i = 0; i < n; i++)
        text_addf(t,
                  "%s{\"Id\":\"%064zx\",\"Names\":[\"/c%zu\"],\"Labels\":{\"com.example.role\":"
                  "\"batch\",\"com.example.owner\":\"me\"},\"Mounts\":[],\"Ports\":[],"
                  "\"Image\":\"docker.io/library/debian:13\",\"Command\":\"sleep infinity\"}",
                  i > 0 ? "," : "", i, i);
    text_add_char(t, ']');
    REQUIRE(t->error == 0);
}

static void list(const Text *json, EngineBook *book)
{
    EngineBookListing all = {0};
    EngineListing listing = {.add = engine_book_collect, .userdata = &all};

    REQUIRE(engine_listing_feed(&listing, json->data, json->size) == 0);
    REQUIRE(engine_listing_end(&listing) == 0);
    engine_listing_done(&listing);
    REQUIRE(engine_book_replace(book, ENGINE_PODMAN, &all) == 0);
}

static void decide(const ReapLook *look, const Spec *spec, size_t n)
{
    _cleanup_reap_decisions_ ReapDecisions decisions = {0};
    const ReapInput input = {
        .policy_name = "bench",
        .policy = &spec->policy,
        .containers = look->containers,
        .n = look->sysinfo.n_containers,
        .manager = SYSINFO_SYSTEM_MANAGER,
    };

    REQUIRE(reap_decide(&input, &decisions) == 0);
    REQUIRE(decisions.n >= n);
}

static void measure(Part part, SysinfoReader *reader, ReapLook *look, EngineBook *book,
                    const Text *json, const Spec *spec, size_t n)
{
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};

    switch (part) {
    case READ:
        REQUIRE(sysinfo_read(reader, &sysinfo) == 0);
        REQUIRE(sysinfo.n_containers >= n); /* the machine may have others */
        break;
    case LOOK:
        REQUIRE(reap_look(reader, NULL, look) == 0);
        break;
    case ENGINE:
        REQUIRE(reap_look_up(look, book) == 0);
        (void)reap_look_wants(look, book, ENGINE_PODMAN, SYSINFO_SYSTEM_MANAGER, true, 0);
        break;
    case DECIDE:
        decide(look, spec, n);
        break;
    default:
        list(json, book);
        break;
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void run(size_t n, size_t rounds)
{
    static const char policy[] = "{\"type\": \"policy\", \"match\": {\"label\": "
                                 "\"com.example.role=batch\"}, \"classes\": {\"all\": {}}}";
    _cleanup_sysinfo_reader_ SysinfoReader *reader = NULL;
    _cleanup_engine_book_ EngineBook book = {0};
    _cleanup_reap_look_ ReapLook look = {0};
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_text_ Text json = {0};
    double *times = calloc(rounds * _PARTS, sizeof(double));
    Spec *spec = NULL;

    REQUIRE(times && spec_read(policy, sizeof(policy) - 1, "/bench.json", &diags, &spec) == 0);
    REQUIRE(sysinfo_reader_new(&(SysinfoOptions){0}, &reader) == 0);
    make_listing(n, &json);
    list(&json, &book);
    REQUIRE(reap_look(reader, NULL, &look) == 0); /* opens the files */
    for (size_t round = 0; round < rounds; round++)
        for (Part part = 0; part < _PARTS; part++) {
            double before = cpu_msec();
            measure(part, reader, &look, &book, &json, spec, n);
            times[(size_t)part * rounds + round] = cpu_msec() - before;
        }
    for (Part part = 0; part < _PARTS; part++) {
        qsort(times + (size_t)part * rounds, rounds, sizeof(double), compare);
        printf("%-14s %8.3f ms, p90 %8.3f ms\n", part_names[part],
               times[(size_t)part * rounds + rounds / 2],
               times[(size_t)part * rounds + rounds * 9 / 10]);
    }
    free(times);
    spec_free(spec);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000,
           rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 50;
    struct rlimit limit = {65536, 65536};

    (void)setrlimit(RLIMIT_NOFILE, &limit);
    REQUIRE(n > 0 && rounds > 0 && setpgid(0, 0) == 0);
    signal(SIGTERM, SIG_DFL);
    REQUIRE(mkdir(SLICE, 0755) == 0 || access(SLICE, W_OK) == 0);
    for (size_t i = 0; i < n; i++)
        start_container(i);
    run(n, rounds);
    signal(SIGTERM, SIG_IGN);
    end_containers(n);
    return 0;
}
