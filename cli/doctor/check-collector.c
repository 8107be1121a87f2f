/* SPDX-License-Identifier: MIT */

/* Collectors: can phoenixd post to those of the specs, and who may post to the one of this machine.
 */

#include <inttypes.h>

#include "cli/doctor/checks.h"
#include "cli/doctor/mend.h"
#include "spec/collector.h"

#define SOCKET  "phoenix-collector.socket"
#define SERVICE "phoenix-collector.service"

/* ---- libcurl ---- */

void check_libcurl(Doctor *doctor)
{
    if (!doctor->machine->no_libcurl) {
        doctor_add_ok(doctor, "can be loaded");
        return;
    }
    doctor_add_lack(doctor, "cannot be loaded: %s", doctor->machine->no_libcurl);
    doctor_add_meaning(doctor, "phoenixd posts nothing to collectors and tells no URL of failures, "
                               "and https and grpc checks fail, as do those of hosts by name.");
    doctor_add_services_needing(doctor, NEED_CURL);
    mend_by_package(doctor, PACKAGE_CURL);
}

/* ---- posting ---- */

static bool is_user(const Doctor *doctor)
{
    return doctor->machine->scope == SPEC_SCOPE_USER;
}

/* Where drop-ins, and files that are secret, of this manager are. */
static char *config_folder(const Doctor *doctor, const char *system, const char *user)
{
    _cleanup_free_ char *folder = is_user(doctor)
                                      ? text_printf("%s/.config/%s", doctor->machine->home, user)
                                      : strdup(system);

    return folder ? mend_quote(folder) : NULL;
}

/* A drop-in with a credential, and a restart by which it counts. */
static void mend_by_credential(Doctor *doctor, const char *service, const char *credential,
                               const char *file)
{
    _cleanup_free_ char *folder = config_folder(doctor, "/etc/systemd/system", "systemd/user");

    if (!folder)
        return;
    doctor_add_mend(doctor,
                    "mkdir -p %s/%s.d && printf '[Service]\\nLoadCredential=%s:%%s\\n' %s "
                    ">%s/%s.d/60-%s.conf && %s daemon-reload && %s try-restart %s",
                    folder, service, credential, file, folder, service, credential,
                    mend_systemctl(doctor), mend_systemctl(doctor), service);
}

static void mend_token(Doctor *doctor, const char *token)
{
    _cleanup_free_ char *folder = config_folder(doctor, "/etc/phoenix", "phoenix");
    const char *name = token && *token != '/' ? token : "collector-token";
    _cleanup_free_ char *quoted = token && *token == '/' ? mend_quote(token) : NULL;
    _cleanup_free_ char *own = folder ? text_printf("%s/%s", folder, name) : NULL;
    const char *file = quoted ? quoted : own;

    if (!file)
        return;
    doctor_add_mend(doctor,
                    "systemd-ask-password 'Token of the collector:' | install -D -m 600 /dev/stdin "
                    "%s",
                    file);
    if (!quoted)
        mend_by_credential(doctor, "phoenixd.service", name, file);
}

static bool is_here(const Posting *posting)
{
    return posting->url && streq(posting->url, SPEC_COLLECTOR_URL);
}

static void add_away(Doctor *doctor, const SpecCollector *spec, const Posting *posting)
{
    const Machine *machine = doctor->machine;
    bool token = strstr(posting->error, "token");

    doctor_add_lack(doctor, "%s takes nothing: %s", posting->name, posting->error);
    doctor_add_meaning(doctor,
                       "%" PRIu64 " batches wait on disk for %s, up to %s; then the oldest are "
                       "dropped.%s",
                       posting->waiting, posting->url, spec->spool.size,
                       token ? " The file with its token has to be one that phoenixd can read."
                             : "");
    doctor_add_service(doctor, posting->name);
    if (token)
        mend_token(doctor, spec->token);
    else if (is_here(posting) && machine->collector.installed)
        doctor_add_mend(doctor, "%s %s " SOCKET, mend_systemctl(doctor),
                        machine->collector.listens ? "restart " SERVICE : "enable --now");
}

