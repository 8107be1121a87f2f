/* SPDX-License-Identifier: MIT */

/* Tests of the reader, on hierarchies and processes made up in a temporary folder. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/file.h"
#include "sysinfo/classes.h"
#include "sysinfo/sysinfo.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

#define USER_MANAGER "user.slice/user-1000.slice/user@1000.service"

typedef struct Machine {
    char *root, *cgroup, *proc;
    SysinfoReader *reader;
    Sysinfo sysinfo;
} Machine;

static void put(const Machine *m, const char *path, const char *data, size_t size)
{
    _cleanup_free_ char *whole = text_printf("%s/%s", m->root, path), *folder = strdup(whole);
    int fd;

    *strrchr(folder, '/') = '\0';
    assert_int_equal(dir_make(folder, 0755), 0);
    fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644); /* as cgroupfs: in place */
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    close(fd);
}

static void puts_at(const Machine *m, const char *file, const char *format, ...) _printf_(3, 4);

static void puts_at(const Machine *m, const char *file, const char *format, ...)
{
    _cleanup_text_ Text t = {0};
    va_list ap;

    va_start(ap, format);
    text_addv(&t, format, ap);
    va_end(ap);
    assert_int_equal(t.error, 0);
    put(m, file, t.data ? t.data : "", t.size);
}

static void drop(const Machine *m, const char *path)
{
    _cleanup_free_ char *whole = text_printf("%s/%s", m->root, path);

    assert_int_equal(dir_remove_tree(whole), 0);
}

/* A cgroup with its processes ("7\n8\n") and CPU time, and 1 MiB of memory. */
static void group(const Machine *m, const char *path, const char *pids, unsigned cpu_usec)
{
    _cleanup_free_ char *procs = text_printf("cgroup/%s/cgroup.procs", path),
                        *cpu = text_printf("cgroup/%s/cpu.stat", path),
                        *memory = text_printf("cgroup/%s/memory.current", path),
                        *io = text_printf("cgroup/%s/io.stat", path);

    puts_at(m, procs, "%s", pids);
    puts_at(m, cpu, "usage_usec %u\nuser_usec 0\nsystem_usec 0\n", cpu_usec);
    puts_at(m, memory, "1048576\n");
    puts_at(m, io, "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n8:16 rbytes=10 wios=1\n");
}

/* ns: what stands behind its own number in NSpid, "\t1" for the first of a namespace. */
static void process_n(const Machine *m, int pid, const char *name, int parent, unsigned start_ticks,
                      const char *ns, const char *cmdline, size_t cmdline_size)
{
    _cleanup_free_ char *stat = text_printf("proc/%d/stat", pid),
                        *status = text_printf("proc/%d/status", pid),
                        *line = text_printf("proc/%d/cmdline", pid);

    puts_at(m, stat, "%d (%s) S %d 0 0 0 0 0 0 0 0 0 0 0 0 0 20 0 1 0 %u 0 0\n", pid, name, parent,
            start_ticks);
    puts_at(m, status, "Name:\t%s\nPid:\t%d\nNSpid:\t%d%s\nVmPeak:\t1 kB\n", name, pid, pid, ns);
    put(m, line, cmdline, cmdline_size);
}

#define process(m, pid, name, parent, start, ns, cmdline)                                          \
    process_n(m, pid, name, parent, start, ns, cmdline, sizeof(cmdline))

static int setup(void **state)
{
    char template[] = "/tmp/test-sysinfo-XXXXXX";
    Machine *m = calloc(1, sizeof(*m));

    m->root = strdup(mkdtemp(template));
    m->cgroup = text_printf("%s/cgroup", m->root);
    m->proc = text_printf("%s/proc", m->root);
    puts_at(m, "proc/meminfo", "MemTotal: 104857600 kB\nMemFree: 1024 kB\n");
    puts_at(m, "proc/stat", "cpu  10 0 10 80 0 0 0 0 0 0\n");
    puts_at(m, "cgroup/cgroup.procs", "1\n");
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    Machine *m = *state;

    sysinfo_reader_free(m->reader);
    sysinfo_done(&m->sysinfo);
    (void)dir_remove_tree(m->root);
    free(m->root);
    free(m->cgroup);
    free(m->proc);
    free(m);
    return 0;
}

