/* SPDX-License-Identifier: MIT */

/* Words and JSON for deployments. */

#include "cli/deploy/deploy-report.h"

#include <errno.h>
#include <inttypes.h>

#include "cli/log/failure.h"
#include "cli/print/findings.h"
#include "cli/print/json.h"
#include "cli/print/when.h"
#include "cli/specs/service.h"

/* "sha256:" and so much of it as tells images apart. */
#define DIGEST_SHOWN 19

static const char *verb_of(const Deploy *deploy)
{
    if (deploy->rollback)
        return "roll back";
    return deploy->update ? "update" : "deploy";
}

/* Findings of a good spec are warnings; they are worth a look, too. */
static void say_findings(const Cli *cli, const Deploy *deploy)
{
    Screen plain = {.width = cli->screen.width};
    _cleanup_source_ Source source = {0};
    _cleanup_text_ Text t = {0};

    findings_add(&t, &plain, &deploy->diags, &source);
    if (t.error >= 0 && t.size > 0)
        (void)fwrite(t.data, 1, t.size, stderr);
}

/* The first that was found wrong. */
static const char *why_of(const Deploy *deploy)
{
    if (deploy->why)
        return deploy->why;
    return deploy->rollout.why ? deploy->rollout.why : failure_reason(&deploy->rollout.job);
}

static void add_why(Text *t, const Deploy *deploy)
{
    text_addf(t, "cannot %s ", verb_of(deploy));
    screen_add_clean(t, deploy->rollback ? deploy->spec->name : deploy->source);
    text_add(t, ": ");
    screen_add_clean(t, why_of(deploy));
    text_add_char(t, '\n');
}

static void add_digest(Text *t, const PodmanImage *image)
{
    text_addf(t, "%.*s", DIGEST_SHOWN, image->digest);
}

static bool changes_image(const Deploy *deploy)
{
    return deploy->has_images && image_switch_changes(&deploy->images);
}

static void add_revert(Text *t, const Deploy *deploy)
{
    const char *name = deploy->spec->name;
    const ImageSwitch *images = &deploy->images;

    if (deploy->install.changed)
        text_addf(t, "%s could not be put back: see %s\n", name, deploy->install.path);
    else if (deploy->reverted && deploy->install.kept)
        text_addf(t, "the spec of %s is the old one again%s\n", name,
                  deploy->was_up ? ", and it runs" : "");
    else if (deploy->install.kept)
        text_addf(t, "the old spec of %s is back, but it does not start either\n", name);
    else if (deploy->reverted && !changes_image(deploy))
        text_addf(t, "nothing of %s was left behind\n", name);
    if (!changes_image(deploy) || !images->before.id || !deploy->rollout.job_made)
        return;
    text_addf(t, "the image of %s is ", name);
    add_digest(t, &images->before);
    text_add(t, images->moved ? " still the new one" : " again");
    if (!deploy->install.kept)
        text_add(t, !deploy->was_up    ? ""
                    : deploy->reverted ? ", and it runs"
                                       : ", but it does not start either");
    text_add_char(t, '\n');
    if (images->kind == REFERENCE_ARCHIVE)
        text_addf(t, "the archive %s still holds the other one, which the next boot loads\n",
                  deploy->spec->image);
}

/* Podman's own updates follow the registry, whatever we have found out. */
static void add_auto_update_warning(Text *t, const Deploy *deploy)
{
    if (deploy->spec->autoupdate == SPEC_UNSET || !changes_image(deploy) ||
        deploy->images.kind != REFERENCE_REGISTRY)
        return;
    text_addf(t,
              "note: autoupdate is set: podman-auto-update(1) will bring what %s names in the "
              "registry\n",
              deploy->images.name);
}

