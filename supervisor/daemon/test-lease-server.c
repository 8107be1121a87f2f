/* SPDX-License-Identifier: MIT */
/*
 * The lease socket: limits, the store, what happens without descriptors. Who a peer is, is told by
 * the test instead of by the kernel (test-identity.c has that).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/daemon/lease-server.h"
#include "supervisor/probe/test-descriptors.h"

#define PATIENCE_USEC     (10 * USEC_PER_SEC)
#define PEERS_OF_UNIT_MAX 4 /* as lease-server.c has it */
#define CLIENTS_MAX       300

/* What identity_of_peer() says next. */
static struct {
    int error;
    bool each_its_own; /* unit */
    size_t n_units;    /* or in turn one of so many */
    unsigned n;
} kernel;

int identity_of_peer(int fd, bool user, char unit[static IDENTITY_UNIT_MAX], Identity *ret)
{
    kernel.n++;
    assert_true(user);
    if (kernel.error < 0)
        return kernel.error;
    *ret = (Identity){.pid = 1000 + (pid_t)kernel.n, .uid = 1000, .unit = unit};
    size_t i = kernel.each_its_own ? kernel.n : kernel.n_units > 0 ? kernel.n % kernel.n_units : 0;
    snprintf(unit, IDENTITY_UNIT_MAX, "phoenix@web%zu.service", i);
    return 0;
}

typedef struct Fixture {
    sd_event *event;
    LeaseServer *server;
    int store; /* systemd's end of $NOTIFY_SOCKET */
    struct sockaddr_un address;
    int clients[CLIENTS_MAX];
    size_t n_clients, descriptors;
    unsigned n_hello, n_starved, n_fed;
    int starved;
    LeasePeer *last; /* that said HELLO */
} Fixture;

static void on_hello(LeasePeer *peer, const struct lease_hello *hello, void *userdata)
{
    Fixture *f = userdata;

    f->n_hello++;
    f->last = peer;
}

static void on_gone(LeasePeer *peer, const char *why, void *userdata)
{
    Fixture *f = userdata;

    lease_server_drop(f->server, peer);
}

static void on_starved(int error, void *userdata)
{
    Fixture *f = userdata;

    if (error < 0)
        f->n_starved++;
    else
        f->n_fed++;
    f->starved = error;
}

static const LeaseServerHandlers handlers = {.peer = {.hello = on_hello, .gone = on_gone},
                                             .starved = on_starved};

/* An abstract address that the kernel chooses. */
static int listen_somewhere(int type, struct sockaddr_un *ret)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(*ret);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    memset(ret, 0, sizeof(*ret));
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &size), 0);
    if (type == SOCK_SEQPACKET)
        assert_int_equal(listen(fd, 4096), 0);
    return fd;
}

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));
    struct sockaddr_un notify;
    char name[128];

    assert_non_null(f);
    memset(&kernel, 0, sizeof(kernel));
    f->descriptors = open_descriptors();
    f->store = listen_somewhere(SOCK_DGRAM, &notify);
    snprintf(name, sizeof(name), "@%s", notify.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(sd_event_new(&f->event), 0);
    int fd = listen_somewhere(SOCK_SEQPACKET, &f->address);
    assert_int_equal(lease_server_new(f->event, fd, true, &handlers, f, &f->server), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;

    lease_server_free(f->server);
    for (size_t i = 0; i < f->n_clients; i++)
        if (f->clients[i] >= 0)
            close(f->clients[i]);
    sd_event_unref(f->event);
    close(f->store);
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(open_descriptors(), f->descriptors);
    free(f);
    return 0;
}

/* The size of an abstract address is that of its name: the kernel's are five digits. */
static int connect_one(Fixture *f)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(f->address.sun_path + 1));

    assert_true(fd >= 0 && f->n_clients < CLIENTS_MAX);
    assert_int_equal(connect(fd, (struct sockaddr *)&f->address, size), 0);
    f->clients[f->n_clients++] = fd;
    return fd;
}

static void settle(Fixture *f)
{
    while (sd_event_run(f->event, 0) > 0)
        ;
}

static void say_hello(Fixture *f, int fd)
{
    struct lease_hello hello = {.role = LEASE_ROLE_SERVICE, .phase = LEASE_PHASE_READY};

    lease_header_init(&hello.header, LEASE_HELLO, sizeof(hello));
    assert_int_equal(send(fd, &hello, sizeof(hello), 0), sizeof(hello));
    settle(f);
}

static bool is_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* What systemd was told: the text, whether a descriptor came with it. False: nothing. */
static bool told(Fixture *f, char *text, size_t size, bool *ret_fd)
{
    _Alignas(struct cmsghdr) char control[256];
    struct iovec iov = {.iov_base = text, .iov_len = size - 1};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(f->store, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    int fd;

    if (n < 0)
        return false;
    text[n] = '\0';
    *ret_fd = false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_type != SCM_RIGHTS)
            continue;
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        close(fd);
        *ret_fd = true;
    }
    return true;
}

