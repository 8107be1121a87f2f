/* SPDX-License-Identifier: MIT */
/*
 * The questions behind engines.h. An engine is started by its socket and may take a second to
 * answer; nothing here waits for it.
 */
#include "supervisor/daemon/reaper/engines.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "base/macros.h"
#include "engine/call.h"
#include "supervisor/daemon/source.h"

/* One that does not answer is left alone for a while. */
#define AGAIN_USEC (30 * USEC_PER_SEC)

typedef struct Asked {
    Engines *engines;
    EngineKind kind;
    char *path;
    EngineCall *call; /* NULL: none under way */
    sd_event_source *io, *timer;
    EngineBookListing listing;
    ReapLook *look;      /* of the last question */
    uint64_t again_usec; /* CLOCK_MONOTONIC: not before */
    bool mute;           /* it does not answer, and that was said */
} Asked;

struct Engines {
    sd_event *event;
    uid_t manager;
    engines_done_t done;
    void *userdata;
    EngineBook book;
    Asked asked[_ENGINE_KIND_MAX];
};

static void hang_up(Asked *asked)
{
    asked->io = sd_event_source_disable_unref(asked->io);
    asked->timer = sd_event_source_disable_unref(asked->timer);
    asked->call = engine_call_free(asked->call);
    engine_book_listing_done(&asked->listing);
}

int engines_new(const EnginesSetup *setup, Engines **ret)
{
    Engines *engines = calloc(1, sizeof(Engines));

    assert(setup && setup->event && setup->done && ret);

    if (!engines)
        return -ENOMEM;
    engines->event = sd_event_ref(setup->event);
    engines->manager = setup->manager;
    engines->done = setup->done;
    engines->userdata = setup->userdata;
    for (size_t i = 0; i < _ENGINE_KIND_MAX; i++) {
        const char *path = setup->sockets[i];
        engines->asked[i] = (Asked){.engines = engines, .kind = (EngineKind)i};
        engines->asked[i].path = path ? strdup(path) : NULL;
        if (path && !engines->asked[i].path) {
            engines_free(engines);
            return -ENOMEM;
        }
    }
    *ret = engines;
    return 0;
}

Engines *engines_free(Engines *engines)
{
    if (!engines)
        return NULL;
    for (size_t i = 0; i < _ENGINE_KIND_MAX; i++) {
        hang_up(&engines->asked[i]);
        free(engines->asked[i].path);
    }
    engine_book_done(&engines->book);
    sd_event_unref(engines->event);
    free(engines);
    return NULL;
}

bool engines_are_asked(const Engines *engines)
{
    for (size_t i = 0; i < _ENGINE_KIND_MAX; i++)
        if (engines->asked[i].call)
            return true;
    return false;
}

static uint64_t now_usec(const Engines *engines)
{
    return loop_now(engines->event, CLOCK_MONOTONIC);
}

/* Said once, until it answers again. */
static void fail(Asked *asked, int error, unsigned status)
{
    _cleanup_free_ char *why = engine_call_describe(error, status);

    asked->again_usec = now_usec(asked->engines) + AGAIN_USEC;
    if (!asked->mute)
        log_warning("%s cannot be asked for labels and names of its containers, so policies that "
                    "go by them leave them alone: %s: %s",
                    engine_kind_word(asked->kind), asked->path ? asked->path : "no socket",
                    why ? why : "?");
    asked->mute = true;
}

/* Those that run and were not listed. */
static void note_misses(Asked *asked)
{
    Engines *engines = asked->engines;

    for (size_t i = 0; asked->look && i < asked->look->sysinfo.n_containers; i++) {
        const SysinfoContainer *info = &asked->look->sysinfo.containers[i];
        if (reap_engine_of(info) == asked->kind && info->manager == engines->manager &&
            !engine_book_find(&engines->book, info->id))
            engine_book_miss(&engines->book, info->id, now_usec(engines));
    }
}

/* The last thing done with a question. */
static void finish(Asked *asked, int error)
{
    Engines *engines = asked->engines;
    unsigned status = engine_call_status(asked->call);

    if (error >= 0)
        error = engine_book_replace(&engines->book, asked->kind, &asked->listing);
    hang_up(asked);
    if (error < 0) {
        fail(asked, error, status);
    } else {
        if (asked->mute)
            log_info("%s answers again", engine_kind_word(asked->kind));
        asked->mute = false;
        note_misses(asked);
    }
    if (!engines_are_asked(engines))
        engines->done(engines->userdata);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    Asked *asked = userdata;
    int r = engine_call_step(asked->call);

    if (r != 0)
        finish(asked, r);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    finish(userdata, -ETIMEDOUT);
    return 0;
}

static int add_sources(Asked *asked)
{
    sd_event *event = asked->engines->event;
    int r = sd_event_add_io(event, &asked->io, engine_call_fd(asked->call), EPOLLIN, on_readable,
                            asked);

    if (r >= 0)
        r = sd_event_add_time_relative(event, &asked->timer, CLOCK_MONOTONIC, ENGINE_TIMEOUT_USEC,
                                       USEC_PER_SEC / 10, on_timer, asked);
    if (r < 0)
        return r;
    source_set(asked->io, "reaper-engine", PRIORITY_SERVICE);
    source_set(asked->timer, "reaper-engine-time", PRIORITY_SERVICE);
    return 0;
}

static void ask(Asked *asked, ReapLook *look)
{
    int r = asked->path
                ? engine_call_new(asked->path, engine_book_collect, &asked->listing, &asked->call)
                : -ENOENT;

    if (r >= 0)
        r = add_sources(asked);
    if (r < 0) {
        hang_up(asked);
        fail(asked, r, 0);
        return;
    }
    asked->look = look;
}

int engines_look_up(Engines *engines, ReapLook *look, bool labels)
{
    uint64_t now = now_usec(engines);

    int r = reap_look_up(look, &engines->book);
    if (r < 0)
        return r;
    for (size_t i = 0; i < _ENGINE_KIND_MAX; i++) {
        Asked *asked = &engines->asked[i];
        if (!asked->call && now >= asked->again_usec &&
            reap_look_wants(look, &engines->book, asked->kind, engines->manager, labels, now))
            ask(asked, look);
    }
    return engines_are_asked(engines);
}
