/* SPDX-License-Identifier: MIT */
/*
 * The flow behind generate.h.
 */
#include "generator/generate.h"

#include <errno.h>

#include "generator/emit.h"
#include "generator/links.h"
#include "generator/output.h"
#include "generator/parallel.h"
#include "generator/quadlet.h"
#include "spec/demand.h"
#include "spec/plan.h"

/* With fewer items than this, starting a thread, or a Quadlet, costs more than it brings. */
#define ENTRIES_SLICE    200U
#define CONTAINERS_SLICE 100U

typedef struct Generator {
    const GenerateOptions *options;
    EmitContext context;
    Output output;
    SpecSet *set;
    QuadletJob *jobs;   /* one for each entry; those of containers have a name */
    size_t *containers; /* the indexes of these */
    size_t n;
    Loopbacks loopbacks;
    char *no_quadlet; /* why there can be no containers; NULL when there can */
} Generator;

static void generator_done(Generator *generator)
{
    for (size_t i = 0; generator->jobs && i < generator->set->n; i++)
        quadlet_job_done(&generator->jobs[i]);
    free(generator->jobs);
    free(generator->containers);
    free(generator->no_quadlet);
    loopbacks_done(&generator->loopbacks);
    output_done(&generator->output);
}

/* Marks the entry as one that cannot be used. Returns 0 or -ENOMEM. */
static int entry_fail(SpecEntry *entry, const char *key, const char *code, const char *message)
{
    entry->fate = SPEC_FATE_BROKEN;
    return diag_add(&entry->diags, DIAG_ERROR, entry->file.path, key, code, NULL, "%s", message);
}

/* Renders a unit with the entry's header. A value that fits into no unit breaks the entry.
 * Returns 0, UNIT_REFUSED when that happened, or -ENOMEM. */
static int render(SpecEntry *entry, const UnitFile *unit, bool header, Text *text)
{
    _cleanup_text_ Text comment = {0};

    if (header)
        emit_header(entry, &comment);
    if (comment.error < 0)
        return comment.error;
    int r = unit_render(unit, comment.data, text);
    if (r != UNIT_REFUSED)
        return r;
    r = entry_fail(entry, "", DIAG_CODE_UNSUPPORTED, unit->refused);
    return r < 0 ? r : UNIT_REFUSED;
}

static int write_named(const Generator *generator, const char *prefix, const SpecEntry *entry,
                       const char *suffix, const Text *text)
{
    _cleanup_free_ char *name = text_printf("%s%s%s", prefix, entry->unit, suffix);

    return name ? output_file(&generator->output, name, text) : -ENOMEM;
}

static int write_stub(const Generator *generator, SpecEntry *entry)
{
    _cleanup_unit_ UnitFile unit = {0};
    _cleanup_text_ Text text = {0};

    emit_stub(&generator->context, entry, &unit);
    int r = render(entry, &unit, true, &text);
    if (r == UNIT_REFUSED) /* only our own text can do that */
        return -EINVAL;
    if (r >= 0)
        r = write_named(generator, "phoenix@", entry, ".service", &text);
    return r < 0 ? r : links_make(&generator->context, &generator->output, entry);
}

static int write_timer(const Generator *generator, SpecEntry *entry)
{
    _cleanup_unit_ UnitFile unit = {0};
    _cleanup_text_ Text text = {0};

    if (!entry->spec->schedule)
        return 0;
    int r = emit_timer(&generator->context, entry->spec, &unit);
    if (r >= 0)
        r = render(entry, &unit, true, &text);
    return r != 0 ? r : write_named(generator, "phoenix@", entry, ".timer", &text);
}

typedef void (*emit_t)(const EmitContext *context, const Spec *spec, UnitFile *unit);

/* One of the units of a service that its connections start. */
typedef struct DemandUnit {
    const char *prefix, *suffix;
    emit_t emit;
    bool wanted;
} DemandUnit;

#define DEMAND_UNITS 5

/* All are made before the first one is written: when one cannot be, there is only a stub. */
static int write_demand(const Generator *generator, SpecEntry *entry)
{
    const EmitContext *context = &generator->context;
    const Spec *spec = entry->spec;
    bool watch = emit_has_idle_watch(context, spec);
    const DemandUnit units[DEMAND_UNITS] = {
        {"phoenix@", ".socket", emit_socket, true},
        {"phoenix-reopen@", ".timer", emit_reopen, true},
        {"phoenix-proxy@", ".service", emit_proxy, spec_has_proxy(spec)},
        {"phoenix-up@", ".timer", emit_up_timer, spec_has_idle(spec) && !watch},
        {"phoenix-idle@", ".service", emit_idle_watch, watch},
    };
    Text texts[DEMAND_UNITS] = {0};
    int r = 0;

    if (!spec_is_listened_for(spec))
        return 0;
    for (size_t i = 0; r == 0 && i < DEMAND_UNITS; i++) {
        _cleanup_unit_ UnitFile unit = {0};
        if (!units[i].wanted)
            continue;
        units[i].emit(context, spec, &unit);
        r = render(entry, &unit, true, &texts[i]);
    }
    for (size_t i = 0; i < DEMAND_UNITS; i++) {
        if (r == 0 && units[i].wanted)
            r = write_named(generator, units[i].prefix, entry, units[i].suffix, &texts[i]);
        text_done(&texts[i]);
    }
    return r;
}

