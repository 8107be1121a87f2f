/* SPDX-License-Identifier: MIT */

/* What phoenix-testy answers; see answer.h. */

#include "answer.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

static const char text_type[] = "text/plain; charset=utf-8";
static const char json_type[] = "application/json";

static const char *status_text(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 414:
        return "URI Too Long";
    case 503:
        return "Service Unavailable";
    default:
        return "Answer";
    }
}

static int finish(FILE *f, struct answer *answer)
{
    bool failed = ferror(f) != 0;

    if (fclose(f) == 0 && !failed)
        return 0;
    free(answer->body);
    answer->body = NULL;
    return -ENOMEM;
}

__attribute__((format(printf, 3, 4))) static int say(struct answer *answer, int status,
                                                     const char *format, ...)
{
    va_list ap;

    FILE *f = open_memstream(&answer->body, &answer->length);
    if (!f)
        return -ENOMEM;
    answer->status = status;
    answer->type = text_type;
    va_start(ap, format);
    vfprintf(f, format, ap);
    va_end(ap);
    return finish(f, answer);
}

static void host_name(char *ret, size_t size)
{
    if (gethostname(ret, size) < 0)
        snprintf(ret, size, "unknown");
    ret[size - 1] = '\0';
}

static int answer_root(const struct facts *facts, uint64_t now, struct answer *ret)
{
    uint64_t uptime = now - facts->start_usec;
    char host[HOST_NAME_MAX + 1];

    if (facts->body)
        return say(ret, 200, "%s\n", facts->body);
    host_name(host, sizeof(host));
    return say(ret, 200,
               "phoenix-testy %s\n"
               "pid: %d\n"
               "hostname: %s\n"
               "uptime: %" PRIu64 ".%03" PRIu64 " s\n"
               "requests: %" PRIu64 "\n"
               "beats: %" PRIu64 "\n",
               facts->name, getpid(), host, uptime / USEC_PER_SEC,
               uptime % USEC_PER_SEC / USEC_PER_MSEC, facts->requests, facts->beats);
}

static const char *json_bool(bool value)
{
    return value ? "true" : "false";
}

static int answer_status(const struct facts *facts, uint64_t now, struct answer *ret)
{
    const struct faults *faults = &facts->faults;
    char host[HOST_NAME_MAX + 1];

    FILE *f = open_memstream(&ret->body, &ret->length);
    if (!f)
        return -ENOMEM;
    ret->status = 200;
    ret->type = json_type;
    host_name(host, sizeof(host));
    fputs("{\"name\": ", f);
    print_json_string(f, facts->name);
    fprintf(f, ", \"pid\": %d, \"hostname\": ", getpid());
    print_json_string(f, host);
    fprintf(f,
            ", \"uptime_usec\": %" PRIu64 ", \"requests\": %" PRIu64
            ", \"connections\": %zu, \"beats\": %" PRIu64 ", \"beat_usec\": %" PRIu64
            ", \"watchdog_usec\": %" PRIu64,
            now - facts->start_usec, facts->requests, facts->connections, facts->beats,
            facts->beat_usec, facts->watchdog_usec);
    fprintf(f,
            ", \"ready\": %s, \"healthy\": %s, \"beating\": %s, \"ignores_sigterm\": %s, "
            "\"burning\": %s",
            json_bool(facts->ready), json_bool(!faults->unhealthy),
            json_bool(facts->beat_usec > 0 && !faults->beat_stopped),
            json_bool(faults->ignore_sigterm), json_bool(faults->burning));
    fprintf(f,
            ", \"slow_msec\": %" PRIu64 ", \"leak_mib_per_sec\": %" PRIu64
            ", \"leaked_bytes\": %" PRIu64 ", \"spam_lines_per_sec\": %" PRIu64 "}\n",
            faults->slow_usec / USEC_PER_MSEC, faults->leak_rate, faults->leaked_bytes,
            faults->spam_rate);
    return finish(f, ret);
}

static int answer_env(const char *name, struct answer *ret)
{
    const char *value = *name && !strchr(name, '=') ? getenv(name) : NULL;

    return value ? say(ret, 200, "%s\n", value) : say(ret, 404, "no such variable\n");
}

static int answer_command(struct facts *facts, const struct request *request, const char *name,
                          uint64_t now, struct answer *ret)
{
    struct command command;

    ret->is_prompt = true;
    int r = command_parse(name, request->query, &command);
    if (r == -ENOENT)
        return say(ret, 404, "no such command (see phoenix-testy --help)\n");
    if (r < 0)
        return say(ret, 400, "%s: argument missing, unexpected or out of range\n", name);
    const char *obstacle = faults_obstacle(command.kind);
    if (obstacle)
        return say(ret, 409, "%s: %s\n", name, obstacle);
    if (command_is_final(command.kind)) {
        ret->has_after = true;
        ret->after = command;
    } else {
        faults_set(&facts->faults, &command, now);
    }
    return say(ret, 200, "ok: %s\n", name);
}

int answer_request(struct facts *facts, const struct request *request, uint64_t now,
                   struct answer *ret)
{
    static const char env[] = "/env/", control[] = "/control/";
    const char *path = request->path;

    *ret = (struct answer){};
    facts->requests++;
    if (strcmp(path, "/") == 0)
        return answer_root(facts, now, ret);
    if (strcmp(path, "/health") == 0)
        return facts->faults.unhealthy ? say(ret, 503, "unhealthy\n") : say(ret, 200, "ok\n");
    if (strcmp(path, "/status") == 0)
        return answer_status(facts, now, ret);
    if (strncmp(path, env, strlen(env)) == 0)
        return answer_env(path + strlen(env), ret);
    if (strncmp(path, control, strlen(control)) == 0)
        return answer_command(facts, request, path + strlen(control), now, ret);
    return say(ret, 404, "no such page\n");
}

int answer_error(int error, struct answer *ret)
{
    *ret = (struct answer){.is_prompt = true};
    switch (error) {
    case -EOPNOTSUPP:
        return say(ret, 405, "only GET, HEAD and POST\n");
    case -ENAMETOOLONG:
        return say(ret, 414, "too long\n");
    case -EAGAIN:
        return say(ret, 408, "no whole request in time\n");
    default:
        return say(ret, 400, "not an HTTP/1 request\n");
    }
}

char *answer_to_response(const struct answer *answer, bool head_only, size_t *ret_length)
{
    char *response = NULL;

    FILE *f = open_memstream(&response, ret_length);
    if (!f)
        return NULL;
    fprintf(f, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", answer->status,
            status_text(answer->status), answer->type, answer->length);
    if (answer->status == 405)
        fputs("Allow: GET, HEAD, POST\r\n", f);
    fputs("Connection: close\r\n\r\n", f);
    if (!head_only)
        fwrite(answer->body, 1, answer->length, f);
    bool failed = ferror(f) != 0;
    if (fclose(f) != 0 || failed) {
        free(response);
        return NULL;
    }
    return response;
}
