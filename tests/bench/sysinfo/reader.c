/* SPDX-License-Identifier: MIT */

/* The reader in user space. Containers are known by the number of their directory. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "kmod/text.h"
#include "reader.h"
#include "tests/vm/mini/guest/guest.h"

#define CONTAINERS_MAX 2048U

enum { CPU, MEMORY, IO, STAT, CMDLINE, FILES };

typedef struct Container {
    ino_t inode;
    int files[FILES]; /* -1: not open */
    char id[PHOENIX_ID_LENGTH + 1], path[512];
    int pid;
    uint64_t cpu_usec, taken_usec;
} Container;

/* Of one container, at one look. */
typedef struct Values {
    uint64_t cpu_usec, taken_usec, memory;
    double cpu_percent;
    struct phoenix_io io;
} Values;

typedef struct Look {
    bool keep_open;
    char *buf;
    size_t size, length;
    uint64_t memory_total, memory_free; /* of the machine, in bytes */
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

/* Podman's runtime leaves the container's own cgroup empty and makes one in it. */
static int first_pid(int dir_fd)
{
    static const char *const files[] = {"cgroup.procs", "container/cgroup.procs"};
    char text[64] = "";

    for (unsigned i = 0; i < ELEMENTSOF(files) && text[0] == '\0'; i++) {
        int fd = openat(dir_fd, files[i], O_RDONLY | O_CLOEXEC);

        text[read_fd(fd, text, sizeof(text) - 1)] = '\0';
        if (fd >= 0)
            close(fd);
    }
    return atoi(text);
}

static void open_files(Container *c, int dir_fd)
{
    char path[64];

    c->files[CPU] = openat(dir_fd, "cpu.stat", O_RDONLY | O_CLOEXEC);
    c->files[MEMORY] = openat(dir_fd, "memory.current", O_RDONLY | O_CLOEXEC);
    c->files[IO] = openat(dir_fd, "io.stat", O_RDONLY | O_CLOEXEC);
    c->pid = first_pid(dir_fd);
    snprintf(path, sizeof(path), "/proc/%d/stat", c->pid);
    c->files[STAT] = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/%d/cmdline", c->pid);
    c->files[CMDLINE] = open(path, O_RDONLY | O_CLOEXEC);
}

/* The name in the second field of /proc/PID/stat may have anything in it but NUL; the start, in
 * hundredths of a second, is the 22nd. */
static uint64_t parse_stat(char *text, size_t n, char *name, size_t size)
{
    char *begin, *end, *rest;

    text[n] = '\0';
    begin = strchr(text, '(');
    end = strrchr(text, ')');
    REQUIRE(begin && end);
    phoenix_json_escape(name, size, begin + 1, (size_t)(end - begin - 1));
    rest = end + 1;
    for (unsigned field = 2; field < 22 && rest; field++)
        rest = strchr(rest + (field > 2), ' ');
    REQUIRE(rest);
    return strtoull(rest, NULL, 10) * 10000;
}

static void read_cmdline(const Container *c, char *escaped, size_t size)
{
    char cmdline[1024];
    size_t n = read_fd(c->files[CMDLINE], cmdline, sizeof(cmdline));

    for (size_t i = 0; i < n; i++)
        if (cmdline[i] == '\0')
            cmdline[i] = ' ';
    phoenix_json_escape(escaped, size, cmdline, n);
}

#define LLU(value) ((unsigned long long)(value))

static void add(Look *look, const Container *c, const Values *v)
{
    char stat[1024], name[400], cmdline[6200];
    const struct phoenix_io *io = &v->io;
    uint64_t start_usec;

    start_usec =
        parse_stat(stat, read_fd(c->files[STAT], stat, sizeof(stat) - 1), name, sizeof(name));
    read_cmdline(c, cmdline, sizeof(cmdline));
    look->length += (size_t)snprintf(
        look->buf + look->length, look->size - look->length,
        "%s\n    {\n      \"PID\": %d,\n      \"Name\": \"%s\",\n      \"ContainerID\": "
        "\"%.12s\",\n"
        "      \"Cmdline\": \"%s\",\n      \"MemoryUsage_percent\": %.2f,\n"
        "      \"MemoryUsage_MB\": %llu,\n"
        "      \"CPUUsage_percent\": %.2f,\n      \"DiskUse_MB\": %llu,\n"
        "      \"Write_KBytes\": %llu,\n      \"Read_KBytes\": %llu,\n"
        "      \"IOReadOps\": %llu,\n      \"IOWriteOps\": %llu,\n      \"ID\": \"%s\",\n"
        "      \"Runtime\": \"podman\",\n      \"Cgroup\": \"%s\",\n"
        "      \"Cgroup_ID\": %llu,\n      \"Start_usec\": %llu,\n"
        "      \"Memory_Bytes\": %llu,\n      \"CPU_Usage_usec\": %llu,\n"
        "      \"Read_Bytes\": %llu,\n      \"Write_Bytes\": %llu\n    }",
        look->any ? "," : "", c->pid, name, c->id, cmdline,
        (double)v->memory * 100 / (double)look->memory_total, LLU(v->memory >> 20), v->cpu_percent,
        LLU((io->rbytes + io->wbytes) >> 20), LLU(io->wbytes >> 10), LLU(io->rbytes >> 10),
        LLU(io->rios), LLU(io->wios), c->id, c->path, LLU(c->inode), LLU(start_usec),
        LLU(v->memory), LLU(v->cpu_usec), LLU(io->rbytes), LLU(io->wbytes));
    look->any = true;
}

static Values read_values(Container *c)
{
    char text[4096];
    Values v = {0};

    phoenix_stat_value(text, read_fd(c->files[CPU], text, sizeof(text)), "usage_usec", &v.cpu_usec);
    v.taken_usec = now_usec();
    if (c->taken_usec > 0)
        v.cpu_percent =
            (double)(v.cpu_usec - c->cpu_usec) * 100 / (double)(v.taken_usec - c->taken_usec);
    phoenix_number(text, read_fd(c->files[MEMORY], text, sizeof(text)), &v.memory);
    phoenix_io_stat_sum(text, read_fd(c->files[IO], text, sizeof(text)), &v.io);
    c->cpu_usec = v.cpu_usec;
    c->taken_usec = v.taken_usec;
    return v;
}

static void look_at(Look *look, int dir_fd, const char *path, const char *id)
{
    struct stat st;
    Container *c;
    Values v;

    REQUIRE(fstat(dir_fd, &st) == 0);
    c = get(st.st_ino);
    if (c->files[CPU] < 0)
        open_files(c, dir_fd);
    memcpy(c->id, id, PHOENIX_ID_LENGTH);
    snprintf(c->path, sizeof(c->path), "%s", path);
    v = read_values(c);
    add(look, c, &v);
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

/* The number of kB behind a name in /proc/meminfo, in bytes. */
static uint64_t meminfo_bytes(const char *meminfo, const char *name)
{
    const char *found = strstr(meminfo, name);

    REQUIRE(found);
    return strtoull(found + strlen(name), NULL, 10) * 1024;
}

static void add_machine(Look *look)
{
    char *meminfo = file_text("/proc/meminfo", NULL), *stat = file_text("/proc/stat", NULL);

    look->memory_total = meminfo_bytes(meminfo, "MemTotal:");
    look->memory_free = meminfo_bytes(meminfo, "MemFree:");
    look->length += (size_t)snprintf(
        look->buf, look->size,
        "{\n  \"Memory\": {\"Total_Memory_MB\": %llu, \"Free_Memory_MB\": %llu, \"CPU\": %ld},\n"
        "  \"Docker_Containers\": [",
        LLU(look->memory_total >> 20), LLU(look->memory_free >> 20),
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