static void open_reader(Machine *m, SysinfoSource source, size_t max_descriptors)
{
    SysinfoOptions options = {source, m->cgroup, m->proc, max_descriptors};

    assert_int_equal(sysinfo_reader_new(&options, &m->reader), 0);
}

static const Sysinfo *look(Machine *m)
{
    if (!m->reader)
        open_reader(m, SYSINFO_AUTO, 0);
    assert_int_equal(sysinfo_read(m->reader, &m->sysinfo), 0);
    return &m->sysinfo;
}

static const SysinfoContainer *only(Machine *m)
{
    assert_int_equal(look(m)->n_containers, 1);
    return m->sysinfo.containers;
}

static const SysinfoContainer *find(const Sysinfo *sysinfo, const char *id)
{
    for (size_t i = 0; i < sysinfo->n_containers; i++)
        if (streq(sysinfo->containers[i].id, id))
            return &sysinfo->containers[i];
    fail_msg("no %s", id);
    return NULL;
}

static size_t open_descriptors(void)
{
    _cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    while (readdir(dir))
        n++;
    return n;
}

static void test_kinds_of_containers(void **state)
{
    Machine *m = *state;
    const Sysinfo *sysinfo;
    const SysinfoContainer *c;

    process(m, 10, "stress", 1, 500, "\t1",
            "stress\0--cpu\0"
            "1");
    process(m, 11, "stress", 10, 501, "\t2",
            "stress\0--cpu\0"
            "1");
    group(m, "system.slice/docker-" ID_A ".scope", "10\n11\n", 1000);
    process(m, 20, "sh", 1, 300, "\t1", "sh");
    group(m, USER_MANAGER "/user.slice/libpod-" ID_B ".scope", "", 2000);
    group(m, USER_MANAGER "/user.slice/libpod-" ID_B ".scope/container", "20\n", 1);
    process(m, 21, "conmon", 1, 299, "", "conmon");
    group(m, USER_MANAGER "/user.slice/libpod-conmon-" ID_B ".scope", "21\n", 5);
    process(m, 30, "web", 1, 400, "\t1", "/web");
    group(m, "system.slice/phoenix@web.service/libpod-payload-" ID_C, "30\n", 3000);
    process(m, 31, "conmon", 1, 399, "", "conmon");
    group(m, "system.slice/phoenix@web.service/supervisor", "31\n", 5);
    group(m, "system.slice/cron.service", "40\n", 5);

    sysinfo = look(m);
    assert_int_equal(sysinfo->source, SYSINFO_CGROUP);
    assert_int_equal(sysinfo->memory_total_bytes, UINT64_C(100) << 30);
    assert_int_equal(sysinfo->memory_used_bytes, (UINT64_C(100) << 30) - (1 << 20));
    assert_float_equal(sysinfo->cpu_percent, 20, 0.001);
    assert_int_equal(sysinfo->n_containers, 3);
    assert_string_equal(sysinfo->containers[0].id, ID_B); /* the oldest */
    assert_string_equal(sysinfo->containers[1].id, ID_C);
    assert_string_equal(sysinfo->containers[2].id, ID_A);

    c = find(sysinfo, ID_A);
    assert_int_equal(c->pid, 10);
    assert_string_equal(c->name, "stress");
    assert_string_equal(c->cmdline, "stress --cpu 1 ");
    assert_int_equal(c->runtime, SYSINFO_DOCKER);
    assert_string_equal(c->cgroup, "/system.slice/docker-" ID_A ".scope");
    assert_string_equal(c->unit, "docker-" ID_A ".scope");
    assert_int_equal(c->manager, SYSINFO_SYSTEM_MANAGER);
    assert_int_equal(c->cpu_usec, 1000);
    assert_int_equal(c->memory_bytes, 1 << 20);
    assert_float_equal(c->memory_percent, 0.0009765, 0.000001);
    assert_int_equal(c->rbytes, 11);
    assert_int_equal(c->wbytes, 2);
    assert_int_equal(c->rios, 3);
    assert_int_equal(c->wios, 5);
    assert_int_equal(c->missing, 0);
    assert_int_equal(c->start_usec, 500 * (1000000 / sysconf(_SC_CLK_TCK)));

    c = find(sysinfo, ID_B);
    assert_int_equal(c->pid, 20);
    assert_int_equal(c->manager, 1000);
    assert_string_equal(c->unit, "libpod-" ID_B ".scope");
    c = find(sysinfo, ID_C);
    assert_string_equal(c->unit, "phoenix@web.service");
    assert_int_equal(c->runtime, SYSINFO_PODMAN);
    assert_false(c->unit_shared);
}

