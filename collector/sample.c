/* SPDX-License-Identifier: MIT */

/* Words of what a sample holds: classes of containers, states of services. */

#include "collector/sample.h"

#include <ctype.h>
#include <errno.h>

#include "base/macros.h"

static const char *const class_words[] = {
    [CLASS_CPU] = "cpu",   [CLASS_RAM] = "ram",     [CLASS_IO] = "io",
    [CLASS_DISK] = "disk", [CLASS_OTHER] = "other",
};
_Static_assert(ELEMENTSOF(class_words) == _CLASS_MAX, "a word for each class");

const char *container_class_word(ContainerClass class)
{
    return class_words[class];
}

int container_class_from_word(const char *word)
{
    for (int i = 0; i < _CLASS_MAX; i++)
        if (streq(word, class_words[i]))
            return i;
    return -EINVAL;
}

static int class_of_argument(const char *word, size_t n)
{
    static const struct {
        const char *word;
        ContainerClass class;
    } arguments[] = {
        {"--cpu", CLASS_CPU}, {"-c", CLASS_CPU}, {"--vm", CLASS_RAM},   {"-m", CLASS_RAM},
        {"--io", CLASS_IO},   {"-i", CLASS_IO},  {"--hdd", CLASS_DISK}, {"-d", CLASS_DISK},
    };

    for (size_t i = 0; i < ELEMENTSOF(arguments); i++)
        if (strlen(arguments[i].word) == n && memcmp(arguments[i].word, word, n) == 0)
            return arguments[i].class;
    return -EINVAL;
}

/* stress_vm_ and stress_hdd_ are what the workload's own script calls them. */
static ContainerClass class_of_name(const char *name)
{
    static const struct {
        const char *prefix;
        ContainerClass class;
    } names[] = {
        {"stress_cpu_", CLASS_CPU}, {"stress_ram_", CLASS_RAM},   {"stress_vm_", CLASS_RAM},
        {"stress_io_", CLASS_IO},   {"stress_disk_", CLASS_DISK}, {"stress_hdd_", CLASS_DISK},
    };

    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        if (strncmp(name, names[i].prefix, strlen(names[i].prefix)) == 0)
            return names[i].class;
    return CLASS_OTHER;
}

ContainerClass container_class_guess(const char *cmdline, const char *name)
{
    while (*cmdline) {
        size_t n = strcspn(cmdline, " \t=");
        int class = class_of_argument(cmdline, n);
        if (class >= 0)
            return (ContainerClass) class;
        cmdline += n;
        cmdline += strspn(cmdline, " \t=");
    }
    return class_of_name(name);
}

/* From the least to the worst. */
static const char *const states[] = {
    "healthy", "stopped", "frozen", "maintenance", "starting", "failing", "unhealthy", "held",
};
#define RANK_FAILING 5

int service_state_rank(const char *state)
{
    for (size_t i = 0; i < ELEMENTSOF(states); i++)
        if (streq(state, states[i]))
            return (int)i;
    return RANK_FAILING;
}

const char *service_state_of_rank(int rank)
{
    return rank >= 0 && (size_t)rank < ELEMENTSOF(states) ? states[rank] : states[RANK_FAILING];
}
