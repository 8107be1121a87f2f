/* SPDX-License-Identifier: MIT */
/*
 * Podman and Docker, asked for what they know of containers (lib/engine) when policies need it:
 * over the event loop, one question at a time for each, bounded in time, and not again at once when
 * one does not answer. What they have said is kept.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "reap/look.h"

typedef struct Engines Engines;

/* A question has ended, well or not. Called from the event loop. */
typedef void (*engines_done_t)(void *userdata);

typedef struct EnginesSetup {
    sd_event *event;
    const char *sockets[_ENGINE_KIND_MAX]; /* copied; NULL: nowhere */
    uid_t manager;                         /* whose containers are asked for, as in ReapInput */
    engines_done_t done;
    void *userdata;
} EnginesSetup;

/* Returns 0 or -ENOMEM. */
int engines_new(const EnginesSetup *setup, Engines **ret);
/* Takes NULL, returns NULL. */
Engines *engines_free(Engines *engines);

/* Asks for what is not known of these containers, and adds to them what is. labels: these are
 * needed, too, not only names. Returns whether an answer is waited for; -ENOMEM. */
int engines_look_up(Engines *engines, ReapLook *look, bool labels);

/* Whether an answer is waited for. */
bool engines_are_asked(const Engines *engines);
