/* SPDX-License-Identifier: MIT */
/* What an http check sends: the same request each time, put together once. */
#pragma once

#include "spec/spec.h"

/* The request of a check whose strings are one line each; the caller frees. An own header takes the
 * place of ours, and with an empty value just away, as libcurl has it for https. 0 or -ENOMEM. */
int http_request(const SpecProbe *spec, char **ret);
