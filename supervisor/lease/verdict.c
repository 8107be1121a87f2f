/* SPDX-License-Identifier: MIT */

/*
 * The verdict: the manager is told why, and then the payload is ended. In a container the manager's
 * signals would reach conmon alone, so phoenix-abort does it from here, in our place and with our
 * PID; conmon lives on, reads the last words and ends by itself. A plain service gets its signals
 * from the manager: all that is left to do is to be gone before they come.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "lease.h"
#include "line.h"
#include "payload.h"

#define TELL_USEC (2 * USEC_PER_SEC)
#define JOURNAL   "/run/systemd/journal/stdout"

/* What phoenix-abort says belongs into the journal; a stream to it is held only for that, as there
 * can be 4,096 of them in a machine. The lines are identifier, unit, priority, and four switches.
 */
static void open_journal(void)
{
    static const char header[] = "phoenix-abort\n\n5\n0\n0\n0\n0\n";
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL};

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(fd, header, sizeof(header) - 1, MSG_NOSIGNAL) == sizeof(header) - 1 &&
        fcntl(fd, F_SETFL, 0) == 0)
        dup2(fd, STDERR_FILENO);
    close(fd);
}

/* The path of phoenix-abort. Returns 0 or a negative errno. */
static int abort_program(const struct lease *lease, struct line *ret)
{
    char self[LINE_SIZE];

    line_clear(ret);
    if (lease->options.abort_program) {
        line_add(ret, lease->options.abort_program);
        return 0;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n < 0)
        return -errno;
    self[n] = '\0';
    line_add_bytes(ret, self, (size_t)(strrchr(self, '/') + 1 - self));
    line_add(ret, "phoenix-abort");
    return 0;
}

/* Returns when it failed only. */
static void become_abort(struct lease *lease)
{
    struct line program, grace;
    sigset_t none;

    open_journal();
    int r = abort_program(lease, &program);
    line_clear(&grace);
    line_add(&grace, "--grace=");
    line_add_number(&grace, lease->verdict_grace_usec);
    line_add(&grace, "us");
    char *argv[] = {program.text, "--verdict", grace.text, NULL};
    /* The manager is not to end it in the middle; its own time for the verdict is the limit. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (r == 0) {
        execv(argv[0], argv);
        r = -errno;
    }
    say(lease->options.name, "cannot end the payload: ", program.text, ": ", strerrordesc_np(-r),
        NULL);
}

void verdict_begin(struct lease *lease, uint64_t grace_usec, bool tell)
{
    workers_end(&lease->workers);
    lease->verdict = true;
    lease->verdict_told = !tell;
    lease->verdict_grace_usec = grace_usec > 0 ? grace_usec : lease->options.grace_usec;
    lease->verdict_end_usec = now_usec() + TELL_USEC;
}

void verdict_go_on(struct lease *lease)
{
    bool container = payload_is_container();

    /* A manager that does not listen for so long still has its own timer. */
    if (!lease->verdict_told && now_usec() < lease->verdict_end_usec &&
        notify_trigger(&lease->notify) == -EAGAIN)
        return;
    if (container) {
        service_report(lease, REPORT_GONE, NULL, 0);
        become_abort(lease);
        lease->done = true;
        return;
    }
    /* Not one step more: the manager's signals are on their way. The end of the report's socket
     * tells the foreground the same as a report would. */
    _exit(0);
}
