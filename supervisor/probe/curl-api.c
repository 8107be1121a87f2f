/* SPDX-License-Identifier: MIT */
/* libcurl by dlopen(3); see curl-api.h. */
#include "supervisor/probe/curl-api.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/text.h"

/* Tells those who make packages what no linker sees: "Dlopen metadata for ELF files",
 * https://uapi-group.org/specifications/specs/elf_dlopen_metadata/ */
#define NOTE_VENDOR "FDO"
#define NOTE_TYPE   UINT32_C(0x407c0c0a)
#define NOTE_TEXT                                                                                  \
    "[{\"feature\":\"curl\",\"description\":\"https and grpc checks, checks of hosts by name, "    \
    "webhooks\",\"priority\":\"recommended\",\"soname\":[\"" CURL_SONAME "\"]}]"

__attribute__((used, section(".note.dlopen"), aligned(4))) static const struct {
    uint32_t vendor_size, text_size, type;
    char vendor[sizeof(NOTE_VENDOR)];
    char text[sizeof(NOTE_TEXT)] __attribute__((aligned(4)));
} dlopen_note = {
    .vendor_size = sizeof(NOTE_VENDOR),
    .text_size = sizeof(NOTE_TEXT),
    .type = NOTE_TYPE,
    .vendor = NOTE_VENDOR,
    .text = NOTE_TEXT,
};

typedef struct Symbol {
    const char *name;
    size_t offset; /* of the pointer in the table */
} Symbol;

#define SYMBOL(name)                                                                               \
    {                                                                                              \
        "curl_" #name, offsetof(CurlApi, name)                                                     \
    }

static const Symbol symbols[] = {
    SYMBOL(global_init),   SYMBOL(global_cleanup),      SYMBOL(free),
    SYMBOL(getdate),       SYMBOL(easy_init),           SYMBOL(easy_cleanup),
    SYMBOL(easy_reset),    SYMBOL(easy_setopt),         SYMBOL(easy_getinfo),
    SYMBOL(easy_strerror), SYMBOL(multi_init),          SYMBOL(multi_cleanup),
    SYMBOL(multi_setopt),  SYMBOL(multi_add_handle),    SYMBOL(multi_remove_handle),
    SYMBOL(multi_assign),  SYMBOL(multi_socket_action), SYMBOL(multi_info_read),
    SYMBOL(url),           SYMBOL(url_cleanup),         SYMBOL(url_set),
    SYMBOL(url_get),
};

/* A pointer that was forgotten here would be called as NULL. */
static_assert(ELEMENTSOF(symbols) ==
                  (sizeof(CurlApi) - offsetof(CurlApi, global_init)) / sizeof(void *),
              "each pointer of the table has its symbol");

/* What dlerror(3) says begins with the name again, when it is about the library itself. */
static char *say_why(const char *soname)
{
    const char *words = dlerror();
    size_t n = strlen(soname);

    if (words && strncmp(words, soname, n) == 0 && strncmp(words + n, ": ", 2) == 0)
        words += n + 2;
    return text_printf("%s cannot be loaded: %s", soname, words ? words : "unknown error");
}

static bool find_symbols(CurlApi *api)
{
    for (size_t i = 0; i < ELEMENTSOF(symbols); i++) {
        void *found = dlsym(api->library, symbols[i].name);

        if (!found)
            return false;
        memcpy((char *)api + symbols[i].offset, &found, sizeof(found));
    }
    return true;
}

static void drop(CurlApi *api)
{
    if (api->library)
        dlclose(api->library);
    *api = (CurlApi){0};
}

int curl_api_load(CurlApi *api, const char *soname, char **ret_why)
{
    assert(api && !api->library && soname && ret_why);

    CurlApi loaded = {.library = dlopen(soname, RTLD_NOW | RTLD_NODELETE)};
    if (!loaded.library || !find_symbols(&loaded)) {
        char *why = say_why(soname);

        drop(&loaded);
        if (!why)
            return -ENOMEM;
        *ret_why = why;
        return -ELIBACC;
    }
    if (loaded.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        drop(&loaded);
        return -ENOMEM;
    }
    *api = loaded;
    return 0;
}

void curl_api_unload(CurlApi *api)
{
    if (api->library)
        api->global_cleanup();
    drop(api);
}
