/* SPDX-License-Identifier: MIT */

/* Asking this machine. Nothing is changed by it: no program that would set up something of its own
 * is run (`podman info` would), and phoenixd is only asked where its socket is as it should be, as
 * asking starts it, and that would start the socket too. */

#include "cli/doctor/gather.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/process.h"
#include "base/text.h"
#include "cli/supervisor/supervisor.h"
#include "cli/systemd/properties.h"

#define PROGRAM_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define PROGRAM_OUTPUT_MAX   65536U

#define PATTERN "phoenix@*.service"
#define SOCKET  "phoenixd.socket"

/* timedatectl(1) calls a clock synchronised when the kernel thinks it this exact or better. */
#define CLOCK_ERROR_MAX_USEC 16000000L

static int gather_owner(Machine *machine)
{
    const struct passwd *owner;
    const char *home = getenv("HOME"), *runtime = getenv("XDG_RUNTIME_DIR");

    machine->uid = geteuid();
    owner = getpwuid(machine->uid);
    machine->user = owner ? strdup(owner->pw_name) : text_printf("%u", machine->uid);
    if (!home || !*home)
        home = owner ? owner->pw_dir : "";
    machine->home = strdup(streq(home, "/") ? "" : home);
    if (runtime && *runtime) {
        machine->runtime_dir = strdup(runtime);
        if (!machine->runtime_dir)
            return -ENOMEM;
    }
    return machine->user && machine->home ? 0 : -ENOMEM;
}

/* Whether this process could make a user namespace: the rules are spread over sysctls and security
 * modules, so a child tries. */
static int try_userns(void)
{
    int status;
    pid_t pid;

    pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER) < 0 ? errno : 0);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPROTO;
}

static int try_pidfd(void)
{
    _cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    return fd < 0 ? -errno : 0;
}

static int gather_kernel(Machine *machine)
{
    struct timex clock = {0};
    struct utsname name;

    machine->release = strdup(uname(&name) == 0 ? name.release : "");
    machine->clock_synced = adjtimex(&clock) >= 0 && clock.maxerror < CLOCK_ERROR_MAX_USEC;
    machine->pidfd_error = try_pidfd();
    machine->userns_error = try_userns();
    return machine->release ? 0 : -ENOMEM;
}

static uint64_t count_inotify(int proc_fd, const char *pid)
{
    _cleanup_free_ char *path = text_printf("%s/fd", pid);
    _cleanup_closedir_ DIR *dir = NULL;
    const struct dirent *entry;
    uint64_t n = 0;
    int fd;

    fd = path ? openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while ((entry = readdir(dir))) {
        char target[32] = "";

        if (readlinkat(fd, entry->d_name, target, sizeof(target) - 1) > 0)
            n += streq(target, "anon_inode:inotify");
    }
    return n;
}

/* What the kernel counts but tells nobody. Processes that may not be looked at are left out, so it
 * is a lower bound. */
static uint64_t gather_inotify(uid_t uid)
{
    _cleanup_closedir_ DIR *proc = opendir("/proc");
    const struct dirent *entry;
    uint64_t n = 0;
    struct stat st;

    while (proc && (entry = readdir(proc)))
        if (*entry->d_name >= '1' && *entry->d_name <= '9' &&
            fstatat(dirfd(proc), entry->d_name, &st, 0) == 0 && st.st_uid == uid)
            n += count_inotify(dirfd(proc), entry->d_name);
    return n;
}

/* What a program says with --version, its first line; NULL when it says nothing. */
static char *ask_version(const char *program)
{
    _cleanup_free_ char *copy = program ? strdup(program) : NULL;
    _cleanup_free_ char *output = NULL, *errors = NULL;
    char option[] = "--version";
    char *argv[] = {copy, option, NULL};

    if (!copy || process_run(argv, NULL, NULL, PROGRAM_TIMEOUT_USEC, PROGRAM_OUTPUT_MAX, &output,
                             &errors) != 0)
        return NULL;
    return strndup(output, strcspn(output, "\n"));
}

static void gather_programs(Machine *machine)
{
    _cleanup_free_ char *podman = machine_find_program(machine, "podman");

    machine->podman = ask_version(podman);
    machine->quadlet = ask_version(machine_find_quadlet(machine));
    if (!machine->systemd)
        machine->systemd = ask_version("systemctl");
}

static int get_text(Manager *manager, const char *name, char **ret)
{
    return sd_bus_get_property_string(manager_bus(manager), "org.freedesktop.systemd1",
                                      "/org/freedesktop/systemd1",
                                      "org.freedesktop.systemd1.Manager", name, NULL, ret);
}

static int ask_manager(Machine *machine)
{
    _cleanup_manager_ Manager *manager = NULL;
    int r;

    r = manager_open(machine->scope, &manager);
    if (r >= 0)
        r = get_text(manager, "Version", &machine->systemd);
    if (r >= 0)
        r = get_text(manager, "ControlGroup", &machine->control_group);
    if (r >= 0)
        r = manager_list(manager, PATTERN, &machine->states);
    if (r >= 0)
        r = manager_describe(manager, SOCKET, &machine->socket);
    if (r >= 0)
        r = gather_collector(manager, machine);
    return r < 0 ? r : 0;
}

static int gather_manager(Machine *machine)
{
    int r = ask_manager(machine);

    machine->has_manager = r >= 0;
    if (r >= 0)
        return 0;
    machine->no_manager = strdup(strerror(-r));
    return machine->no_manager ? 0 : -ENOMEM;
}

static int gather_supervision(Machine *machine)
{
    _cleanup_supervisor_ Supervisor *supervisor = NULL;
    const char *state = machine->socket.active_state;
    int r;

    if (!machine->has_manager || !state || !streq(state, "active"))
        return 0;
    r = supervisor_open(machine->scope, &supervisor);
    if (r >= 0)
        r = supervisor_state(supervisor, &machine->supervision);
    machine->has_supervision = r >= 0;
    if (r >= 0)
        return 0;
    machine->no_supervision = strdup(supervisor ? supervisor_why(supervisor) : strerror(-r));
    return machine->no_supervision ? 0 : -ENOMEM;
}

int machine_gather(SpecScope scope, Machine *ret)
{
    _cleanup_machine_ Machine machine = {.root = "", .scope = scope};
    int r;

    r = gather_owner(&machine);
    if (r >= 0)
        r = gather_kernel(&machine);
    if (r >= 0)
        r = gather_manager(&machine);
    if (r >= 0)
        r = gather_supervision(&machine);
    if (r >= 0)
        r = gather_libcurl(&machine);
    if (r < 0)
        return r;
    gather_programs(&machine);
    machine.inotify_used = gather_inotify(machine.uid);

    *ret = machine;
    machine = (Machine){0};
    return 0;
}
