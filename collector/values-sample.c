/* SPDX-License-Identifier: MIT */

/* From the JSON of a sample or an event to its values. */

#include <errno.h>
#include <math.h>

#include "collector/values.h"

typedef struct NumberMember {
    const char *name;
    size_t offset; /* of a double */
} NumberMember;

static int take_numbers(const Members *m, const NumberMember *table, size_t n, void *to)
{
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++)
        r = members_number(m, table[i].name, (double *)(void *)((char *)to + table[i].offset));
    return r;
}

/* The object of that name; *ret stays NULL when it is missing. */
static int take_object(const Members *m, const char *name, bool needed, char *path,
                       size_t path_size, const json_t **ret)
{
    const json_t *value = json_object_get(m->object, name);

    fault_join(path, path_size, m->path, name);
    if (!value && !needed)
        return 0;
    if (!json_is_object(value))
        return fault_value(m->fault, path, value, "an object");
    *ret = value;
    return 0;
}

static int take_array(const Members *m, const char *name, char *path, size_t path_size,
                      const json_t **ret)
{
    const json_t *value = json_object_get(m->object, name);

    fault_join(path, path_size, m->path, name);
    if (value && !json_is_array(value))
        return fault_value(m->fault, path, value, "an array");
    *ret = value;
    return 0;
}

static int read_memory(const Members *sysinfo, Sample *ret)
{
    static const NumberMember numbers[] = {
        {"Total_Memory_MB", offsetof(SystemValues, memory_total_mb)},
        {"Free_Memory_MB", offsetof(SystemValues, memory_free_mb)},
        {"Used_Memory_MB", offsetof(SystemValues, memory_used_mb)},
        {"CPU_Usage_Percentage", offsetof(SystemValues, cpu_percent)},
    };
    char path[sizeof(sysinfo->fault->path)];
    const json_t *object = NULL;
    int r = take_object(sysinfo, "Memory", false, path, sizeof(path), &object);

    if (r != 0 || !object)
        return r;
    Members m = {object, path, sysinfo->fault};
    r = take_numbers(&m, numbers, ELEMENTSOF(numbers), &ret->system);
    ret->has_system = !isnan(ret->system.cpu_percent) || !isnan(ret->system.memory_total_mb) ||
                      !isnan(ret->system.memory_free_mb) || !isnan(ret->system.memory_used_mb);
    return r;
}

static int class_of(const Members *m, ContainerClass *ret)
{
    const char *class = NULL, *cmdline = "", *name = "", *id = "";
    double pid;
    int r = members_text(m, "Class", WORD_MAX_BYTES, &class);

    if (r == 0)
        r = members_text(m, "Cmdline", TEXT_MAX_BYTES, &cmdline);
    if (r == 0)
        r = members_text(m, "Name", TEXT_MAX_BYTES, &name);
    if (r == 0)
        r = members_text(m, "ContainerID", TEXT_MAX_BYTES, &id);
    if (r == 0)
        r = members_number(m, "PID", &pid);
    if (r != 0)
        return r;
    int known = class ? container_class_from_word(class) : -EINVAL;
    *ret = known >= 0 ? (ContainerClass)known
           : class    ? CLASS_OTHER
                      : container_class_guess(cmdline, name);
    return 0;
}

static int read_container(const Members *m, Sample *ret)
{
    static const NumberMember numbers[] = {
        {"CPUUsage_percent", offsetof(ClassValues, cpu_percent)},
        {"MemoryUsage_percent", offsetof(ClassValues, memory_percent)},
        {"MemoryUsage_MB", offsetof(ClassValues, memory_mb)},
        {"Write_KBytes", offsetof(ClassValues, disk_write_kb)},
        {"Read_KBytes", offsetof(ClassValues, disk_read_kb)},
        {"IOWriteOps", offsetof(ClassValues, io_write_ops)},
        {"IOReadOps", offsetof(ClassValues, io_read_ops)},
    };
    ContainerClass class;
    ClassValues values = {0};
    double disk_use;
    int r = class_of(m, &class);

    if (r == 0)
        r = take_numbers(m, numbers, ELEMENTSOF(numbers), &values);
    if (r == 0)
        r = members_number(m, "DiskUse_MB", &disk_use);
    if (r != 0)
        return r;
    ClassValues *sum = &ret->classes[class];
    sum->containers++;
    for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
        *(double *)(void *)((char *)sum + numbers[i].offset) +=
            *(const double *)(const void *)((const char *)&values + numbers[i].offset);
    return 0;
}

