/* SPDX-License-Identifier: MIT */

/* Reading, extending and writing the ledger. */

#include "cli/update/ledger.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/strv.h"
#include "base/text.h"
#include "cli/print/json.h"

#define FOLDER_MODE 0755
#define FILE_MODE   0644
/* Whoever can open it can keep updates from being made. */
#define LOCK_MODE       0600
#define LEDGER_SIZE_MAX (256U * 1024U)
#define REASON_MAX      400U
#define DIGEST_PREFIX   "sha256:"
#define WORD_LENGTH_MIN 4U /* of a digest's beginning: less is a number */

static const char *const result_words[] = {
    [LEDGER_PENDING] = "pending",
    [LEDGER_HEALTHY] = "healthy",
    [LEDGER_FAILED] = "rolled back",
    [LEDGER_UNTRIED] = "untried",
};
static_assert(ELEMENTSOF(result_words) == _LEDGER_RESULT_MAX, "a word for every result");

static const char *const who_words[] = {
    [LEDGER_UPDATE] = "update",
    [LEDGER_ROLLBACK] = "rollback",
    [LEDGER_AUTO_UPDATE] = "auto-update",
    [LEDGER_START] = "start",
};
static_assert(ELEMENTSOF(who_words) == _LEDGER_WHO_MAX, "a word for everybody");

const char *ledger_result_word(LedgerResult result)
{
    return result_words[result];
}

const char *ledger_who_word(LedgerWho who)
{
    return who_words[who];
}

static void entry_done(LedgerEntry *entry)
{
    free(entry->reference);
    free(entry->digest);
    free(entry->image);
    free(entry->reason);
    *entry = (LedgerEntry){0};
}
#define _cleanup_entry_ _cleanup_(entry_done)

void ledger_done(Ledger *ledger)
{
    for (size_t i = 0; i < ledger->n; i++)
        entry_done(&ledger->items[i]);
    free(ledger->items);
    free(ledger->path);
    *ledger = (Ledger){0};
}

/* "_updates" can be the state folder of no service: their names begin with a letter or a digit. */
static char *make_path(SpecScope scope, const char *name, const char *suffix)
{
    const char *given = getenv("PHOENIX_UPDATES_DIR"), *state = getenv("XDG_STATE_HOME"),
               *home = getenv("HOME");

    if (given && *given)
        return text_printf("%s/%s%s", given, name, suffix);
    if (scope == SPEC_SCOPE_SYSTEM)
        return text_printf("/var/lib/phoenix/_updates/%s%s", name, suffix);
    if (state && *state)
        return text_printf("%s/phoenix/_updates/%s%s", state, name, suffix);
    return text_printf("%s/.local/state/phoenix/_updates/%s%s", home ? home : "", name, suffix);
}

static int make_folder_of(const char *path)
{
    _cleanup_free_ char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));

    return folder ? dir_make(folder, FOLDER_MODE) : -ENOMEM;
}

/* ---- reading ---- */

static int find_word(const char *const *words, size_t n, const char *word)
{
    for (size_t i = 0; word && i < n; i++)
        if (streq(words[i], word))
            return (int)i;
    return -EINVAL;
}

static int take_string(json_t *object, const char *name, bool needed, char **ret)
{
    const char *value = json_string_value(json_object_get(object, name));

    if (!value)
        return needed ? -EINVAL : 0;
    *ret = strdup(value);
    return *ret ? 0 : -ENOMEM;
}

static int read_object(json_t *object, LedgerEntry *entry)
{
    json_int_t when = json_integer_value(json_object_get(object, "usec"));
    int result = find_word(result_words, ELEMENTSOF(result_words),
                           json_string_value(json_object_get(object, "result")));
    int who = find_word(who_words, ELEMENTSOF(who_words),
                        json_string_value(json_object_get(object, "who")));
    int r;

    if (when <= 0 || result < 0 || who < 0)
        return -EINVAL;
    entry->when_usec = (uint64_t)when;
    entry->result = (LedgerResult)result;
    entry->who = (LedgerWho)who;
    r = take_string(object, "reference", true, &entry->reference);
    if (r >= 0)
        r = take_string(object, "digest", true, &entry->digest);
    if (r >= 0 && strncmp(entry->digest, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) != 0)
        r = -EINVAL;
    if (r >= 0)
        r = take_string(object, "image", true, &entry->image);
    if (r >= 0)
        r = take_string(object, "reason", false, &entry->reason);
    return r;
}