static void add_failure(Text *t, const Deploy *deploy, const char *details)
{
    add_why(t, deploy);
    if (details)
        text_add(t, details);
    if (!deploy->spec)
        return;
    if ((deploy->update || deploy->rollback) && deploy->lock >= 0 && !deploy->rollout.loaded &&
        !deploy->install.changed)
        text_addf(t, "%s is as it was%s\n", deploy->spec->name, deploy->was_up ? ", and runs" : "");
    else
        add_revert(t, deploy);
    if (deploy->rollout.job_made)
        add_auto_update_warning(t, deploy);
}

static void add_image(Text *t, const Deploy *deploy)
{
    const ImageSwitch *images = &deploy->images;
    bool dry = deploy->cli->options & CLI_DRY_RUN;

    if (images->pulled)
        text_addf(t, "%s: its image was not on this machine any more, and was pulled again\n",
                  deploy->spec->name);
    if (!images->after.digest)
        return;
    text_addf(t, "%s: %s %s ", deploy->spec->name,
              images->name ? images->name : deploy->spec->image, dry ? "would be" : "is");
    add_digest(t, &images->after);
    if (!changes_image(deploy))
        text_add(t, ", as before");
    else if (images->before.digest) {
        text_add(t, dry ? ", is " : ", was ");
        add_digest(t, &images->before);
    }
    text_add_char(t, '\n');
}

static void add_observed(Text *t, const Deploy *deploy)
{
    if (deploy->observed_usec == 0)
        return;
    if (deploy->rollout.went_idle) {
        text_addf(t, "%s: was well until it was stopped, as nobody used it\n", deploy->spec->name);
        return;
    }
    text_addf(t, "%s: was well for ", deploy->spec->name);
    when_add_span(t, deploy->observed_usec);
    text_add_char(t, '\n');
}

static void add_success(Text *t, const Deploy *deploy)
{
    bool nothing = deploy->action == ROLLOUT_NOTHING;

    text_addf(t, "%s: ", deploy->spec->name);
    if (nothing && deploy->was_up && !(deploy->cli->options & CLI_NO_START))
        text_add(t, "runs already, unchanged, from ");
    else
        text_add(t, nothing ? "not started; in place as " : "");
    if (!nothing)
        text_addf(t, "%s from ", rollout_action_word(deploy->action));
    screen_add_clean(t, deploy->install.path);
    text_add_char(t, '\n');
    add_image(t, deploy);
    add_observed(t, deploy);
    if (deploy->rollback)
        add_auto_update_warning(t, deploy);
}

/* What is known before anything is done. */
static void add_dry_run(Text *t, const Deploy *deploy)
{
    text_addf(t, "%s: would be %s\n", deploy->spec->name, deploy->was_up ? "restarted" : "started");
    add_image(t, deploy);
}

static void add_json_image(Text *t, const Deploy *deploy)
{
    const ImageSwitch *images = &deploy->images;

    json_add_name(t, "image");
    if (!deploy->has_images) {
        text_add(t, "null");
        return;
    }
    text_add_char(t, '{');
    json_add_string(t, "name", images->name ? images->name : deploy->spec->image);
    json_add_string(t, "before", images->before.digest);
    json_add_string(t, "after", images->after.digest);
    json_add_bool(t, "changes", image_switch_changes(images));
    json_add_bool(t, "pulled_again", images->pulled);
    text_add_char(t, '}');
}

static void add_json(Text *t, const Deploy *deploy, bool good, const char *details)
{
    bool any = false, dry = deploy->cli->options & CLI_DRY_RUN;

    text_add_char(t, '{');
    json_add_string(t, "name", deploy->spec ? deploy->spec->name : NULL);
    json_add_string(t, "source", deploy->source);
    json_add_string(t, "file", deploy->install.path);
    json_add_bool(t, "ok", good);
    json_add_bool(t, "changed", deploy->install.changed);
    json_add_string(t, "action", good && !dry ? rollout_action_word(deploy->action) : NULL);
    json_add_bool(t, "dry_run", dry);
    json_add_bool(t, "reverted", deploy->reverted);
    json_add_string(t, "why", good ? NULL : why_of(deploy));
    json_add_number(t, "observed_usec", deploy->observed_usec);
    json_add_bool(t, "went_idle", deploy->rollout.went_idle);
    add_json_image(t, deploy);
    if (details)
        text_addf(t, ", %s", details);
    json_add_name(t, "findings");
    text_add_char(t, '[');
    findings_add_json(t, &deploy->diags, &any);
    text_add(t, any ? "\n]}" : "]}");
}

