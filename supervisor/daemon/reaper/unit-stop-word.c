/* SPDX-License-Identifier: MIT */
/* The words of results, behind unit-stop.h. */
#include <assert.h>

#include "base/macros.h"
#include "supervisor/daemon/reaper/unit-stop.h"

const char *unit_stop_result_word(UnitStopResult result)
{
    static const char *const words[] = {
        [UNIT_STOP_STOPPED] = "stopped",
        [UNIT_STOP_KILLED] = "killed",
        [UNIT_STOP_GONE] = "gone",
        [UNIT_STOP_FAILED] = "failed",
    };
    static_assert(ELEMENTSOF(words) == _UNIT_STOP_RESULT_MAX, "a word for every result");

    assert(result >= 0 && result < _UNIT_STOP_RESULT_MAX);
    return words[result];
}
