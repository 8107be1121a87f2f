/* SPDX-License-Identifier: MIT */
/*
 * The rules of notifications. The last attempts are kept in one small ring: as many as the window
 * admits, so the oldest of a full ring is what the next one has to wait for, and nothing that still
 * holds back its own kind can have fallen out.
 */
#include "supervisor/daemon/notify/notify-policy.h"

#include <assert.h>

#include "base/macros.h"

const NotifyRules notify_rules = {
    .same_usec = USEC_PER_MINUTE,
    .window_usec = USEC_PER_MINUTE,
    .window_max = NOTIFY_WINDOW_MAX,
    .parallel = 8,
    .retry_first_usec = USEC_PER_SEC,
    .retry_max_usec = 15 * USEC_PER_MINUTE,
    .give_up_usec = USEC_PER_DAY,
    .n_max = 256,
    .size_max = (size_t)1024 * 1024,
};

static const char *const words[_NOTIFY_KIND_MAX] = {
    [NOTIFY_UNHEALTHY] = "unhealthy",
    [NOTIFY_RESTARTED] = "restarted",
    [NOTIFY_HELD] = "held",
    [NOTIFY_RECOVERED] = "recovered",
};

const char *notify_kind_word(NotifyKind kind)
{
    assert(kind >= 0 && kind < _NOTIFY_KIND_MAX);
    return words[kind];
}

int notify_kind_from_word(const char *word)
{
    for (int kind = 0; word && kind < _NOTIFY_KIND_MAX; kind++)
        if (streq(words[kind], word))
            return kind;
    return -1;
}

int notify_kind_of_event(const Event *event)
{
    if (!event->service)
        return -1;
    switch (event->kind) {
    case EVENT_UNHEALTHY:
    case EVENT_START_FAILED:
        return NOTIFY_UNHEALTHY;
    case EVENT_RESTARTED:
        return NOTIFY_RESTARTED;
    case EVENT_HELD:
        return NOTIFY_HELD;
    case EVENT_RECOVERED:
        /* A check that failed once and passes again: nobody was told that anything was wrong. */
        return event->before == HEALTH_FAILING ? -1 : NOTIFY_RECOVERED;
    default:
        return -1;
    }
}

NotifyVerdict notify_http_verdict(long status)
{
    if (status >= 200 && status < 300)
        return NOTIFY_DELIVERED;
    if (status >= 400 && status < 500 && status != 408 && status != 429)
        return NOTIFY_REFUSED;
    return NOTIFY_RETRY;
}

uint64_t notify_retry_delay(const NotifyRules *rules, uint32_t attempts, uint64_t random)
{
    uint64_t delay = rules->retry_first_usec;

    for (uint32_t i = 1; i < attempts && delay < rules->retry_max_usec; i++)
        delay *= 2;
    delay = MIN(delay, rules->retry_max_usec);
    return delay - delay / 10 + random % (delay / 5 + 1);
}

uint64_t notify_rate_at(const NotifyRate *rate, const NotifyRules *rules, const char *service,
                        int key, uint64_t now_usec)
{
    uint64_t at = now_usec;

    if (rate->n == rules->window_max)
        at = MAX(at, rate->sent[rate->next].at_usec + rules->window_usec);
    for (size_t i = 0; key >= 0 && i < rate->n; i++) {
        const struct NotifySent *sent = &rate->sent[i];

        if (sent->key == key && streq(sent->service, service))
            at = MAX(at, sent->at_usec + rules->same_usec);
    }
    return at;
}

void notify_rate_take(NotifyRate *rate, const NotifyRules *rules, const char *service, int key,
                      uint64_t now_usec)
{
    struct NotifySent *sent = &rate->sent[rate->next];

    assert(rules->window_max >= 1 && rules->window_max <= NOTIFY_WINDOW_MAX);
    assert(strlen(service) <= SPEC_NAME_MAX);

    sent->at_usec = now_usec;
    sent->key = key;
    memcpy(sent->service, service, strlen(service) + 1);
    rate->next = (rate->next + 1) % rules->window_max;
    rate->n = MIN(rate->n + 1, rules->window_max);
}
