/* SPDX-License-Identifier: MIT */

/* Their part about a policy: whom it is about, how many it keeps, what it does with the rest. */

#include <inttypes.h>

#include "base/strv.h"
#include "base/timespan.h"
#include "cli/facts/facts.h"
#include "cli/print/json.h"

static void add_span(Text *t, uint64_t usec)
{
    _cleanup_free_ char *span = timespan_format(usec);

    text_add(t, span ? span : "?");
}

static void add_list(Text *t, char *const *words, const char *last)
{
    STRV_FOREACH (word, words) {
        if (word != words)
            text_add(t, word[1] ? ", " : last);
        screen_add_clean(t, *word);
    }
}

static void say_whom(Text *t, const PolicyMatch *match)
{
    text_add(t, " It is a policy: there is no service to start, phoenixd acts by it. It is about "
                "containers");
    if (match->command) {
        text_add(t, " that run ");
        screen_add_clean(t, match->command);
    }
    if (match->container) {
        text_addf(t, "%s called ", match->command ? "," : "");
        screen_add_clean(t, match->container);
    }
    if (match->labels) {
        text_addf(t, "%s with the label%s ", match->command || match->container ? "," : "",
                  match->labels[1] ? "s" : "");
        add_list(t, match->labels, " and ");
    }
    if (match->services) {
        text_add(t, match->command || match->container || match->labels
                        ? ", also those of the services "
                        : " of the services ");
        add_list(t, match->services, " and ");
        text_add_char(t, '.');
    } else {
        text_add(t, ", and about no service of Phoenix.");
    }
}

static void say_classes(Text *t, const Policy *policy)
{
    text_add(t, " Of each class it keeps the newest: ");
    for (size_t i = 0; i < policy->classes.n; i++)
        text_addf(t, "%s%s %" PRId64,
                  i == 0                       ? ""
                  : i + 1 == policy->classes.n ? " and "
                                               : ", ",
                  policy->classes.items[i].name, policy->classes.items[i].keep);
    text_add_char(t, '.');
}

static void say_budget(Text *t, const PolicyBudget *budget)
{
    const struct {
        const char *name, *limit;
    } pressures[] = {
        {"memory", budget->psi.memory}, {"CPU", budget->psi.cpu}, {"IO", budget->psi.io}};

    if (budget->memory)
        text_addf(t, " Together they may have %s of memory.", budget->memory);
    for (size_t i = 0; i < ELEMENTSOF(pressures); i++)
        if (pressures[i].limit)
            text_addf(t, " Above a pressure on %s of %s one of them goes.", pressures[i].name,
                      pressures[i].limit);
}

static void say_action(Text *t, const Policy *policy)
{
    text_add(t, " Every ");
    add_span(t, policy->interval_usec);
    if (policy->action == POLICY_ACTION_NONE) {
        text_add(t, " it is told which are too many; nothing is stopped.");
    } else {
        text_add(t, " the units of those that are too many are stopped, and killed when they have "
                    "not stopped after ");
        add_span(t, policy->grace_usec);
        text_add_char(t, '.');
    }
    if (policy->spare && *policy->spare) {
        text_add(t, " It spares ");
        add_list(t, policy->spare, " and ");
        text_add_char(t, '.');
    }
}

void facts_add_policy_prose(Text *t, const Policy *policy)
{
    say_whom(t, &policy->match);
    say_classes(t, policy);
    say_budget(t, &policy->budget);
    say_action(t, policy);
}

static void add_classes(Text *t, const PolicyClasses *classes)
{
    json_add_name(t, "classes");
    text_add_char(t, '{');
    for (size_t i = 0; i < classes->n; i++) {
        json_add_name(t, classes->items[i].name);
        text_add_char(t, '{');
        json_add_strv(t, "args", classes->items[i].args);
        json_add_string(t, "command", classes->items[i].command);
        json_add_number(t, "keep", (uint64_t)classes->items[i].keep);
        text_add_char(t, '}');
    }
    text_add_char(t, '}');
}

void facts_add_policy_json(Text *t, const Policy *policy)
{
    json_add_name(t, "policy");
    text_add_char(t, '{');
    json_add_string(t, "command", policy->match.command);
    json_add_string(t, "container", policy->match.container);
    json_add_strv(t, "labels", policy->match.labels);
    json_add_strv(t, "services", policy->match.services);
    add_classes(t, &policy->classes);
    json_add_string(t, "memory", policy->budget.memory);
    json_add_string(t, "psi_memory", policy->budget.psi.memory);
    json_add_string(t, "psi_cpu", policy->budget.psi.cpu);
    json_add_string(t, "psi_io", policy->budget.psi.io);
    json_add_string(t, "action", policy_action_word(policy->action));
    json_add_number(t, "interval_usec", policy->interval_usec);
    json_add_number(t, "grace_usec", policy->grace_usec);
    json_add_number(t, "cooldown_usec", policy->cooldown_usec);
    json_add_strv(t, "spare", policy->spare);
    text_add_char(t, '}');
}
