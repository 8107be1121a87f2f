/* SPDX-License-Identifier: MIT */

/*
 * The ways in which phoenix-testy misbehaves; see faults.h. Each one is the real thing (real
 * SIGSTOP, touched pages), since what is tested is how the kernel and the service manager see it.
 */

#include "faults.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"

#define TICK_USEC (100 * USEC_PER_MSEC)
#define BURN_USEC (5 * USEC_PER_MSEC)
#define MIB       (UINT64_C(1) << 20)

void faults_init(struct faults *faults, bool ignore_sigterm)
{
    *faults = (struct faults){.ignore_sigterm = ignore_sigterm, .last_tick_usec = USEC_NEVER};
}

const char *faults_obstacle(enum command_kind kind)
{
    if (kind == COMMAND_FREEZE && getpid() == 1)
        return "the kernel lets nobody stop PID 1 of a container from inside: run it with an init "
               "(podman --init)";
    return NULL;
}

void faults_set(struct faults *faults, const struct command *command, uint64_t now)
{
    switch (command->kind) {
    case COMMAND_UNHEALTHY:
    case COMMAND_HEALTHY:
        faults->unhealthy = command->kind == COMMAND_UNHEALTHY;
        break;
    case COMMAND_STOP_BEAT:
    case COMMAND_START_BEAT:
        faults->beat_stopped = command->kind == COMMAND_STOP_BEAT;
        break;
    case COMMAND_IGNORE_SIGTERM:
        faults->ignore_sigterm = true;
        break;
    case COMMAND_BURN:
        faults->burning = command->value != 0;
        break;
    case COMMAND_SLOW:
        faults->slow_usec = command->value * USEC_PER_MSEC;
        break;
    case COMMAND_LEAK:
        faults->leak_rate = command->value;
        break;
    case COMMAND_SPAM:
        faults->spam_rate = command->value;
        break;
    default:
        break;
    }
    if (faults->leak_rate == 0 && faults->spam_rate == 0)
        faults->last_tick_usec = USEC_NEVER;
    else if (faults->last_tick_usec == USEC_NEVER)
        faults->last_tick_usec = now;
}

void faults_strike(const struct command *command)
{
    volatile int *nowhere = NULL;

    switch (command->kind) {
    case COMMAND_HANG:
        for (;;)
            pause();
    case COMMAND_SPIN:
        for (volatile unsigned i = 0;; i++)
            ;
    case COMMAND_FREEZE:
        raise(SIGSTOP);
        break;
    case COMMAND_CRASH:
        abort();
    case COMMAND_SEGV:
        *nowhere = 1;
        break;
    case COMMAND_EXIT:
        exit((int)command->value);
    default:
        break;
    }
}

uint64_t faults_due(const struct faults *faults)
{
    if (faults->burning)
        return 0;
    return faults->last_tick_usec == USEC_NEVER ? USEC_NEVER : faults->last_tick_usec + TICK_USEC;
}

static void leak(struct faults *faults, uint64_t bytes)
{
    long page = sysconf(_SC_PAGESIZE);

    if (bytes == 0)
        return;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "cannot leak any more: %s\n", strerror(errno));
        faults->leak_rate = 0;
        return;
    }
    /* Only a page that was written to is memory. */
    for (uint64_t i = 0; i < bytes; i += (uint64_t)page)
        memory[i] = 1;
    faults->leaked_bytes += bytes;
}

static void burn(uint64_t until)
{
    while (now_usec() < until)
        ;
}

void faults_tick(struct faults *faults, uint64_t now)
{
    if (faults->burning)
        burn(now + BURN_USEC);
    if (faults->last_tick_usec == USEC_NEVER || now < faults->last_tick_usec + TICK_USEC)
        return;
    uint64_t passed = now - faults->last_tick_usec;
    /* After a stop nobody wants all the missed lines at once. */
    if (passed > USEC_PER_SEC)
        passed = USEC_PER_SEC;
    faults->last_tick_usec = now;
    leak(faults, faults->leak_rate * MIB * passed / USEC_PER_SEC);
    for (uint64_t n = faults->spam_rate * passed / USEC_PER_SEC; n > 0; n--)
        printf("spam %" PRIu64 "\n", ++faults->spam_lines);
    fflush(stdout);
}

static void on_abort(int signal)
{
    static const char text[] = "SIGABRT received: dumping state\n";

    (void)signal;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(134);
}

int faults_catch_abort(void)
{
    struct sigaction action = {.sa_handler = on_abort};

    return sigaction(SIGABRT, &action, NULL) < 0 ? -errno : 0;
}