static void test_container_in_a_container(void **state)
{
    Machine *m = *state;

    process(m, 10, "init", 1, 500, "\t1", "init");
    process(m, 11, "inner", 10, 600, "\t5\t1", "inner");
    group(m, "docker-" ID_A ".scope", "", 7);
    group(m, "docker-" ID_A ".scope/init", "10\n", 3);
    group(m, "docker-" ID_A ".scope/system.slice/libpod-" ID_B ".scope", "11\n", 4);
    assert_string_equal(only(m)->id, ID_A);
    assert_int_equal(only(m)->pid, 10);
}

static void test_init_is_not_the_main_process(void **state)
{
    Machine *m = *state;

    process(m, 10, "podman-init", 1, 500, "\t1", "/run/podman-init\0--\0stress");
    group(m, "machine.slice/libpod-" ID_A ".scope/container", "10\n", 1);
    assert_int_equal(only(m)->pid, 10); /* there is nothing else yet */
    process(m, 12, "stress", 10, 501, "\t2", "stress");
    process(m, 13, "stress", 12, 502, "\t3", "stress");
    process(m, 14, "sh", 10, 503, "\t4", "sh"); /* reparented */
    process(m, 15, "sh", 0, 400, "", "sh");     /* older, but of another namespace */
    puts_at(m, "cgroup/machine.slice/libpod-" ID_A ".scope/container/cgroup.procs",
            "14\n13\n10\n12\n15\n");
    assert_int_equal(only(m)->pid, 12);
    assert_string_equal(only(m)->name, "stress");
    assert_int_equal(only(m)->pid, 12);
}

static void test_host_namespace(void **state)
{
    Machine *m = *state;

    process(m, 77, "payload", 1, 600, "", "payload");
    process(m, 66, "exec", 1, 900, "", "exec");
    group(m, "machine.slice/libpod-" ID_A ".scope", "66\n77\n", 1);
    assert_int_equal(only(m)->pid, 77);
    /* It may turn out that there is an older one; it is noticed, though not at once. */
    process(m, 99, "older", 1, 100, "", "older");
    puts_at(m, "cgroup/machine.slice/libpod-" ID_A ".scope/cgroup.procs", "66\n77\n99\n");
    for (int i = 0; i < 8; i++)
        look(m);
    assert_int_equal(only(m)->pid, 99);
}

static void test_program_is_replaced(void **state)
{
    Machine *m = *state;

    process(m, 10, "crun", 1, 500, "\t1", "crun\0init");
    group(m, "machine.slice/libpod-" ID_A ".scope", "10\n", 1);
    assert_string_equal(only(m)->name, "crun");
    process(m, 10, "stress", 1, 500, "\t1",
            "stress\0--vm\0"
            "1");
    assert_string_equal(only(m)->name, "stress");
    assert_string_equal(m->sysinfo.containers[0].cmdline, "stress --vm 1 ");
}

