/* SPDX-License-Identifier: MIT */
/* The words of systemd for ActiveState=, for those who read them and those who say them. */
#include "supervisor/daemon/units/units.h"

const char *unit_active_word(UnitActive active)
{
    static const char *const words[_UNIT_ACTIVE_MAX] = {
        [UNIT_INACTIVE] = "inactive",
        [UNIT_ACTIVATING] = "activating",
        [UNIT_ACTIVE] = "active",
        [UNIT_RELOADING] = "reloading",
        [UNIT_DEACTIVATING] = "deactivating",
        [UNIT_FAILED] = "failed",
        [UNIT_MAINTENANCE] = "maintenance",
    };

    return active < _UNIT_ACTIVE_MAX ? words[active] : "";
}
