/* SPDX-License-Identifier: MIT */
/* Reads one container of the answer to GET /containers/json. */
#pragma once

#include "engine/engine.h"

/* 0; 1 when it is none, or what is needed of it is not of the form that is documented; -ENOMEM. */
int engine_container_read(const char *json, size_t n, EngineContainer *ret);
