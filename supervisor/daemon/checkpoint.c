/* SPDX-License-Identifier: MIT */
#include "supervisor/daemon/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/macros.h"
#include "supervisor/policy/state.h"

#define SLOTS_MAX 20000
#define MAGIC     UINT64_C(0x70686f656e697832) /* changes with the layout */

typedef struct Area {
    uint64_t magic;
    uint64_t slot_size;
    uint64_t n_slots; /* that were ever used */
    CheckpointSlot slots[SLOTS_MAX];
} Area;

struct Checkpoint {
    int fd;
    Area *area;
};

/* Only pages that are written to are there, so the size costs nothing. */
static int make_memory(void)
{
    _cleanup_close_ int fd = memfd_create("phoenixd-checkpoint", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -errno;
    if (ftruncate(fd, sizeof(Area)) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    return TAKE_FD(fd);
}

static Area *map_memory(int fd)
{
    void *area = mmap(NULL, sizeof(Area), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return area == MAP_FAILED ? NULL : area;
}

static bool counter_is_sound(const VerdictCounter *counter)
{
    return (unsigned)counter->verdict <= VERDICT_EXHAUSTED &&
           *(const uint8_t *)&counter->passed_once <= 1;
}

/* Written by a program that was killed at any moment, and maybe by another version. */
static void repair_slot(CheckpointSlot *slot)
{
    slot->name[sizeof(slot->name) - 1] = '\0';
    if (slot->state < 0 || slot->state >= _HEALTH_STATE_MAX)
        slot->state = HEALTH_STOPPED;
    slot->record.last_reason[sizeof(slot->record.last_reason) - 1] = '\0';
    slot->record.invocation[sizeof(slot->record.invocation) - 1] = '\0';
    if (slot->record.state < -1 || slot->record.state >= _HEALTH_STATE_MAX)
        slot->record.state = -1;
    for (size_t i = 0; i < CHECKPOINT_CHECKS; i++)
        if (!counter_is_sound(&slot->checks[i].counter))
            slot->checks[i] = (CheckpointCheck){0};
}

static int adopt(Checkpoint *checkpoint, int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || st.st_size != (off_t)sizeof(Area))
        return -EBADMSG;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return -EBADMSG;
    Area *area = map_memory(fd);
    if (!area)
        return -ENOMEM;
    if (area->magic != MAGIC || area->slot_size != sizeof(CheckpointSlot) ||
        area->n_slots > SLOTS_MAX) {
        munmap(area, sizeof(Area));
        return -EBADMSG;
    }
    for (size_t i = 0; i < area->n_slots; i++)
        repair_slot(&area->slots[i]);
    checkpoint->fd = fd;
    checkpoint->area = area;
    return 0;
}

static int begin(Checkpoint *checkpoint)
{
    int fd = make_memory();

    if (fd < 0)
        return fd;
    Area *area = map_memory(fd);
    if (!area) {
        close(fd);
        return -ENOMEM;
    }
    area->slot_size = sizeof(CheckpointSlot);
    area->magic = MAGIC;
    checkpoint->fd = fd;
    checkpoint->area = area;
    /* Without a store the memory ends with us: then a restart counts anew. */
    (void)sd_notify(false, "FDSTOREREMOVE=1\nFDNAME=" CHECKPOINT_FD_NAME);
    (void)sd_pid_notify_with_fds(0, false, "FDSTORE=1\nFDNAME=" CHECKPOINT_FD_NAME, &fd, 1);
    return 0;
}

int checkpoint_new(int fd, Checkpoint **ret)
{
    Checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    int r = -EBADMSG;

    if (checkpoint && fd >= 0)
        r = adopt(checkpoint, fd);
    if (r < 0 && fd >= 0)
        close(fd);
    if (r < 0)
        r = checkpoint ? begin(checkpoint) : -ENOMEM;
    if (r < 0) {
        free(checkpoint);
        return r;
    }
    *ret = checkpoint;
    return 0;
}

Checkpoint *checkpoint_free(Checkpoint *checkpoint)
{
    if (!checkpoint)
        return NULL;
    munmap(checkpoint->area, sizeof(Area));
    close(checkpoint->fd);
    free(checkpoint);
    return NULL;
}

static CheckpointSlot *find(Area *area, const char *name)
{
    for (size_t i = 0; i < area->n_slots; i++)
        if (streq(area->slots[i].name, name))
            return &area->slots[i];
    return NULL;
}

CheckpointSlot *checkpoint_get(Checkpoint *checkpoint, const char *name)
{
    Area *area = checkpoint->area;
    CheckpointSlot *slot = find(area, name);

    if (slot || strlen(name) >= sizeof(slot->name))
        return slot;
    slot = find(area, "");
    if (!slot && area->n_slots < SLOTS_MAX)
        slot = &area->slots[area->n_slots++];
    if (!slot)
        return NULL;
    memset(slot, 0, sizeof(*slot));
    strcpy(slot->name, name);
    return slot;
}

void checkpoint_release(Checkpoint *checkpoint, CheckpointSlot *slot)
{
    if (slot)
        memset(slot, 0, sizeof(*slot));
}
