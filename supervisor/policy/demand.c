/* SPDX-License-Identifier: MIT */
/* Starts and stops on demand; see demand.h. */
#include "supervisor/policy/demand.h"

#include <assert.h>

bool demand_is_start(bool running, uint64_t changed_usec, uint64_t left_usec, uint64_t ended_usec)
{
    return running && changed_usec != 0 && changed_usec >= ended_usec && changed_usec <= left_usec;
}

/* When nobody needed the service any more; UINT64_MAX: somebody did to the end. */
static uint64_t needed_until(const DemandStop *stop)
{
    uint64_t stay_usec = stop->active_usec + stop->stay_usec;

    if (stop->proxy_left_usec < stop->left_usec) /* it did not run this time */
        return stay_usec;
    if (!stop->proxy_exited || stop->proxy_ended_usec < stop->proxy_left_usec)
        return UINT64_MAX;
    return stay_usec > stop->proxy_ended_usec ? stay_usec : stop->proxy_ended_usec;
}

bool demand_is_idle_stop(const DemandStop *stop)
{
    uint64_t until_usec;

    assert(stop);

    if (!stop->success || stop->active_usec < stop->left_usec || stop->ended_usec == 0)
        return false;
    until_usec = needed_until(stop);
    return stop->ended_usec >= until_usec &&
           stop->ended_usec - until_usec <= DEMAND_STOP_DELAY_USEC;
}