static void test_hostile_processes(void **state)
{
    static char huge[3 * 1024 * 1024];
    Machine *m = *state;
    _cleanup_text_ Text t = {0};
    _cleanup_sysinfo_ Sysinfo again = {0};

    memset(huge, '\xff', sizeof(huge));
    process_n(m, 10, ") Z 1 (\n\x1b\xff", 1, 500, "\t1", huge, sizeof(huge));
    group(m, "system.slice/docker-" ID_A ".scope", "10\n", 1000);
    process(m, 20, "", 1, 300, "\t1", "");
    puts_at(m, "proc/20/cmdline", "%s", ""); /* none at all */
    group(m, "system.slice/docker-" ID_B ".scope", "20\n", 1000);

    look(m);
    assert_string_equal(find(&m->sysinfo, ID_A)->name, ") Z 1 (\n\x1b\xff");
    assert_int_equal(strlen(find(&m->sysinfo, ID_A)->cmdline), SYSINFO_CMDLINE_MAX);
    assert_string_equal(find(&m->sysinfo, ID_B)->cmdline, "");
    sysinfo_to_json(&m->sysinfo, &t);
    assert_int_equal(sysinfo_parse(t.data, t.size, &again), 0);
    assert_int_equal(again.n_containers, 2);
    assert_string_equal(find(&again, ID_A)->name, ") Z 1 (\n\x1b\xef\xbf\xbd");
}

static void test_odd_cgroups(void **state)
{
    Machine *m = *state;
    _cleanup_free_ char *link = text_printf("%s/cgroup/docker-" ID_B ".scope", m->root),
                        *loop = text_printf("%s/cgroup/loop", m->root);
    Text deep = {0};

    process(m, 10, "x", 1, 500, "\t1", "x");
    group(m, "docker-" ID_A ".scope", "10\n", 1);
    assert_int_equal(symlink("docker-" ID_A ".scope", link), 0);
    assert_int_equal(symlink("..", loop), 0);
    puts_at(m, "cgroup/docker-" ID_C ".scope", "a file");
    puts_at(m, "cgroup/docker-short.scope/cgroup.procs", "10\n");
    puts_at(m, "cgroup/libpod-conmon-" ID_B ".scope/cgroup.procs", "10\n");
    puts_at(m, "cgroup/a\n\x1b b/cgroup.procs", "10\n");

    text_add(&deep, "cgroup");
    for (int i = 0; i < 40; i++)
        text_add(&deep, "/deep");
    text_add(&deep, "/docker-" ID_B ".scope/cgroup.procs");
    puts_at(m, deep.data, "10\n");
    text_done(&deep);

    assert_string_equal(only(m)->id, ID_A);
    assert_int_equal(m->sysinfo.n_refused, 1); /* the depth */
}

static void test_files_that_are_not_there(void **state)
{
    Machine *m = *state;

    process(m, 10, "x", 1, 500, "\t1", "x");
    group(m, "docker-" ID_A ".scope", "10\n", 1);
    drop(m, "cgroup/docker-" ID_A ".scope/io.stat");
    puts_at(m, "cgroup/docker-" ID_A ".scope/memory.current", "max\n");
    assert_int_equal(only(m)->missing, SYSINFO_MISSING_IO | SYSINFO_MISSING_MEMORY);
    assert_int_equal(m->sysinfo.containers[0].memory_bytes, 0);

    /* A controller is enabled: it is noticed, though not at once. */
    puts_at(m, "cgroup/docker-" ID_A ".scope/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n");
    puts_at(m, "cgroup/docker-" ID_A ".scope/memory.current", "4096\n");
    for (int i = 0; i < 8; i++)
        look(m);
    assert_int_equal(only(m)->missing, 0);
    assert_int_equal(m->sysinfo.containers[0].wios, 4);
    assert_int_equal(m->sysinfo.containers[0].memory_bytes, 4096);
}

