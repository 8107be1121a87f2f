/* SPDX-License-Identifier: MIT */

/* phoenix doctor on machines of files: one on which nothing is missing, and then one thing at a
 * time is taken away, and must be found, with the command that mends it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/strv.h"
#include "cli/doctor/config.h"
#include "cli/doctor/doctor.h"
#include "cli/doctor/mend.h"
#include "cli/doctor/subid.h"
#include "spec/plan.h"

#define ID "0123456789abcdef0123456789abcdef"

#define GROUP "/user.slice/user-1000.slice/user@1000.service"

#define WEB                                                                                        \
    "{\"type\": \"docker\", \"image\": \"localhost/web\", \"enable\": true, \"ports\": "           \
    "[\"8080:80\"],"                                                                               \
    " \"limits\": {\"memory\": \"64M\", \"files\": 1024},"                                         \
    " \"healthcheck\": {\"type\": \"tcp\", \"port\": 80}}"
#define JOB "{\"type\": \"binary\", \"image\": \"/usr/bin/true\", \"schedule\": \"daily\"}"

typedef struct Bench {
    char root[64];
    Machine machine;
    SpecSet *set;
    Doctor doctor;
} Bench;

static char *path_of(const Bench *bench, const char *path)
{
    char *whole = text_printf("%s%s", bench->root, path);

    assert_non_null(whole);
    return whole;
}

static void put_mode(const Bench *bench, const char *path, const char *text, mode_t mode)
{
    _cleanup_free_ char *whole = path_of(bench, path);
    _cleanup_free_ char *folder = strndup(whole, (size_t)(strrchr(whole, '/') - whole));

    assert_int_equal(dir_make(folder, 0755), 0);
    assert_int_equal(file_write_atomic(AT_FDCWD, whole, text, strlen(text), mode, false), 0);
}

static void put(const Bench *bench, const char *path, const char *text)
{
    put_mode(bench, path, text, 0644);
}

static void put_program(const Bench *bench, const char *path)
{
    put_mode(bench, path, "#!/bin/sh\n", 0755);
}

static void take(const Bench *bench, const char *path)
{
    _cleanup_free_ char *whole = path_of(bench, path);

    assert_int_equal(unlink(whole), 0);
}

static void put_system(const Bench *bench)
{
    put(bench, "/etc/machine-id", ID "\n");
    put(bench, "/run/systemd/system/x", "");
    put(bench, "/run/user/1000/bus", "");
    put(bench, "/var/lib/systemd/linger/me", "");
    put(bench, "/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
    put(bench, "/sys/fs/cgroup" GROUP "/cgroup.controllers", "cpu io memory pids\n");
    put(bench, "/sys/fs/cgroup" GROUP "/init.scope/cgroup.procs", "4242\n4243\n");
    put(bench, "/proc/4242/limits",
        "Limit                     Soft Limit           Hard Limit           Units\n"
        "Max open files            1024                 524288               files\n");
    put(bench, "/proc/key-users",
        "    0:    53 52/52 47/1000000 977/25000000\n"
        " 1000:    16 16/16 16/200 238/20000\n");
    put(bench, "/proc/sys/fs/inotify/max_user_instances", "128\n");
    put(bench, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024\n");
    put(bench, "/proc/sys/user/max_user_namespaces", "96365\n");
    put(bench, "/var/log/journal/" ID "/system.journal", "");
    put_program(bench, "/usr/bin/apt-get");
    put_program(bench, "/usr/sbin/sysctl");
}

static void put_podman(const Bench *bench)
{
    put(bench, "/etc/subuid", "me:100000:65536\nyou:165536:65536\n");
    put(bench, "/etc/subgid", "1000:100000:65536\n");
    put_program(bench, "/usr/bin/podman");
    put_program(bench, "/usr/bin/pasta");
    put_program(bench, "/usr/libexec/podman/quadlet");
    put_program(bench, "/usr/libexec/podman/catatonit");
    put_mode(bench, "/usr/bin/newuidmap", "", 04755);
    put_mode(bench, "/usr/bin/newgidmap", "", 04755);
    put(bench, "/dev/net/tun", "");
}

static void put_phoenix(const Bench *bench)
{
    static const char *const names[] = {"phoenixd", "phoenix-lease", "phoenix-abort",
                                        "phoenix-once", "phoenix-stub"};

    put_program(bench, "/usr/lib/systemd/system-generators/phoenix-generator");
    put_program(bench, "/usr/lib/systemd/user-generators/phoenix-generator");
    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        _cleanup_free_ char *path = text_printf(PHOENIX_LIBEXECDIR "/%s", names[i]);

        put_program(bench, path);
    }
}

/* What the machine itself would say. */
static void answer(Bench *bench)
{
    bench->machine = (Machine){
        .root = bench->root,
        .scope = SPEC_SCOPE_USER,
        .uid = 1000,
        .user = strdup("me"),
        .home = strdup("/home/me"),
        .runtime_dir = strdup("/run/user/1000"),
        .release = strdup("6.12.57+deb13-amd64"),
        .clock_synced = true,
        .podman = strdup("podman version 5.4.2"),
        .quadlet = strdup("5.4.2"),
        .has_manager = true,
        .systemd = strdup("257.13-1~deb13u1"),
        .control_group = strdup(GROUP),
        .socket = {.load_state = strdup("loaded"), .active_state = strdup("active")},
        .has_supervision = true,
        .supervision = {.degraded = strdup("")},
    };
}

static void load(Bench *bench)
{
    _cleanup_free_ char *folder = path_of(bench, "/specs");
    char *folders[] = {folder, NULL};

    spec_set_free(bench->set);
    assert_int_equal(spec_set_load(SPEC_SCOPE_USER, folders, "here", &bench->set), 0);
}

