/* SPDX-License-Identifier: MIT */
/* What callers are told when a call about a service fails. */
#include "supervisor/daemon/api/api-internal.h"

#include <errno.h>

#include "spec/name.h"

int api_set_error(sd_bus_error *error, int r, const char *name)
{
    switch (r) {
    case -ENOENT:
        /* A name that can be none is not repeated: it may hold anything. */
        if (!spec_name_valid(name))
            return sd_bus_error_set(error, API_ERROR_NO_SERVICE, "This is no name of a service");
        return sd_bus_error_setf(error, API_ERROR_NO_SERVICE, "There is no service %s", name);
    case -ENOTCONN:
        return sd_bus_error_setf(error, API_ERROR_NOT_RUNNING, "The service %s does not run", name);
    case -EBUSY:
        return sd_bus_error_setf(error, API_ERROR_BUSY,
                                 "The checks of %s are being made already, for another call", name);
    default:
        return sd_bus_error_set_errno(error, r);
    }
}
