/* SPDX-License-Identifier: MIT */

/* A reading as JSON, in the shape of the document: its members come first, in its order. Strings
 * are escaped by the function that the kernel module uses, so that both give the same bytes. */

#include <inttypes.h>
#include <limits.h>

#include "kmod/text.h"
#include "sysinfo/sysinfo.h"

#define ESCAPED_MAX ((size_t)PATH_MAX * 6 + 1)

static void add_name(Text *t, const char *indent, const char *name)
{
    text_addf(t, "%s\n%s\"%s\": ", t->size > 0 && t->data[t->size - 1] == '{' ? "" : ",", indent,
              name);
}

/* Those above are nothing that a reader of JSON has to understand. */
static void add_number(Text *t, const char *indent, const char *name, uint64_t value)
{
    add_name(t, indent, name);
    text_addf(t, "%" PRIu64, MIN(value, (uint64_t)INT64_MAX));
}

static void add_percent(Text *t, const char *indent, const char *name, double value)
{
    add_name(t, indent, name);
    text_addf(t, "%.2f", value);
}

static void add_string(Text *t, const char *indent, const char *name, const char *s, size_t n)
{
    char escaped[ESCAPED_MAX];

    phoenix_json_escape(escaped, sizeof(escaped), s, n);
    add_name(t, indent, name);
    text_addf(t, "\"%s\"", escaped);
}

static void add_missing(Text *t, const char *indent, unsigned missing)
{
    const char *blank = "";

    add_name(t, indent, "Missing");
    text_add_char(t, '"');
    for (unsigned flag = 1; flag & SYSINFO_MISSING_ALL; flag <<= 1)
        if (missing & flag) {
            text_addf(t, "%s%s", blank, sysinfo_missing_name((SysinfoMissing)flag));
            blank = " ";
        }
    text_add_char(t, '"');
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void add_document(Text *t, const char *indent, const SysinfoContainer *c)
{
    add_number(t, indent, "PID", (uint64_t)c->pid);
    add_string(t, indent, "Name", c->name, strlen(c->name));
    add_string(t, indent, "ContainerID", c->id, strnlen(c->id, SYSINFO_SHORT_ID_LENGTH));
    add_string(t, indent, "Cmdline", c->cmdline, strlen(c->cmdline));
    add_percent(t, indent, "MemoryUsage_percent", c->memory_percent);
    add_number(t, indent, "MemoryUsage_MB", c->memory_bytes >> 20);
    add_percent(t, indent, "CPUUsage_percent", c->cpu_percent);
    add_number(t, indent, "DiskUse_MB", sum(c->rbytes, c->wbytes) >> 20);
    add_number(t, indent, "Write_KBytes", c->wbytes >> 10);
    add_number(t, indent, "Read_KBytes", c->rbytes >> 10);
    add_number(t, indent, "IOReadOps", c->rios);
    add_number(t, indent, "IOWriteOps", c->wios);
}

static void add_container(Text *t, const SysinfoContainer *c)
{
    static const char indent[] = "      ";

    add_document(t, indent, c);
    add_string(t, indent, "ID", c->id, strlen(c->id));
    add_string(t, indent, "Runtime", sysinfo_runtime_name(c->runtime),
               strlen(sysinfo_runtime_name(c->runtime)));
    if (c->cgroup)
        add_string(t, indent, "Cgroup", c->cgroup, strlen(c->cgroup));
    add_number(t, indent, "Cgroup_ID", c->cgroup_id);
    if (c->unit)
        add_string(t, indent, "Unit", c->unit, strlen(c->unit));
    if (c->unit && c->manager != SYSINFO_SYSTEM_MANAGER)
        add_number(t, indent, "User", c->manager);
    add_number(t, indent, "Start_usec", c->start_usec);
    add_number(t, indent, "Memory_Bytes", c->memory_bytes);
    add_number(t, indent, "CPU_Usage_usec", c->cpu_usec);
    add_number(t, indent, "Read_Bytes", c->rbytes);
    add_number(t, indent, "Write_Bytes", c->wbytes);
    if (c->missing)
        add_missing(t, indent, c->missing);
}

static void add_memory(Text *t, const Sysinfo *sysinfo)
{
    static const char indent[] = "    ";

    add_name(t, "  ", "Memory");
    text_add_char(t, '{');
    add_number(t, indent, "Total_Memory_MB", sysinfo->memory_total_bytes >> 20);
    add_number(t, indent, "Free_Memory_MB", sysinfo->memory_free_bytes >> 20);
    add_number(t, indent, "Used_Memory_MB", sysinfo->memory_used_bytes >> 20);
    add_percent(t, indent, "CPU_Usage_Percentage", sysinfo->cpu_percent);
    text_add(t, "\n  }");
}

void sysinfo_to_json(const Sysinfo *sysinfo, Text *t)
{
    text_add_char(t, '{');
    add_memory(t, sysinfo);
    add_name(t, "  ", "Docker_Containers");
    text_add_char(t, '[');
    for (size_t i = 0; i < sysinfo->n_containers; i++) {
        text_add(t, i > 0 ? ",\n    {" : "\n    {");
        add_container(t, &sysinfo->containers[i]);
        text_add(t, "\n    }");
    }
    text_add(t, sysinfo->n_containers > 0 ? "\n  ]" : "]");
    add_name(t, "  ", "Source");
    text_addf(t, "\"%s\"", sysinfo_source_name(sysinfo->source));
    add_number(t, "  ", "Taken_usec", sysinfo->taken_usec);
    add_number(t, "  ", "Memory_Total_Bytes", sysinfo->memory_total_bytes);
    add_number(t, "  ", "Memory_Free_Bytes", sysinfo->memory_free_bytes);
    if (sysinfo->left_out > 0)
        add_number(t, "  ", "Left_Out", sysinfo->left_out);
    if (sysinfo->n_refused > 0)
        add_number(t, "  ", "Refused", sysinfo->n_refused);
    text_add(t, "\n}\n");
}