static void test_hidden_processes(void **state)
{
    Machine *m = *state;

    group(m, "docker-" ID_A ".scope", "10\n", 1);
    group(m, "docker-" ID_B ".scope", "0\n", 1); /* of a namespace that is not below ours */
    group(m, "docker-" ID_C ".scope", "", 1);    /* has ended */
    look(m);
    assert_int_equal(m->sysinfo.n_containers, 2);
    for (size_t i = 0; i < 2; i++) {
        const SysinfoContainer *c = &m->sysinfo.containers[i];

        assert_int_equal(c->missing, SYSINFO_MISSING_PROCESS);
        assert_int_equal(c->pid, 0);
        assert_string_equal(c->name, "");
        assert_string_equal(c->cmdline, "");
    }
    /* And then it may be seen. */
    process(m, 10, "x", 1, 500, "\t1", "x");
    look(m);
    assert_int_equal(find(&m->sysinfo, ID_A)->pid, 10);
}

static void test_processes_that_end(void **state)
{
    Machine *m = *state;

    process(m, 10, "x", 1, 500, "\t1", "x");
    process(m, 11, "y", 10, 501, "\t2", "y");
    group(m, "docker-" ID_A ".scope", "10\n11\n", 1);
    assert_int_equal(only(m)->pid, 10);
    puts_at(m, "proc/10/stat", "10 (x) Z 1 0 0 0 0 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n");
    assert_int_equal(only(m)->pid, 11);
    /* The last one's first thread has ended, others live: so the container does. */
    puts_at(m, "proc/11/stat", "11 (y) Z 1 0 0 0 0 0 0 0 0 0 0 0 0 0 20 0 1 0 501 0 0\n");
    puts_at(m, "cgroup/docker-" ID_A ".scope/cgroup.procs", "11\n");
    assert_int_equal(only(m)->pid, 11);
    assert_int_equal(m->sysinfo.containers[0].missing, 0);
    puts_at(m, "proc/11/stat", "11 (x) X 1 0 0 0 0 0 0 0 0 0 0 0 0 0 20 0 1 0 500 0 0\n");
    puts_at(m, "cgroup/docker-" ID_A ".scope/cgroup.procs", "%s", "");
    assert_int_equal(look(m)->n_containers, 0);
}

/* Descriptors of the dead are closed, those of the living kept; a container that comes back under
 * its name is another one. */
static void test_containers_come_and_go(void **state)
{
    Machine *m = *state;
    size_t before, n;
    uint64_t id;

    process(m, 10, "x", 1, 500, "\t1", "x");
    process(m, 20, "y", 1, 600, "\t1", "y");
    look(m);
    before = open_descriptors();
    group(m, "a.slice/docker-" ID_A ".scope", "10\n", 1000);
    group(m, "b.slice/docker-" ID_B ".scope", "20\n", 1000);
    assert_int_equal(look(m)->n_containers, 2);
    assert_int_equal(open_descriptors(), before + 10);
    assert_int_equal(look(m)->n_containers, 2);
    assert_int_equal(open_descriptors(), before + 10);
    id = find(&m->sysinfo, ID_A)->cgroup_id;

    /* Held by a name of its own, or the new one might get its inode number. */
    {
        _cleanup_free_ char *from = text_printf("%s/a.slice/docker-" ID_A ".scope", m->cgroup),
                            *to = text_printf("%s/was", m->root);

        assert_int_equal(rename(from, to), 0);
    }
    assert_string_equal(only(m)->id, ID_B);
    assert_int_equal(open_descriptors(), before + 5);
    group(m, "a.slice/docker-" ID_A ".scope", "10\n", 5);
    look(m);
    assert_int_not_equal(find(&m->sysinfo, ID_A)->cgroup_id, id);
    assert_int_equal(find(&m->sysinfo, ID_A)->cpu_usec, 5);

    drop(m, "cgroup/a.slice");
    drop(m, "cgroup/b.slice");
    n = look(m)->n_containers;
    assert_int_equal(n, 0);
    assert_int_equal(open_descriptors(), before);
}

