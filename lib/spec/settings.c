/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing the unit passthrough.
 */
#include "spec/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "spec/position.h"

typedef struct Place {
    const char *source;
    const char *path; /* of the "unit" key */
    DiagList *diags;
} Place;

/* The path of unit.SECTION.KEY; NULL without memory. */
static char *place_path(const Place *place, const char *section, const char *key)
{
    Text path = {0};
    char *text;

    text_add(&path, place->path);
    path_add_key(&path, section);
    if (key)
        path_add_key(&path, key);
    int r = text_take(&path, &text);
    text_done(&path);
    return r < 0 ? NULL : text;
}

static int add_error(const Place *place, const char *section, const char *key, const char *code,
                     const char *message)
{
    _cleanup_free_ char *path = place_path(place, section, key);

    if (!path)
        return -ENOMEM;
    return diag_add(place->diags, DIAG_ERROR, place->source, path, code, NULL, "%s", message);
}

static bool word_valid(const char *s)
{
    if (!isalpha((unsigned char)*s))
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '-' && *s != '_')
            return false;
    return true;
}

static int settings_append(SpecSettings *settings, const char *section, const char *key,
                           const char *value)
{
    SpecSetting *items = reallocarray(settings->items, settings->n + 1, sizeof(SpecSetting));

    if (!items)
        return -ENOMEM;
    settings->items = items;
    SpecSetting setting = {strdup(section), strdup(key), strdup(value)};
    if (!setting.section || !setting.key || !setting.value) {
        free(setting.section);
        free(setting.key);
        free(setting.value);
        return -ENOMEM;
    }
    settings->items[settings->n++] = setting;
    return 0;
}

static int read_scalar(const Place *place, const char *section, const char *key,
                       const json_t *value, SpecSettings *settings)
{
    _cleanup_free_ char *text = NULL;

    if (json_is_string(value))
        text = strdup(json_string_value(value));
    else if (json_is_number(value) || json_is_boolean(value))
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    else
        return add_error(place, section, key, DIAG_CODE_WRONG_TYPE,
                         "must be text, a number, true or false, or an array of them");
    if (!text)
        return -ENOMEM;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 && *p != '\t')
            return add_error(place, section, key, DIAG_CODE_BAD_VALUE,
                             "holds a control character; a setting is one line");
    size_t n = strlen(text);
    if (n > 0 && text[n - 1] == '\\')
        return add_error(place, section, key, DIAG_CODE_BAD_VALUE,
                         "ends with a backslash, which would swallow the next line");
    return settings_append(settings, section, key, text);
}

static int read_setting(const Place *place, const char *section, const char *key,
                        const json_t *value, SpecSettings *settings)
{
    size_t i;
    json_t *element;

    if (!word_valid(key))
        return add_error(place, section, key, DIAG_CODE_BAD_VALUE,
                         "is not the name of a setting (like \"Nice\")");
    if (!json_is_array(value))
        return read_scalar(place, section, key, value, settings);
    json_array_foreach((json_t *)value, i, element)
    {
        int r = read_scalar(place, section, key, element, settings);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_section(const Place *place, const char *section, const json_t *value,
                        SpecSettings *settings)
{
    const char *key;
    json_t *element;

    if (!word_valid(section))
        return add_error(place, section, NULL, DIAG_CODE_BAD_VALUE,
                         "is not the name of a section (like \"Service\")");
    if (!json_is_object(value))
        return add_error(place, section, NULL, DIAG_CODE_WRONG_TYPE,
                         "must be an object of settings (like {\"Nice\": 5})");
    json_object_foreach((json_t *)value, key, element)
    {
        int r = read_setting(place, section, key, element, settings);
        if (r < 0)
            return r;
    }
    return 0;
}

int settings_read(const json_t *value, const char *source, const char *path, DiagList *diags,
                  SpecSettings *settings)
{
    Place place = {.source = source, .path = path, .diags = diags};
    const char *section;
    json_t *element;

    if (!json_is_object(value))
        return diag_add(diags, DIAG_ERROR, source, path, DIAG_CODE_WRONG_TYPE, NULL,
                        "must be an object of sections (like {\"Service\": {\"Nice\": 5}})");
    json_object_foreach((json_t *)value, section, element)
    {
        int r = read_section(&place, section, element, settings);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The array at [section][key], made when it is missing; borrowed. */
static json_t *setting_array(json_t *sections, const SpecSetting *setting)
{
    json_t *section = json_object_get(sections, setting->section);

    if (!section) {
        section = json_object();
        if (json_object_set_new(sections, setting->section, section) < 0)
            return NULL;
    }
    json_t *array = json_object_get(section, setting->key);
    if (!array) {
        array = json_array();
        if (json_object_set_new(section, setting->key, array) < 0)
            return NULL;
    }
    return array;
}

json_t *settings_to_json(const SpecSettings *settings)
{
    json_t *sections = json_object();

    for (size_t i = 0; sections && i < settings->n; i++) {
        json_t *array = setting_array(sections, &settings->items[i]);
        if (!array || json_array_append_new(array, json_string(settings->items[i].value)) < 0) {
            json_decref(sections);
            return NULL;
        }
    }
    return sections;
}