/* What is lost is lost; that no more is, is a matter of the spec. */
static void add_dropping(Doctor *doctor, const SpecEntry *entry, const Posting *posting)
{
    _cleanup_free_ char *path = mend_quote(entry->file.path);

    doctor_add_warning(doctor, "%s: %" PRIu64 " batches were dropped, %" PRIu64 " refused",
                       posting->name, posting->dropped, posting->refused);
    doctor_add_meaning(doctor,
                       "More waited than the spool holds (%s), or longer than it keeps it, or the "
                       "collector refused it; the numbers are those since phoenixd was started. "
                       "More room is a matter of the spec: \"spool\": \"1G\".",
                       entry->spec->collector.spool.size);
    doctor_add_service(doctor, posting->name);
    if (path)
        doctor_add_mend(doctor, "${EDITOR:-vi} %s && %s daemon-reload", path,
                        mend_systemctl(doctor));
}

static void add_unknown(Doctor *doctor, const SpecEntry *entry)
{
    doctor_add_warning(doctor, "%s is not posted to yet", entry->unit);
    doctor_add_meaning(doctor, "phoenixd learns of it with the next reload.");
    doctor_add_service(doctor, entry->unit);
    doctor_add_mend(doctor, "%s daemon-reload && %s start phoenixd.service", mend_systemctl(doctor),
                    mend_systemctl(doctor));
}

/* Whether there was something to say. */
static bool check_posting(Doctor *doctor, const SpecEntry *entry)
{
    const Posting *posting = postings_find(&doctor->machine->supervision.postings, entry->unit);

    if (!posting)
        add_unknown(doctor, entry);
    else if (posting->away)
        add_away(doctor, &entry->spec->collector, posting);
    if (posting && posting->dropped + posting->refused > 0)
        add_dropping(doctor, entry, posting);
    return !posting || posting->away || posting->dropped + posting->refused > 0;
}

void check_posting_to_collectors(Doctor *doctor)
{
    const SpecEntry *entry;
    size_t n = 0, bad = 0;

    for (size_t i = 0; doctor->machine->has_supervision && (entry = doctor_next(doctor, &i));) {
        if (entry->fate != SPEC_FATE_COLLECTOR)
            continue;
        n++;
        bad += check_posting(doctor, entry);
    }
    if (bad > 0)
        return;
    if (n > 0)
        doctor_add_ok(doctor, "%zu collector%s what is posted", n, n == 1 ? " takes" : "s take");
    else if (doctor->needs & NEED_COLLECTOR)
        doctor_add_ok(doctor, "not known, as phoenixd was not asked");
    else
        doctor_add_ok(doctor, "no spec posts to one");
}

/* ---- the collector here ---- */

void check_collector_here(Doctor *doctor)
{
    const CollectorHere *here = &doctor->machine->collector;
    _cleanup_free_ char *folder = config_folder(doctor, "/etc/phoenix", "phoenix");
    _cleanup_free_ char *file = folder ? text_printf("%s/own-collector-token", folder) : NULL;

    if (!here->installed) {
        doctor_add_ok(doctor, "not installed");
    } else if (!here->open) {
        doctor_add_ok(doctor, here->listens ? "listens for this machine only" : "not started");
    } else if (here->has_token) {
        doctor_add_ok(doctor, "listens on %s, and wants a token", here->open);
    } else if (file) {
        doctor_add_warning(doctor, "listens on %s, and has no token", here->open);
        doctor_add_meaning(doctor, "Whoever reaches that address can post to it. The commands give "
                                   "it a token; each host that posts needs the same one.");
        doctor_add_mend(doctor,
                        "head -c 32 /dev/urandom | base64 | install -D -m 600 /dev/stdin %s", file);
        mend_by_credential(doctor, SERVICE, "token", file);
    }
}
