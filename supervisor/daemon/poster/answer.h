/* SPDX-License-Identifier: MIT */
/*
 * What a collector's answer means, docs/collector-api.md. Whatever comes is looked at as something
 * that anybody may have sent. Pure.
 */
#pragma once

#include "supervisor/daemon/http-post.h"
#include "supervisor/policy/delivery.h"

#define ANSWER_WHAT_MAX 512U
#define ANSWER_SIZE_MAX ((size_t)16 * 1024)

typedef struct Answer {
    DeliveryVerdict verdict;
    bool answered;              /* somebody did */
    bool duplicate;             /* it had been stored before */
    char what[ANSWER_WHAT_MAX]; /* one clean line for people; "" when it was stored */
} Answer;

void answer_read(const HttpPostAnswer *http, Answer *ret);
