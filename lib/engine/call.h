/* SPDX-License-Identifier: MIT */
/*
 * One request to an engine: GET /containers/json, without waiting. HTTP/1.0 on a socket of this
 * machine is little more than reading a file: the server sends a head and then the array, and
 * closes the connection. Whoever asks waits for the descriptor to be readable, and looks after the
 * time.
 */
#pragma once

#include "engine/engine.h"

typedef struct EngineCall EngineCall;

/* Connects and asks. add is called from engine_call_step(). Negative errno: of connect(2); -EPERM:
 * who listens there is neither root nor this user. */
int engine_call_new(const char *path, engine_container_t add, void *userdata, EngineCall **ret);
EngineCall *engine_call_free(EngineCall *call);

/* To be waited for with EPOLLIN. */
int engine_call_fd(const EngineCall *call);

/* Reads a piece. 0: go on when the descriptor is readable again; 1: all is there. Negative errno:
 * -EPROTO: this is no answer, or not one with a listing (engine_call_status() says); -EBADMSG: the
 * listing makes no sense or is cut off; -EMSGSIZE: it is too large; of recv(2); or what add
 * returned. */
int engine_call_step(EngineCall *call);

/* The status of HTTP, 0 as long as none came. */
unsigned engine_call_status(const EngineCall *call);

/* What went wrong, in words; status as of engine_call_status(). */
char *engine_call_describe(int error, unsigned status);

/* All of it, waiting for at most timeout_usec; -ETIMEDOUT. ret_status may be NULL. */
int engine_call_wait(const char *path, uint64_t timeout_usec, engine_container_t add,
                     void *userdata, unsigned *ret_status);
