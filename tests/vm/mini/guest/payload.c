/* SPDX-License-Identifier: MIT */

/* What processes in containers do. The program was started again with PAYLOAD= in its environment;
 * descriptor 3 is where it says that it is ready. */

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "container.h"

#define PAGE 4096UL

static void ready(void)
{
    REQUIRE(write(3, "", 1) == 1);
    close(3);
}

static _Noreturn void sleep_for_ever(void)
{
    for (;;)
        pause();
}

static _Noreturn void burn(void)
{
    for (volatile unsigned i = 0;; i++)
        ;
}

static void take_memory(void)
{
    REQUIRE(mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) != MAP_FAILED);
}

/* Past the page cache, so that it is this process that is charged, and at once. */
static void do_io(unsigned rounds)
{
    int fd = open(IO_DEVICE, O_RDWR | O_DIRECT);
    void *buf = aligned_alloc(PAGE, 64 * 1024);

    REQUIRE(fd >= 0 && buf);
    memset(buf, 1, 64 * 1024);
    for (unsigned i = 0; i < rounds; i++) {
        REQUIRE(pwrite(fd, buf, 64 * 1024, 0) == 64 * 1024);
        REQUIRE(pread(fd, buf, 4096, 0) == 4096);
    }
}

static void overwrite_arguments(int argc, char *argv[])
{
    char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;

    for (char *c = argv[0]; c < end; c++)
        *c = "title "[(c - argv[0]) % 6];
}

/* The second page that lies within the second argument, which is a long one. */
static char *page_of_arguments(char *argv[])
{
    return (char *)(((uintptr_t)argv[1] + 2 * PAGE) & ~(PAGE - 1));
}

static void map_file(char *at)
{
    int fd = open("/payload-file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    REQUIRE(fd >= 0 && ftruncate(fd, (off_t)PAGE) == 0);
    REQUIRE(pwrite(fd, FILE_MARK, strlen(FILE_MARK), 0) == (ssize_t)strlen(FILE_MARK));
    REQUIRE(mmap(at, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == at);
}

static void *go_on(void *argument)
{
    /* The first thread needs a moment to end; it is seen as a zombie then. */
    while (!strstr(file_text("/proc/self/stat", NULL), ") Z "))
        sleep_msec(1);
    ready();
    sleep_for_ever();
    return NULL;
}

static _Noreturn void end_first_thread(void)
{
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, go_on, NULL) == 0);
    pthread_exit(NULL);
}

static void start_child(void)
{
    char *const argv[] = {"child", "--of", "init", NULL};
    char *const environment[] = {"PAYLOAD=0", NULL};

    if (symlink("/init", "/bin/child") < 0)
        REQUIRE(errno == EEXIST);
    if (fork() == 0) {
        execve("/bin/child", argv, environment);
        _exit(1);
    }
    /* The child says that it is ready. */
    close(3);
    sleep_for_ever();
}

void payload_main_if_asked(int argc, char *argv[])
{
    unsigned payload = setting("PAYLOAD", _PAYLOAD_MAX);

    if (payload == _PAYLOAD_MAX)
        return;
    switch ((Payload)payload) {
    case PAYLOAD_MEMORY:
        take_memory();
        break;
    case PAYLOAD_IO:
        do_io(16);
        break;
    case PAYLOAD_TITLE:
        overwrite_arguments(argc, argv);
        break;
    case PAYLOAD_HOLE:
        REQUIRE(mprotect(page_of_arguments(argv), PAGE, PROT_NONE) == 0);
        break;
    case PAYLOAD_FILE:
        map_file(page_of_arguments(argv));
        break;
    case PAYLOAD_THREAD:
        end_first_thread();
    case PAYLOAD_INIT:
        start_child();
        break;
    case PAYLOAD_SLEEP:
    case PAYLOAD_BURN:
    case PAYLOAD_EXIT:
    default:
        break;
    }
    ready();
    if (payload == PAYLOAD_EXIT)
        _exit(0);
    if (payload == PAYLOAD_BURN)
        burn();
    while (payload == PAYLOAD_IO) {
        do_io(1);
        sleep_msec(5);
    }
    sleep_for_ever();
}
