/* SPDX-License-Identifier: MIT */

/* The name under which the last good image of a service is kept. */

#include "cli/update/known-good.h"

#include <errno.h>

#include "base/macros.h"
#include "base/text.h"
#include "cli/update/podman.h"

static char *name_of(const char *service)
{
    return text_printf("localhost/phoenix/known-good:%s", service);
}

void known_good_keep(const char *service, const char *id)
{
    _cleanup_free_ char *name = name_of(service), *why = NULL;

    if (name)
        (void)podman_tag(id, name, &why);
}

int known_good_drop(const char *service, char **ret_why)
{
    _cleanup_free_ char *name = name_of(service);
    int r;

    if (!name)
        return -ENOMEM;
    r = podman_remove(name, ret_why);
    return r == -ENOENT ? 0 : r < 0 ? r : 1;
}
