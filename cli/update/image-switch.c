/* SPDX-License-Identifier: MIT */

/* Images and their tags, moved and moved back. */

#include "cli/update/image-switch.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/strv.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/print/when.h"
#include "cli/update/known-good.h"
#include "cli/update/pull.h"

#define UNIT_SIZE_MAX (1024U * 1024U)

void image_switch_done(ImageSwitch *images)
{
    free(images->source);
    free(images->name);
    podman_image_done(&images->before);
    podman_image_done(&images->after);
    ledger_done(&images->ledger);
    free(images->why);
    *images = (ImageSwitch){0};
}

static int fail(ImageSwitch *images, char *why)
{
    if (!why)
        return -ENOMEM;
    free(images->why);
    images->why = why;
    return CLI_EXIT_NO;
}

/* The value of "KEY=" in a unit file, in a new string; NULL when there is none. */
static char *value_of(const char *text, const char *key)
{
    _cleanup_free_ char *line = text_printf("\n%s=", key);
    const char *found = line ? strstr(text, line) : NULL;

    if (!found)
        return NULL;
    found += strlen(line);
    return strndup(found, strcspn(found, "\n"));
}

/* The generator has looked into the archive; its unit says how Podman is to read it, and what is
 * called how then. */
static int read_archive_unit(ImageSwitch *images, Manager *manager)
{
    _cleanup_free_ char *unit = text_printf("phoenix-image@%s-image.service", images->spec->name);
    _cleanup_unit_state_ UnitState state = {0};
    _cleanup_free_ char *text = NULL;

    if (!unit)
        return -ENOMEM;
    if (manager_describe(manager, unit, &state) < 0 || !state.fragment_path ||
        file_read(AT_FDCWD, state.fragment_path, UNIT_SIZE_MAX, &text, NULL) < 0)
        return fail(images, text_printf("%s, which loads its image, is not there", unit));
    images->source = value_of(text, "Image");
    images->name = value_of(text, "ImageTag");
    if (!images->source || !images->name)
        return fail(images, text_printf("%s is not understood", unit));
    return CLI_EXIT_OK;
}

/* The image that a container of the service runs, by its ID; NULL when there is no container. */
static char *running_image(const ImageSwitch *images)
{
    _cleanup_free_ char *container = text_printf("phoenix-%s", images->spec->name), *why = NULL;
    char *id = NULL;

    if (container)
        (void)podman_container_image(container, &id, &why);
    return id;
}

static int inspect(ImageSwitch *images, const char *image, PodmanImage *ret)
{
    _cleanup_free_ char *why = NULL;
    int r = podman_inspect(image, ret, &why);

    return r < 0 && r != -ENOENT ? fail(images, TAKE_PTR(why)) : r;
}

static int find_name(ImageSwitch *images, const PodmanImage *named)
{
    if (images->name || images->kind == REFERENCE_DIGEST)
        return CLI_EXIT_OK;
    images->name = reference_full(images->spec->image, named->tags);
    return images->name ? CLI_EXIT_OK : -ENOMEM;
}

static void take(PodmanImage *to, PodmanImage *from)
{
    podman_image_done(to);
    *to = *from;
    *from = (PodmanImage){0};
}

/* That of the container, or what the next start would take. */
static int find_before(ImageSwitch *images, bool same)
{
    _cleanup_free_ char *running = same ? running_image(images) : NULL;
    _cleanup_podman_image_ PodmanImage named = {0};
    int r;

    r = inspect(images, images->name ? images->name : images->spec->image, &named);
    if (r == CLI_EXIT_OK)
        r = find_name(images, &named);
    if (r != CLI_EXIT_OK && r != -ENOENT)
        return r;
    if (running && !(named.id && streq(named.id, running)))
        r = inspect(images, running, &images->before);
    if (!images->before.id)
        take(&images->before, &named);
    return r == -ENOENT ? CLI_EXIT_OK : r;
}

int image_switch_open(ImageSwitch *images, Manager *manager, const Spec *spec, SpecScope scope,
                      bool same)
{
    int r;

    images->scope = scope;
    images->spec = spec;
    images->kind = reference_kind(spec->image);
    r = ledger_load(scope, spec->name, &images->ledger);
    if (r < 0)
        return fail(images, text_printf("its history cannot be read: %s", strerror(-r)));
    if (images->kind == REFERENCE_ARCHIVE)
        r = read_archive_unit(images, manager);
    else
        r = (images->source = strdup(spec->image)) ? CLI_EXIT_OK : -ENOMEM;
    return r != CLI_EXIT_OK ? r : find_before(images, same);
}

static int tag(ImageSwitch *images, const char *id, const char *name)
{
    _cleanup_free_ char *why = NULL;
    int r = podman_tag(id, name, &why);

    if (r == -ENOENT)
        return fail(images, text_printf("image %s is not there", id));
    return r < 0 ? fail(images, TAKE_PTR(why)) : CLI_EXIT_OK;
}

bool image_switch_changes(const ImageSwitch *images)
{
    return images->after.id && !(images->before.id && streq(images->before.id, images->after.id));
}

