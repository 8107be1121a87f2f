/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What phoenix-testy answers to which request: its pages, and the commands among them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "faults.h"
#include "request.h"

/* All that a page may show. */
struct facts {
    const char *name;
    const char *body; /* NULL for the usual text of / */
    uint64_t start_usec;
    uint64_t requests;
    uint64_t beats;
    uint64_t beat_usec; /* 0: never */
    uint64_t watchdog_usec;
    size_t connections;
    bool ready;
    struct faults faults;
};

struct answer {
    int status;
    const char *type;
    char *body; /* to be freed */
    size_t length;
    bool is_prompt; /* not to be delayed by "slow" */
    bool has_after; /* a final command, to be obeyed when the answer is out */
    struct command after;
};

/* Answers a request, and obeys it when it is a command that is not final. Returns 0 or -ENOMEM. */
int answer_request(struct facts *facts, const struct request *request, uint64_t now,
                   struct answer *ret);

/* Answers what is no request, by the error of request_parse(), or -EAGAIN for one that never became
 * complete. */
int answer_error(int error, struct answer *ret);

/* Puts the head before the body: a whole response, to be freed. Returns NULL when out of memory. */
char *answer_to_response(const struct answer *answer, bool head_only, size_t *ret_length);
