/* SPDX-License-Identifier: MIT */

/* A collector that is open to a network by mistake stores what anybody sends, and tells anybody the
 * token: it does not start. */

#include "collector/exposure.h"

#include <errno.h>

#include "base/log.h"

static bool is_open(const Listen *listen)
{
    for (size_t i = 0; i < listen->n; i++)
        if (!listen_is_local(listen->fds[i]))
            return true;
    return false;
}

int exposure_check(const Listen *listen, const ServerOptions *options)
{
    if (!is_open(listen))
        return 0;
    if (!options->token && !options->without_token) {
        log_error("Other machines can connect, and there is no token: give it one as the "
                  "credential \"token\", or --without-token");
        return -EPERM;
    }
    if (!options->tls_cert && !options->without_tls) {
        log_error("Other machines can connect, and there is no TLS: give it the credentials "
                  "\"tls-cert\" and \"tls-key\", or --without-tls");
        return -EPERM;
    }
    if (!options->tls_cert)
        log_warning("What other machines send is not encrypted%s",
                    options->token ? ", nor is the token" : "");
    return 0;
}