/* The number under which a connection was given to systemd. */
static uint64_t stored_number(Fixture *f)
{
    char text[256];
    uint64_t number = 0;
    bool fd;

    assert_true(told(f, text, sizeof(text), &fd));
    assert_true(fd);
    assert_int_equal(sscanf(text, "FDSTORE=1\nFDNAME=peer-%" SCNu64, &number), 1);
    return number;
}

static void assert_forgotten(Fixture *f, const char *name)
{
    char text[256], expected[128];
    bool fd;

    snprintf(expected, sizeof(expected), "FDSTOREREMOVE=1\nFDNAME=%s", name);
    assert_true(told(f, text, sizeof(text), &fd));
    assert_string_equal(text, expected);
    assert_false(fd);
}

static void assert_told_nothing(Fixture *f)
{
    char text[256];
    bool fd;

    assert_false(told(f, text, sizeof(text), &fd));
}

static void test_accepts_and_stores(void **state)
{
    Fixture *f = *state;
    char name[64];
    int fd = connect_one(f);

    settle(f);
    assert_int_equal(lease_server_n_peers(f->server), 1);
    uint64_t number = stored_number(f);
    say_hello(f, fd);
    assert_int_equal(f->n_hello, 1);
    assert_string_equal(lease_peer_identity(f->last)->unit, "phoenix@web0.service");
    close(fd);
    f->clients[0] = -1;
    settle(f);
    assert_int_equal(lease_server_n_peers(f->server), 0);
    snprintf(name, sizeof(name), "peer-%" PRIu64, number);
    assert_forgotten(f, name);
    assert_told_nothing(f);
}

static void test_numbers_are_never_used_again(void **state)
{
    Fixture *f = *state;
    uint64_t last = 0;

    for (int i = 0; i < 3; i++) {
        int fd = connect_one(f);
        settle(f);
        uint64_t number = stored_number(f);
        assert_true(number > last);
        last = number;
        close(fd);
        f->clients[i] = -1;
        settle(f);
        char text[256];
        bool with_fd;
        assert_true(told(f, text, sizeof(text), &with_fd));
    }
}

static void test_limit_of_a_unit(void **state)
{
    Fixture *f = *state;

    for (int i = 0; i < PEERS_OF_UNIT_MAX + 3; i++)
        connect_one(f);
    settle(f);
    assert_int_equal(lease_server_n_peers(f->server), PEERS_OF_UNIT_MAX);
    assert_int_equal(lease_server_n_refused(f->server), 3);
    for (int i = 0; i < PEERS_OF_UNIT_MAX + 3; i++)
        assert_int_equal(is_closed(f->clients[i]), i >= PEERS_OF_UNIT_MAX);
    /* Others are not hurt by it. */
    kernel.each_its_own = true;
    connect_one(f);
    settle(f);
    assert_int_equal(lease_server_n_peers(f->server), PEERS_OF_UNIT_MAX + 1);
    assert_int_equal(f->n_starved, 0);
}

/* Whoever comes and goes, however many there are: the others are found and counted. */
static void test_many_units(void **state)
{
    const size_t n_units = 70, n = n_units * PEERS_OF_UNIT_MAX;
    Fixture *f = *state;

    unsetenv("NOTIFY_SOCKET"); /* its queue is shorter than that, and nobody reads it here */
    kernel.n_units = n_units;
    for (size_t i = 0; i < n; i++)
        connect_one(f);
    settle(f);
    assert_int_equal(lease_server_n_peers(f->server), n);
    for (size_t i = 0; i < n_units / 2; i++) { /* one of every second unit */
        close(f->clients[2 * i]);
        f->clients[2 * i] = -1;
    }
    settle(f);
    assert_int_equal(lease_server_n_peers(f->server), n - n_units / 2);
    f->n_clients -= n_units;
    for (size_t i = 0; i < n_units; i++)
        close(f->clients[f->n_clients + i]);
    settle(f);
    kernel.n = 0; /* begin with the first unit again */
    for (size_t i = 0; i < n_units; i++)
        connect_one(f);
    settle(f);
    assert_int_equal(lease_server_n_peers(f->server), n - n_units / 2);
    assert_int_equal(lease_server_n_refused(f->server), 0);
    for (size_t i = 0; i < n_units; i++)
        say_hello(f, f->clients[f->n_clients - 1 - i]);
    assert_int_equal(f->n_hello, n_units);
}

static void test_strangers_are_refused(void **state)
{
    Fixture *f = *state;
    const int errors[] = {-EPERM, -ESRCH, -EIO};

    for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
        kernel.error = errors[i];
        int fd = connect_one(f);
        settle(f);
        assert_true(is_closed(fd));
        assert_int_equal(lease_server_n_refused(f->server), i + 1);
    }
    assert_int_equal(lease_server_n_peers(f->server), 0);
    assert_told_nothing(f);
}

