/* SPDX-License-Identifier: MIT */

/* Loads the module as insmod does, and reads what it says as a program would that trusts it in
 * nothing. */

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "container.h"
#include "module.h"

int module_try_load(const char *parameters)
{
    int fd = open("/phoenix_sysinfo.ko", O_RDONLY | O_CLOEXEC), r;

    REQUIRE(fd >= 0);
    r = syscall(SYS_finit_module, fd, parameters, 0) < 0 ? -errno : 0;
    close(fd);
    return r;
}

void module_load(const char *parameters)
{
    int r = module_try_load(parameters);

    if (r < 0)
        printf("# cannot load with \"%s\": %s\n", parameters, strerror(-r));
    REQUIRE(r == 0);
}

int module_try_unload(void)
{
    return syscall(SYS_delete_module, "phoenix_sysinfo", O_NONBLOCK) < 0 ? -errno : 0;
}

void module_unload(void)
{
    REQUIRE_NUMBER(module_try_unload(), ==, 0);
}

static const char *const document_keys[] = {
    "PID",
    "Name",
    "ContainerID",
    "Cmdline",
    "MemoryUsage_percent",
    "MemoryUsage_MB",
    "CPUUsage_percent",
    "DiskUse_MB",
    "Write_KBytes",
    "Read_KBytes",
    "IOReadOps",
    "IOWriteOps",
};

/* The fields of the document come first, in its order. */
static void check_entry(json_t *entry)
{
    const char *key;
    json_t *value;
    size_t i = 0;

    json_object_foreach(entry, key, value)
    {
        if (i < ELEMENTSOF(document_keys))
            REQUIRE_STRING(key, document_keys[i]);
        i++;
    }
    REQUIRE(i > ELEMENTSOF(document_keys));
}

static void check_report(const json_t *report)
{
    const json_t *memory = json_object_get(report, "Memory");
    const json_t *containers = json_object_get(report, "Docker_Containers");
    json_t *entry;
    size_t i;

    REQUIRE(json_is_object(memory) && json_is_array(containers));
    REQUIRE_NUMBER(entry_number(memory, "Total_Memory_MB"), >, 0);
    json_array_foreach(containers, i, entry) check_entry(entry);
}

json_t *report_read_text(char **ret)
{
    json_error_t error;
    size_t size;
    char *text = file_text(REPORT_PATH, &size);
    /* A name that is there twice is an error, too. */
    json_t *report = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (!report)
        printf("# %s, line %d: %.200s\n", error.text, error.line, text);
    REQUIRE(report);
    check_report(report);
    if (ret)
        *ret = text;
    else
        free(text);
    return report;
}

json_t *report_read(void)
{
    return report_read_text(NULL);
}

size_t report_count(const json_t *report)
{
    return json_array_size(json_object_get(report, "Docker_Containers"));
}

json_t *report_find(const json_t *report, unsigned number)
{
    char id[CONTAINER_ID_SIZE];
    json_t *entry;
    size_t i;

    container_id(number, id);
    json_array_foreach(json_object_get(report, "Docker_Containers"), i,
                       entry) if (strcmp(entry_string(entry, "ID"), id) == 0) return entry;
    return NULL;
}

uint64_t entry_number(const json_t *entry, const char *key)
{
    const json_t *value = json_object_get(entry, key);

    if (!json_is_integer(value))
        printf("# %s is no number\n", key);
    REQUIRE(json_is_integer(value));
    return (uint64_t)json_integer_value(value);
}

double entry_percent(const json_t *entry, const char *key)
{
    const json_t *value = json_object_get(entry, key);

    if (!json_is_real(value))
        printf("# %s is no number with digits behind the point\n", key);
    REQUIRE(json_is_real(value));
    return json_real_value(value);
}

const char *entry_string(const json_t *entry, const char *key)
{
    const json_t *value = json_object_get(entry, key);

    if (!json_is_string(value))
        printf("# %s is no string\n", key);
    REQUIRE(json_is_string(value));
    return json_string_value(value);
}

bool kernel_is_slow(void)
{
    struct utsname name;

    REQUIRE(uname(&name) == 0);
    return strstr(name.release, "debug");
}