static int append(Ledger *ledger, LedgerEntry *entry)
{
    LedgerEntry *items = reallocarray(ledger->items, ledger->n + 1, sizeof(*items));

    if (!items)
        return -ENOMEM;
    items[ledger->n++] = *entry;
    ledger->items = items;
    *entry = (LedgerEntry){0};
    return 0;
}

static int read_line(Ledger *ledger, const char *line)
{
    _cleanup_entry_ LedgerEntry entry = {0};
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    int r = object ? read_object(object, &entry) : -EINVAL;

    json_decref(object);
    return r < 0 ? r : append(ledger, &entry);
}

int ledger_load(SpecScope scope, const char *name, Ledger *ret)
{
    _cleanup_ledger_ Ledger ledger = {.path = make_path(scope, name, ".jsonl")};
    _cleanup_strv_free_ char **lines = NULL;
    _cleanup_free_ char *text = NULL;
    int r;

    if (!ledger.path)
        return -ENOMEM;
    r = file_read(AT_FDCWD, ledger.path, LEDGER_SIZE_MAX, &text, NULL);
    if (r < 0 && r != -ENOENT)
        return r;
    if (text && strv_split(text, "\n", &lines) < 0)
        return -ENOMEM;
    STRV_FOREACH (line, lines)
        if (read_line(&ledger, *line) == -ENOMEM)
            return -ENOMEM;
    *ret = ledger;
    ledger = (Ledger){0};
    return 0;
}

/* ---- writing ---- */

static void add_line(Text *t, const LedgerEntry *entry)
{
    text_add_char(t, '{');
    json_add_time(t, "time", entry->when_usec);
    json_add_number(t, "usec", entry->when_usec);
    json_add_string(t, "reference", entry->reference);
    json_add_string(t, "digest", entry->digest);
    json_add_string(t, "image", entry->image);
    json_add_string(t, "result", result_words[entry->result]);
    json_add_string(t, "reason", entry->reason);
    json_add_string(t, "who", who_words[entry->who]);
    text_add(t, "}\n");
}

static int save(const Ledger *ledger)
{
    _cleanup_text_ Text t = {0};
    int r;

    for (size_t i = 0; i < ledger->n; i++)
        add_line(&t, &ledger->items[i]);
    if (t.error < 0)
        return t.error;
    r = make_folder_of(ledger->path);
    if (r < 0)
        return r;
    return file_write_atomic(AT_FDCWD, ledger->path, t.data, t.size, FILE_MODE, true);
}

static void drop(Ledger *ledger, size_t i)
{
    entry_done(&ledger->items[i]);
    ledger->n--;
    memmove(&ledger->items[i], &ledger->items[i + 1], (ledger->n - i) * sizeof(*ledger->items));
}

/* However many updates have failed since, what an update and a rollback go back to stays. */
static void drop_oldest(Ledger *ledger)
{
    const LedgerEntry *good = ledger_last_good(ledger, NULL),
                      *before = good ? ledger_last_good(ledger, good->image) : NULL;

    for (size_t i = 0; i < ledger->n; i++)
        if (&ledger->items[i] != good && &ledger->items[i] != before) {
            drop(ledger, i);
            return;
        }
}

static int copy(char **ret, const char *s)
{
    *ret = s ? strdup(s) : NULL;
    return s && !*ret ? -ENOMEM : 0;
}

static int copy_reason(char **ret, const char *reason)
{
    _cleanup_text_ Text t = {0};

    if (!reason)
        return 0;
    text_add(&t, reason);
    text_shorten(&t, REASON_MAX);
    return text_take(&t, ret);
}

