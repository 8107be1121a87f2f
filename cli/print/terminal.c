/* SPDX-License-Identifier: MIT */

/* Terminals: termios(3), and the escape sequences that every one of them has had since the VT220.
 */

#include "cli/print/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>

#define ENTER          "\x1b[?1049h\x1b[?25l\x1b[?7l" /* other page, no cursor, no wrapping */
#define LEAVE          "\x1b[?7h\x1b[?25h\x1b[?1049l"
#define HOME           "\x1b[H"
#define WIPE_LINE      "\x1b[K"
#define WIPE_REST      "\x1b[J"
#define HEIGHT_DEFAULT 24U

static void watched_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGWINCH);
}

static int write_all(const char *s, size_t n)
{
    while (n > 0) {
        ssize_t k = write(STDOUT_FILENO, s, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        s += k;
        n -= (size_t)k;
    }
    return 0;
}

int terminal_open(Terminal *ret)
{
    Terminal terminal = {.signal_fd = -1};
    struct termios raw;
    sigset_t set;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return -ENOTTY;
    if (tcgetattr(STDIN_FILENO, &terminal.saved) < 0)
        return -errno;
    watched_signals(&set);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    terminal.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal.signal_fd < 0)
        return -errno;

    raw = terminal.saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    terminal.open = true;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) < 0 || write_all(ENTER, strlen(ENTER)) < 0) {
        int r = errno > 0 ? -errno : -EIO;

        terminal_close(&terminal);
        return r;
    }
    *ret = terminal;
    return 0;
}

void terminal_close(Terminal *terminal)
{
    sigset_t set;

    if (!terminal->open)
        return;
    (void)write_all(LEAVE, strlen(LEAVE));
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal->saved);
    close(terminal->signal_fd);
    watched_signals(&set);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    terminal->open = false;
}

/* Several resizes in a row are one. */
static int read_signals(const Terminal *terminal)
{
    struct signalfd_siginfo info;
    int found = TERMINAL_TIMEOUT;

    while (read(terminal->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo != SIGWINCH)
            return TERMINAL_END;
        found = TERMINAL_RESIZED;
    }
    return found;
}

int terminal_wait(Terminal *terminal, uint64_t timeout_usec)
{
    struct pollfd fds[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = terminal->signal_fd, .events = POLLIN},
    };
    unsigned char key;
    int r;

    r = poll(fds, ELEMENTSOF(fds), (int)(timeout_usec / USEC_PER_MSEC));
    if (r < 0)
        return errno == EINTR ? TERMINAL_TIMEOUT : -errno;
    if (fds[1].revents)
        return read_signals(terminal);
    if (!fds[0].revents)
        return TERMINAL_TIMEOUT;
    return read(STDIN_FILENO, &key, 1) == 1 && key > 0 ? key : TERMINAL_END;
}

unsigned terminal_height(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
        return HEIGHT_DEFAULT;
    return size.ws_row;
}

int terminal_draw(const Text *frame)
{
    _cleanup_text_ Text t = {0};
    const char *s = frame->data;

    if (frame->error < 0)
        return frame->error;
    text_add(&t, HOME);
    while (s && *s) {
        size_t n = strcspn(s, "\n");

        text_add_n(&t, s, n);
        text_add(&t, WIPE_LINE);
        s += n;
        /* The last line has no line break: it would scroll a full screen. */
        if (*s == '\n' && *++s)
            text_add(&t, "\r\n");
    }
    text_add(&t, WIPE_REST);
    return t.error < 0 ? t.error : write_all(t.data, t.size);
}
