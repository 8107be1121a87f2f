/* SPDX-License-Identifier: MIT */
/*
 * The shared memory: making it, taking over what the supervisor before this one has left, and
 * finding slots in it by name. What is in it was written by a program that was killed at any
 * moment, so nothing is believed before it was looked at; the index of names is our own memory.
 */
#include "supervisor/daemon/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/hash.h"
#include "base/macros.h"
#include "supervisor/policy/state.h"

#define SLOTS_MAX    20000
#define PLACES_LEAST 64U
#define MAGIC        UINT64_C(0x70686f656e697834) /* changes with the layout */

typedef struct Area {
    uint64_t magic;
    uint64_t slot_size;
    uint64_t n_slots; /* that were ever used */
    CheckpointSlot slots[SLOTS_MAX];
    CheckpointDemand demands[SLOTS_MAX]; /* of the slot of the same number; few are used */
} Area;

struct Checkpoint {
    int fd;
    Area *area;
    /* Hash of a name -> its slot's number + 1 (0: nobody), in the next free place; a power of two
     * of places, at least half of them free. */
    uint32_t *index;
    size_t n_places, n_named;
    size_t free_from; /* no slot before this one is free */
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
    if (slot->record.state < -1 || slot->record.state >= _HEALTH_STATE_MAX)
        slot->record.state = -1;
    for (size_t i = 0; i < CHECKPOINT_CHECKS; i++)
        if (!counter_is_sound(&slot->checks[i].counter))
            slot->checks[i] = (CheckpointCheck){0};
    bool *maintenance = &slot->record.maintenance;
    if (*(const uint8_t *)maintenance > 1)
        *maintenance = false;
}

/* ---- the index ---- */

/* Where the name is, or would be. */
static size_t find_place(const Checkpoint *checkpoint, const char *name)
{
    size_t mask = checkpoint->n_places - 1;
    size_t place = hash32(HASH32_START, name, strlen(name)) & mask;

    for (uint32_t slot; (slot = checkpoint->index[place]) != 0; place = (place + 1) & mask)
        if (streq(checkpoint->area->slots[slot - 1].name, name))
            break;
    return place;
}

/* Of all slots that have a name. Of two with the same one, which only a broken memory has, the
 * second is freed. */
static int make_index(Checkpoint *checkpoint, size_t n_places)
{
    Area *area = checkpoint->area;
    uint32_t *index = calloc(n_places, sizeof(*index));

    if (!index)
        return -ENOMEM;
    free(checkpoint->index);
    checkpoint->index = index;
    checkpoint->n_places = n_places;
    checkpoint->n_named = 0;
    for (uint32_t i = 0; i < area->n_slots; i++) {
        if (!area->slots[i].name[0])
            continue;
        size_t place = find_place(checkpoint, area->slots[i].name);
        if (index[place] != 0) {
            memset(&area->slots[i], 0, sizeof(area->slots[i]));
            continue;
        }
        index[place] = i + 1;
        checkpoint->n_named++;
    }
    return 0;
}

static int make_room(Checkpoint *checkpoint)
{
    return 2 * (checkpoint->n_named + 1) > checkpoint->n_places
               ? make_index(checkpoint, 2 * checkpoint->n_places)
               : 0;
}

static size_t places_for(size_t n_slots)
{
    size_t n = PLACES_LEAST;

    while (n < 2 * (n_slots + 1))
        n *= 2;
    return n;
}

/* Those behind it are looked for from their own place on, so no gap may come between. */
static void forget_place(Checkpoint *checkpoint, size_t place)
{
    size_t mask = checkpoint->n_places - 1;

    checkpoint->index[place] = 0;
    checkpoint->n_named--;
    for (uint32_t slot; (slot = checkpoint->index[place = (place + 1) & mask]) != 0;) {
        checkpoint->index[place] = 0;
        checkpoint->index[find_place(checkpoint, checkpoint->area->slots[slot - 1].name)] = slot;
    }
}

/* ---- life ---- */

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
    r = make_index(checkpoint, places_for(checkpoint->area->n_slots));
    if (r < 0) {
        checkpoint_free(checkpoint);
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
    free(checkpoint->index);
    free(checkpoint);
    return NULL;
}

/* ---- slots ---- */

static CheckpointSlot *free_slot(Checkpoint *checkpoint)
{
    Area *area = checkpoint->area;
    size_t i = checkpoint->free_from;

    while (i < area->n_slots && area->slots[i].name[0])
        i++;
    checkpoint->free_from = i;
    if (i == SLOTS_MAX)
        return NULL;
    area->n_slots = MAX(area->n_slots, (uint64_t)i + 1);
    return &area->slots[i];
}

CheckpointSlot *checkpoint_get(Checkpoint *checkpoint, const char *name)
{
    Area *area = checkpoint->area;
    CheckpointSlot *slot;

    if (strlen(name) >= sizeof(slot->name))
        return NULL;
    size_t place = find_place(checkpoint, name);
    if (checkpoint->index[place] != 0)
        return &area->slots[checkpoint->index[place] - 1];
    slot = make_room(checkpoint) < 0 ? NULL : free_slot(checkpoint);
    if (!slot)
        return NULL;
    memset(slot, 0, sizeof(*slot));
    strcpy(slot->name, name);
    checkpoint->index[find_place(checkpoint, name)] = (uint32_t)(slot - area->slots) + 1;
    checkpoint->n_named++;
    return slot;
}

static CheckpointDemand *demand_of(Checkpoint *checkpoint, const CheckpointSlot *slot)
{
    return &checkpoint->area->demands[slot - checkpoint->area->slots];
}

CheckpointDemand *checkpoint_demand(Checkpoint *checkpoint, CheckpointSlot *slot)
{
    CheckpointDemand *demand = demand_of(checkpoint, slot);

    if (slot->has_demand != 1)
        *demand = (CheckpointDemand){0};
    slot->has_demand = 1;
    return demand;
}

void checkpoint_release(Checkpoint *checkpoint, CheckpointSlot *slot)
{
    if (!slot)
        return;
    forget_place(checkpoint, find_place(checkpoint, slot->name));
    memset(slot, 0, sizeof(*slot));
    checkpoint->free_from = MIN(checkpoint->free_from, (size_t)(slot - checkpoint->area->slots));
}
