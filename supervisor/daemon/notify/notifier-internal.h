/* SPDX-License-Identifier: MIT */
/* What the notifier's test may set. */
#pragma once

#include "supervisor/daemon/notify/notifier.h"
#include "supervisor/daemon/notify/notify-policy.h"

typedef struct NotifierSetup {
    sd_event *event;
    CurlLoop *curl;
    Units *units;
    Manager *manager;
    const char *folder; /* of the queue */
    bool user;
    notifier_spec_t spec;
    void *userdata;
    const NotifyRules *rules; /* borrowed */
} NotifierSetup;

int notifier_new_from(const NotifierSetup *setup, Notifier **ret);
