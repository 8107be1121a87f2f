/* SPDX-License-Identifier: MIT */

/* The image of a service before and after an update. A spec names it by a tag, and so does its
 * unit: the tag is what moves, so that whatever starts the service next, a reboot too, starts what
 * was found good. Every step can be taken back until it is settled. */

#pragma once

#include "cli/systemd/manager.h"
#include "cli/update/ledger.h"
#include "cli/update/podman.h"
#include "cli/update/reference.h"
#include "spec/spec.h"

typedef struct ImageSwitch {
    SpecScope scope;
    const Spec *spec; /* borrowed */
    ReferenceKind kind;
    char *source;              /* what is pulled: the name in the spec, or TRANSPORT:PATH */
    char *name;                /* full name of the tag that moves; NULL: it is not known yet */
    PodmanImage before, after; /* id NULL: there is none */
    Ledger ledger;
    LedgerWho who;
    bool moved;   /* the tag names the image after now, and not before */
    bool pending; /* the ledger has an entry that is not settled */
    bool pulled;  /* the image that was asked for was not there any more, and came anew */
    char *why;    /* what went wrong */
} ImageSwitch;

void image_switch_done(ImageSwitch *images);
#define _cleanup_image_switch_ _cleanup_(image_switch_done)

/* All return CLI_EXIT_OK; CLI_EXIT_NO with the reason in why; or a negative errno. */

/* Finds what the service runs, or would run, now. same: the unit that is loaded has the image of
 * this spec, so what its container runs is what was before. */
int image_switch_open(ImageSwitch *images, Manager *manager, const Spec *spec, SpecScope scope,
                      bool same);

/* The image after is the newest that the name means. Until image_switch_apply() the tag stays what
 * it was. */
int image_switch_pull(ImageSwitch *images);

/* The image after is one of the ledger; pulled by its digest when it is not here any more. */
int image_switch_choose(ImageSwitch *images, const LedgerEntry *entry);

bool image_switch_changes(const ImageSwitch *images);

/* Writes to the ledger that the image before is healthy, unless it says so already. */
int image_switch_note_before(ImageSwitch *images, LedgerWho who);

/* Moves the tag. untried: nothing will be started, so nothing is known of it for long. */
int image_switch_apply(ImageSwitch *images, bool untried);

/* It is healthy. */
int image_switch_settle(ImageSwitch *images);

/* It is not: moves the tag back and says so in the ledger. */
int image_switch_revert(ImageSwitch *images, const char *reason);
