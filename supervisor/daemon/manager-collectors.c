/* SPDX-License-Identifier: MIT */
/* Who is told how this host fares: a poster for each collector of the plans. */
#include <errno.h>
#include <limits.h>
#include <pwd.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/size.h"
#include "base/text.h"
#include "supervisor/daemon/manager-internal.h"

/* For the end of the thread, when phoenixd ends: a disk that hangs is not waited for. */
#define THREAD_END_USEC USEC_PER_SEC
/* For the last batch; what is left is posted by the next phoenixd. */
#define FINISH_USEC (3 * USEC_PER_SEC)

static void on_event(const Event *event, void *userdata)
{
    Manager *manager = userdata;

    for (size_t i = 0; i < manager->n_posters; i++)
        poster_tell(manager->posters[i], event);
}

/* Once: nobody can be taken off the list of listeners. */
static int listen_to_events(Manager *manager)
{
    int r = manager->posters_listen ? 0 : events_listen(manager->context.events, on_event, manager);

    manager->posters_listen = manager->posters_listen || r >= 0;
    return r;
}

/* The users of a machine have services of the same names as the machine, and as each other. */
static char *default_host(bool user)
{
    char host[HOST_NAME_MAX + 1] = "";
    const struct passwd *pw = user ? getpwuid(getuid()) : NULL;

    if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
        strcpy(host, "localhost");
    return pw ? text_printf("%s@%s", pw->pw_name, host) : strdup(host);
}

static Poster *find(const Manager *manager, const char *name)
{
    for (size_t i = 0; i < manager->n_posters; i++)
        if (streq(poster_name(manager->posters[i]), name))
            return manager->posters[i];
    return NULL;
}

static bool is_wanted(const char *name, Spec *const *specs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (streq(specs[i]->name, name))
            return true;
    return false;
}

/* ---- those that go ---- */

/* What a person who ends something looks for: is all of it there? */
static void say_end(Poster *poster)
{
    CollectorView view;

    poster_view(poster, &view);
    if (view.waiting == 0)
        log_info("%s: the last record is stored by the collector", view.name);
    else
        log_notice("%s: the collector has not stored the last record yet; batches that wait on "
                   "disk: %zu",
                   view.name, (size_t)view.waiting);
}

static void drop_leaving(Manager *manager, size_t i)
{
    poster_free(manager->leaving[i], 0);
    manager->leaving[i] = manager->leaving[--manager->n_leaving];
}

static void one_finished(Manager *manager)
{
    if (manager->stop_timer && --manager->n_finishing == 0)
        (void)sd_event_exit(manager->event, 0);
}

static void on_left(Poster *poster, void *userdata)
{
    Manager *manager = userdata;

    say_end(poster);
    for (size_t i = 0; i < manager->n_leaving; i++)
        if (manager->leaving[i] == poster) {
            drop_leaving(manager, i);
            break;
        }
    one_finished(manager);
}

/* Its spool is to be the next one's, at once. */
static void drop_leaving_named(Manager *manager, const char *name)
{
    for (size_t i = manager->n_leaving; i > 0; i--)
        if (streq(poster_name(manager->leaving[i - 1]), name))
            drop_leaving(manager, i - 1);
}

static void leave(Manager *manager, Poster *poster)
{
    Poster **grown =
        reallocarray(manager->leaving, manager->n_leaving + 1, sizeof(*manager->leaving));

    if (!grown) {
        poster_free(poster, 0);
        return;
    }
    manager->leaving = grown;
    grown[manager->n_leaving++] = poster;
    poster_finish(poster, on_left, manager);
}

static void remove_others(Manager *manager, Spec *const *specs, size_t n)
{
    size_t left = 0;

    for (size_t i = 0; i < manager->n_posters; i++) {
        Poster *poster = manager->posters[i];
        if (is_wanted(poster_name(poster), specs, n))
            manager->posters[left++] = poster;
        else
            leave(manager, poster);
    }
    manager->n_posters = left;
    if (left == 0)
        free(TAKE_PTR(manager->posters));
}

/* ---- those that are wanted ---- */

static int add(Manager *manager, const PosterConfig *config)
{
    const PosterSetup setup = {
        .event = manager->event,
        .curl = manager->context.probes.curl,
        .manager = manager,
        .state_folder = manager->state_folder,
    };
    Poster **grown =
        reallocarray(manager->posters, manager->n_posters + 1, sizeof(*manager->posters));

    if (!grown)
        return -ENOMEM;
    manager->posters = grown;
    drop_leaving_named(manager, config->name);
    int r = listen_to_events(manager);
    if (r >= 0)
        r = poster_new(&setup, config, &grown[manager->n_posters]);
    if (r >= 0)
        manager->n_posters++;
    return r;
}

static int set(Manager *manager, const Spec *spec)
{
    const SpecCollector *collector = &spec->collector;
    _cleanup_free_ char *host =
        collector->host ? strdup(collector->host) : default_host(manager->user);
    Poster *poster = find(manager, spec->name);
    PosterConfig config = {
        .name = spec->name,
        .url = collector->url,
        .host = host,
        .token = collector->token,
        .ca = collector->ca,
        .interval_usec = collector->interval_usec,
        .spool_age_usec = collector->spool.age_usec,
    };

    if (!host)
        return -ENOMEM;
    int r = size_parse(collector->spool.size, &config.spool_bytes);
    if (r < 0)
        return r;
    return poster ? poster_configure(poster, &config) : add(manager, &config);
}

void manager_set_collectors(Manager *manager, Spec *const *specs, size_t n)
{
    remove_others(manager, specs, n);
    for (size_t i = 0; i < n; i++) {
        int r = set(manager, specs[i]);
        if (r < 0)
            log_error("%s: nothing can be posted to this collector: %s", specs[i]->name,
                      strerror(-r));
    }
}

void manager_free_collectors(Manager *manager)
{
    for (size_t i = 0; i < manager->n_posters; i++)
        poster_free(manager->posters[i], THREAD_END_USEC);
    while (manager->n_leaving > 0)
        drop_leaving(manager, manager->n_leaving - 1);
    free(manager->posters);
    free(manager->leaving);
    sd_event_source_disable_unref(manager->stop_timer);
    manager->posters = NULL;
    manager->n_posters = 0;
}

/* ---- the end ---- */

static void on_finished(Poster *poster, void *userdata)
{
    say_end(poster);
    one_finished(userdata);
}

static int on_stop_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    Manager *manager = userdata;

    log_notice("Not every collector has answered in time; what it has not taken is kept on disk");
    return sd_event_exit(manager->event, 0);
}

/* Services are supervised up to the end. Who asks a second time does not want to wait. */
void manager_stop(Manager *manager)
{
    size_t n = manager->n_posters + manager->n_leaving;

    if (n == 0 || manager->stop_timer ||
        sd_event_add_time_relative(manager->event, &manager->stop_timer, CLOCK_MONOTONIC,
                                   FINISH_USEC, 0, on_stop_timer, manager) < 0) {
        (void)sd_event_exit(manager->event, 0);
        return;
    }
    (void)sd_event_source_set_description(manager->stop_timer, "stop");
    log_info("Ending: the last record goes to %zu collector%s", n, n == 1 ? "" : "s");
    manager->n_finishing = n;
    for (size_t i = 0; i < manager->n_posters; i++)
        poster_finish(manager->posters[i], on_finished, manager);
}

size_t manager_n_collectors(Manager *manager)
{
    return manager->n_posters;
}

void manager_view_collector(Manager *manager, size_t i, CollectorView *ret)
{
    poster_view(manager->posters[i], ret);
}