/* Writes all that belongs to a good spec. Returns 0, UNIT_REFUSED, or negative errno. */
static int write_good(const Generator *generator, SpecEntry *entry, const Text *service)
{
    _cleanup_text_ Text plan = {0};

    int r = plan_write(entry->spec, &plan);
    if (r >= 0)
        r = write_timer(generator, entry);
    if (r == 0)
        r = write_demand(generator, entry);
    if (r != 0)
        return r;
    r = write_named(generator, "phoenix/", entry, ".json", &plan);
    if (r >= 0)
        r = write_named(generator, "phoenix@", entry, ".service", service);
    return r < 0 ? r : links_make(&generator->context, &generator->output, entry);
}

/* The program may come later, from a package or a mount, so this is no reason for a stub; systemd
 * says it again when the service is started. */
static int check_program(SpecEntry *entry)
{
    if (access(entry->spec->image, X_OK) == 0)
        return 0;
    return diag_add(&entry->diags, DIAG_WARNING, entry->file.path, "image", DIAG_CODE_IMAGE, NULL,
                    "%s cannot be executed now: %s", entry->spec->image, strerror(errno));
}

/* Said only where it is so: a spec may be for machines with a newer systemd as well. */
static int check_freezing(const Generator *generator, SpecEntry *entry)
{
    if (!spec_has_idle(entry->spec) || entry->spec->idle.action != SPEC_IDLE_FREEZE ||
        emit_can_freeze(&generator->context, entry->spec))
        return 0;
    return diag_add(&entry->diags, DIAG_WARNING, entry->file.path, "idle.action",
                    DIAG_CODE_UNSUPPORTED, NULL,
                    "a program cannot be frozen before systemd 254; it is stopped instead");
}

static int generate_binary(const Generator *generator, SpecEntry *entry)
{
    _cleanup_unit_ UnitFile unit = {0};
    _cleanup_text_ Text text = {0};

    int r = check_program(entry);
    if (r >= 0)
        r = check_freezing(generator, entry);
    if (r < 0)
        return r;
    emit_binary(&generator->context, entry->spec, &unit);
    r = render(entry, &unit, true, &text);
    if (r == 0)
        r = write_good(generator, entry, &text);
    return r == UNIT_REFUSED ? write_stub(generator, entry) : r;
}

/* Looks into the image when it is an archive. Returns 0, IMAGE_FILE_UNUSABLE (the entry is broken
 * then), or -ENOMEM. */
static int inspect_image(SpecEntry *entry, ImageFile *ret, bool *ret_archive)
{
    _cleanup_free_ char *reason = NULL;

    *ret_archive = entry->spec->image[0] == '/';
    if (!*ret_archive)
        return 0;
    int r = image_file_inspect(entry->spec->image, ret, &reason);
    if (r != IMAGE_FILE_UNUSABLE)
        return r;
    r = entry_fail(entry, "image", DIAG_CODE_IMAGE, reason);
    return r < 0 ? r : IMAGE_FILE_UNUSABLE;
}

/* Emits what Quadlet will read. Returns 0, UNIT_REFUSED or IMAGE_FILE_UNUSABLE when the entry is
 * broken, or -ENOMEM. */
static int emit_job(const Generator *generator, SpecEntry *entry, QuadletJob *job)
{
    _cleanup_unit_ UnitFile container = {0}, image = {0};
    _cleanup_image_file_ ImageFile archive = {0};
    bool is_archive;

    job->name = strdup(entry->spec->name);
    if (!job->name)
        return -ENOMEM;
    int r = inspect_image(entry, &archive, &is_archive);
    if (r != 0)
        return r;
    emit_container(&generator->context, entry->spec, is_archive ? &archive : NULL, &container);
    r = render(entry, &container, false, &job->container);
    if (r != 0 || !is_archive || !emit_has_image_units(&generator->context))
        return r;
    emit_image(&generator->context, entry->spec, &archive, &image);
    return render(entry, &image, false, &job->image);
}