/* Units of all specs as they are now. */
static void reload(Bench *bench)
{
    load(bench);
    for (size_t i = 0; i < bench->set->n; i++) {
        const SpecEntry *entry = &bench->set->items[i];
        _cleanup_free_ char *plan = text_printf("/units/phoenix/%s.json", entry->unit);
        _cleanup_free_ char *unit = text_printf("/units/phoenix@%s.service", entry->unit);
        _cleanup_text_ Text t = {0};

        put(bench, unit, "[X-Phoenix]\nState=generated\n");
        if (entry->fate != SPEC_FATE_GENERATED)
            continue;
        assert_int_equal(plan_write(entry->spec, &t), 0);
        put(bench, plan, t.data);
    }
}

static int setup(void **state)
{
    Bench *bench = calloc(1, sizeof(*bench));
    _cleanup_free_ char *plans = NULL;

    assert_non_null(bench);
    strcpy(bench->root, "/tmp/test-cli-doctor-XXXXXX");
    assert_non_null(mkdtemp(bench->root));
    put_system(bench);
    put_podman(bench);
    put_phoenix(bench);
    answer(bench);
    plans = path_of(bench, "/units/phoenix");
    assert_int_equal(setenv("PHOENIX_PLAN_DIR", plans, 1), 0);
    put(bench, "/specs/web.json", WEB);
    put(bench, "/specs/job.json", JOB);
    reload(bench);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    Bench *bench = *state;

    doctor_done(&bench->doctor);
    machine_done(&bench->machine);
    spec_set_free(bench->set);
    assert_int_equal(dir_remove_tree(bench->root), 0);
    free(bench);
    return 0;
}

/* only: the name of a service, or NULL. */
static void run(Bench *bench, const char *only)
{
    doctor_done(&bench->doctor);
    bench->doctor = (Doctor){.machine = &bench->machine, .set = bench->set};
    if (only) {
        bench->doctor.only = spec_set_find(bench->set, only);
        assert_non_null(bench->doctor.only);
    }
    assert_int_equal(doctor_run(&bench->doctor), 0);
}

static const Finding *find(const Bench *bench, const char *check)
{
    for (size_t i = 0; i < bench->doctor.n; i++)
        if (streq(bench->doctor.findings[i].check, check))
            return &bench->doctor.findings[i];
    return NULL;
}

static void assert_contains(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text ? text : "(null)");
}

/* Runs all checks: that one has found this, and all others are as they were. */
static const Finding *assert_found(Bench *bench, const char *check, FindingState state,
                                   const char *found)
{
    const Finding *finding;

    run(bench, NULL);
    finding = find(bench, check);
    assert_non_null(finding);
    assert_contains(finding->found, found);
    assert_string_equal(finding_state_word(finding->state), finding_state_word(state));
    if (state == FINDING_OK)
        return finding;
    assert_non_null(finding->means);
    for (size_t i = 0; i < bench->doctor.n; i++) {
        const Finding *other = &bench->doctor.findings[i];

        if (other->state != FINDING_OK && !streq(other->check, check) &&
            !streq(other->check, "newuidmap"))
            fail_msg("%s: %s", other->check, other->found);
    }
    return finding;
}

static void assert_mend(const Finding *finding, size_t i, const char *command, bool as_root)
{
    assert_true(i < finding->n_mends);
    assert_contains(finding->mends[i].command, command);
    assert_int_equal(finding->mends[i].as_root, as_root);
}

static void test_good(void **state)
{
    Bench *bench = *state;
    struct statvfs fs;

    run(bench, NULL);
    for (size_t i = 0; i < bench->doctor.n; i++) {
        const Finding *finding = &bench->doctor.findings[i];

        /* The good machine lies on a file system of the real one. */
        if (streq(finding->check, "newuidmap") && statvfs(bench->root, &fs) == 0 &&
            (fs.f_flag & ST_NOSUID))
            continue;
        if (finding->state != FINDING_OK)
            fail_msg("%s: %s", finding->check, finding->found);
        assert_null(finding->means);
        assert_int_equal(finding->n_mends, 0);
    }
    assert_true(bench->doctor.n >= 28);
}

static void test_name(void **state)
{
    Bench *bench = *state;

    /* A job needs no container, no port, no supervision. */
    run(bench, "job");
    assert_non_null(find(bench, "linger"));
    assert_non_null(find(bench, "clock"));
    assert_null(find(bench, "podman"));
    assert_null(find(bench, "ports"));
    assert_null(find(bench, "socket"));
    run(bench, "web");
    assert_non_null(find(bench, "podman"));
    assert_non_null(find(bench, "ports"));
    assert_null(find(bench, "clock"));
}

static void test_system(void **state)
{
    Bench *bench = *state;

    bench->machine.scope = SPEC_SCOPE_SYSTEM;
    bench->machine.uid = 0;
    put(bench, "/proc/1/limits", "Max open files            1024       unlimited      files\n");
    put_program(bench, "/usr/lib/podman/netavark");
    run(bench, NULL);
    assert_null(find(bench, "linger"));
    assert_null(find(bench, "subids"));
    assert_null(find(bench, "ports"));
    assert_string_equal(find(bench, "network")->found, "/usr/lib/podman/netavark");
    assert_int_equal(find(bench, "files")->state, FINDING_OK);

    /* Commands of root need not say so to root. */
    assert_int_equal(unsetenv("PHOENIX_PLAN_DIR"), 0);
    take(bench, "/usr/lib/systemd/system-generators/phoenix-generator");
    run(bench, NULL);
    assert_string_equal(find(bench, "generator")->found, "not installed for the system manager");
    assert_int_equal(find(bench, "generator")->n_mends, 0);
    put(bench, "/usr/lib/systemd/system-generators/phoenix-generator", "x");
    run(bench, NULL);
    assert_mend(find(bench, "generator"), 0, "chmod 755 /usr/lib/systemd/system-generators", false);
    assert_mend(find(bench, "generator"), 1, "systemctl daemon-reload", false);
}

