/* SPDX-License-Identifier: MIT */
/*
 * The rules between the keys of a policy, and the classes that it has when it names none.
 */
#include "spec/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"
#include "spec/keys.h"
#include "spec/resolve-internal.h"

/* The kinds of work that stress(1) does, by its long and its short options. */
static const struct {
    const char *name, *option, *letter;
} stress_classes[] = {
    {"cpu", "--cpu", "-c"},
    {"io", "--io", "-i"},
    {"ram", "--vm", "-m"},
    {"disk", "--hdd", "-d"},
};

/* A policy that matches everything would be a switch to turn the machine off. */
static int check_match(Resolver *resolver)
{
    const PolicyMatch *match = &resolver->spec->policy.match;

    if (match->command || match->container || match->labels || match->services)
        return 0;
    return resolve_error(resolver, "match",
                         "give \"command\", \"container\", \"label\" or \"services\"",
                         "is empty, so it would be about every container");
}

static int add_stress_class(PolicyClass *class, size_t i)
{
    class->keep = SPEC_INT_UNSET;
    class->name = strdup(stress_classes[i].name);
    if (!class->name)
        return -ENOMEM;
    int r = strv_push(&class->args, stress_classes[i].option);
    return r < 0 ? r : strv_push(&class->args, stress_classes[i].letter);
}

static int default_classes(Resolver *resolver)
{
    PolicyClasses *classes = &resolver->spec->policy.classes;

    if (classes->n > 0)
        return 0;
    classes->items = calloc(ELEMENTSOF(stress_classes), sizeof(PolicyClass));
    if (!classes->items)
        return -ENOMEM;
    for (size_t i = 0; i < ELEMENTSOF(stress_classes); i++) {
        classes->n++;
        int r = add_stress_class(&classes->items[i], i);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_class(Resolver *resolver, PolicyClass *class)
{
    if (class->keep == SPEC_INT_UNSET)
        class->keep = resolver->spec->policy.keep;
    if (strv_length(class->args) <= POLICY_ARGS_MAX)
        return 0;
    _cleanup_free_ char *path = text_printf("classes.%s.args", class->name);
    return path ? resolve_error(resolver, path, NULL, "has more than 32 patterns") : -ENOMEM;
}

static int check_classes(Resolver *resolver)
{
    PolicyClasses *classes = &resolver->spec->policy.classes;

    if (classes->n > POLICY_CLASSES_MAX)
        return resolve_error(resolver, "classes", NULL, "are more than 32");
    for (size_t i = 0; i < classes->n; i++) {
        int r = check_class(resolver, &classes->items[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

int resolve_policy(Resolver *resolver)
{
    int r = check_match(resolver);

    resolver->spec->enable = false; /* which is asked of every spec */
    if (r >= 0)
        r = default_classes(resolver);
    return r < 0 ? r : check_classes(resolver);
}
