/* SPDX-License-Identifier: MIT */
/* Kinds of engines and what is known of a container, behind engine.h. */
#include "engine/engine.h"

#include <assert.h>
#include <fnmatch.h>

#include "base/text.h"

const char *engine_kind_word(EngineKind kind)
{
    static const char *const words[] = {
        [ENGINE_PODMAN] = "Podman",
        [ENGINE_DOCKER] = "Docker",
    };
    static_assert(ELEMENTSOF(words) == _ENGINE_KIND_MAX, "a word for every kind");

    assert(kind >= 0 && kind < _ENGINE_KIND_MAX);
    return words[kind];
}

char *engine_socket_path(EngineKind kind, bool user, const char *runtime_dir)
{
    static const char *const names[] = {
        [ENGINE_PODMAN] = "podman/podman.sock",
        [ENGINE_DOCKER] = "docker.sock",
    };
    static_assert(ELEMENTSOF(names) == _ENGINE_KIND_MAX, "a socket for every kind");

    assert(kind >= 0 && kind < _ENGINE_KIND_MAX);
    if (user && (!runtime_dir || runtime_dir[0] != '/'))
        return NULL;
    return text_printf("%s/%s", user ? runtime_dir : "/run", names[kind]);
}

void engine_container_done(EngineContainer *container)
{
    for (size_t i = 0; i < container->n_labels; i++) {
        free(container->labels[i].key);
        free(container->labels[i].value);
    }
    free(container->labels);
    free(container->name);
    *container = (EngineContainer){0};
}

bool engine_container_has_label(const EngineContainer *container, const char *label)
{
    size_t n = strcspn(label, "=");
    const char *glob = label[n] ? label + n + 1 : NULL;

    for (size_t i = 0; i < container->n_labels; i++) {
        const EngineLabel *have = &container->labels[i];
        if (strncmp(have->key, label, n) == 0 && !have->key[n])
            return !glob || fnmatch(glob, have->value, 0) == 0;
    }
    return false;
}