int ledger_add(Ledger *ledger, const LedgerEntry *entry)
{
    _cleanup_entry_ LedgerEntry own = {
        .when_usec = entry->when_usec, .result = entry->result, .who = entry->who};
    int r;

    r = copy(&own.reference, entry->reference);
    if (r >= 0)
        r = copy(&own.digest, entry->digest);
    if (r >= 0)
        r = copy(&own.image, entry->image);
    if (r >= 0)
        r = copy_reason(&own.reason, entry->reason);
    if (r >= 0)
        r = append(ledger, &own);
    if (r < 0)
        return r;
    while (ledger->n > LEDGER_MAX)
        drop_oldest(ledger);
    r = save(ledger);
    if (r < 0)
        drop(ledger, ledger->n - 1);
    return r;
}

int ledger_settle(Ledger *ledger, LedgerResult result, const char *reason)
{
    LedgerEntry *last = ledger->n > 0 ? &ledger->items[ledger->n - 1] : NULL;
    _cleanup_free_ char *text = NULL;
    int r;

    assert(last && last->result == LEDGER_PENDING);
    r = copy_reason(&text, reason);
    if (r < 0)
        return r;
    last->result = result;
    last->reason = TAKE_PTR(text);
    return save(ledger);
}

/* ---- searching ---- */

const LedgerEntry *ledger_last_good(const Ledger *ledger, const char *except_image)
{
    for (size_t i = ledger->n; i > 0; i--) {
        const LedgerEntry *entry = &ledger->items[i - 1];

        if (entry->result == LEDGER_HEALTHY && !(except_image && streq(entry->image, except_image)))
            return entry;
    }
    return NULL;
}

static const LedgerEntry *find_number(const Ledger *ledger, const char *word)
{
    unsigned long n = strtoul(word, NULL, 10);

    return n >= 1 && n <= ledger->n ? &ledger->items[ledger->n - n] : NULL;
}

const LedgerEntry *ledger_find(const Ledger *ledger, const char *word)
{
    const LedgerEntry *found = NULL;
    size_t n;

    if (strlen(word) < WORD_LENGTH_MIN && word[strspn(word, "0123456789")] == '\0')
        return find_number(ledger, word);
    if (strncmp(word, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) == 0)
        word += strlen(DIGEST_PREFIX);
    n = strlen(word);
    if (n < WORD_LENGTH_MIN)
        return NULL;
    for (size_t i = ledger->n; i > 0; i--) {
        const LedgerEntry *entry = &ledger->items[i - 1];

        if (strncmp(entry->digest + strlen(DIGEST_PREFIX), word, n) != 0)
            continue;
        if (found && !streq(found->digest, entry->digest))
            return NULL;
        if (!found)
            found = entry;
    }
    return found;
}

/* ---- the lock ---- */

/* A lock that was deleted meanwhile (ledger_forget()) would be shared with nobody. */
static bool is_there(int fd, const char *path)
{
    struct stat ours, there;

    return fstat(fd, &ours) >= 0 && stat(path, &there) >= 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

int ledger_lock(SpecScope scope, const char *name)
{
    _cleanup_free_ char *path = make_path(scope, name, ".lock");
    _cleanup_close_ int fd = -1;
    int r;

    if (!path)
        return -ENOMEM;
    r = make_folder_of(path);
    if (r < 0)
        return r;
    do {
        cleanup_close(&fd);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
            return -errno;
    } while (!is_there(fd, path));
    return TAKE_FD(fd);
}

int ledger_forget(SpecScope scope, const char *name)
{
    _cleanup_free_ char *path = make_path(scope, name, ".jsonl"),
                        *lock = make_path(scope, name, ".lock");

    if (!path || !lock)
        return -ENOMEM;
    int r = unlink(path) < 0 ? -errno : 1;
    if (r == -ENOENT)
        r = 0;
    if (r >= 0 && unlink(lock) < 0 && errno != ENOENT)
        r = -errno;
    return r;
}
