/* SPDX-License-Identifier: MIT */

/* The JSON of the document, read back. What can be worked out from something else here is not
 * believed: the unit follows from the cgroup, and the cgroup has to be that of the ID. */

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>

#include "base/strv.h"
#include "kmod/text.h"
#include "sysinfo/containers.h"

/* Members that the document has must be there; those that were added are left as they are when they
 * are not. All: -EBADMSG when there is one of another type. */

static int read_number(const json_t *object, const char *name, uint64_t *ret)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return -EBADMSG;
    *ret = (uint64_t)json_integer_value(value);
    return 0;
}

static int read_added_number(const json_t *object, const char *name, uint64_t *ret)
{
    return json_object_get(object, name) ? read_number(object, name, ret) : 0;
}

static int read_percent(const json_t *object, const char *name, double *ret)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_number(value) || !isfinite(json_number_value(value)) ||
        json_number_value(value) < 0)
        return -EBADMSG;
    *ret = json_number_value(value);
    return 0;
}

/* Room that an escape, or U+FFFD in place of one byte, has taken beyond the limit is cut off. */
static const char *read_string(const json_t *object, const char *name, size_t max, size_t *ret_n)
{
    const json_t *value = json_object_get(object, name);
    const char *s = json_string_value(value);
    size_t n = 0;

    if (!s)
        return NULL;
    for (size_t c; n < json_string_length(value); n += c) {
        c = utf8_char(s + n, json_string_length(value) - n);
        if (c == 0 || n + c > max)
            break;
    }
    *ret_n = n;
    return s;
}

static bool is_id(const char *s, size_t n)
{
    return strspn(s, "0123456789abcdef") == n;
}

/* "ID" is the whole one, which "ContainerID" has the first digits of. */
static int read_id(const json_t *object, SysinfoContainer *c)
{
    size_t n_short, n;
    const char *shown = read_string(object, "ContainerID", SIZE_MAX, &n_short);
    const char *id = read_string(object, "ID", SIZE_MAX, &n);

    if (!shown || n_short != SYSINFO_SHORT_ID_LENGTH || !is_id(shown, n_short))
        return -EBADMSG;
    if (!json_object_get(object, "ID")) {
        id = shown;
        n = n_short;
    } else if (!id || n != SYSINFO_ID_LENGTH || !is_id(id, n) || memcmp(id, shown, n_short) != 0) {
        return -EBADMSG;
    }
    memcpy(c->id, id, n);
    return 0;
}

static int read_cgroup(const json_t *object, Containers *containers, SysinfoContainer *c)
{
    const char *runtime = json_string_value(json_object_get(object, "Runtime")), *path;
    struct phoenix_container_ref ref;
    size_t n;

    c->runtime = runtime && streq(runtime, sysinfo_runtime_name(SYSINFO_PODMAN)) ? SYSINFO_PODMAN
                                                                                 : SYSINFO_DOCKER;
    if (!json_object_get(object, "Cgroup"))
        return 0;
    path = read_string(object, "Cgroup", SIZE_MAX, &n);
    if (!path || n >= PATH_MAX || path[0] != '/' || !phoenix_container_of(path, n, &ref) ||
        ref.cgroup_len != n || strncmp(path + ref.id_offset, c->id, strlen(c->id)) != 0)
        return -EBADMSG;
    return containers_set_cgroup(containers, c, path, n);
}

static int read_process(const json_t *object, Containers *containers, SysinfoContainer *c)
{
    const char *name, *cmdline;
    size_t n_name, n_cmdline;
    uint64_t pid;

    name = read_string(object, "Name", SYSINFO_NAME_MAX, &n_name);
    cmdline = read_string(object, "Cmdline", SYSINFO_CMDLINE_MAX, &n_cmdline);
    if (!name || !cmdline || read_number(object, "PID", &pid) < 0 || pid > INT32_MAX)
        return -EBADMSG;
    c->pid = (pid_t)pid;
    memcpy(c->name, name, n_name);
    return containers_set_cmdline(containers, c, cmdline, n_cmdline);
}

/* A number in a larger unit, of which the number of bytes may have been added. */
static int read_bytes(const json_t *object, const char *name, unsigned shift, const char *added,
                      uint64_t *ret)
{
    uint64_t value;

    if (read_number(object, name, &value) < 0 || value > UINT64_MAX >> shift)
        return -EBADMSG;
    *ret = value << shift;
    return added ? read_added_number(object, added, ret) : 0;
}

static int read_usage(const json_t *object, uint64_t taken_usec, SysinfoContainer *c)
{
    uint64_t ignored;

    if (read_percent(object, "MemoryUsage_percent", &c->memory_percent) < 0 ||
        read_bytes(object, "MemoryUsage_MB", 20, "Memory_Bytes", &c->memory_bytes) < 0 ||
        read_percent(object, "CPUUsage_percent", &c->cpu_percent) < 0 ||
        read_number(object, "DiskUse_MB", &ignored) < 0 ||
        read_bytes(object, "Write_KBytes", 10, "Write_Bytes", &c->wbytes) < 0 ||
        read_bytes(object, "Read_KBytes", 10, "Read_Bytes", &c->rbytes) < 0 ||
        read_number(object, "IOReadOps", &c->rios) < 0 ||
        read_number(object, "IOWriteOps", &c->wios) < 0)
        return -EBADMSG;
    if (read_added_number(object, "CPU_Usage_usec", &c->cpu_usec) < 0 ||
        read_added_number(object, "Start_usec", &c->start_usec) < 0 ||
        read_added_number(object, "Cgroup_ID", &c->cgroup_id) < 0)
        return -EBADMSG;
    if (json_object_get(object, "CPU_Usage_usec"))
        c->taken_usec = taken_usec;
    return 0;
}

