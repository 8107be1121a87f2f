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

typedef struct Credential {
    const char *name, *file; /* file: quoted */
} Credential;

/* A drop-in with credentials, named after the first, and a restart by which they count. */
static void mend_by_credentials(Doctor *doctor, const char *service, const Credential *items,
                                size_t n)
{
    _cleanup_free_ char *folder = config_folder(doctor, "/etc/systemd/system", "systemd/user");
    _cleanup_text_ Text lines = {0}, files = {0};

    for (size_t i = 0; i < n; i++) {
        text_addf(&lines, "\\nLoadCredential=%s:%%s", items[i].name);
        text_addf(&files, " %s", items[i].file);
    }
    if (!folder || lines.error < 0 || files.error < 0)
        return;
    doctor_add_mend(doctor,
                    "mkdir -p %s/%s.d && printf '[Service]%s\\n'%s >%s/%s.d/60-%s.conf && "
                    "%s daemon-reload && %s try-restart %s",
                    folder, service, lines.data, files.data, folder, service, items[0].name,
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
        mend_by_credentials(doctor, "phoenixd.service", &(Credential){name, file}, 1);
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

static void mend_open(Doctor *doctor, const char *folder)
{
    const CollectorHere *here = &doctor->machine->collector;
    _cleanup_free_ char *token = text_printf("%s/own-collector-token", folder);
    _cleanup_free_ char *certificate = text_printf("%s/own-collector.pem", folder);
    _cleanup_free_ char *key = text_printf("%s/own-collector.key", folder);
    Credential credentials[3];
    size_t n = 0;

    if (!token || !certificate || !key)
        return;
    if (!here->has_token && !here->without_token) {
        doctor_add_mend(
            doctor, "head -c 32 /dev/urandom | base64 | install -D -m 600 /dev/stdin %s", token);
        credentials[n++] = (Credential){"token", token};
    }
    if (!here->has_tls && !here->without_tls) {
        doctor_add_mend(doctor,
                        "mkdir -p %s && openssl req -x509 -newkey ec "
                        "-pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 "
                        "-subj \"/CN=$(hostname)\" -addext \"subjectAltName=DNS:$(hostname)\" "
                        "-keyout %s -out %s",
                        folder, key, certificate);
        credentials[n++] = (Credential){"tls-cert", certificate};
        credentials[n++] = (Credential){"tls-key", key};
    }
    mend_by_credentials(doctor, SERVICE, credentials, n);
}

static void add_open(Doctor *doctor, const char *lacks)
{
    const CollectorHere *here = &doctor->machine->collector;
    _cleanup_free_ char *folder = config_folder(doctor, "/etc/phoenix", "phoenix");

    doctor_add_lack(doctor, "is to listen on %s, but has %s", here->open, lacks);
    doctor_add_meaning(doctor, "Other machines reach that address, so it does not start. The "
                               "commands make what it lacks; a certificate that it signs itself "
                               "goes to each host that posts, as \"ca\", and so does the token. "
                               "See OTHER MACHINES in phoenix-collector(8).");
    doctor_add_services_needing(doctor, NEED_COLLECTOR);
    if (folder)
        mend_open(doctor, folder);
}

void check_collector_here(Doctor *doctor)
{
    const CollectorHere *here = &doctor->machine->collector;
    bool token = here->has_token || here->without_token, tls = here->has_tls || here->without_tls;

    if (!here->installed)
        doctor_add_ok(doctor, "not installed");
    else if (!here->open)
        doctor_add_ok(doctor, here->listens ? "listens for this machine only" : "not started");
    else if (!token || !tls)
        add_open(doctor, token ? "no TLS" : tls ? "no token" : "neither a token nor TLS");
    else
        doctor_add_ok(doctor, "listens on %s, with%s a token, with%s TLS", here->open,
                      here->has_token ? "" : "out", here->has_tls ? "" : "out");
}