static void test_linger(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    take(bench, "/var/lib/systemd/linger/me");
    finding = assert_found(bench, "linger", FINDING_MISSING, "me does not linger");
    assert_mend(finding, 0, "loginctl enable-linger me", true);
    assert_true(strv_contains(finding->services, "web"));

    /* Where nothing starts at boot it is only worth knowing. */
    put(bench, "/specs/web.json", "{\"type\": \"docker\", \"image\": \"x\", \"enable\": false}");
    take(bench, "/specs/job.json");
    take(bench, "/units/phoenix/job.json");
    take(bench, "/units/phoenix@job.service");
    reload(bench);
    assert_found(bench, "linger", FINDING_WARNING, "me does not linger");
}

static void test_subids(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    take(bench, "/etc/subuid");
    finding = assert_found(bench, "subids", FINDING_MISSING, "no range of me in /etc/subuid");
    assert_mend(finding, 0, "usermod --add-subuids 165536-231071 me", true);
    assert_mend(finding, 1, "podman system migrate", false);

    take(bench, "/etc/subgid");
    finding = assert_found(bench, "subids", FINDING_MISSING, "/etc/subuid and /etc/subgid");
    assert_mend(finding, 0, "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 me",
                true);
    put(bench, "/etc/subgid", "1000:100000:65536\n");

    put(bench, "/etc/subuid", "you:100000:65536\nyou:200000:65536\nme:300000:1000\n");
    finding = assert_found(bench, "subids", FINDING_WARNING, "only 1000 ids");
    assert_mend(finding, 0, "--add-subuids 301000-366535 me", true);

    put(bench, "/etc/subuid", "me:100000:65536\nyou:165535:65536\n");
    finding = assert_found(bench, "subids", FINDING_WARNING, "me shares ids with you");
    assert_contains(finding->means, "165535:65536");

    put(bench, "/etc/nsswitch.conf", "passwd: files\nsubid:   sss\n");
    assert_found(bench, "subids", FINDING_OK, "kept by sss");
}

static void test_subid_lines(void **state)
{
    static const char *const strange[] = {
        "me",          "me:",
        "me:1",        ":1:2",
        "me:1:2:3",    "me:x:65536",
        "me:1:0",      "me:-1:5",
        "me:1:65536x", "me:99999999999:1",
        "me::",        "\n\n\n",
        "me:1:\n2",    "me:5:18446744073709551617",
    };
    _cleanup_subids_ Subids subids = {0};

    for (size_t i = 0; i < ELEMENTSOF(strange); i++) {
        subids_done(&subids);
        assert_int_equal(subids_parse(strange[i], "me", 1000, &subids), 0);
        assert_int_equal(subids_own(&subids), 0);
    }
    subids_done(&subids);
    assert_int_equal(subids_parse("x:4294900000:65536\nme:4294967295:10", "me", 1000, &subids), 0);
    assert_int_equal(subids_own(&subids), 10);
    assert_int_equal(subids_free(&subids, &subids), 0);
}

