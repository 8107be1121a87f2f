/* SPDX-License-Identifier: MIT */

/* Writing messages to standard error, the kernel's ring buffer or the journal. Logging has no way
 * to fail: what cannot go where it should goes to standard error, and errno is kept. */

#define SD_JOURNAL_SUPPRESS_LOCATION

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include "base/log.h"

/* The kernel refuses records above LOG_LINE_MAX (about 1000 bytes, header included). */
#define KMSG_MAX 900

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static struct {
    const char *identifier;
    LogTarget target;
    int max_level;
    int kmsg_fd;
    bool prefix; /* standard error is read by the journal: put "<N>" in front */
} log_state = {
    .target = LOG_TARGET_STDERR,
    .max_level = LOG_INFO,
    .kmsg_fd = -1,
};

/* Whether standard error is the stream that JOURNAL_STREAM names (systemd.exec(5)); a child whose
 * output was redirected still has the variable. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[64];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return streq(stream, ours);
}

void log_setup(const char *identifier, LogTarget target, int max_level)
{
    assert(identifier);
    assert(max_level >= LOG_EMERG && max_level <= LOG_DEBUG);

    cleanup_close(&log_state.kmsg_fd);
    log_state.kmsg_fd = -1;
    if (target == LOG_TARGET_KMSG) {
        log_state.kmsg_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (log_state.kmsg_fd < 0)
            target = LOG_TARGET_STDERR;
    }
    /* sd_journal_send() is silently content with nobody listening. */
    if (target == LOG_TARGET_JOURNAL && access(JOURNAL_SOCKET, W_OK) < 0)
        target = LOG_TARGET_STDERR;
    log_state.identifier = identifier;
    log_state.target = target;
    log_state.max_level = max_level;
    log_state.prefix = stderr_is_journal();
}

/* One writev(), so that lines of several processes do not mix. */
static void write_stderr(int level, const char *message)
{
    char head[128] = "";
    struct iovec parts[] = {
        {head, 0},
        {(char *)message, strlen(message)},
        {(char *)"\n", 1},
    };

    if (log_state.prefix)
        snprintf(head, sizeof(head), "<%i>", level);
    else if (log_state.identifier)
        snprintf(head, sizeof(head), "%s: ", log_state.identifier);
    parts[0].iov_len = strlen(head);
    if (writev(STDERR_FILENO, parts, ELEMENTSOF(parts)) < 0)
        return; /* there is nobody left to tell */
}

static bool write_kmsg(int level, const char *message)
{
    char record[KMSG_MAX];
    int n;

    n = snprintf(record, sizeof(record), "<%i>%s[%ji]: %s", LOG_DAEMON | level,
                 log_state.identifier, (intmax_t)getpid(), message);
    if (n < 0)
        return false;
    n = MIN(n, (int)sizeof(record) - 2);
    for (int i = 0; i < n; i++)
        if (record[i] == '\n')
            record[i] = ' ';
    record[n++] = '\n';
    return write(log_state.kmsg_fd, record, (size_t)n) == n;
}

static bool write_journal(int level, const char *message)
{
    return sd_journal_send("MESSAGE=%s", message, "PRIORITY=%i", level, "SYSLOG_IDENTIFIER=%s",
                           log_state.identifier, NULL) >= 0;
}

static void write_message(int level, const char *message)
{
    bool written = false;

    switch (log_state.target) {
    case LOG_TARGET_KMSG:
        written = write_kmsg(level, message);
        break;
    case LOG_TARGET_JOURNAL:
        written = write_journal(level, message);
        break;
    case LOG_TARGET_STDERR:
    case LOG_TARGET_NULL:
        break;
    }
    if (!written)
        write_stderr(level, message);
}

void log_msg(int level, const char *format, ...)
{
    _cleanup_free_ char *message = NULL;
    int saved_errno = errno, n;
    va_list ap;

    assert(level >= LOG_EMERG && level <= LOG_DEBUG);
    assert(format);

    if (log_state.target == LOG_TARGET_NULL || level > log_state.max_level)
        return;

    va_start(ap, format);
    n = vasprintf(&message, format, ap);
    va_end(ap);
    if (n < 0)
        message = NULL;
    write_message(level, message ? message : "(out of memory for this message)");
    errno = saved_errno;
}
