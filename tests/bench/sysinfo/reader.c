/* SPDX-License-Identifier: MIT */

/* The reader in user space. Containers are known by the number of their directory. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "kmod/text.h"
#include "reader.h"
#include "tests/vm/mini/guest/guest.h"

#define CONTAINERS_MAX 2048U

enum { CPU, MEMORY, IO, NAME, CMDLINE, FILES };

typedef struct Container {
    ino_t inode;
    int files[FILES]; /* -1: not open */
    char id[PHOENIX_ID_LENGTH + 1], path[512];
    int pid;
    uint64_t cpu_usec, taken_usec;
} Container;

typedef struct Look {
    bool keep_open;
    char *buf;
    size_t size, length;
    bool any;
} Look;

static Container containers[CONTAINERS_MAX];
static size_t n_containers;

static void close_files(Container *c)
{
    for (unsigned i = 0; i < FILES; i++) {
        if (c->files[i] >= 0)
            close(c->files[i]);
        c->files[i] = -1;
    }
}

void reader_forget(void)
{
    for (size_t i = 0; i < n_containers; i++)
        close_files(&containers[i]);
    n_containers = 0;
}

static Container *get(ino_t inode)
{
    static size_t next; /* the order is mostly that of the look before */

    for (size_t i = 0; i < n_containers; i++) {
        next = next + 1 < n_containers ? next + 1 : 0;
        if (containers[next].inode == inode)
            return &containers[next];
    }
    REQUIRE(n_containers < CONTAINERS_MAX);
    next = n_containers++;
    containers[next] = (Container){.inode = inode, .files = {-1, -1, -1, -1, -1}};
    return &containers[next];
}

static size_t read_fd(int fd, char *buf, size_t size)
{
    ssize_t n = fd < 0 ? 0 : pread(fd, buf, size, 0);

    return n > 0 ? (size_t)n : 0;
}

static int first_pid(int dir_fd)
{
    int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    char text[64];
    size_t n = read_fd(fd, text, sizeof(text) - 1);

    close(fd);
    text[n] = '\0';
    return atoi(text);
}

static void open_files(Container *c, int dir_fd)
{
    char path[64];

    c->files[CPU] = openat(dir_fd, "cpu.stat", O_RDONLY | O_CLOEXEC);
    c->files[MEMORY] = openat(dir_fd, "memory.current", O_RDONLY | O_CLOEXEC);
    c->files[IO] = openat(dir_fd, "io.stat", O_RDONLY | O_CLOEXEC);
    c->pid = first_pid(dir_fd);
    snprintf(path, sizeof(path), "/proc/%d/comm", c->pid);
    c->files[NAME] = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/%d/cmdline", c->pid);
    c->files[CMDLINE] = open(path, O_RDONLY | O_CLOEXEC);
}

static void add(Look *look, const Container *c, uint64_t usec, uint64_t now, uint64_t memory,
                const struct phoenix_io *io)
{
    char name[64], cmdline[1024], escaped_name[400], escaped[6200];
    size_t n = read_fd(c->files[NAME], name, sizeof(name));

    phoenix_json_escape(escaped_name, sizeof(escaped_name), name, n > 0 ? n - 1 : 0);
    n = read_fd(c->files[CMDLINE], cmdline, sizeof(cmdline));
    for (size_t i = 0; i < n; i++)
        if (cmdline[i] == '\0')
            cmdline[i] = ' ';
    phoenix_json_escape(escaped, sizeof(escaped), cmdline, n);
    look->length += (size_t)snprintf(
        look->buf + look->length, look->size - look->length,
        "%s\n    {\n      \"PID\": %d,\n      \"Name\": \"%s\",\n      \"ContainerID\": "
        "\"%.12s\",\n"
        "      \"Cmdline\": \"%s\",\n      \"MemoryUsage_MB\": %llu,\n"
        "      \"CPUUsage_percent\": %.2f,\n      \"DiskUse_MB\": %llu,\n"
        "      \"Write_KBytes\": %llu,\n      \"Read_KBytes\": %llu,\n"
        "      \"IOReadOps\": %llu,\n      \"IOWriteOps\": %llu,\n      \"ID\": \"%s\",\n"
        "      \"Cgroup\": \"%s\",\n      \"Memory_Bytes\": %llu\n    }",
        look->any ? "," : "", c->pid, escaped_name, c->id, escaped,
        (unsigned long long)memory >> 20,
        c->taken_usec ? (double)(usec - c->cpu_usec) * 100 / (double)(now - c->taken_usec) : 0.0,
        (unsigned long long)(io->rbytes + io->wbytes) >> 20, (unsigned long long)io->wbytes >> 10,
        (unsigned long long)io->rbytes >> 10, (unsigned long long)io->rios,
        (unsigned long long)io->wios, c->id, c->path, (unsigned long long)memory);
    look->any = true;
}

static void look_at(Look *look, int dir_fd, const char *path, const char *id)
{
    char text[4096];
    struct phoenix_io io;
    uint64_t usec = 0, memory = 0, now;
    struct stat st;
    Container *c;

    REQUIRE(fstat(dir_fd, &st) == 0);
    c = get(st.st_ino);
    if (c->files[CPU] < 0)
        open_files(c, dir_fd);
    memcpy(c->id, id, PHOENIX_ID_LENGTH);
    snprintf(c->path, sizeof(c->path), "%s", path);
    phoenix_stat_value(text, read_fd(c->files[CPU], text, sizeof(text)), "usage_usec", &usec);
    now = now_usec();
    phoenix_number(text, read_fd(c->files[MEMORY], text, sizeof(text)), &memory);
    phoenix_io_stat_sum(text, read_fd(c->files[IO], text, sizeof(text)), &io);
    add(look, c, usec, now, memory, &io);
    c->cpu_usec = usec;
    c->taken_usec = now;
    if (!look->keep_open)
        close_files(c);
}

/* Below a container there is nothing to look for. */
static void walk(Look *look, int dir_fd, const char *path)
{
    DIR *dir = fdopendir(dir_fd);
    struct dirent *entry;

    REQUIRE(dir);
    while ((entry = readdir(dir))) {
        struct phoenix_container_ref ref;
        char below[512];
        int fd;

        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        fd = openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        REQUIRE(fd >= 0);
        snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        if (phoenix_container_of(below, strlen(below), &ref)) {
            look_at(look, fd, below, below + ref.id_offset);
            close(fd);
        } else {
            walk(look, fd, below);
        }
    }
    closedir(dir);
}

static void add_machine(Look *look)
{
    char *meminfo = file_read("/proc/meminfo", NULL), *stat = file_read("/proc/stat", NULL);

    look->length += (size_t)snprintf(look->buf, look->size,
                                     "{\n  \"Memory\": {\"Total_Memory_MB\": %ld, \"CPU\": %ld},\n"
                                     "  \"Docker_Containers\": [",
                                     strtol(meminfo + strlen("MemTotal:"), NULL, 10) / 1024,
                                     strtol(stat + strlen("cpu "), NULL, 10));
    free(meminfo);
    free(stat);
}

size_t reader_look(bool keep_open, char *buf, size_t size)
{
    Look look = {.keep_open = keep_open, .buf = buf, .size = size};
    int fd = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    REQUIRE(fd >= 0);
    add_machine(&look);
    walk(&look, fd, "");
    look.length += (size_t)snprintf(buf + look.length, size - look.length, "\n  ]\n}\n");
    return look.length;
}