static void test_userns(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    bench->machine.userns_error = -EPERM;
    assert_found(bench, "userns", FINDING_MISSING, "refused: Operation not permitted");
    put(bench, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
    finding = assert_found(bench, "userns", FINDING_WARNING, "AppArmor");
    put(bench, "/proc/sys/user/max_user_namespaces", "19\n");
    bench->machine.userns_error = 0;
    take(bench, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    finding = assert_found(bench, "userns", FINDING_MISSING, "user.max_user_namespaces is 19");
    assert_contains(finding->means, "about 20;");
    put(bench, "/proc/sys/user/max_user_namespaces", "20\n");
    assert_found(bench, "userns", FINDING_OK, "allowed");
    put(bench, "/proc/sys/user/max_user_namespaces", "0\n");
    finding = assert_found(bench, "userns", FINDING_MISSING, "user.max_user_namespaces is 0");
    put(bench, "/proc/sys/kernel/unprivileged_userns_clone", "0\n");
    finding = assert_found(bench, "userns", FINDING_MISSING, "unprivileged_userns_clone is 0");
    assert_mend(finding, 0,
                "echo 'kernel.unprivileged_userns_clone = 1' "
                ">/etc/sysctl.d/60-kernel.unprivileged_userns_clone.conf && sysctl -p "
                "/etc/sysctl.d/60-kernel.unprivileged_userns_clone.conf",
                true);
}

static void test_newuidmap(void **state)
{
    Bench *bench = *state;

    put_program(bench, "/usr/bin/newuidmap");
    assert_mend(
        assert_found(bench, "newuidmap", FINDING_MISSING, "/usr/bin/newuidmap is not setuid"), 0,
        "chmod 4755 /usr/bin/newuidmap", true);
    take(bench, "/usr/bin/newuidmap");
    assert_mend(assert_found(bench, "newuidmap", FINDING_MISSING, "not installed"), 0,
                "apt-get install --yes uidmap", true);
}

static void test_ports(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    put(bench, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "9000\n");
    finding = assert_found(bench, "ports", FINDING_MISSING, "port 8080 is below");
    assert_mend(finding, 0, "net.ipv4.ip_unprivileged_port_start = 8080", true);
    assert_string_equal(finding->services[0], "web");
    put(bench, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "80\n");
    assert_found(bench, "ports", FINDING_OK, "80 and above");
}

static unsigned lowest(const char *ports)
{
    _cleanup_free_ char *text = strdup(ports);
    _cleanup_strv_free_ char **words = NULL;
    Spec *spec = spec_new();
    unsigned port;

    assert_non_null(spec);
    assert_int_equal(strv_split(text, " ", &words), 0);
    spec->ports = TAKE_PTR(words);
    port = needs_lowest_port(spec);
    spec_free(spec);
    return port;
}

static void test_port_forms(void **state)
{
    assert_int_equal(lowest("80"), 0);
    assert_int_equal(lowest(":80"), 0);
    assert_int_equal(lowest("127.0.0.1::80"), 0);
    assert_int_equal(lowest("8080:80"), 8080);
    assert_int_equal(lowest("8080:80/udp 53:5353/udp"), 53);
    assert_int_equal(lowest("443-450:443-450"), 443);
    assert_int_equal(lowest("127.0.0.1:81:80"), 81);
    assert_int_equal(lowest("[::1]:82:80/tcp"), 82);
    assert_int_equal(lowest("99999999:80"), 0);
}

static void test_podman(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    take(bench, "/usr/bin/pasta");
    finding = assert_found(bench, "network", FINDING_MISSING, "pasta is not installed");
    assert_mend(finding, 0, "apt-get install --yes passt", true);
    put(bench, "/home/me/.config/containers/containers.conf",
        "[network]\ndefault_rootless_network_cmd = \"slirp4netns\" # for now\n");
    assert_found(bench, "network", FINDING_MISSING, "slirp4netns is not installed");
    put_program(bench, "/usr/bin/slirp4netns");
    assert_found(bench, "network", FINDING_OK, "/usr/bin/slirp4netns");
    take(bench, "/dev/net/tun");
    assert_mend(assert_found(bench, "network", FINDING_MISSING, "/dev/net/tun"), 0, "modprobe tun",
                true);
    put(bench, "/dev/net/tun", "");

    take(bench, "/usr/libexec/podman/catatonit");
    assert_found(bench, "init", FINDING_WARNING, "catatonit");
    put_program(bench, "/usr/bin/catatonit");

    free(bench->machine.quadlet);
    bench->machine.quadlet = strdup("quadlet version 4.3.0-dev");
    assert_found(bench, "quadlet", FINDING_MISSING, "4.3 is too old");
    free(bench->machine.quadlet);
    bench->machine.quadlet = strdup("4.9.3");
    assert_found(bench, "quadlet", FINDING_WARNING, "of another Podman");
}

static void test_no_podman(void **state)
{
    Bench *bench = *state;

    /* Debian 12. */
    take(bench, "/usr/libexec/podman/quadlet");
    free(bench->machine.podman);
    bench->machine.podman = strdup("podman version 4.3.1");
    put_program(bench, "/usr/bin/slirp4netns");
    assert_found(bench, "quadlet", FINDING_MISSING, "not there: Podman 4.3 has none");

    put(bench, "/usr/lib/podman/quadlet", "x");
    assert_mend(assert_found(bench, "quadlet", FINDING_MISSING, "is not executable"), 0,
                "chmod 755 /usr/lib/podman/quadlet", true);

    /* Nobody needs it. */
    take(bench, "/usr/bin/podman");
    free(bench->machine.podman);
    bench->machine.podman = NULL;
    take(bench, "/specs/web.json");
    take(bench, "/units/phoenix/web.json");
    take(bench, "/units/phoenix@web.service");
    reload(bench);
    run(bench, NULL);
    assert_int_equal(find(bench, "podman")->state, FINDING_WARNING);
    assert_mend(find(bench, "podman"), 0, "apt-get install --yes podman", true);
    assert_int_equal(doctor_count(&bench->doctor, FINDING_MISSING), 0);
}

static void test_storage(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    put(bench, "/home/me/.local/share/containers/storage/vfs-images/x", "");
    finding = assert_found(bench, "storage", FINDING_WARNING, "driver vfs");
    assert_mend(finding, 0, "/home/me/.config/containers/storage.conf", false);
    assert_mend(finding, 1, "podman system reset", false);
    put(bench, "/home/me/.config/containers/storage.conf", "[storage]\ndriver = 'overlay'\n");
    assert_found(bench, "storage", FINDING_OK, "driver overlay");
    put(bench, "/home/me/.local/share/containers/storage/overlay/.has-mount-program", "true");
    assert_found(bench, "storage", FINDING_WARNING, "fuse-overlayfs");
    free(bench->machine.release);
    bench->machine.release = strdup("5.10.0-28-amd64");
    put_program(bench, "/usr/bin/fuse-overlayfs");
    run(bench, NULL);
    assert_int_equal(find(bench, "storage")->state, FINDING_OK);
    assert_int_equal(find(bench, "kernel")->state, FINDING_WARNING);
}

static void test_limits(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    put(bench, "/sys/fs/cgroup" GROUP "/cgroup.controllers", "cpu io pids\n");
    finding = assert_found(bench, "controllers", FINDING_MISSING,
                           "memory: not given to the manager of users");
    assert_string_equal(finding->services[0], "web");
    assert_null(finding->services[1]);
    assert_mend(finding, 0, "Delegate=cpu cpuset io memory pids", true);
    assert_mend(finding, 1, "systemctl restart user@1000.service", true);

    put(bench, "/sys/fs/cgroup" GROUP "/cgroup.controllers", "cpu memory pids\n");
    put(bench, "/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
    finding = assert_found(bench, "controllers", FINDING_WARNING, "io: not there");
    assert_int_equal(finding->n_mends, 0);
    run(bench, "web");
    assert_int_equal(find(bench, "controllers")->state, FINDING_OK);

    put(bench, "/sys/fs/cgroup" GROUP "/cgroup.controllers", "cpu io memory pids\n");
    put(bench, "/proc/4242/limits", "Max open files            512       512      files\n");
    finding = assert_found(bench, "files", FINDING_MISSING, "may open 512, a spec asks for 1024");
    assert_mend(finding, 0, "LimitNOFILE=1024", true);
}

static bool needs_memory(const char *key)
{
    SpecSetting setting = {(char *)"Service", (char *)key, (char *)"x"};
    Spec *spec = spec_new();
    bool needed;

    assert_non_null(spec);
    spec->unit = (SpecSettings){&setting, 1};
    needed = needs_controller(spec, "memory");
    spec->unit = (SpecSettings){0};
    spec_free(spec);
    return needed;
}

static void test_settings(void **state)
{
    assert_true(needs_memory("MemoryHigh"));
    assert_true(needs_memory("StartupMemoryLow"));
    assert_false(needs_memory("MemoryDenyWriteExecute"));
    assert_false(needs_memory("Nice"));
    assert_false(needs_memory("CPUQuota"));
}

static void test_keys(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    put(bench, "/proc/key-users", " 1000:    16 16/16 200/200 238/20000\n");
    finding = assert_found(bench, "keys", FINDING_MISSING, "200 of 200 keys used, 1 containers");
    assert_mend(finding, 0, "/home/me/.config/containers/containers.conf.d/60-keyring.conf", false);
    put(bench, "/proc/key-users", " 1000:    16 16/16 161/200 238/20000\n");
    assert_found(bench, "keys", FINDING_WARNING, "161 of 200");
    put(bench, "/proc/key-users", " 1000:    16 16/16 16/200 19990/20000\n");
    assert_found(bench, "keys", FINDING_MISSING, "16 of 200");
    put(bench, "/home/me/.config/containers/containers.conf.d/60-keyring.conf",
        "[containers]\nkeyring = false\n");
    assert_found(bench, "keys", FINDING_OK, "keyring = false");
    /* A later file has the last word. */
    put(bench, "/home/me/.config/containers/containers.conf.d/70.conf",
        "[containers]\nkeyring=true\n");
    assert_found(bench, "keys", FINDING_MISSING, "16 of 200");

    put(bench, "/proc/key-users", "    0:    53 52/52 47/1000000 977/25000000\n");
    put(bench, "/proc/sys/kernel/keys/maxkeys", "200\n");
    put(bench, "/proc/sys/kernel/keys/maxbytes", "20000\n");
    assert_found(bench, "keys", FINDING_OK, "0 of 200 used");
}

static void test_inotify(void **state)
{
    Bench *bench = *state;

    bench->machine.inotify_used = 120;
    assert_mend(assert_found(bench, "inotify", FINDING_WARNING, "120 of 128"), 0,
                "fs.inotify.max_user_instances = 1024", true);
}

static void test_generator(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    put(bench, "/usr/lib/systemd/user-generators/phoenix-generator", "x");
    finding = assert_found(bench, "generator", FINDING_MISSING, "not executable for the user");
    assert_mend(finding, 0, "chmod 755 /usr/lib/systemd/user-generators/phoenix-generator", true);
    assert_mend(finding, 1, "systemctl --user daemon-reload", false);
    /* systemd goes on to the next one that it can run. */
    put(bench, "/etc/systemd/user-generators/phoenix-generator", "x");
    put_program(bench, "/usr/lib/systemd/user-generators/phoenix-generator");
    assert_found(bench, "generator", FINDING_OK, "both");
    put(bench, "/etc/systemd/system-generators/phoenix-generator", "");
    finding = assert_found(bench, "generator", FINDING_WARNING, "masked for the system manager");
    assert_mend(finding, 0, "rm /etc/systemd/system-generators/phoenix-generator", true);
}

static void test_units(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    put(bench, "/specs/job.json", "{\"type\": \"binary\", \"image\": \"/usr/bin/false\"}");
    load(bench);
    finding = assert_found(bench, "units", FINDING_WARNING, "1 older");
    assert_string_equal(finding->services[0], "job");
    assert_mend(finding, 0, "systemctl --user daemon-reload", false);

    put(bench, "/specs/new.json", JOB);
    load(bench);
    finding = assert_found(bench, "units", FINDING_MISSING, "1 of 3 not made yet");

    /* A spec that is gone, but whose unit the manager still has. */
    UnitState gone = {.id = (char *)"phoenix@gone.service", .active_state = (char *)"active"};
    reload(bench);
    put(bench, "/units/phoenix@gone.service", "[X-Phoenix]\nState=generated\n");
    bench->machine.states = (UnitStates){&gone, 1, 1};
    finding = assert_found(bench, "units", FINDING_WARNING, "1 older");
    assert_string_equal(finding->services[0], "gone");
    bench->machine.states = (UnitStates){0};

    put(bench, "/specs/new.json", "{");
    take(bench, "/units/phoenix/new.json");
    reload(bench);
    finding = assert_found(bench, "specs", FINDING_MISSING, "1 of 3 specs broken");
    assert_mend(finding, 0, "phoenix check", false);
}

static void test_stub(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    put(bench, "/units/phoenix@web.service", "# x\n[X-Phoenix]\nName=web\nState=stub\n");
    finding = assert_found(bench, "stubs", FINDING_MISSING, "web: ");
    assert_mend(finding, 0, "systemctl --user daemon-reload", false);
    run(bench, "job");
    assert_int_equal(find(bench, "stubs")->state, FINDING_OK);
}

static void test_programs(void **state)
{
    Bench *bench = *state;

    put(bench, PHOENIX_LIBEXECDIR "/phoenix-lease", "x");
    assert_mend(assert_found(bench, "programs", FINDING_MISSING, "phoenix-lease is not executable"),
                0, "chmod 755 " PHOENIX_LIBEXECDIR "/phoenix-lease", true);
    take(bench, PHOENIX_LIBEXECDIR "/phoenix-lease");
    take(bench, PHOENIX_LIBEXECDIR "/phoenix-abort");
    assert_found(bench, "programs", FINDING_MISSING, "/phoenix: phoenix-lease, phoenix-abort");
    put_program(bench, PHOENIX_LIBEXECDIR "/phoenix-abort");
    assert_found(bench, "programs", FINDING_MISSING, "/phoenix: phoenix-lease");
}

static void set_socket(Bench *bench, const char *load_state, const char *active_state)
{
    free(bench->machine.socket.load_state);
    free(bench->machine.socket.active_state);
    bench->machine.socket.load_state = strdup(load_state);
    bench->machine.socket.active_state = strdup(active_state);
    bench->machine.has_supervision = false;
}

static void test_socket(void **state)
{
    Bench *bench = *state;
    UnitState running = {.id = (char *)"phoenix@web.service", .active_state = (char *)"active"};
    const Finding *finding;

    /* Before the first start nothing is wrong, and phoenixd is not started by looking. */
    set_socket(bench, "loaded", "inactive");
    assert_found(bench, "socket", FINDING_OK, "from the first start");
    assert_found(bench, "phoenixd", FINDING_OK, "not asked, as its socket");

    bench->machine.states = (UnitStates){&running, 1, 1};
    finding = assert_found(bench, "socket", FINDING_MISSING, "not listening (inactive)");
    assert_mend(finding, 0, "systemctl --user restart phoenixd.socket", false);
    bench->machine.states = (UnitStates){0};

    set_socket(bench, "loaded", "failed");
    assert_found(bench, "socket", FINDING_MISSING, "not listening (failed)");
    set_socket(bench, "masked", "inactive");
    assert_mend(assert_found(bench, "socket", FINDING_MISSING, "masked"), 0,
                "systemctl --user unmask phoenixd.socket", false);
    set_socket(bench, "not-found", "inactive");
    assert_found(bench, "socket", FINDING_MISSING, "not installed");
}

static void test_phoenixd(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    free(bench->machine.supervision.degraded);
    bench->machine.supervision.degraded = strdup("the journal cannot be read\x1b[2J");
    bench->machine.supervision.brake = true;
    finding = assert_found(bench, "phoenixd", FINDING_WARNING, "degraded: the journal cannot");
    assert_int_equal(doctor_count(&bench->doctor, FINDING_WARNING), 2);

    bench->machine.has_supervision = false;
    bench->machine.no_supervision = strdup("no answer");
    finding = assert_found(bench, "phoenixd", FINDING_MISSING, "does not answer: no answer");
    assert_mend(finding, 0, "systemctl --user restart phoenixd.service", false);
    take(bench, "/run/user/1000/bus");
    finding = assert_found(bench, "phoenixd", FINDING_MISSING, "does not answer");
    assert_mend(finding, 0, "apt-get install --yes dbus-user-session", true);
}

static void test_manager(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    free(bench->machine.runtime_dir);
    bench->machine.runtime_dir = NULL;
    finding = assert_found(bench, "runtime-dir", FINDING_MISSING, "XDG_RUNTIME_DIR is not set");
    assert_mend(finding, 0, "export XDG_RUNTIME_DIR=/run/user/1000", false);
    take(bench, "/run/user/1000/bus");
    _cleanup_free_ char *folder = path_of(bench, "/run/user/1000");
    assert_int_equal(rmdir(folder), 0);
    finding = assert_found(bench, "runtime-dir", FINDING_MISSING, "/run/user/1000 is not there");
    assert_mend(finding, 0, "systemctl start user@1000.service", true);

    bench->machine.has_manager = false;
    bench->machine.no_manager = strdup("Connection refused");
    run(bench, NULL);
    assert_string_equal(find(bench, "manager")->found, "does not answer: Connection refused");
    assert_int_equal(find(bench, "manager")->state, FINDING_MISSING);
}

static void test_machine(void **state)
{
    Bench *bench = *state;

    bench->machine.clock_synced = false;
    assert_mend(assert_found(bench, "clock", FINDING_WARNING, "not synchronised"), 0,
                "apt-get install --yes systemd-timesyncd", true);
    bench->machine.clock_synced = true;

    bench->machine.pidfd_error = -ENOSYS;
    assert_found(bench, "kernel", FINDING_MISSING, "without pidfd_open");
    bench->machine.pidfd_error = 0;

    free(bench->machine.systemd);
    bench->machine.systemd = strdup("252.39-1~deb12u2");
    assert_found(bench, "systemd", FINDING_WARNING, "252, and services would use more");
    free(bench->machine.systemd);
    bench->machine.systemd = strdup("systemd 249 (249.11)");
    assert_found(bench, "systemd", FINDING_MISSING, "249 is too old");
    free(bench->machine.systemd);
    bench->machine.systemd = NULL;
    assert_found(bench, "systemd", FINDING_MISSING, "not known");
}

static void test_journal(void **state)
{
    Bench *bench = *state;

    put(bench, "/run/log/journal/" ID "/system.journal", "");
    assert_mend(assert_found(bench, "journal", FINDING_WARNING, "in memory only"), 0,
                "Storage=persistent", true);
    _cleanup_free_ char *in_run = path_of(bench, "/run/log/journal/" ID);
    assert_int_equal(dir_remove_tree(in_run), 0);
    take(bench, "/var/log/journal/" ID "/system.journal");
    run(bench, NULL);
    assert_string_equal(find(bench, "journal")->found, "not kept");
    assert_int_equal(find(bench, "journal")->state, FINDING_WARNING);
    put(bench, "/specs/job.json",
        "{\"type\": \"binary\", \"image\": \"/usr/bin/true\", \"healthcheck\":"
        " {\"type\": \"log\", \"match\": \"x\", \"age\": \"1min\"}}");
    reload(bench);
    run(bench, "job");
    assert_int_equal(find(bench, "journal")->state, FINDING_MISSING);
    assert_int_equal(find(bench, "journal-access")->state, FINDING_MISSING);
    assert_mend(find(bench, "journal-access"), 0, "usermod -aG systemd-journal me", true);
}

static void test_identity(void **state)
{
    Bench *bench = *state;

    put(bench, "/etc/machine-id", "uninitialized\n");
    run(bench, NULL);
    assert_int_equal(find(bench, "machine-id")->state, FINDING_MISSING);
    assert_mend(find(bench, "machine-id"), 0, "systemd-machine-id-setup", true);
    take(bench, "/sys/fs/cgroup/cgroup.controllers");
    put_program(bench, "/usr/sbin/update-grub");
    run(bench, NULL);
    assert_int_equal(find(bench, "cgroup")->state, FINDING_MISSING);
    assert_mend(find(bench, "cgroup"), 0, "systemd.unified_cgroup_hierarchy=1", true);
}

static void test_idle(void **state)
{
    Bench *bench = *state;

    put(bench, "/specs/job.json",
        "{\"type\": \"binary\", \"image\": \"/usr/bin/true\", \"listen\": [\"8081\"],"
        " \"activation\": \"native\", \"idle\": {\"after\": \"30s\", \"action\": \"freeze\"}}");
    reload(bench);
    assert_found(bench, "programs", FINDING_MISSING, "/phoenix: phoenix-idle");
    put_program(bench, PHOENIX_LIBEXECDIR "/phoenix-idle");
    assert_found(bench, "programs", FINDING_OK, "all there");
    put(bench, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "8081\n");
    assert_found(bench, "ports", FINDING_MISSING, "port 8080");
    run(bench, "job");
    assert_int_equal(find(bench, "ports")->state, FINDING_OK);
}

/* A machine of which nothing can be read still gets an answer to everything. */
static void test_nothing(void **state)
{
    Bench *bench = *state;

    assert_int_equal(dir_remove_tree(bench->root), 0);
    assert_int_equal(mkdir(bench->root, 0755), 0);
    machine_done(&bench->machine);
    bench->machine = (Machine){
        .root = bench->root,
        .scope = SPEC_SCOPE_USER,
        .uid = 1000,
        .user = strdup("o'hara"),
        .home = strdup("/home/o'hara"),
        .release = strdup(""),
        .no_manager = strdup("No such file or directory"),
    };
    run(bench, NULL);
    assert_true(bench->doctor.n >= 28);
    assert_mend(find(bench, "linger"), 0, "loginctl enable-linger 'o'\\''hara'", true);
    for (size_t i = 0; i < bench->doctor.n; i++) {
        const Finding *finding = &bench->doctor.findings[i];

        assert_int_equal(finding->state != FINDING_OK, finding->means != NULL);
    }
}

static void assert_value(const char *text, const char *expected)
{
    _cleanup_free_ char *value = config_value(text, "storage", "driver");

    if (!expected)
        assert_null(value);
    else
        assert_string_equal(value, expected);
}

static void test_config(void **state)
{
    assert_value("", NULL);
    assert_value("driver = \"x\"\n", NULL);
    assert_value("[storage]\ndriver = \"overlay\"\n", "overlay");
    assert_value("[storage]\n  driver='vfs'", "vfs");
    assert_value("[storage]\ndriver = true # yes\n", "true");
    assert_value("[storage]\n#driver = \"vfs\"\n", NULL);
    assert_value("[storage.options]\ndriver = \"x\"\n[storage]\ndriver =\n", "");
    assert_value("[storage]\ndriver = \"a\"\n[other]\ndriver = \"b\"\n", "a");
    assert_value("[storage]\ndriver = \"open\n=\n", "open");
    assert_value("[storage]\r\ndriver = vfs\r\n", "vfs");
}

static void test_version(void **state)
{
    assert_int_equal(version_parse(NULL), 0);
    assert_int_equal(version_parse("none"), 0);
    assert_int_equal(version_parse("podman version 5.4.2"), VERSION(5, 4));
    assert_int_equal(version_parse("systemd 257 (257.13-1)"), VERSION(257, 0));
    assert_int_equal(version_parse("6.18.44-fc"), VERSION(6, 18));
    assert_int_equal(version_parse("99999999999999.1"), VERSION(999999, 1));
}

/* ---- collectors ---- */

static Posting *put_collector(Bench *bench, const char *spec)
{
    Posting *posting = calloc(1, sizeof(*posting));

    put(bench, "/specs/posted.json", spec);
    reload(bench);
    assert_non_null(posting);
    *posting = (Posting){.name = strdup("posted"),
                         .url = strdup("http://localhost:5000"),
                         .host = strdup("here"),
                         .error = strdup("")};
    bench->machine.supervision.postings = (Postings){.items = posting, .n = 1};
    bench->machine.collector.installed = true;
    return posting;
}

static void fail_post(Posting *posting, const char *error)
{
    free(posting->error);
    posting->error = strdup(error);
    posting->away = true;
    posting->waiting = 7;
}

static void test_libcurl(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    bench->machine.no_libcurl = strdup("libcurl.so.4: cannot open shared object file");
    finding = assert_found(bench, "libcurl", FINDING_WARNING, "cannot open shared object file");
    assert_mend(finding, 0, "apt-get install --yes libcurl4", true);
    put_collector(bench, "{\"type\": \"collector\"}");
    finding = assert_found(bench, "libcurl", FINDING_MISSING, "cannot be loaded");
    assert_true(strv_contains(finding->services, "posted"));
    run(bench, "job");
    assert_null(find(bench, "libcurl"));
}

static void test_posting(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    assert_found(bench, "posting", FINDING_OK, "no spec posts to one");
    Posting *posting = put_collector(bench, "{\"type\": \"collector\", \"spool\": \"3M\"}");
    assert_found(bench, "posting", FINDING_OK, "1 collector takes what is posted");
    run(bench, "posted");
    assert_string_equal(find(bench, "specs")->found, "1, none broken");
    assert_null(find(bench, "podman"));

    posting->dropped = 12;
    finding = assert_found(bench, "posting", FINDING_WARNING, "12 batches were dropped");
    assert_contains(finding->means, "3M");
    assert_mend(finding, 0, "/specs/posted.json && systemctl --user daemon-reload", false);
    posting->dropped = 0;

    fail_post(posting, "Could not connect to server");
    finding = assert_found(bench, "posting", FINDING_MISSING, "posted takes nothing: Could not");
    assert_contains(finding->means, "7 batches wait");
    assert_mend(finding, 0, "systemctl --user enable --now phoenix-collector.socket", false);
    assert_true(strv_contains(finding->services, "posted"));
    bench->machine.collector.listens = true;
    finding = assert_found(bench, "posting", FINDING_MISSING, "posted takes nothing");
    assert_mend(finding, 0, "systemctl --user restart phoenix-collector.service", false);

    /* Of one elsewhere nothing can be started here. */
    posting->url[0] = 'x';
    finding = assert_found(bench, "posting", FINDING_MISSING, "posted takes nothing");
    assert_int_equal(finding->n_mends, 0);

    bench->machine.supervision.postings.n = 0;
    finding = assert_found(bench, "posting", FINDING_WARNING, "posted is not posted to yet");
    assert_mend(finding, 0, "systemctl --user daemon-reload", false);
    bench->machine.has_supervision = false;
    assert_found(bench, "posting", FINDING_OK, "phoenixd was not asked");
    bench->machine.has_supervision = true;
    bench->machine.supervision.postings.n = 1;
}

static void test_token(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    Posting *posting = put_collector(bench, "{\"type\": \"collector\"}");
    fail_post(posting, "HTTP 401: a post needs the bearer token of this collector");
    finding = assert_found(bench, "posting", FINDING_MISSING, "HTTP 401");
    assert_mend(finding, 0, "-m 600 /dev/stdin /home/me/.config/phoenix/collector-token", false);
    assert_mend(finding, 1, "LoadCredential=collector-token:%s", false);
    assert_mend(finding, 1, "/home/me/.config/systemd/user/phoenixd.service.d", false);
    assert_mend(finding, 1, "systemctl --user try-restart phoenixd.service", false);

    /* A file by its path needs no drop-in, and none but phoenixd's way of looking. */
    put(bench, "/specs/posted.json", "{\"type\": \"collector\", \"token\": \"/srv/a token\"}");
    reload(bench);
    fail_post(posting, "the token cannot be read: No such file or directory");
    finding = assert_found(bench, "posting", FINDING_MISSING, "the token cannot be read");
    assert_int_equal(finding->n_mends, 1);
    assert_mend(finding, 0, "-m 600 /dev/stdin '/srv/a token'", false);
}

static void test_open_collector(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    assert_found(bench, "collector", FINDING_OK, "not installed");
    bench->machine.collector = (CollectorHere){.installed = true, .listens = true};
    assert_found(bench, "collector", FINDING_OK, "this machine only");
    bench->machine.collector.open = strdup("0.0.0.0:5000");
    finding = assert_found(bench, "collector", FINDING_WARNING, "neither a token nor TLS");
    assert_contains(finding->found, "0.0.0.0:5000");
    assert_mend(finding, 0, "/home/me/.config/phoenix/own-collector-token", false);
    assert_mend(finding, 1, "openssl req -x509", false);
    assert_mend(finding, 2, "LoadCredential=token:%s\\nLoadCredential=tls-cert:%s\\n", false);
    assert_mend(finding, 2, "phoenix-collector.service.d/60-token.conf", false);
    bench->machine.collector.has_token = true;
    finding = assert_found(bench, "collector", FINDING_WARNING, "has no TLS");
    assert_int_equal(finding->n_mends, 2);
    assert_mend(finding, 1, "phoenix-collector.service.d/60-tls-cert.conf", false);
    bench->machine.collector.without_tls = true;
    assert_found(bench, "collector", FINDING_OK, "with a token, without TLS");
    bench->machine.collector.has_tls = true;
    assert_found(bench, "collector", FINDING_OK, "with a token, with TLS");
    bench->machine.collector.has_token = false;
    finding = assert_found(bench, "collector", FINDING_WARNING, "has no token");
    assert_int_equal(finding->n_mends, 2);
}

/* Of a policy by labels only: for others nobody has to listen. */
static void test_engines(void **state)
{
    Bench *bench = *state;
    const Finding *finding;

    put(bench, "/specs/batch.json", "{\"type\": \"policy\", \"match\": {\"container\": \"x\"}}");
    reload(bench);
    run(bench, NULL);
    assert_int_equal(find(bench, "engines")->state, FINDING_OK);
    put(bench, "/specs/batch.json", "{\"type\": \"policy\", \"match\": {\"label\": \"x\"}}");
    reload(bench);
    run(bench, NULL);
    finding = find(bench, "engines");
    assert_int_equal(finding->state, FINDING_MISSING);
    assert_contains(finding->means, "match.label");
    assert_string_equal(finding->services[0], "batch");
    assert_mend(finding, 0, "systemctl --user enable --now podman.socket", false);
    put(bench, "/run/user/1000/docker.sock", "");
    run(bench, "batch");
    assert_string_equal(find(bench, "engines")->found, "Docker at /run/user/1000/docker.sock");
}

int main(void)
{
#define ON_BENCH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        ON_BENCH(test_good),
        ON_BENCH(test_engines),
        ON_BENCH(test_name),
        ON_BENCH(test_system),
        ON_BENCH(test_linger),
        ON_BENCH(test_subids),
        cmocka_unit_test(test_subid_lines),
        ON_BENCH(test_userns),
        ON_BENCH(test_newuidmap),
        ON_BENCH(test_ports),
        cmocka_unit_test(test_port_forms),
        ON_BENCH(test_podman),
        ON_BENCH(test_no_podman),
        ON_BENCH(test_storage),
        ON_BENCH(test_limits),
        cmocka_unit_test(test_settings),
        ON_BENCH(test_keys),
        ON_BENCH(test_inotify),
        ON_BENCH(test_generator),
        ON_BENCH(test_units),
        ON_BENCH(test_stub),
        ON_BENCH(test_programs),
        ON_BENCH(test_socket),
        ON_BENCH(test_phoenixd),
        ON_BENCH(test_manager),
        ON_BENCH(test_machine),
        ON_BENCH(test_journal),
        ON_BENCH(test_identity),
        ON_BENCH(test_idle),
        ON_BENCH(test_nothing),
        ON_BENCH(test_libcurl),
        ON_BENCH(test_posting),
        ON_BENCH(test_token),
        ON_BENCH(test_open_collector),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
