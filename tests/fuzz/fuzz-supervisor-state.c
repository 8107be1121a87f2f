/* SPDX-License-Identifier: MIT */

/* Any bytes as the two kinds of files in the supervisor's state directory: a service's record of
 * supervisor.json, and a notification that waits. A disk may have lost half of them. What is read
 * is written again as it was read; what is refused is put aside, never fatal. */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "base/file.h"
#include "base/macros.h"
#include "fuzz.h"
#include "supervisor/daemon/notify/notify-store.h"
#include "supervisor/daemon/persist-internal.h"

#define ID "6d1c2b0e-5f1a-4c57-9d6e-0a1b2c3d4e5f"

static char folder[] = "/tmp/fuzz-supervisor-state-XXXXXX";
static int folder_fd = -1;

static void remove_folder(void)
{
    (void)unlinkat(folder_fd, ID ".json", 0);
    (void)unlinkat(folder_fd, ID ".json.bad", 0);
    (void)rmdir(folder);
}

static void make_folder(void)
{
    if (folder_fd >= 0)
        return;
    REQUIRE(mkdtemp(folder));
    folder_fd = notify_store_open(folder);
    REQUIRE(folder_fd >= 0);
    atexit(remove_folder);
}

static void check_record(const uint8_t *data, size_t size)
{
    json_auto_t *json = json_loadb((const char *)data, size, 0, NULL), *again = NULL;
    _cleanup_text_ Text first = {0}, second = {0};
    const char *reason, *copied_reason;
    ServiceRecord record, copy;
    DemandRecord demand, copied_demand;

    if (!json_is_object(json))
        return;
    service_record_init(&record);
    service_record_read(json, &record, &reason);
    bool has_demand = demand_record_read(json, &demand);
    service_record_write(&record, has_demand ? &demand : NULL, reason, &first);
    REQUIRE(first.error == 0);

    again = json_loadb(first.data, first.size, 0, NULL);
    REQUIRE(again);
    service_record_init(&copy);
    service_record_read(again, &copy, &copied_reason);
    REQUIRE(demand_record_read(again, &copied_demand) == has_demand);
    service_record_write(&copy, has_demand ? &copied_demand : NULL, copied_reason, &second);
    REQUIRE(second.error == 0 && strcmp(first.data, second.data) == 0);
}

/* How many there are in the folder, the first of them in *ret. */
static size_t load(Notification **ret)
{
    Notification **items = NULL;
    size_t n = 0, n_dropped = 0;

    REQUIRE(notify_store_load(folder_fd, 8, &items, &n, &n_dropped) == 0);
    REQUIRE(n <= 1 && n_dropped == 0);
    *ret = n > 0 ? items[0] : NULL;
    free(items);
    return n;
}

static void check_notification(const uint8_t *data, size_t size)
{
    _cleanup_notification_ Notification *first = NULL, *second = NULL;

    REQUIRE(file_write_atomic(folder_fd, ID ".json", (const char *)data, size, 0600, false) == 0);
    if (load(&first) == 0) {
        REQUIRE(faccessat(folder_fd, ID ".json", F_OK, 0) < 0);
        REQUIRE(unlinkat(folder_fd, ID ".json.bad", 0) == 0);
        return;
    }
    REQUIRE(strcmp(first->id, ID) == 0 && first->count > 0 && first->service[0]);
    int r = notify_store_save(folder_fd, first);
    REQUIRE(r == 0 || r == -EFBIG);
    REQUIRE(load(&second) == 1);
    REQUIRE(first->kind == second->kind && first->count == second->count &&
            strcmp(first->service, second->service) == 0 &&
            json_equal(first->facts, second->facts));
    notify_store_remove(folder_fd, first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_folder();
    check_record(data, size);
    check_notification(data, size);
    return 0;
}