static int read_containers(const Members *sysinfo, Sample *ret)
{
    char path[sizeof(sysinfo->fault->path)], item[sizeof(path)];
    const json_t *array = NULL;
    int r = take_array(sysinfo, "Docker_Containers", path, sizeof(path), &array);

    ret->has_containers = array;
    for (size_t i = 0; i < json_array_size(array) && r == 0; i++) {
        Members m = {json_array_get(array, i), item, sysinfo->fault};
        fault_join_index(item, sizeof(item), path, i);
        r = json_is_object(m.object) ? read_container(&m, ret)
                                     : fault_value(m.fault, item, m.object, "an object");
    }
    return r;
}

static int read_sysinfo(const Members *sample, bool needed, Sample *ret)
{
    char path[sizeof(sample->fault->path)];
    const json_t *object = NULL;
    int r = take_object(sample, "sysinfo", needed, path, sizeof(path), &object);

    ret->system = (SystemValues){NAN, NAN, NAN, NAN};
    if (r != 0 || !object)
        return r;
    Members m = {object, path, sample->fault};
    r = read_memory(&m, ret);
    return r != 0 ? r : read_containers(&m, ret);
}

static int read_service(const Members *m, ServiceValues *ret)
{
    static const NumberMember numbers[] = {
        {"restarts", offsetof(ServiceValues, restarts)},
        {"beats", offsetof(ServiceValues, beats)},
        {"beats_per_minute", offsetof(ServiceValues, beats_per_minute)},
        {"latency_usec", offsetof(ServiceValues, latency_usec)},
        {"cpu_percent", offsetof(ServiceValues, cpu_percent)},
        {"memory_bytes", offsetof(ServiceValues, memory_bytes)},
    };
    int r;

    *ret = (ServiceValues){.reason = "",
                           .ready = -1,
                           .restarts = NAN,
                           .beats = NAN,
                           .beats_per_minute = NAN,
                           .latency_usec = NAN,
                           .cpu_percent = NAN,
                           .memory_bytes = NAN};
    r = members_name(m, "name", true, &ret->name);
    if (r == 0)
        r = members_word(m, "state", true, &ret->state);
    if (r == 0)
        r = members_text(m, "reason", TEXT_MAX_BYTES, &ret->reason);
    if (r == 0)
        r = members_bool(m, "ready", &ret->ready);
    return r != 0 ? r : take_numbers(m, numbers, ELEMENTSOF(numbers), ret);
}

static int read_services(const Members *sample, Sample *ret)
{
    char path[sizeof(sample->fault->path)], item[sizeof(path)];
    const json_t *array = NULL;
    int r = take_array(sample, "services", path, sizeof(path), &array);
    size_t n = json_array_size(array);

    if (r != 0 || n == 0)
        return r;
    ret->services = calloc(n, sizeof(*ret->services));
    if (!ret->services)
        return -ENOMEM;
    for (size_t i = 0; i < n && r == 0; i++) {
        Members m = {json_array_get(array, i), item, sample->fault};
        fault_join_index(item, sizeof(item), path, i);
        r = json_is_object(m.object) ? read_service(&m, &ret->services[i])
                                     : fault_value(m.fault, item, m.object, "an object");
    }
    ret->n_services = n;
    return r;
}

int sample_read(const Members *m, bool needs_sysinfo, Sample *ret)
{
    int r;

    if (!json_is_object(m->object))
        return fault_value(m->fault, m->path, m->object, "an object");
    r = members_time(m, &ret->time_usec);
    if (r == 0)
        r = read_sysinfo(m, needs_sysinfo || !json_object_get(m->object, "services"), ret);
    return r != 0 ? r : read_services(m, ret);
}

int sample_event_read(const Members *m, SampleEvent *ret)
{
    int r;

    if (!json_is_object(m->object))
        return fault_value(m->fault, m->path, m->object, "an object");
    *ret = (SampleEvent){0};
    r = members_time(m, &ret->time_usec);
    if (r == 0)
        r = members_word(m, "event", true, &ret->event);
    if (r == 0)
        r = members_name(m, "service", false, &ret->service);
    if (r == 0)
        r = members_word(m, "state", false, &ret->state);
    if (r == 0)
        r = members_text(m, "reason", TEXT_MAX_BYTES, &ret->reason);
    return r != 0 ? r : members_text(m, "message", TEXT_MAX_BYTES, &ret->message);
}