/* Makes the container's job for Quadlet. */
static int queue_container(const Generator *generator, SpecEntry *entry)
{
    QuadletJob job = {0};

    if (generator->no_quadlet) {
        int r = entry_fail(entry, "type", DIAG_CODE_QUADLET, generator->no_quadlet);
        return r < 0 ? r : write_stub(generator, entry);
    }
    int r = emit_job(generator, entry, &job);
    if (r != 0) {
        quadlet_job_done(&job);
        return r < 0 ? r : write_stub(generator, entry);
    }
    generator->jobs[entry - generator->set->items] = job;
    return 0;
}

static int generate_vm(const Generator *generator, SpecEntry *entry)
{
    int r = entry_fail(entry, "type", DIAG_CODE_UNSUPPORTED,
                       "virtual machines are not supported by this version of Phoenix");

    return r < 0 ? r : write_stub(generator, entry);
}

/* phoenixd acts by the plan; there is nothing for systemd to start. One of the machine that says
 * nothing about the manager is the system's: each user's phoenixd would act by it as well. */
static int write_plan_only(const Generator *generator, const SpecEntry *entry)
{
    _cleanup_text_ Text plan = {0};

    if (!links_is_for_manager(&generator->context, entry))
        return 0;
    int r = plan_write(entry->spec, &plan);
    return r < 0 ? r : write_named(generator, "phoenix/", entry, ".json", &plan);
}

static int generate_entry(const Generator *generator, SpecEntry *entry)
{
    switch (entry->fate) {
    case SPEC_FATE_BROKEN:
        return write_stub(generator, entry);
    case SPEC_FATE_GENERATED:
        break;
    case SPEC_FATE_POLICY:
    case SPEC_FATE_COLLECTOR:
        return write_plan_only(generator, entry);
    case SPEC_FATE_MASKED:
    case SPEC_FATE_ELSEWHERE:
    case SPEC_FATE_OTHER_SCOPE:
    case _SPEC_FATE_MAX:
        return 0;
    }
    if (!emit_path_is_writable(entry->file.path)) {
        int r = entry_fail(entry, "", DIAG_CODE_FILE,
                           "the path of the file holds what units cannot; rename it");
        return r < 0 ? r : write_stub(generator, entry);
    }
    switch (entry->spec->type) {
    case SPEC_TYPE_CONTAINER:
        return queue_container(generator, entry);
    case SPEC_TYPE_BINARY:
        return generate_binary(generator, entry);
    default:
        return generate_vm(generator, entry);
    }
}

/* One file that Quadlet read or made, under our header. */
static int write_quadlet_file(const Generator *generator, const SpecEntry *entry,
                              const char *prefix, const char *suffix, const char *body)
{
    _cleanup_text_ Text text = {0};

    emit_header(entry, &text);
    text_add_char(&text, '\n');
    text_add(&text, body);
    return write_named(generator, prefix, entry, suffix, &text);
}

static int finish_good_container(const Generator *generator, SpecEntry *entry, QuadletJob *job)
{
    _cleanup_text_ Text service = {0};
    int r = 0;

    if (job->image.size > 0)
        r = write_quadlet_file(generator, entry, "phoenix/phoenix-image@", ".image",
                               job->image.data);
    if (r >= 0 && job->image_service)
        r = write_quadlet_file(generator, entry, "phoenix-image@", "-image.service",
                               job->image_service);
    if (r >= 0)
        r = write_quadlet_file(generator, entry, "phoenix/phoenix@", ".container",
                               job->container.data);
    if (r < 0)
        return r;
    emit_header(entry, &service);
    text_add_char(&service, '\n');
    text_add(&service, job->service);
    r = write_good(generator, entry, &service);
    return r == UNIT_REFUSED ? write_stub(generator, entry) : r;
}

static int finish_container(const Generator *generator, SpecEntry *entry, QuadletJob *job)
{
    if (job->service)
        return finish_good_container(generator, entry, job);
    _cleanup_free_ char *message = text_printf("Quadlet: %s", job->complaint);
    int r = message ? entry_fail(entry, "", DIAG_CODE_QUADLET, message) : -ENOMEM;
    return r < 0 ? r : write_stub(generator, entry);
}

/* Quadlet and all after it, for a slice of the containers. */
static int finish_slice(void *context, size_t first, size_t end)
{
    const Generator *generator = context;
    _cleanup_free_ QuadletJob **jobs = calloc(end - first + 1, sizeof(*jobs));

    if (!jobs)
        return -ENOMEM;
    for (size_t i = first; i < end; i++)
        jobs[i - first] = &generator->jobs[generator->containers[i]];
    int r = quadlet_run(generator->context.platform, generator->context.scope == SPEC_SCOPE_USER,
                        generator->output.path, jobs, end - first);
    for (size_t i = first; r >= 0 && i < end; i++) {
        size_t index = generator->containers[i];
        r = finish_container(generator, &generator->set->items[index], &generator->jobs[index]);
        quadlet_job_done(&generator->jobs[index]);
    }
    return r;
}

