/* SPDX-License-Identifier: MIT */

/* Cgroups and processes in them. */

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "container.h"

#define PATH_SIZE 4352

void container_id(unsigned number, char ret[static CONTAINER_ID_SIZE])
{
    snprintf(ret, CONTAINER_ID_SIZE, "%08x%056x", number, number);
}

void container_cgroup(unsigned number, char *ret, size_t size)
{
    char id[CONTAINER_ID_SIZE];

    container_id(number, id);
    snprintf(ret, size, "/test.slice/libpod-%s.scope", id);
}

void cgroup_make(const char *cgroup)
{
    char path[PATH_SIZE];
    size_t length = strlen(CGROUPS);

    snprintf(path, sizeof(path), "%s%s", CGROUPS, cgroup);
    while (path[length]) {
        char next;

        length += 1 + strcspn(path + length + 1, "/");
        next = path[length];
        path[length] = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            test_fail(__FILE__, __LINE__, path);
        path[length] = next;
    }
}

void cgroup_write(const char *cgroup, const char *file, const char *text)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s%s/%s", CGROUPS, cgroup, file);
    file_write(path, text);
}

void cgroup_remove(const char *cgroup)
{
    char path[PATH_SIZE], below[PATH_SIZE];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "%s%s", CGROUPS, cgroup);
    dir = opendir(path);
    while (dir && (entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            snprintf(below, sizeof(below), "%s/%s", cgroup, entry->d_name);
            cgroup_remove(below);
        }
    if (dir)
        closedir(dir);
    /* A process that was killed leaves a little after it was waited for. */
    for (unsigned i = 0; *cgroup && rmdir(path) < 0 && errno != ENOENT; i++) {
        if (i == 1000)
            test_fail(__FILE__, __LINE__, path);
        sleep_msec(10);
    }
}

/* The name of a process is that of its file. */
static void name_program(const char *name, char *path, size_t size)
{
    snprintf(path, size, "/bin/%s", name);
    if (symlink("/init", path) < 0)
        REQUIRE(errno == EEXIST);
}

static _Noreturn void become(const Process *process, const char *program, int ready_fd)
{
    char payload[16], *environment[] = {payload, NULL};
    char *const argv[] = {(char *)(process->name ? process->name : "stress"), NULL};

    cgroup_write(process->cgroup, "cgroup.procs", "0");
    REQUIRE(dup2(ready_fd, 3) == 3);
    snprintf(payload, sizeof(payload), "PAYLOAD=%d", process->payload);
    execve(program, process->argv ? process->argv : argv, environment);
    test_fail(__FILE__, __LINE__, program);
}

pid_t process_start(const Process *process)
{
    unsigned long flags = SIGCHLD | (process->new_pid_namespace ? CLONE_NEWPID : 0);
    char program[PATH_SIZE], byte;
    int ready[2];
    pid_t pid;

    cgroup_make(process->cgroup);
    name_program(process->name ? process->name : "stress", program, sizeof(program));
    REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
    fflush(stdout);
    pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    REQUIRE(pid >= 0);
    if (pid == 0)
        become(process, program, ready[1]);
    close(ready[1]);
    REQUIRE(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    return pid;
}

pid_t container_start(unsigned number)
{
    char cgroup[256];

    container_cgroup(number, cgroup, sizeof(cgroup));
    strcat(cgroup, "/container");
    return process_start(&(Process){.cgroup = cgroup});
}

pid_t container_fork(unsigned number)
{
    char cgroup[256], path[PATH_SIZE], text[16];
    pid_t pid;

    container_cgroup(number, cgroup, sizeof(cgroup));
    cgroup_make(cgroup);
    fflush(stdout);
    pid = fork();
    REQUIRE(pid >= 0);
    while (pid == 0)
        pause();
    snprintf(path, sizeof(path), "%s%s/cgroup.procs", CGROUPS, cgroup);
    snprintf(text, sizeof(text), "%d", pid);
    file_write(path, text);
    return pid;
}

void process_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    REQUIRE(waitpid(pid, NULL, 0) == pid);
}
