/* SPDX-License-Identifier: MIT */

/* phoenix deploy and phoenix update: specs become running services, one after the other. */

#include <errno.h>

#include "base/log.h"
#include "cli.h"
#include "deploy.h"
#include "failure.h"
#include "findings.h"
#include "json.h"
#include "service.h"
#include "specs.h"

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
    text_addf(t, "cannot %s ", deploy->update ? "update" : "deploy");
    screen_add_clean(t, deploy->source);
    text_add(t, ": ");
    screen_add_clean(t, why_of(deploy));
    text_add_char(t, '\n');
}

static void add_revert(Text *t, const Deploy *deploy)
{
    const char *name = deploy->spec->name;

    if (deploy->reverted && deploy->install.kept)
        text_addf(t, "the spec of %s is the old one again%s\n", name,
                  deploy->was_up ? ", and it runs" : "");
    else if (deploy->reverted)
        text_addf(t, "nothing of %s was left behind\n", name);
    else if (deploy->install.changed)
        text_addf(t, "%s could not be put back: see %s\n", name, deploy->install.path);
    else if (deploy->install.kept)
        text_addf(t, "the old spec of %s is back, but it does not start either\n", name);
}

static void add_failure(Text *t, const Cli *cli, const Deploy *deploy, const char *details)
{
    add_why(t, deploy);
    if (details)
        text_add(t, details);
    if (deploy->spec)
        add_revert(t, deploy);
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
}

static void add_json(Text *t, const Deploy *deploy, bool good, const char *details)
{
    bool any = false;

    text_add_char(t, '{');
    json_add_string(t, "name", deploy->spec ? deploy->spec->name : NULL);
    json_add_string(t, "source", deploy->source);
    json_add_string(t, "file", deploy->install.path);
    json_add_bool(t, "ok", good);
    json_add_bool(t, "changed", deploy->install.changed);
    json_add_string(t, "action", good ? rollout_action_word(deploy->action) : NULL);
    json_add_bool(t, "reverted", deploy->reverted);
    json_add_string(t, "why", good ? NULL : why_of(deploy));
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
        add_success(&t, deploy);
        return cli_print(&t);
    }
    add_failure(&t, cli, deploy, details);
    if (t.error >= 0)
        (void)fwrite(t.data, 1, t.size, stderr);
    return t.error;
}

static int deploy_one(const Cli *cli, Manager *manager, const char *source, bool update, Text *json)
{
    _cleanup_deploy_ Deploy deploy = {
        .cli = cli,
        .manager = manager,
        .source = source,
        .update = update,
    };
    _cleanup_text_ Text details = {0};
    int status, r;

    status = deploy_run(&deploy);
    if (status != CLI_EXIT_OK) {
        add_details(&details, cli, &deploy);
        deploy_revert(&deploy);
    }
    if (status < 0)
        return status;
    r = report(cli, &deploy, status, details.data, json);
    return r < 0 ? r : status;
}

/* update takes the name of a service, too: its file is what is deployed. */
static int source_of(const Cli *cli, const char *arg, char **ret)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    const SpecEntry *entry;
    int r;

    if (specs_is_path(arg)) {
        *ret = strdup(arg);
        return *ret ? CLI_EXIT_OK : -ENOMEM;
    }
    r = specs_load(cli, &set);
    if (r < 0)
        return r;
    entry = specs_find(cli, set, arg);
    if (!entry)
        return CLI_EXIT_MISSING;
    *ret = strdup(entry->file.path);
    return *ret ? CLI_EXIT_OK : -ENOMEM;
}

/* Goes on after a failure, since the services may have nothing to do with each other; the first
 * status that is not good is that of the whole. */
static int deploy_all(const Cli *cli, Manager *manager, char *const *args, bool update, Text *json)
{
    int status = CLI_EXIT_OK;

    for (size_t i = 0; args[i]; i++) {
        _cleanup_free_ char *source = update ? NULL : strdup(args[i]);
        int r = update ? source_of(cli, args[i], &source) : source ? CLI_EXIT_OK : -ENOMEM;

        if (r == CLI_EXIT_OK)
            r = deploy_one(cli, manager, source, update, json);
        if (r < 0)
            return r;
        if (status == CLI_EXIT_OK)
            status = r;
    }
    return status;
}

static int run(const Cli *cli, char *const *args, bool update)
{
    _cleanup_manager_ Manager *manager = NULL;
    _cleanup_text_ Text json = {0};
    int status, r;

    r = service_open_manager(cli, &manager);
    if (r != CLI_EXIT_OK)
        return r;
    text_add_char(&json, '[');
    status = deploy_all(cli, manager, args, update, &json);
    if (status < 0 || !(cli->options & CLI_JSON))
        return status;
    text_add(&json, json.size > 1 ? "\n]\n" : "]\n");
    r = cli_print(&json);
    return r < 0 ? r : status;
}

int verb_deploy(const Cli *cli, char *const *args)
{
    return run(cli, args, false);
}

int verb_update(const Cli *cli, char *const *args)
{
    return run(cli, args, true);
}