static void test_adopts(void **state)
{
    const uint64_t far = UINT64_C(9000000000000000000);
    struct lease_header header;
    Fixture *f = *state;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    f->clients[f->n_clients++] = ends[1];
    assert_int_equal(lease_server_adopt(f->server, ends[0], "peer-9000000000000000000"), 0);
    assert_int_equal(lease_server_n_peers(f->server), 1);
    assert_int_equal(recv(ends[1], &header, sizeof(header), MSG_DONTWAIT), sizeof(header));
    assert_int_equal(header.type, LEASE_RESUME);
    assert_told_nothing(f); /* systemd has it already */
    say_hello(f, ends[1]);
    assert_int_equal(f->n_hello, 1);
    /* A new one does not get a name that is taken. */
    connect_one(f);
    settle(f);
    assert_true(stored_number(f) > far);
    close(ends[1]);
    f->clients[0] = -1;
    settle(f);
    assert_forgotten(f, "peer-9000000000000000000");
}

static void test_adopts_no_stranger(void **state)
{
    Fixture *f = *state;
    int ends[2];

    kernel.error = -ESRCH;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    f->clients[f->n_clients++] = ends[1];
    assert_int_equal(lease_server_adopt(f->server, ends[0], "peer-7"), -ESRCH);
    assert_true(is_closed(ends[1]));
    assert_forgotten(f, "peer-7");
    assert_int_equal(lease_server_n_peers(f->server), 0);
}

static void test_adopts_what_died_meanwhile(void **state)
{
    Fixture *f = *state;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    close(ends[1]);
    (void)lease_server_adopt(f->server, ends[0], "peer-8");
    settle(f);
    assert_int_equal(lease_server_n_peers(f->server), 0);
    assert_forgotten(f, "peer-8");
}

static rlim_t set_limit(rlim_t n)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static int on_never(sd_event_source *source, uint64_t usec, void *userdata)
{
    return 0;
}

static void test_without_descriptors(void **state)
{
    Fixture *f = *state;

    /* A loop with timers, as phoenixd's is: sd-event has its timerfd already. */
    assert_true(sd_event_add_time_relative(f->event, NULL, CLOCK_MONOTONIC, USEC_PER_HOUR, 0,
                                           on_never, NULL) >= 0);
    settle(f);
    kernel.each_its_own = true;
    connect_one(f);
    /* Descriptors below the limit stay usable; new ones are refused. */
    rlim_t before = set_limit(0);
    settle(f);
    assert_int_equal(f->n_starved, 1);
    assert_int_equal(f->starved, -EMFILE);
    assert_int_equal(lease_server_n_peers(f->server), 0);
    /* The connection waits in the queue, and wakes nobody meanwhile. */
    assert_int_equal(sd_event_run(f->event, 0), 0);
    set_limit(before);
    while (lease_server_n_peers(f->server) == 0)
        assert_true(sd_event_run(f->event, PATIENCE_USEC) > 0);
    assert_int_equal(f->n_fed, 1);
    assert_int_equal(f->starved, 0);
    assert_int_equal(f->n_starved, 1); /* said once */
}

static void test_limit_in_all(void **state)
{
    Fixture *f = *state;
    struct sockaddr_un address;
    const size_t limit = 32; /* what is reserved, of 64 */

    unsetenv("NOTIFY_SOCKET"); /* its queue is shorter than that, and nobody reads it here */
    lease_server_free(f->server);
    f->server = NULL;
    int fd = listen_somewhere(SOCK_SEQPACKET, &address);
    rlim_t before = set_limit(64);
    assert_int_equal(lease_server_new(f->event, fd, true, &handlers, f, &f->server), 0);
    set_limit(before);
    f->address = address;
    kernel.each_its_own = true;
    for (size_t i = 0; i < limit + 2; i++)
        connect_one(f);
    settle(f);
    assert_int_equal(lease_server_n_peers(f->server), limit);
    assert_int_equal(f->n_starved, 1);
    assert_int_equal(lease_server_n_refused(f->server), 0); /* they wait, and hold meanwhile */
    assert_false(is_closed(f->clients[limit]));
    close(f->clients[0]);
    f->clients[0] = -1;
    while (f->n_fed == 0)
        assert_true(sd_event_run(f->event, PATIENCE_USEC) > 0);
    assert_int_equal(lease_server_n_peers(f->server), limit);
}

/* systemd keeps the connections of a supervisor that ends. */
static void test_free_forgets_nothing(void **state)
{
    Fixture *f = *state;

    connect_one(f);
    settle(f);
    stored_number(f);
    f->server = lease_server_free(f->server);
    assert_told_nothing(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_accepts_and_stores),    TEST(test_numbers_are_never_used_again),
        TEST(test_limit_of_a_unit),       TEST(test_many_units),
        TEST(test_strangers_are_refused), TEST(test_adopts),
        TEST(test_adopts_no_stranger),    TEST(test_adopts_what_died_meanwhile),
        TEST(test_without_descriptors),   TEST(test_limit_in_all),
        TEST(test_free_forgets_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
