/* SPDX-License-Identifier: MIT */
/*
 * For the tests of what units say: a machine to emit for, and the unit of a spec to look into.
 * Include it after cmocka.h.
 */
#pragma once

#include "base/macros.h"
#include "base/strv.h"
#include "generator/emit.h"
#include "spec/read.h"

static Platform platform = {
    .systemd = 257, .libexec = (char *)"/usr/libexec/phoenix", .machine_id = (char *)""};
static EmitContext context = {
    .scope = SPEC_SCOPE_SYSTEM,
    .platform = &platform,
    .quadlet = PODMAN_VERSION(5, 4),
    .output = "/run/out",
};

static int reset(void **state)
{
    platform.systemd = 257;
    platform.catatonit = true;
    platform.machine_id = (char *)"";
    context.scope = SPEC_SCOPE_SYSTEM;
    context.quadlet = PODMAN_VERSION(5, 4);
    return 0;
}

static Spec *read_spec(const char *text)
{
    _cleanup_diag_list_ DiagList diags = {0};
    Spec *spec = NULL;

    assert_int_equal(spec_read(text, strlen(text), "/etc/phoenix.d/web.json", &diags, &spec), 0);
    return spec;
}

/* The whole unit of a spec; "'" stands for a quote in the spec. */
static char *emit(const char *text)
{
    _cleanup_free_ char *json = strdup(text);
    _cleanup_unit_ UnitFile unit = {0};
    _cleanup_text_ Text result = {0};
    char *ret = NULL;

    for (char *p = json; (p = strchr(p, '\''));)
        *p = '"';
    _cleanup_spec_free_ Spec *spec = read_spec(json);
    if (spec->type == SPEC_TYPE_BINARY)
        emit_binary(&context, spec, &unit);
    else
        emit_container(&context, spec, NULL, &unit);
    assert_int_equal(unit_render(&unit, NULL, &result), 0);
    assert_int_equal(text_take(&result, &ret), 0);
    return ret;
}

static void expect(const char *spec, const char *line)
{
    _cleanup_free_ char *unit = emit(spec);
    _cleanup_free_ char *wanted = text_printf("\n%s\n", line);

    if (!strstr(unit, wanted))
        fail_msg("\"%s\" is missing in:\n%s", line, unit);
}

static void expect_not(const char *spec, const char *part)
{
    _cleanup_free_ char *unit = emit(spec);

    if (strstr(unit, part))
        fail_msg("\"%s\" is in:\n%s", part, unit);
}

#define BINARY(more) "{'type': 'binary', 'image': '/bin/x'" more "}"
#define DOCKER(more) "{'type': 'docker', 'image': 'localhost/x'" more "}"
