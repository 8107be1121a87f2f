/* SPDX-License-Identifier: MIT */

/* The lease's eye on the freezer; see freeze.h. Whoever freezes (phoenix-idle, a person) need not
 * know of leases. */

#include "freeze.h"

#include <fcntl.h>
#include <unistd.h>

#include "children.h"
#include "payload.h"
#include "supervisor/abort/parse.h"

#define EVENTS_SIZE 256

static void visit_payload(int group, void *userdata)
{
    int *fd = userdata;

    /* Podman makes one per unit. */
    if (*fd < 0)
        *fd = openat(group, "cgroup.events", O_RDONLY | O_CLOEXEC);
}

void freeze_open(struct freeze *freeze)
{
    int unit = payload_open_unit();

    *freeze = (struct freeze){.fd = -1};
    if (unit < 0)
        return;
    (void)children_visit(unit, child_is_payload, visit_payload, &freeze->fd);
    close(unit);
    /* The file is to be read once before poll(2) tells of changes. */
    (void)freeze_has_changed(freeze);
}

bool freeze_has_changed(struct freeze *freeze)
{
    char text[EVENTS_SIZE];
    struct cgroup_events events = {0};
    bool was_frozen = freeze->frozen;

    if (freeze->fd < 0)
        return false;
    ssize_t n = pread(freeze->fd, text, sizeof(text) - 1, 0);
    if (n < 0) {
        /* The payload is gone, and with it this file. */
        close(freeze->fd);
        freeze->fd = -1;
    } else {
        text[n] = '\0';
        parse_cgroup_events(text, &events);
    }
    freeze->frozen = events.frozen;
    return freeze->frozen != was_frozen;
}
