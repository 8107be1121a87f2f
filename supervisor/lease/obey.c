/* SPDX-License-Identifier: MIT */

/* What the supervisor says to a service's lease, message by message. */

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "lease.h"
#include "payload.h"

int service_hello(struct lease *lease)
{
    struct lease_hello hello = {
        .role = lease->options.gate ? LEASE_ROLE_GATE : LEASE_ROLE_SERVICE,
        .phase =
            lease->options.gate || lease->report_fd >= 0 ? LEASE_PHASE_WAITING : LEASE_PHASE_READY,
        .watchdog_usec = lease->options.watchdog_usec,
        .main_pid = (uint64_t)(lease->main_pid > 0 ? lease->main_pid : 0),
    };
    struct payload payload;

    if (!lease->options.gate && payload_open(lease->main_pid, &payload) == 0) {
        payload_network(&payload, &hello.netns_dev, &hello.netns_ino);
        payload_close(&payload);
    }
    lease_header_init(&hello.header, LEASE_HELLO, sizeof(hello));
    int r = link_send(&lease->link, &hello, sizeof(hello), -1);
    /* Also when it is not: the supervisor before this one may have heard otherwise. */
    return r == 0 && !lease->options.gate && lease->freeze.fd >= 0 ? service_say_frozen(lease) : r;
}

int service_say_frozen(struct lease *lease)
{
    struct lease_header packet;

    lease_header_init(&packet, lease->freeze.frozen ? LEASE_FROZEN : LEASE_THAWED, sizeof(packet));
    return link_send(&lease->link, &packet, sizeof(packet), -1);
}

/* Joined once and for all: a socket is then as cheap as one of our own. */
static int enter_network(struct lease *lease)
{
    struct payload payload;

    if (lease->entered)
        return 0;
    int r = payload_open(lease->main_pid, &payload);
    if (r < 0)
        return r;
    /* The user namespace alone would be of no use. */
    if (payload_other_namespaces(&payload, CLONE_NEWNET) != 0)
        r = payload_join(&payload, CLONE_NEWUSER | CLONE_NEWNET);
    payload_close(&payload);
    lease->entered = r == 0;
    return r;
}

static int give_socket(struct lease *lease, const struct lease_request *request)
{
    struct lease_answer answer = {.id = request->id};
    size_t size = offsetof(struct lease_answer, text);
    int fd = -1, r = enter_network(lease);

    if (r == 0) {
        fd = socket((int)request->domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        r = fd < 0 ? -errno : 0;
    }
    answer.error = r;
    lease_header_init(&answer.header, LEASE_ANSWER, size);
    r = link_send(&lease->link, &answer, size, fd);
    if (fd >= 0)
        close(fd);
    return r;
}

static int handle_request(struct lease *lease, const struct lease_message *message)
{
    struct job job = {
        .request = message->request,
        .text = message->text,
        .text_size = message->text_size,
        .main_pid = lease->main_pid,
        .link_fd = lease->link.fd,
    };

    if (job.request->op == LEASE_OP_SOCKET)
        return give_socket(lease, job.request);
    int r = workers_start(&lease->workers, &job, now_usec());
    return r < 0 ? answer_error(&lease->link, job.request->id, r) : 0;
}

int service_obey(struct lease *lease, const struct lease_message *message)
{
    switch (message->type) {
    case LEASE_RESUME:
        return service_hello(lease);
    case LEASE_PET:
        notify_pet(&lease->notify);
        return 0;
    case LEASE_STATUS:
        notify_status(&lease->notify, message->text, message->text_size);
        return 0;
    case LEASE_READY:
        service_report(lease, REPORT_READY, NULL, 0);
        return 0;
    case LEASE_FAIL:
        /* Too late when the foreground did not wait for it: the service was let go on. */
        lease->done = lease->report_fd >= 0;
        service_report(lease, REPORT_FAIL, message->text, message->text_size);
        return 0;
    case LEASE_TRIGGER:
        notify_status(&lease->notify, message->text, message->text_size);
        verdict_begin(lease, message->trigger->grace_usec, true);
        return 0;
    case LEASE_ABORT:
        verdict_begin(lease, message->trigger->grace_usec, false);
        return 0;
    case LEASE_REQUEST:
        return handle_request(lease, message);
    case LEASE_CANCEL:
        workers_cancel(&lease->workers, message->cancel->id);
        return 0;
    default: /* WELCOME is the link's; GO is for gates */
        return message->type == LEASE_GO ? -EBADMSG : 0;
    }
}
