/* SPDX-License-Identifier: MIT */

/* Prints every cell of the table of states, one per line, for tools/draw-states.py:
 *     STATE EVENT NEXT ACTION[,ACTION...] WHY
 * with tabs between; no action is "none". Not installed. */

#include <stdio.h>

#include "supervisor/policy/state.h"

static const struct {
    HealthAction action;
    const char *word;
} actions[] = {
    {HEALTH_ACT_PROBE, "probe"},     {HEALTH_ACT_STOP_PROBES, "stop-probes"},
    {HEALTH_ACT_READY, "ready"},     {HEALTH_ACT_FAIL_START, "fail-start"},
    {HEALTH_ACT_TRIGGER, "trigger"}, {HEALTH_ACT_RECOVERED, "recovered"},
    {HEALTH_ACT_IGNORED, "ignored"},
};

static void print_actions(unsigned set)
{
    const char *separator = "";

    if (set == HEALTH_ACT_NONE)
        fputs("none", stdout);
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (set & actions[i].action) {
            printf("%s%s", separator, actions[i].word);
            separator = ",";
        }
}

int main(void)
{
    for (int state = 0; state < _HEALTH_STATE_MAX; state++)
        for (int event = 0; event < _HEALTH_EVENT_MAX; event++) {
            HealthStep step = health_step((HealthState)state, (HealthEvent)event);

            printf("%s\t%s\t%s\t", health_state_word((HealthState)state),
                   health_event_word((HealthEvent)event), health_state_word(step.next));
            print_actions(step.actions);
            printf("\t%s\n", step.why);
        }
    return fflush(stdout) == 0 ? 0 : 1;
}
