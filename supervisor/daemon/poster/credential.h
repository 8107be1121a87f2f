/* SPDX-License-Identifier: MIT */
/*
 * Secrets by the place where they are: an absolute path, or the name of a credential of the unit
 * (LoadCredential= of systemd.exec(5), $CREDENTIALS_DIRECTORY). Read anew each time, as tokens are
 * changed while phoenixd runs.
 */
#pragma once

/* Where it is; the caller frees. -ENXIO: a name, and the unit has no credentials; -ENOMEM. */
int credential_path(const char *place, char **ret);

/* A token: one line of printable characters, blanks around it cut off. The caller frees. -ENOENT,
 * -EACCES, ...; -EBADMSG: it is empty, or no such line; -ENXIO, -ENOMEM. */
int credential_token(const char *place, char **ret);
