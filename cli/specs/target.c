/* SPDX-License-Identifier: MIT */

/* From an argument to a spec with its findings. A broken one is found, too: it has no spec then. */

#include "cli/specs/target.h"

#include <errno.h>

#include "base/log.h"
#include "cli/specs/specs.h"
#include "spec/name.h"
#include "spec/read.h"

void target_done(Target *target)
{
    spec_set_free(target->set);
    free(target->path);
    free(target->name);
    spec_free(target->own);
    diag_list_done(&target->own_diags);
}

char *target_stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t n = strlen(base);

    if (n > 5 && streq(base + n - 5, ".json"))
        n -= 5;
    return strndup(base, n);
}

static int from_name(const Cli *cli, const char *name, Target *target)
{
    SpecEntry *entry;
    int r;

    r = specs_load(cli, &target->set);
    if (r < 0)
        return r;
    entry = specs_find(cli, target->set, name);
    if (!entry)
        return CLI_EXIT_MISSING;

    target->path = strdup(entry->file.path);
    target->name = strdup(entry->unit);
    target->spec = entry->spec;
    target->diags = &entry->diags;
    return target->path && target->name ? CLI_EXIT_OK : -ENOMEM;
}

/* A file that is no good has the name of its stub. */
static int set_name(Target *target)
{
    _cleanup_free_ char *stem = NULL;

    if (target->own) {
        target->name = strdup(target->own->name);
    } else {
        stem = target_stem(target->path);
        target->name = stem ? spec_name_for_stub(stem) : NULL;
    }
    return target->name ? CLI_EXIT_OK : -ENOMEM;
}

static int from_path(const char *path, Target *target)
{
    int r;

    target->by_path = true;
    target->diags = &target->own_diags;
    target->path = realpath(path, NULL);
    if (!target->path) {
        _cleanup_text_ Text clean = {0};

        r = errno;
        screen_add_clean(&clean, path);
        log_error("%s: %s", clean.data, strerror(r));
        return r == ENOENT || r == ENOTDIR ? CLI_EXIT_MISSING : CLI_EXIT_NO;
    }
    r = spec_read_file(target->path, &target->own_diags, &target->own);
    if (r < 0)
        return r;
    if (r == SPEC_INVALID)
        target->own = spec_free(target->own);
    target->spec = target->own;
    return set_name(target);
}

int target_find(const Cli *cli, const char *arg, Target *target)
{
    return specs_is_path(arg) ? from_path(arg, target) : from_name(cli, arg, target);
}
