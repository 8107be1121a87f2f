/* SPDX-License-Identifier: MIT */

/* What may be open to other machines than this one. */

#pragma once

#include "collector/server.h"

/* Over a network a post needs a token, and the token needs TLS, unless the options say that it does
 * not. 0, or -EPERM, and it was said in the log. */
int exposure_check(const Listen *listen, const ServerOptions *options);
