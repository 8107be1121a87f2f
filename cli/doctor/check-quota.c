/* SPDX-License-Identifier: MIT */

/* What the kernel counts per user, and containers use up one by one: keys and inotify instances.
 * The one too many fails with a message that speaks of the disk. */

#include <inttypes.h>

#include "cli/doctor/checks.h"
#include "cli/doctor/config.h"
#include "cli/doctor/mend.h"

/* From this part of a quota on it is worth a warning. */
#define NEAR(limit) ((limit) / 5 * 4)

#define MAXKEYS_BETTER  20000U
#define MAXBYTES_BETTER 2000000U

#define INOTIFY_BETTER 1024U

/* A keyring of crun is named by the id of its container: 64 letters and a NUL. */
#define KEY_BYTES 65U

typedef struct KeyQuota {
    uint64_t keys, keys_max;
    uint64_t bytes, bytes_max;
} KeyQuota;

/* proc_key_users(5): "UID: USAGE NKEYS/NIKEYS QNKEYS/MAXKEYS QNBYTES/MAXBYTES". */
static bool parse_key_users(const char *text, uid_t uid, KeyQuota *ret)
{
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        unsigned long long keys, keys_max, bytes, bytes_max;
        unsigned owner;

        if (sscanf(line, " %u: %*u %*u/%*u %llu/%llu %llu/%llu", &owner, &keys, &keys_max, &bytes,
                   &bytes_max) != 5 ||
            owner != uid)
            continue;
        *ret = (KeyQuota){keys, keys_max, bytes, bytes_max};
        return true;
    }
    return false;
}

/* A user who has no key yet is not in the list. */
static bool read_key_quota(const Machine *machine, KeyQuota *ret)
{
    _cleanup_free_ char *text = machine_read(machine, "/proc/key-users");
    bool root = machine->uid == 0;
    KeyQuota quota = {0};

    if (text && parse_key_users(text, machine->uid, ret))
        return true;
    if (!machine_read_number(
            machine, root ? "/proc/sys/kernel/keys/root_maxkeys" : "/proc/sys/kernel/keys/maxkeys",
            &quota.keys_max) ||
        !machine_read_number(machine,
                             root ? "/proc/sys/kernel/keys/root_maxbytes"
                                  : "/proc/sys/kernel/keys/maxbytes",
                             &quota.bytes_max))
        return false;
    *ret = quota;
    return true;
}

/* Containers that are still to be started. */
static size_t count_waiting(const Doctor *doctor)
{
    const SpecEntry *entry;
    size_t n = 0;

    for (size_t i = 0; (entry = doctor_next_needing(doctor, NEED_CONTAINER, &i));)
        n += !machine_runs(doctor->machine, entry->unit);
    return n;
}

static void add_key_mends(Doctor *doctor)
{
    _cleanup_free_ char *folder = config_folder(doctor->machine);
    _cleanup_free_ char *quoted = folder ? mend_quote(folder) : NULL;
    bool rootless = machine_is_rootless(doctor->machine);
    const char *place = rootless ? quoted : "/etc/containers";

    if (!place)
        return;
    doctor_add_mend(doctor,
                    "mkdir -p %s/containers.conf.d && printf '[containers]\\nkeyring = false\\n' "
                    ">%s/containers.conf.d/60-keyring.conf",
                    place, place);
}

static void add_few_keys(Doctor *doctor, const KeyQuota *quota, size_t waiting, bool enough)
{
    void (*add)(Doctor *, const char *, ...) = enough ? doctor_add_warning : doctor_add_missing;

    add(doctor, "%" PRIu64 " of %" PRIu64 " keys used, %zu containers to start", quota->keys,
        quota->keys_max, waiting);
    doctor_add_meaning(doctor,
                       "crun makes a keyring for each container, which few programs use. The "
                       "one too many fails with \"Disk quota exceeded\". The command makes "
                       "containers share that of their manager; or let the user have more: "
                       "sysctl kernel.keys.maxkeys=%u kernel.keys.maxbytes=%u.",
                       MAXKEYS_BETTER, MAXBYTES_BETTER);
    doctor_add_services_needing(doctor, NEED_CONTAINER);
    add_key_mends(doctor);
}

void check_keys(Doctor *doctor)
{
    _cleanup_free_ char *keyring = config_of_containers(doctor->machine, "containers", "keyring");
    size_t waiting = count_waiting(doctor);
    KeyQuota quota;
    uint64_t keys, bytes;

    if (keyring && streq(keyring, "false")) {
        doctor_add_ok(doctor, "containers use none (keyring = false)");
        return;
    }
    if (!read_key_quota(doctor->machine, &quota)) {
        doctor_add_ok(doctor, "this kernel counts none");
        return;
    }
    keys = quota.keys + waiting;
    bytes = quota.bytes + waiting * KEY_BYTES;
    if (keys > quota.keys_max || bytes > quota.bytes_max)
        add_few_keys(doctor, &quota, waiting, waiting == 0);
    else if (keys > NEAR(quota.keys_max) || bytes > NEAR(quota.bytes_max))
        add_few_keys(doctor, &quota, waiting, true);
    else
        doctor_add_ok(doctor, "%" PRIu64 " of %" PRIu64 " used", quota.keys, quota.keys_max);
}

/* conmon watches the cgroup of its container through one, and goes on without it. */
void check_inotify(Doctor *doctor)
{
    static const char path[] = "/proc/sys/fs/inotify/max_user_instances";
    uint64_t limit, used = doctor->machine->inotify_used + count_waiting(doctor);

    if (!machine_read_number(doctor->machine, path, &limit)) {
        doctor_add_ok(doctor, "this kernel does not tell");
        return;
    }
    if (used <= NEAR(limit)) {
        doctor_add_ok(doctor, "%" PRIu64 " of %" PRIu64 " instances used",
                      doctor->machine->inotify_used, limit);
        return;
    }
    doctor_add_warning(doctor, "%" PRIu64 " of %" PRIu64 " instances used, %zu containers to start",
                       doctor->machine->inotify_used, limit, count_waiting(doctor));
    doctor_add_meaning(doctor,
                       "conmon needs one for each container: without it nobody notices that "
                       "it ran out of memory. Other programs of the user fail with \"Too "
                       "many open files\".");
    mend_by_sysctl(doctor, "fs.inotify.max_user_instances",
                   MAX(2 * used, (uint64_t)INOTIFY_BETTER));
}
