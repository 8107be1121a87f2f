/* SPDX-License-Identifier: MIT */
/*
 * The keys of a policy. Its table describes a Spec, as that of services does, so that all that
 * works by tables works for both.
 */
#include <assert.h>
#include <stdlib.h>

#include "spec/keys-internal.h"

static const char *const action_words[] = {
    [POLICY_ACTION_STOP] = "stop",
    [POLICY_ACTION_NONE] = "none",
    [_POLICY_ACTION_MAX] = NULL,
};

#define F(member) .offset = offsetof(PolicyMatch, member)
static const Key match_keys[] = {
    {"command", KEY_STRING, 0, F(command), .rule = &rule_glob,
     .about = "Name of the main process, or of its program; a glob."},
    {"container", KEY_STRING, 0, F(container), .rule = &rule_glob,
     .about = "Name of the container; a glob."},
    {"label", KEY_STRV, KEY_SINGLE | KEY_NONEMPTY, F(labels), .rule = &rule_label,
     .about =
         "Labels of the container, all of which it must have: \"KEY\", or \"KEY=VALUE\" with a "
         "glob for the value. They are asked of Podman or Docker over its socket."},
    {"services", KEY_STRV, KEY_SINGLE | KEY_NONEMPTY, F(services), .rule = &rule_glob,
     .about = "Services of Phoenix whose containers it may stop, as globs; without it none."},
};
#undef F
static const KeyTable match_table = TABLE(PolicyMatch, match_keys, .shorthand = "command");

#define F(member) .offset = offsetof(PolicyClass, member)
static const Key class_keys[] = {
    {"name", KEY_STRING, KEY_NAME, F(name), .rule = &rule_class, .about = "Name of the class."},
    {"args", KEY_STRV, KEY_SINGLE | KEY_NONEMPTY, F(args), .rule = &rule_arguments,
     .about = "Words that stand in its command line behind the program, as globs; one of them is "
              "enough, and \"--cpu\" stands for \"--cpu=2\", too."},
    {"command", KEY_STRING, 0, F(command), .rule = &rule_glob,
     .about = "Name of the main process, or of its program; a glob."},
    {"keep", KEY_INTEGER, 0, F(keep), .min = 0, .max = 100000, .derived = "the policy's keep",
     .about = "How many containers of the class are kept, the newest."},
};
#undef F
static const KeyTable class_table = TABLE(PolicyClass, class_keys, .shorthand = "args");

#define F(member) .offset = offsetof(PolicyPressure, member)
static const Key pressure_keys[] = {
    {"memory", KEY_STRING, 0, F(memory), .rule = &rule_percent,
     .about = "Above it the container with the most memory goes."},
    {"cpu", KEY_STRING, 0, F(cpu), .rule = &rule_percent,
     .about = "Above it the container with the most CPU time of late goes."},
    {"io", KEY_STRING, 0, F(io), .rule = &rule_percent,
     .about = "Above it the container that has read and written most goes."},
};
#undef F
static const KeyTable pressure_table = TABLE(PolicyPressure, pressure_keys, .shorthand = "memory");

#define F(member) .offset = offsetof(PolicyBudget, member)
static const Key budget_keys[] = {
    {"memory", KEY_STRING, 0, F(memory), .rule = &rule_memory,
     .about = "Memory that all its containers may have together, or a percentage of the host's."},
    {"psi", KEY_OBJECT, 0, F(psi), .table = &pressure_table,
     .about = "Pressure on the machine, \"some avg10\" of /proc/pressure: one container goes at a "
              "time, with a cool-down in between."},
};
#undef F
static const KeyTable budget_table = TABLE(PolicyBudget, budget_keys, .shorthand = "memory");

#define F(member) .offset = offsetof(Spec, member)
static const Key keys[] = {
    KEYS_OF_ALL("Name of the policy.", "Host that it is for; others do not act by it.",
                "\"policy\"."),
    {"match", KEY_OBJECT, KEY_REQUIRED, F(policy.match), .table = &match_table,
     .about = "The containers that it is about; all that is given must fit."},
    {"classes", KEY_NAMED, 0, F(policy.classes), .table = &class_table,
     .derived = "cpu, io, ram and disk, by the arguments of stress(1)",
     .about = "Classes by name; a container is of the first one that fits, and one of none is left "
              "alone."},
    {"keep", KEY_INTEGER, 0, F(policy.keep), .min = 0, .max = 100000, .fallback = "1",
     .about = "How many containers of each class are kept, the newest."},
    {"interval", KEY_SPAN, 0, F(policy.interval_usec), .min = USEC_PER_SEC, .max = USEC_PER_DAY,
     .fallback = "10s", .about = "Time between two looks."},
    {"budget", KEY_OBJECT, 0, F(policy.budget), .table = &budget_table,
     .about = "What its containers may use; who uses most goes first, also below keep."},
    {"action", KEY_ENUM, 0, F(policy.action), .words = action_words, .fallback = "stop",
     .about =
         "What is done with those that are too many: \"stop\", or \"none\", which only tells."},
    {"grace", KEY_SPAN, 0, F(policy.grace_usec), .min = 100 * USEC_PER_MSEC, .max = USEC_PER_HOUR,
     .fallback = "15s", .about = "Time to stop in; who has not stopped then is killed."},
    {"cooldown", KEY_SPAN, 0, F(policy.cooldown_usec), .min = USEC_PER_SEC, .max = USEC_PER_DAY,
     .fallback = "30s",
     .about = "Time until a stop that failed is tried again, and between two for pressure."},
    {"spare", KEY_STRV, KEY_SINGLE, F(policy.spare), .rule = &rule_glob,
     .about = "Containers that are never stopped: globs of their names or of their units."},
    KEY_SCOPE("Which manager's phoenixd acts by it."),
};
#undef F
const KeyTable spec_policy_keys = TABLE(Spec, keys);

const char *policy_action_word(int action)
{
    assert(action >= 0 && action < _POLICY_ACTION_MAX);
    return action_words[action];
}
