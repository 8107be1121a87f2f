/* SPDX-License-Identifier: MIT */
/*
 * What an engine, Podman or Docker, says of the containers that it runs: their names and labels,
 * which neither cgroups nor processes carry. It is asked over its own socket by the one request
 * that both document alike, GET /containers/json of the Docker Engine API:
 * https://docs.docker.com/reference/api/engine/, podman-system-service(1).
 *
 * The answer is not trusted: it is bounded, and what makes no sense is left out, so that less is
 * known, never something wrong.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

#define ENGINE_ID_LENGTH 64U

/* What is read of one container, and of all of them; the engine is not believed to end. */
#define ENGINE_CONTAINER_MAX (256U * 1024U)
#define ENGINE_LISTING_MAX   (16U * 1024U * 1024U)
/* An engine that is started by its socket reads all its state first. */
#define ENGINE_TIMEOUT_USEC (10 * USEC_PER_SEC)

typedef enum EngineKind {
    ENGINE_PODMAN,
    ENGINE_DOCKER,
    _ENGINE_KIND_MAX,
} EngineKind;

/* "Podman", "Docker". */
const char *engine_kind_word(EngineKind kind);

/* Where it listens: of the system, or of the user whose runtime folder is given. NULL without
 * memory, or when a user has no such folder; the caller frees it. */
char *engine_socket_path(EngineKind kind, bool user, const char *runtime_dir);

typedef struct EngineLabel {
    char *key, *value;
} EngineLabel;

typedef struct EngineContainer {
    char id[ENGINE_ID_LENGTH + 1];
    char *name; /* "": not said */
    EngineLabel *labels;
    size_t n_labels;
} EngineContainer;

/* Initialise with { 0 }. */
void engine_container_done(EngineContainer *container);

/* Whether it has the label: "KEY", or "KEY=GLOB" for its value. */
bool engine_container_has_label(const EngineContainer *container, const char *label);

/* A container was read; the callee may take what is in it. Returns 0 or a negative errno, which
 * ends the reading. */
typedef int (*engine_container_t)(EngineContainer *container, void *userdata);
