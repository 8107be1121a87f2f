/* SPDX-License-Identifier: MIT */

/* Any bytes as what the kernel module says: it is refused, or what was understood can be written
 * and read again, and is the same. */

#include <errno.h>

#include "fuzz.h"
#include "sysinfo/classes.h"
#include "sysinfo/sysinfo.h"

static void check_container(const SysinfoContainer *c)
{
    size_t n = strlen(c->id);

    REQUIRE(n == SYSINFO_SHORT_ID_LENGTH || n == SYSINFO_ID_LENGTH);
    REQUIRE(c->pid >= 0);
    REQUIRE(strlen(c->name) <= SYSINFO_NAME_MAX);
    REQUIRE(strlen(c->cmdline) <= SYSINFO_CMDLINE_MAX);
    REQUIRE(!c->unit || c->cgroup);
    REQUIRE(!c->unit || strstr(c->cgroup, c->unit));
    (void)sysinfo_classify(sysinfo_stress_rules, sysinfo_n_stress_rules, c);
}

static void check_again(const Sysinfo *sysinfo, const Text *json)
{
    _cleanup_sysinfo_ Sysinfo again = {0};

    REQUIRE(sysinfo_parse(json->data, json->size, &again) == 0);
    REQUIRE(again.n_containers == sysinfo->n_containers);
    for (size_t i = 0; i < again.n_containers; i++) {
        const SysinfoContainer *a = &sysinfo->containers[i], *b = &again.containers[i];

        REQUIRE(streq(a->id, b->id) && streq(a->name, b->name) && streq(a->cmdline, b->cmdline));
        REQUIRE(a->pid == b->pid && a->manager == b->manager && a->missing == b->missing);
        REQUIRE(!a->unit == !b->unit && (!a->unit || streq(a->unit, b->unit)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};
    _cleanup_text_ Text json = {0};
    bool whole = true;
    int r = sysinfo_parse((const char *)data, size, &sysinfo);

    REQUIRE(r == 0 || r == -EBADMSG);
    if (r < 0)
        return 0;
    for (size_t i = 0; i < sysinfo.n_containers; i++) {
        check_container(&sysinfo.containers[i]);
        /* Only a reading of the document alone has short ones, and it is not written. */
        whole = whole && strlen(sysinfo.containers[i].id) == SYSINFO_ID_LENGTH;
    }
    sysinfo_to_json(&sysinfo, &json);
    REQUIRE(json.error == 0);
    if (whole)
        check_again(&sysinfo, &json);
    return 0;
}