static void add_fifty(Machine *m)
{
    for (int i = 0; i < 50; i++) {
        _cleanup_free_ char *path = text_printf("s.slice/docker-%064x.scope", i),
                            *pids = text_printf("%d\n", 100 + i);

        process(m, 100 + i, "x", 1, (unsigned)(500 + i), "\t1", "x");
        group(m, path, pids, 1000);
    }
}

/* The process has fewer descriptors left than the reader was promised. */
static void test_no_descriptors_left(void **state)
{
    Machine *m = *state;
    struct rlimit limit, less;

    add_fifty(m);
    open_reader(m, SYSINFO_CGROUP, 100000);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    less = limit;
    less.rlim_cur = open_descriptors() + 40;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
    for (int i = 0; i < 3; i++) {
        int r = sysinfo_read(m->reader, &m->sysinfo);

        if (r < 0)
            (void)setrlimit(RLIMIT_NOFILE, &limit);
        assert_int_equal(r, 0);
        assert_int_equal(m->sysinfo.n_containers, 50);
        for (size_t k = 0; k < 50; k++)
            assert_int_equal(m->sysinfo.containers[k].missing, 0);
    }

    less.rlim_cur = 3; /* none at all */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
    assert_int_equal(sysinfo_read(m->reader, &m->sysinfo), -EMFILE);
    assert_int_equal(m->sysinfo.n_containers, 50); /* as it was */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(look(m)->n_containers, 50);
}

static void test_bounded_descriptors(void **state)
{
    Machine *m = *state;
    size_t before;

    add_fifty(m);
    open_reader(m, SYSINFO_CGROUP, 22); /* four containers, and two */
    look(m);
    before = open_descriptors();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(look(m)->n_containers, 50);
        for (size_t k = 0; k < 50; k++) {
            assert_int_equal(m->sysinfo.containers[k].pid, 100 + k);
            assert_int_equal(m->sysinfo.containers[k].missing, 0);
        }
        assert_int_equal(open_descriptors(), before);
    }
    sysinfo_reader_free(m->reader);
    m->reader = NULL;
    assert_true(open_descriptors() + 20 <= before);
    assert_true(open_descriptors() + 22 + 6 >= before);
}

static void test_shared_unit(void **state)
{
    Machine *m = *state;

    process(m, 10, "x", 1, 500, "\t1", "x");
    group(m, "system.slice/two.service/libpod-payload-" ID_A, "10\n", 1);
    group(m, "system.slice/two.service/libpod-payload-" ID_B, "10\n", 1);
    group(m, USER_MANAGER "/app.slice/two.service/libpod-payload-" ID_C, "10\n", 1);
    look(m);
    assert_true(find(&m->sysinfo, ID_A)->unit_shared);
    assert_true(find(&m->sysinfo, ID_B)->unit_shared);
    assert_false(find(&m->sysinfo, ID_C)->unit_shared);
}

static void test_rates_over_readings(void **state)
{
    Machine *m = *state;

    process(m, 10, "x", 1, 1, "\t1", "x");
    group(m, "docker-" ID_A ".scope", "10\n", 0);
    assert_float_equal(only(m)->cpu_percent, 0, 0.001);
    assert_float_equal(m->sysinfo.cpu_percent, 20, 0.001);
    group(m, "docker-" ID_A ".scope", "10\n", 1000000000);
    puts_at(m, "proc/stat", "cpu  40 0 40 120 0 0 0 0 0 0\n");
    assert_true(only(m)->cpu_percent > 1000); /* a thousand seconds, in hardly any */
    assert_float_equal(m->sysinfo.cpu_percent, 60, 0.001);
    assert_float_equal(only(m)->cpu_percent, 0, 0.001);
    assert_float_equal(m->sysinfo.cpu_percent, 60, 0.001); /* no tick since */
}