/* A container may join another's network by the name of its Quadlet file ("unit": {"Container":
 * {"Network": "phoenix@db.container"}}); then one Quadlet has to see both. */
static bool refer_to_each_other(const Generator *generator)
{
    for (size_t i = 0; i < generator->n; i++)
        if (strstr(generator->jobs[generator->containers[i]].container.data, ".container"))
            return true;
    return false;
}

static int finish_containers(Generator *generator)
{
    for (size_t i = 0; i < generator->set->n; i++)
        if (generator->jobs[i].name)
            generator->containers[generator->n++] = i;
    if (generator->n == 0)
        return 0;
    return parallel_for(generator->n,
                        refer_to_each_other(generator) ? generator->n : CONTAINERS_SLICE,
                        finish_slice, generator);
}

static bool is_wanted(const GenerateOptions *options, const SpecEntry *entry)
{
    return !options->only || streq(entry->unit, options->only);
}

static bool has_containers(const GenerateOptions *options, const SpecSet *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->items[i].fate == SPEC_FATE_GENERATED && is_wanted(options, &set->items[i]) &&
            set->items[i].spec->type == SPEC_TYPE_CONTAINER)
            return true;
    return false;
}

/* Finds out what the Quadlet of this machine can do, or why there is none. */
static int check_quadlet(Generator *generator)
{
    const Platform *platform = generator->context.platform;
    unsigned version = 0;
    char *why = NULL;

    int r = platform_quadlet_version(platform, &version);
    if (r == -ENOENT && !platform->quadlet)
        why = strdup("containers need Podman's Quadlet (4.4 or newer), which is not installed");
    else if (r < 0)
        why = text_printf("containers need Podman's Quadlet, but %s cannot be asked for its "
                          "version: %s",
                          platform->quadlet, strerror(-r));
    else if (version < QUADLET_OLDEST)
        why = text_printf("containers need Podman 4.4 or newer; %s is of Podman %u.%u",
                          platform->quadlet, version / 1000, version % 1000);
    else
        generator->context.quadlet = version;
    if (!why && generator->context.quadlet == 0)
        return -ENOMEM;
    generator->no_quadlet = why;
    return 0;
}

static int generator_init(Generator *generator)
{
    const SpecSet *set = generator->set;
    const GenerateOptions *options = generator->options;

    int r = output_open(options->folder, &generator->output);
    if (r < 0)
        return r;
    generator->context.output = options->known_as ? options->known_as : generator->output.path;
    generator->jobs = calloc(set->n + 1, sizeof(*generator->jobs));
    generator->containers = calloc(set->n + 1, sizeof(*generator->containers));
    if (!generator->jobs || !generator->containers)
        return -ENOMEM;
    generator->context.loopbacks = &generator->loopbacks;
    /* The system's manager is root's, whoever looks at its units. */
    r = loopbacks_assign(set,
                         options->scope == SPEC_SCOPE_USER ? generator->context.platform->uid : 0,
                         &generator->loopbacks);
    if (r < 0)
        return r;
    return has_containers(options, set) ? check_quadlet(generator) : 0;
}

static int generate_slice(void *context, size_t first, size_t end)
{
    const Generator *generator = context;
    int r = 0;

    for (size_t i = first; r >= 0 && i < end; i++)
        if (is_wanted(generator->options, &generator->set->items[i]))
            r = generate_entry(generator, &generator->set->items[i]);
    return r;
}

static int uphold_supervisor(const Generator *generator)
{
    for (size_t i = 0; i < generator->set->n; i++) {
        const SpecEntry *entry = &generator->set->items[i];
        if (spec_fate_is_plan_only(entry->fate) && is_wanted(generator->options, entry) &&
            links_is_for_manager(&generator->context, entry))
            return links_uphold_supervisor(&generator->context, &generator->output);
    }
    return 0;
}

int generate(const GenerateOptions *options, const Platform *platform, SpecSet *set)
{
    _cleanup_(generator_done) Generator generator = {
        .options = options,
        .context = {.scope = options->scope, .platform = platform},
        .output = {.fd = -1},
        .set = set,
    };

    int r = generator_init(&generator);
    if (r >= 0)
        r = parallel_for(set->n, ENTRIES_SLICE, generate_slice, &generator);
    if (r >= 0)
        r = uphold_supervisor(&generator);
    return r < 0 ? r : finish_containers(&generator);
}
