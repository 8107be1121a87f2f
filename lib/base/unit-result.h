/* SPDX-License-Identifier: MIT */

/* Why a service has ended, in words: Result= and ExecMainCode=, ExecMainStatus= of
 * org.freedesktop.systemd1(5). */

#pragma once

#include <stdint.h>

#include "base/text.h"

/* "it exited with status 3". code: CLD_EXITED, CLD_KILLED, ... of the main process, 0 when it is
 * not known; status: its exit status or signal. A word that is not known here stands for itself. */
void unit_result_add(Text *t, const char *result, int32_t code, int32_t status);
