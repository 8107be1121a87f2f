/* SPDX-License-Identifier: MIT */
/*
 * The two messages of grpc.health.v1.Health/Check, in a gRPC frame each: a byte of flags, the size
 * in four bytes (big endian), a protobuf. Each protobuf has one field that matters, number 1: the
 * name of a service in the request, the status in the answer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* The largest answer that is taken; a real one has 7 bytes. */
#define GRPC_ANSWER_MAX 1024

typedef enum GrpcHealth {
    GRPC_HEALTH_UNKNOWN,
    GRPC_HEALTH_SERVING,
    GRPC_HEALTH_NOT_SERVING,
    GRPC_HEALTH_SERVICE_UNKNOWN,
    _GRPC_HEALTH_MAX,
} GrpcHealth;

/* Appends the request; a NULL or empty service asks for the server as a whole. */
int grpc_add_request(Text *text, const char *service);

/* Reads an answer. -EBADMSG when it is none. A status that this version does not know is above
 * _GRPC_HEALTH_MAX - 1. */
int grpc_read_answer(const void *data, size_t size, uint64_t *ret_status);

/* "NOT_SERVING"; NULL for an unknown one. */
const char *grpc_health_word(uint64_t status);

/* "UNIMPLEMENTED": the status of a call (grpc-status); NULL for an unknown one. */
const char *grpc_status_word(uint64_t status);