/* Taken before the way back is gone, which would leave other last words. */
static void add_details(Text *t, const Cli *cli, Deploy *deploy)
{
    const Rollout *rollout = &deploy->rollout;

    if (!rollout->job_made)
        return;
    if (!deploy->why && !rollout->why)
        deploy->why = failure_explain(cli, &rollout->job, rollout->name);
    if (cli->options & CLI_JSON)
        failure_add_json(t, cli, rollout->manager, &rollout->job, rollout->name);
    else
        failure_add_details(t, cli, rollout->manager, rollout->unit, rollout->name);
}

static int report(const Cli *cli, const Deploy *deploy, int status, const char *details, Text *json)
{
    _cleanup_text_ Text t = {0};

    if (cli->options & CLI_JSON) {
        text_add(json, json->size > 1 ? ",\n  " : "\n  ");
        add_json(json, deploy, status == CLI_EXIT_OK, details);
        return json->error;
    }
    say_findings(cli, deploy);
    if (status == CLI_EXIT_OK) {
        if (cli->options & CLI_DRY_RUN)
            add_dry_run(&t, deploy);
        else
            add_success(&t, deploy);
        return cli_print(&t);
    }
    add_failure(&t, deploy, details);
    if (t.error >= 0)
        (void)fwrite(t.data, 1, t.size, stderr);
    return t.error;
}

int deploy_and_report(Deploy *deploy, Text *json)
{
    const Cli *cli = deploy->cli;
    _cleanup_text_ Text details = {0};
    int status, r;

    status = deploy_run(deploy);
    if (status != CLI_EXIT_OK) {
        add_details(&details, cli, deploy);
        deploy_revert(deploy, why_of(deploy));
    }
    if (status < 0)
        return status;
    r = report(cli, deploy, status, details.data, json);
    return r < 0 ? r : status;
}

/* Goes on after a failure, since the services may have nothing to do with each other; the first
 * status that is not good is that of the whole. After a Ctrl-C nothing more is begun. */
static int deploy_all(const Cli *cli, Manager *manager, char *const *args, const Deploy *model,
                      DeploySource source, Text *json)
{
    int status = CLI_EXIT_OK;

    for (size_t i = 0; args[i]; i++) {
        _cleanup_free_ char *path = NULL;
        _cleanup_deploy_ Deploy deploy = *model;
        int r = source(cli, args[i], &path);

        deploy.cli = cli;
        deploy.manager = manager;
        deploy.source = path;
        deploy.lock = -1;
        if (r == CLI_EXIT_OK)
            r = deploy_and_report(&deploy, json);
        if (r < 0)
            return r;
        if (status == CLI_EXIT_OK)
            status = r;
        if (deploy.interrupt.came)
            break;
    }
    return status;
}

int deploy_several(const Cli *cli, char *const *args, const Deploy *model, DeploySource source)
{
    _cleanup_manager_ Manager *manager = NULL;
    _cleanup_text_ Text json = {0};
    int status, r;

    r = service_open_manager(cli, &manager);
    if (r != CLI_EXIT_OK)
        return r;
    text_add_char(&json, '[');
    status = deploy_all(cli, manager, args, model, source, &json);
    if (status < 0 || !(cli->options & CLI_JSON))
        return status;
    text_add(&json, json.size > 1 ? "\n]\n" : "]\n");
    r = cli_print(&json);
    return r < 0 ? r : status;
}
