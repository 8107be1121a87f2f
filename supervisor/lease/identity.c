/* SPDX-License-Identifier: MIT */

/* See identity.h. */

#include "identity.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the service manager, or Podman, says to the main process alone. */
static const char *const private_variables[] = {
    "NOTIFY_SOCKET=",  "WATCHDOG_USEC=", "WATCHDOG_PID=", "LISTEN_FDS=",    "LISTEN_PID=",
    "LISTEN_FDNAMES=", "MAINPID=",       "FDSTORE=",      "INVOCATION_ID=", "JOURNAL_STREAM=",
};

static const char *find_field(const char *text, const char *key)
{
    size_t n = strlen(key);

    while (*text != '\0') {
        if (strncmp(text, key, n) == 0 && text[n] == ':')
            return text + n + 1;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return NULL;
}

/* Takes the next number of a line. */
static bool next_number(const char **p, int base, uint64_t *ret)
{
    char *end;

    *p += strspn(*p, " \t");
    if (!isxdigit((unsigned char)**p))
        return false;
    *ret = strtoull(*p, &end, base);
    if (end == *p)
        return false;
    *p = end;
    return true;
}

/* "Uid: real effective saved filesystem": the second. */
static bool effective_id(const char *text, const char *key, uint32_t *ret)
{
    const char *p = find_field(text, key);
    uint64_t number;

    if (!p || !next_number(&p, 10, &number) || !next_number(&p, 10, &number) || number > UINT32_MAX)
        return false;
    *ret = (uint32_t)number;
    return true;
}

int identity_parse_status(const char *text, struct identity *ret)
{
    const char *groups = find_field(text, "Groups"), *bounding = find_field(text, "CapBnd"),
               *no_new_privs = find_field(text, "NoNewPrivs");
    uint64_t number;

    if (!effective_id(text, "Uid", &ret->uid) || !effective_id(text, "Gid", &ret->gid) || !groups ||
        !bounding || !no_new_privs)
        return -EBADMSG;
    ret->n_groups = 0;
    while (ret->n_groups < GROUPS_MAX && next_number(&groups, 10, &number))
        ret->groups[ret->n_groups++] = (gid_t)number;
    if (!next_number(&bounding, 16, &ret->bounding) || !next_number(&no_new_privs, 10, &number))
        return -EBADMSG;
    ret->no_new_privs = number != 0;
    return 0;
}

static bool is_private(const char *variable)
{
    for (size_t i = 0; i < sizeof(private_variables) / sizeof(private_variables[0]); i++)
        if (strncmp(variable, private_variables[i], strlen(private_variables[i])) == 0)
            return true;
    return false;
}

void identity_split_environ(struct identity *identity, size_t size)
{
    size_t n = 0;

    for (char *p = identity->environ_buf; p < identity->environ_buf + size && n < ENVIRON_MAX;
         p += strlen(p) + 1)
        if (*p != '\0' && !is_private(p))
            identity->environment[n++] = p;
    identity->environment[n] = NULL;
}

/* Not by /proc/self/environ, which is not ours to read while we are not dumpable. */
static ssize_t copy_own_environment(char *buf, size_t size)
{
    size_t n = 0;

    for (char **variable = environ; *variable; variable++) {
        size_t length = strlen(*variable) + 1;
        if (length >= size - n)
            break;
        memcpy(buf + n, *variable, length);
        n += length;
    }
    buf[n] = '\0';
    return (ssize_t)n;
}

int identity_read(const struct payload *payload, struct identity *ret)
{
    char text[8192];

    ssize_t n = read_at(payload->dir, "status", text, sizeof(text));
    if (n < 0)
        return (int)n;
    int r = identity_parse_status(text, ret);
    if (r < 0)
        return r;
    n = read_at(payload->dir, "environ", ret->environ_buf, sizeof(ret->environ_buf));
    /* The sandbox of a plain service is ours: so is its environment, if it hides its own. */
    if (n < 0 && !payload->apart)
        n = copy_own_environment(ret->environ_buf, sizeof(ret->environ_buf));
    if (n < 0)
        return (int)n;
    identity_split_environ(ret, (size_t)n);
    ret->cwd = openat(payload->dir, "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return 0;
}

static int drop_capabilities(const struct identity *identity)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (unsigned long cap = 0; cap < 64; cap++) {
        if (identity->bounding & (UINT64_C(1) << cap))
            continue;
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return -errno;
    }
    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    data[0].inheritable = data[1].inheritable = 0;
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* A user namespace of a single user, made without newgidmap, has no groups to set. */
static bool groups_are_fixed(void)
{
    char text[8];

    return read_at(AT_FDCWD, "/proc/self/setgroups", text, sizeof(text)) > 0 &&
           strncmp(text, "deny", 4) == 0;
}

int identity_put_on(const struct payload *payload, const struct identity *identity)
{
    if (identity->cwd < 0 || fchdir(identity->cwd) < 0) {
        if (chdir("/") < 0)
            return -errno;
    }
    if (identity->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    /* A plain service's lease was started as that user, with those capabilities. */
    if (!payload->apart)
        return 0;
    int r = drop_capabilities(identity);
    if (r < 0)
        return r;
    if (!groups_are_fixed() && setgroups(identity->n_groups, identity->groups) < 0)
        return -errno;
    if (setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
        setresuid(identity->uid, identity->uid, identity->uid) < 0)
        return -errno;
    return 0;
}