/* What is here of that name, after it was pulled or as it was built here. */
static int inspect_after(ImageSwitch *images, const char *image)
{
    _cleanup_free_ char *why = NULL;
    int r = podman_inspect(image, &images->after, &why);

    if (r == -ENOENT)
        return fail(images, text_printf("there is no image %s", image));
    if (r < 0)
        return fail(images, TAKE_PTR(why));
    return find_name(images, &images->after);
}

int image_switch_pull(ImageSwitch *images)
{
    _cleanup_free_ char *id = NULL, *why = NULL;
    int r;

    if (images->kind == REFERENCE_LOCAL)
        return inspect_after(images, images->spec->image);
    r = pull_image(images->source, images->name ? images->before.id : NULL, images->name, &id,
                   &why);
    if (r < 0)
        return fail(images,
                    text_printf("its image cannot be pulled: %s", r == -ENOENT ? "there is none"
                                                                  : why        ? why
                                                                               : strerror(-r)));
    bool named = images->name;
    r = inspect_after(images, id);
    if (r != CLI_EXIT_OK || named || !images->name || !images->before.id)
        return r;
    /* What runs had lost its name. Until the switch a start is to find it. */
    return tag(images, images->before.id, images->name);
}

/* By its digest, from where it came. */
static int pull_again(ImageSwitch *images, const LedgerEntry *entry)
{
    _cleanup_free_ char *reference = reference_with_digest(entry->reference, entry->digest);
    _cleanup_free_ char *id = NULL, *why = NULL;
    int r;

    if (!reference)
        return -ENOMEM;
    if (images->kind != REFERENCE_REGISTRY)
        return fail(images, text_printf("%s is not on this machine any more, and was not from a "
                                        "registry",
                                        entry->digest));
    r = pull_image(reference, NULL, NULL, &id, &why);
    if (r < 0)
        return fail(images, text_printf("%s is not on this machine any more, and cannot be pulled: "
                                        "%s",
                                        entry->digest, why ? why : strerror(-r)));
    images->pulled = true;
    return inspect_after(images, id);
}

int image_switch_choose(ImageSwitch *images, const LedgerEntry *entry)
{
    _cleanup_free_ char *why = NULL;
    int r;

    if (images->kind == REFERENCE_DIGEST)
        return fail(images, strdup("its spec names one image by its digest"));
    r = podman_inspect(entry->image, &images->after, &why);
    if (r == -ENOENT)
        r = pull_again(images, entry);
    else if (r < 0)
        r = fail(images, TAKE_PTR(why));
    if (r != CLI_EXIT_OK || images->name)
        return r;
    images->name = strdup(entry->reference);
    return images->name ? CLI_EXIT_OK : -ENOMEM;
}

static int add_entry(ImageSwitch *images, const PodmanImage *image, LedgerResult result,
                     LedgerWho who)
{
    const LedgerEntry entry = {
        .when_usec = when_now(),
        .reference = images->name ? images->name : images->spec->image,
        .digest = image->digest,
        .image = image->id,
        .result = result,
        .who = who,
    };
    int r = ledger_add(&images->ledger, &entry);

    if (r < 0)
        return fail(images, text_printf("its history cannot be written: %s", strerror(-r)));
    return CLI_EXIT_OK;
}

int image_switch_note_before(ImageSwitch *images, LedgerWho who)
{
    const LedgerEntry *good = ledger_last_good(&images->ledger, NULL);

    if (!images->before.id)
        return CLI_EXIT_OK;
    if (who != LEDGER_AUTO_UPDATE)
        known_good_keep(images->spec->name, images->before.id);
    if (good && streq(good->image, images->before.id))
        return CLI_EXIT_OK;
    return add_entry(images, &images->before, LEDGER_HEALTHY, who);
}

int image_switch_apply(ImageSwitch *images, bool untried)
{
    int r;

    if (!image_switch_changes(images))
        return CLI_EXIT_OK;
    r = add_entry(images, &images->after, untried ? LEDGER_UNTRIED : LEDGER_PENDING, images->who);
    if (r != CLI_EXIT_OK)
        return r;
    images->pending = !untried;
    if (images->name) {
        r = tag(images, images->after.id, images->name);
        images->moved = r == CLI_EXIT_OK;
    }
    return r;
}

int image_switch_settle(ImageSwitch *images)
{
    int r = images->pending ? ledger_settle(&images->ledger, LEDGER_HEALTHY, NULL) : 0;

    images->pending = images->moved = false;
    if (r < 0)
        return fail(images, text_printf("its history cannot be written: %s", strerror(-r)));
    return CLI_EXIT_OK;
}

int image_switch_revert(ImageSwitch *images, const char *reason)
{
    int r = CLI_EXIT_OK;

    if (images->pending)
        (void)ledger_settle(&images->ledger, LEDGER_FAILED, reason);
    images->pending = false;
    if (images->moved && images->before.id)
        r = tag(images, images->before.id, images->name);
    else if (images->moved)
        r = fail(images, strdup("there was no image before"));
    images->moved = images->moved && r != CLI_EXIT_OK;
    return r;
}
