/* SPDX-License-Identifier: MIT */

/* cmocka's own comparison is of float, which has too few digits for times and totals. */

#pragma once

#include <math.h>

#define assert_near(a, b, tolerance) assert_true(fabs((double)(a) - (double)(b)) <= (tolerance))