#define MODULE                                                                                     \
    "{\"Memory\":{\"Total_Memory_MB\":3,\"Free_Memory_MB\":1,\"Used_Memory_MB\":2,"                \
    "\"CPU_Usage_Percentage\":1.5},\"Docker_Containers\":[]}"

static void test_choice_of_source(void **state)
{
    Machine *m = *state;
    SysinfoOptions options = {SYSINFO_MODULE, m->cgroup, m->proc, 0};

    assert_int_equal(sysinfo_reader_new(&options, &m->reader), -ENOENT);
    assert_int_equal(look(m)->source, SYSINFO_CGROUP);
    puts_at(m, "proc/phoenix_sysinfo", MODULE);
    assert_int_equal(look(m)->source, SYSINFO_MODULE);
    assert_int_equal(m->sysinfo.memory_total_bytes, 3 << 20);
    puts_at(m, "proc/phoenix_sysinfo", "nonsense");
    assert_int_equal(look(m)->source, SYSINFO_CGROUP);
    drop(m, "proc/phoenix_sysinfo");
    assert_int_equal(look(m)->source, SYSINFO_CGROUP);

    puts_at(m, "proc/phoenix_sysinfo", MODULE);
    sysinfo_reader_free(m->reader);
    open_reader(m, SYSINFO_MODULE, 0);
    assert_int_equal(look(m)->source, SYSINFO_MODULE);
    puts_at(m, "proc/phoenix_sysinfo", "nonsense");
    assert_int_equal(sysinfo_read(m->reader, &m->sysinfo), -EBADMSG);
    assert_int_equal(m->sysinfo.memory_total_bytes, 3 << 20); /* as it was */
    sysinfo_reader_free(m->reader);
    m->reader = NULL;

    puts_at(m, "proc/phoenix_sysinfo", MODULE);
    open_reader(m, SYSINFO_CGROUP, 0);
    assert_int_equal(look(m)->source, SYSINFO_CGROUP);
}

static void test_what_is_no_source(void **state)
{
    Machine *m = *state;
    SysinfoOptions options = {SYSINFO_CGROUP, "/nonexistent", m->proc, 0};

    assert_int_equal(sysinfo_reader_new(&options, &m->reader), -ENOENT);
    options = (SysinfoOptions){SYSINFO_AUTO, m->cgroup, "/nonexistent", 0};
    assert_int_equal(sysinfo_reader_new(&options, &m->reader), -ENOENT);
    puts_at(m, "proc/meminfo", "nonsense");
    open_reader(m, SYSINFO_CGROUP, 0);
    assert_int_equal(sysinfo_read(m->reader, &m->sysinfo), -EBADMSG);
}

/* Whatever machine this is. */
static void test_without_options(void **state)
{
    Machine *m = *state;
    int r = sysinfo_reader_new(NULL, &m->reader);

    if (r < 0)
        assert_int_equal(r, -EMEDIUMTYPE);
    else
        assert_true(look(m)->memory_total_bytes > 0);
}

#define each(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(test_kinds_of_containers),
        each(test_container_in_a_container),
        each(test_init_is_not_the_main_process),
        each(test_host_namespace),
        each(test_program_is_replaced),
        each(test_hostile_processes),
        each(test_odd_cgroups),
        each(test_files_that_are_not_there),
        each(test_hidden_processes),
        each(test_processes_that_end),
        each(test_containers_come_and_go),
        each(test_no_descriptors_left),
        each(test_bounded_descriptors),
        each(test_shared_unit),
        each(test_rates_over_readings),
        each(test_choice_of_source),
        each(test_what_is_no_source),
        each(test_without_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