/* Words with blanks in between. */
static int read_missing(const json_t *object, SysinfoContainer *c)
{
    const json_t *value = json_object_get(object, "Missing");
    _cleanup_strv_free_ char **words = NULL;

    if (!value)
        return 0;
    if (!json_is_string(value))
        return -EBADMSG;
    if (strv_split(json_string_value(value), " ", &words) < 0)
        return -ENOMEM;
    for (unsigned flag = 1; flag & SYSINFO_MISSING_ALL; flag <<= 1)
        if (strv_contains(words, sysinfo_missing_name((SysinfoMissing)flag)))
            c->missing |= flag;
    return 0;
}

static int read_container(const json_t *object, Containers *containers)
{
    SysinfoContainer *c = containers_add(containers);
    int r;

    if (!c)
        return -ENOMEM;
    r = read_id(object, c);
    if (r >= 0)
        r = read_cgroup(object, containers, c);
    if (r >= 0)
        r = read_process(object, containers, c);
    if (r >= 0)
        r = read_usage(object, containers->sysinfo->taken_usec, c);
    return r < 0 ? r : read_missing(object, c);
}

/* Two of the same age, whose IDs are the same as well. */
static bool has_twins(const Sysinfo *sysinfo)
{
    for (size_t i = 1; i < sysinfo->n_containers; i++)
        if (sysinfo_compare_age(&sysinfo->containers[i - 1], &sysinfo->containers[i]) == 0)
            return true;
    return false;
}

static int read_containers(const json_t *root, Sysinfo *sysinfo)
{
    const json_t *list = json_object_get(root, "Docker_Containers"), *object;
    Containers containers = {.sysinfo = sysinfo};
    size_t i;

    if (!json_is_array(list))
        return -EBADMSG;
    json_array_foreach(list, i, object)
    {
        int r;

        if (i >= SYSINFO_CONTAINERS_MAX) {
            sysinfo->left_out += json_array_size(list) - i;
            break;
        }
        r = read_container(object, &containers);
        if (r < 0)
            return r;
    }
    if (containers_finish(&containers) < 0)
        return -ENOMEM;
    return has_twins(sysinfo) ? -EBADMSG : 0;
}

static int read_host(const json_t *root, Sysinfo *sysinfo)
{
    const json_t *memory = json_object_get(root, "Memory");
    uint64_t left_out = 0, n_refused = 0, ignored;

    if (read_bytes(memory, "Total_Memory_MB", 20, NULL, &sysinfo->memory_total_bytes) < 0 ||
        read_bytes(memory, "Free_Memory_MB", 20, NULL, &sysinfo->memory_free_bytes) < 0 ||
        read_number(memory, "Used_Memory_MB", &ignored) < 0 ||
        read_percent(memory, "CPU_Usage_Percentage", &sysinfo->cpu_percent) < 0)
        return -EBADMSG;
    if (read_added_number(root, "Memory_Total_Bytes", &sysinfo->memory_total_bytes) < 0 ||
        read_added_number(root, "Memory_Free_Bytes", &sysinfo->memory_free_bytes) < 0 ||
        read_added_number(root, "Taken_usec", &sysinfo->taken_usec) < 0 ||
        read_added_number(root, "Left_Out", &left_out) < 0 ||
        read_added_number(root, "Refused", &n_refused) < 0 ||
        sysinfo->memory_free_bytes > sysinfo->memory_total_bytes)
        return -EBADMSG;
    sysinfo->memory_used_bytes = sysinfo->memory_total_bytes - sysinfo->memory_free_bytes;
    sysinfo->left_out = (size_t)left_out;
    sysinfo->n_refused = (size_t)n_refused;
    return 0;
}

/* Who wrote it, when it says so. */
static SysinfoSource read_source(const json_t *root)
{
    const char *name = json_string_value(json_object_get(root, "Source"));
    SysinfoSource source;

    if (!name || sysinfo_source_parse(name, &source) < 0 || source == SYSINFO_AUTO)
        return SYSINFO_MODULE;
    return source;
}

static void cleanup_json(json_t **json)
{
    json_decref(*json);
}

int sysinfo_parse(const char *json, size_t n, Sysinfo *ret)
{
    _cleanup_(cleanup_json) json_t *root = NULL;
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};
    json_error_t error;
    int r;

    root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
    sysinfo.source = read_source(root);
    r = read_host(root, &sysinfo);
    if (r >= 0)
        r = read_containers(root, &sysinfo);
    if (r < 0)
        return r;
    sysinfo_done(ret);
    *ret = sysinfo;
    sysinfo = (Sysinfo){0};
    return 0;
}
