/* SPDX-License-Identifier: MIT */
/* What tests of the checks share; see test-fixture.h. */
#include "test-fixture.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/text.h"

#define PORTS_MAX 16

/* One server for all tests of a program. */
static struct {
    pid_t pid;
    int input; /* it ends with this */
    char folder[32], ca[64];
    struct {
        char name[32];
        int port;
    } ports[PORTS_MAX];
    size_t n_ports;
} server;

static void door_drop(FakeDoor *door)
{
    door->source = sd_event_source_disable_unref(door->source);
    door->done = NULL;
}

static int on_answer(sd_event_source *source, void *userdata)
{
    FakeDoor *door = userdata;
    DoorAnswer answer = door->answer;
    door_done_t done = door->done;

    answer.fd = -1;
    if (door->request.op == LEASE_OP_SOCKET && answer.error == 0) {
        answer.fd = door->answer.fd >= 0 ? dup(door->answer.fd)
                                         : socket(door->request.domain, SOCK_STREAM, 0);
        assert_true(answer.fd >= 0);
    }
    if (door->request.op == LEASE_OP_CONNECT && answer.error == 0)
        answer.fd = dup(0);
    void *done_userdata = door->userdata;
    door_drop(door);
    done(&answer, done_userdata);
    if (answer.fd >= 0)
        close(answer.fd);
    return 0;
}

static int door_request(Door *d, const DoorRequest *request, door_done_t done, void *userdata,
                        uint32_t *ret_id)
{
    FakeDoor *door = (FakeDoor *)d;

    if (door->refusal < 0)
        return door->refusal;
    assert_null(door->done);
    door->request = *request;
    door->done = done;
    door->userdata = userdata;
    *ret_id = ++door->n_requests;
    return door->silent ? 0 : sd_event_add_defer(door->event, &door->source, on_answer, door);
}

static void door_cancel(Door *d, uint32_t id)
{
    FakeDoor *door = (FakeDoor *)d;

    assert_int_equal(id, door->n_requests);
    assert_non_null(door->done);
    door->n_cancels++;
    door_drop(door);
}

static int door_shares_network(Door *d)
{
    return ((FakeDoor *)d)->shares;
}

int fixture_setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(sd_event_new(&f->context.event), 0);
    assert_int_equal(
        timers_new(f->context.event, "checks", SD_EVENT_PRIORITY_NORMAL, &f->context.timers), 0);
    assert_int_equal(
        ready_set_new(f->context.event, "sockets", SD_EVENT_PRIORITY_NORMAL, &f->context.sockets),
        0);
    assert_int_equal(curl_loop_new(f->context.event, &f->context.curl), 0);
    assert_int_equal(log_watch_new(f->context.event, false, &f->context.logs), 0);
    f->context.ca_file = server.ca;
    f->door = (FakeDoor){.door = {door_request, door_cancel, door_shares_network},
                         .event = f->context.event,
                         .answer.fd = -1};
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    Fixture *f = *state;

    probe_free(f->probe);
    door_drop(&f->door);
    log_watch_free(f->context.logs);
    curl_loop_free(f->context.curl);
    ready_set_free(f->context.sockets);
    timers_free(f->context.timers);
    sd_event_unref(f->context.event);
    free(f);
    return 0;
}

SpecProbe spec_of(int type, const char *port_name)
{
    static char path[] = "/", method[] = "GET", ok[] = "200", *status[] = {ok, NULL};

    return (SpecProbe){
        .type = type,
        .port = port_name ? server_port(port_name) : SPEC_INT_UNSET,
        .path = path,
        .method = method,
        .status = status,
        .certdays = SPEC_INT_UNSET,
        .insecure = 0,
        .redirects = 0,
        .age_usec = 30 * USEC_PER_SEC,
        .interval_usec = 10 * USEC_PER_SEC,
        .timeout_usec = TIMEOUT_USEC,
    };
}

static void on_result(Probe *probe, const ProbeResult *result, void *userdata)
{
    Fixture *f = userdata;

    assert_false(f->inside_run);
    assert_ptr_equal(probe, f->probe);
    assert_false(probe_is_running(probe));
    f->result = *result;
    f->n_results++;
}

void make_probe(Fixture *f, const SpecProbe *spec)
{
    f->probe = probe_free(f->probe);
    assert_int_equal(
        probe_new(&f->context, spec, "phoenix@web.service", &f->door.door, on_result, f, &f->probe),
        0);
}

void wait_result(Fixture *f)
{
    unsigned before = f->n_results;

    while (f->n_results == before)
        assert_true(sd_event_run(f->context.event, 20 * USEC_PER_SEC) > 0);
}

void check_once(Fixture *f, const SpecProbe *spec)
{
    make_probe(f, spec);
    f->inside_run = true;
    assert_int_equal(probe_run(f->probe), 0);
    f->inside_run = false;
    assert_true(probe_is_running(f->probe));
    wait_result(f);
}

void assert_result(const Fixture *f, ProbeOutcome outcome, const char *reason)
{
    assert_string_equal(f->result.reason, reason);
    assert_int_equal(f->result.outcome, outcome);
}

void skip_without(const char *what)
{
    print_message("%s is missing\n", what);
    if (getenv("PHOENIX_TESTS_MUST_RUN"))
        fail();
    skip();
}

int server_port(const char *name)
{
    for (size_t i = 0; i < server.n_ports; i++)
        if (streq(server.ports[i].name, name))
            return server.ports[i].port;
    return 0;
}

static void read_ports(FILE *output)
{
    char line[64];

    while (fgets(line, sizeof(line), output) && line[0] != '\n' && server.n_ports < PORTS_MAX) {
        assert_int_equal(sscanf(line, "%31s %d", server.ports[server.n_ports].name,
                                &server.ports[server.n_ports].port),
                         2);
        server.n_ports++;
    }
    assert_true(server.n_ports > 0);
}

int server_setup(void **state)
{
    int input[2], output[2];

    strcpy(server.folder, "/tmp/test-probe-XXXXXX");
    assert_non_null(mkdtemp(server.folder));
    snprintf(server.ca, sizeof(server.ca), "%s/ca.pem", server.folder);
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    server.pid = fork();
    assert_true(server.pid >= 0);
    if (server.pid == 0) {
        dup2(input[0], STDIN_FILENO);
        dup2(output[1], STDOUT_FILENO);
        /* Modules of packages belong to the system's own python, which need not be first. */
        execl("/usr/bin/python3", "python3", getenv("TEST_SERVER"), server.folder, NULL);
        execlp("python3", "python3", getenv("TEST_SERVER"), server.folder, NULL);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    server.input = input[1];
    _cleanup_fclose_ FILE *stream = fdopen(output[0], "re");
    assert_non_null(stream);
    read_ports(stream);
    return 0;
}

int server_teardown(void **state)
{
    _cleanup_free_ char *command = text_printf("rm -rf '%s'", server.folder);
    int status;

    close(server.input);
    assert_int_equal(waitpid(server.pid, &status, 0), server.pid);
    return system(command);
}
