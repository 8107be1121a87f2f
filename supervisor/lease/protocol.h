/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What phoenix-lease and phoenixd say to each other over a SOCK_SEQPACKET unix socket
 * (`/run/phoenix/lease.sock`, in a user's manager `$XDG_RUNTIME_DIR/phoenix/lease.sock`).
 *
 * A message is one packet: a header, the fixed part of its type, and for some types a text that
 * fills the rest. Numbers are in the byte order of the host: both ends run on the same kernel. The
 * size in the header must be the size of the packet. Texts are bytes without NUL (LEASE_REQUEST of
 * an exec: words, each ended by NUL), and neither end believes them to be more than that.
 *
 * The life of a lease:
 *
 *     lease                                 phoenixd
 *       HELLO (role, phase)        ->
 *                                  <-       WELCOME
 *                                  <-       PET, STATUS ...   when checks have ended
 *                                  <-       READY             the service is healthy: start is over
 *                                  <-       FAIL              ... or it never got there
 *       ANSWER (+ descriptor)      <-       REQUEST           a socket, a file's age, a program run
 *       FROZEN, THAWED             ->                         probes pause in between
 *                                  <-       TRIGGER           the verdict: end it
 *
 * phoenixd knows the service by the cgroup of the peer (SO_PEERCRED, SO_PEERPIDFD), never by what
 * the lease says. Either end closes the connection on a message that does not check out. The lease
 * then reconnects; phoenixd that was restarted and got the connection back from systemd's
 * descriptor store asks with RESUME and gets a HELLO again.
 *
 * A lease that has heard nothing for half of the watchdog time pets on its own and says so. While
 * the payload is frozen (FROZEN to THAWED) it pets on its own, too: nobody can check anything then.
 */

#include <stddef.h>
#include <stdint.h>

#define LEASE_PROTOCOL_VERSION 1

/* The largest packet, header included; what is longer is refused by the sender. */
#define LEASE_MESSAGE_MAX 4096

/* The longest text of an answer (the last words of an exec check) and of a status. */
#define LEASE_TEXT_MAX 512

enum lease_type {
    /* From the lease. */
    LEASE_HELLO = 1,
    LEASE_ANSWER,
    LEASE_FROZEN, /* the payload is frozen: nothing in it can answer */
    LEASE_THAWED, /* one of these two follows HELLO, unless nobody can freeze the payload alone */
    /* From phoenixd. */
    LEASE_WELCOME = 32,
    LEASE_RESUME,  /* say HELLO again */
    LEASE_PET,     /* WATCHDOG=1 */
    LEASE_STATUS,  /* STATUS=text */
    LEASE_READY,   /* the foreground ends with 0; repeated READYs are harmless */
    LEASE_FAIL,    /* the foreground says the text and ends with 1, the child ends */
    LEASE_TRIGGER, /* STATUS=text, WATCHDOG=trigger, then the payload is ended */
    LEASE_ABORT,   /* the payload is ended, systemd knows already (its own timer ran out) */
    LEASE_REQUEST,
    LEASE_CANCEL, /* forget the request; a program that runs is killed; no answer follows */
    LEASE_GO,     /* to a gate: you may start */
};

enum lease_role {
    LEASE_ROLE_SERVICE = 1, /* ExecStartPost=: stays for the life of the service */
    LEASE_ROLE_GATE,        /* ExecStartPre=: waits for GO, then ends */
};

enum lease_phase {
    LEASE_PHASE_WAITING = 1, /* the foreground still waits for READY */
    LEASE_PHASE_READY,
};

enum lease_op {
    LEASE_OP_SOCKET = 1, /* an unconnected SOCK_STREAM socket of the service's network namespace */
    LEASE_OP_CONNECT,    /* a stream socket connected to a unix path as the service sees it */
    LEASE_OP_STAT,       /* the mtime of a file as the service sees it */
    LEASE_OP_EXEC,       /* a program run inside the service; the answer comes when it has ended */
};

struct lease_header {
    uint16_t version; /* LEASE_PROTOCOL_VERSION */
    uint16_t type;    /* enum lease_type */
    uint32_t size;    /* of the whole packet, in bytes */
};

struct lease_hello {
    struct lease_header header;
    uint32_t role;          /* enum lease_role */
    uint32_t phase;         /* enum lease_phase */
    uint64_t watchdog_usec; /* WATCHDOG_USEC of the unit; 0: it has none */
    uint64_t netns_dev; /* network namespace of the payload (stat of /proc/PID/ns/net): when it */
    uint64_t netns_ino; /* is phoenixd's own, sockets need no lease; 0: not known */
    uint64_t main_pid;  /* as the lease sees it; for messages only */
};

struct lease_answer {
    struct lease_header header;
    uint32_t id;
    int32_t error;         /* 0, or a negative errno: the request itself failed */
    uint32_t exit_code;    /* EXEC: exit status; 128 + signal when a signal ended it */
    uint32_t reserved;     /* 0 */
    uint64_t elapsed_usec; /* EXEC: how long it ran */
    uint64_t mtime_usec;   /* STAT: CLOCK_REALTIME */
    char text[];           /* EXEC: the end of what it wrote, at most LEASE_TEXT_MAX bytes */
    /* SOCKET and CONNECT bring the socket as SCM_RIGHTS when error is 0. */
};

/* FROZEN, THAWED, WELCOME, RESUME, PET, READY, GO: the header only. */

struct lease_text { /* STATUS, FAIL */
    struct lease_header header;
    char text[];
};

struct lease_trigger { /* TRIGGER, ABORT */
    struct lease_header header;
    uint64_t grace_usec; /* between SIGABRT to the payload and SIGKILL; at most a minute */
    char text[];         /* TRIGGER: the reason */
};

struct lease_request {
    struct lease_header header;
    uint32_t id;
    uint32_t op;           /* enum lease_op */
    uint64_t timeout_usec; /* EXEC: the program is killed after this, and the error is -ETIMEDOUT */
    uint32_t domain;       /* SOCKET: AF_INET or AF_INET6 */
    uint32_t reserved;     /* 0 */
    char text[];           /* CONNECT, STAT: an absolute path ("@NAME": an abstract socket);
                            * EXEC: the words of the command, each ended by NUL */
};

struct lease_cancel {
    struct lease_header header;
    uint32_t id;
    uint32_t reserved; /* 0 */
};

/* A received packet that was checked. */
struct lease_message {
    enum lease_type type;
    const char *text; /* not ended by NUL (but for EXEC); points into the packet */
    size_t text_size;
    union {
        const struct lease_header *header;
        const struct lease_hello *hello;
        const struct lease_answer *answer;
        const struct lease_text *plain;
        const struct lease_trigger *trigger;
        const struct lease_request *request;
        const struct lease_cancel *cancel;
    };
};

/* Which end a packet was received by: each accepts only what the other one says. */
enum lease_end {
    LEASE_END_LEASE,
    LEASE_END_SUPERVISOR,
};

/* Checks a packet: version, size, type for this end, ranges of enums, reserved fields, no NUL in
 * texts, the words of an exec (1 to 64, not empty, the last one ended by NUL), absolute paths. The
 * buffer must be aligned for uint64_t. Returns 0; -EPROTONOSUPPORT for another version, -EBADMSG
 * for anything else. */
int lease_parse(const void *packet, size_t size, enum lease_end end, struct lease_message *ret);

/* Fills the header in. `size` is that of the whole packet. */
void lease_header_init(struct lease_header *header, enum lease_type type, size_t size);

/* Appends `n` bytes of text behind the fixed part of a packet in a buffer of LEASE_MESSAGE_MAX
 * bytes; texts of people are cut to LEASE_TEXT_MAX (not inside a UTF-8 character) and their NULs
 * and control characters become blanks. Returns the size of the packet. */
size_t lease_add_text(void *packet, size_t fixed, const char *text, size_t n);
