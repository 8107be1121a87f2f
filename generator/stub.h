/* SPDX-License-Identifier: MIT */
/*
 * What `systemctl start phoenix@NAME` says when there is no service of that name: the words for
 * each way in which a spec can be missing.
 */
#pragma once

#include "base/text.h"
#include "spec/set.h"

/*
 * Adds one line without newline about the instance, which has no generated unit.
 * folders: the folders of the manager. Returns 0 or -ENOMEM.
 */
int stub_explain_missing(const SpecSet *set, char *const *folders, const char *instance,
                         SpecScope scope, Text *text);
