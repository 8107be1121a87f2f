/* SPDX-License-Identifier: MIT */
/*
 * The members of a container that are of interest, behind container.h: "Id", "Names", "Labels". All
 * others may be anything.
 */
#include "engine/container.h"

#include <errno.h>
#include <jansson.h>

#define NAME_LENGTH_MAX 255U
#define LABELS_MAX      512U

static bool is_id(const char *s)
{
    return s && strlen(s) == ENGINE_ID_LENGTH && strspn(s, "0123456789abcdef") == ENGINE_ID_LENGTH;
}

static bool is_name(const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f || s[i] == '/')
            return false;
    return n > 0 && n <= NAME_LENGTH_MAX;
}

/* "/web"; behind one of Docker's there may be "/other/web", for those who know it by a link. */
static const char *find_name(const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && is_name(name + (name[0] == '/')))
            return name + (name[0] == '/');
    }
    return "";
}

static int add_label(EngineContainer *container, const char *key, const char *value)
{
    EngineLabel *label = &container->labels[container->n_labels++];

    *label = (EngineLabel){.key = strdup(key), .value = strdup(value)};
    return label->key && label->value ? 0 : -ENOMEM;
}

/* null is as good as none. */
static int read_labels(json_t *labels, EngineContainer *container)
{
    const char *key;
    json_t *value;

    if (!labels || json_is_null(labels))
        return 0;
    if (!json_is_object(labels) || json_object_size(labels) > LABELS_MAX)
        return 1;
    container->labels = calloc(json_object_size(labels) + 1, sizeof(EngineLabel));
    if (!container->labels)
        return -ENOMEM;
    json_object_foreach(labels, key, value)
    {
        int r = json_is_string(value) ? add_label(container, key, json_string_value(value)) : 1;
        if (r != 0)
            return r;
    }
    return 0;
}

static int read_object(const json_t *object, EngineContainer *container)
{
    const char *id = json_string_value(json_object_get(object, "Id"));

    if (!is_id(id))
        return 1;
    memcpy(container->id, id, ENGINE_ID_LENGTH + 1);
    container->name = strdup(find_name(json_object_get(object, "Names")));
    return container->name ? read_labels(json_object_get(object, "Labels"), container) : -ENOMEM;
}

int engine_container_read(const char *json, size_t n, EngineContainer *ret)
{
    EngineContainer container = {0};
    json_error_t error;
    /* Of two members of one name, nobody knows which is meant. */
    json_t *object = json_loadb(json, n, JSON_REJECT_DUPLICATES, &error);

    if (!object)
        return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : 1;
    int r = read_object(object, &container);
    json_decref(object);
    if (r != 0) {
        engine_container_done(&container);
        return r;
    }
    *ret = container;
    return 0;
}
