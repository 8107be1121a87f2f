/* SPDX-License-Identifier: MIT */
/*
 * phoenix-generator: run by systemd at boot and at each daemon-reload, systemd.generator(7). It
 * only fails when the machine does; what is wrong with a spec is that spec's business.
 */
#include <errno.h>
#include <getopt.h>

#include "base/log.h"
#include "base/strv.h"
#include "base/text.h"
#include "generator/dry-run.h"
#include "generator/report.h"
#include "spec/scan.h"

typedef struct Arguments {
    bool dry_run;
    GenerateOptions generate;
} Arguments;

static void print_help(void)
{
    puts("phoenix-generator [--user | --system] [--dry-run[=NAME]] [NORMAL [EARLY LATE]]\n"
         "\n"
         "Makes systemd units of Phoenix specs, in the folder NORMAL.\n"
         "\n"
         "  --user, --system   for which manager [$SYSTEMD_SCOPE, else --system]\n"
         "  --dry-run[=NAME]   print the units instead, of all specs or of NAME\n"
         "  --help             this text\n"
         "  --version          the version\n"
         "\n"
         "Environment: PHOENIX_SPEC_PATH, PHOENIX_LIBEXEC, PHOENIX_QUADLET,\n"
         "PHOENIX_QUADLET_VERSION, PHOENIX_SYSTEMD_VERSION, PHOENIX_CATATONIT,\n"
         "PHOENIX_MACHINE_ID, PHOENIX_UID.");
}

static SpecScope scope_of_environment(void)
{
    const char *scope = getenv("SYSTEMD_SCOPE");

    return scope && streq(scope, "user") ? SPEC_SCOPE_USER : SPEC_SCOPE_SYSTEM;
}

/* Returns 0 to go on, 1 when all is done, -EINVAL when misused. */
static int parse_options(int argc, char *argv[], Arguments *arguments)
{
    static const struct option options[] = {
        {"user", no_argument, NULL, 'u'},          {"system", no_argument, NULL, 's'},
        {"dry-run", optional_argument, NULL, 'n'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},       {0},
    };
    int c;

    arguments->generate.scope = scope_of_environment();
    while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
        switch (c) {
        case 'u':
            arguments->generate.scope = SPEC_SCOPE_USER;
            break;
        case 's':
            arguments->generate.scope = SPEC_SCOPE_SYSTEM;
            break;
        case 'n':
            arguments->dry_run = true;
            arguments->generate.only = optarg;
            break;
        case 'h':
            print_help();
            return 1;
        case 'v':
            puts("phoenix-generator " PHOENIX_VERSION);
            return 1;
        default:
            return -EINVAL;
        }
    int folders = argc - optind;
    if (folders != 1 && folders != 3 && !(folders == 0 && arguments->dry_run)) {
        fputs("phoenix-generator: needs one folder, or three; see --help\n", stderr);
        return -EINVAL;
    }
    arguments->generate.folder = argv[optind];
    return 0;
}

/* As systemd's own generators: early at boot there is nothing but the kernel's log; a user has no
 * access to that, but a journal. */
static void set_up_log(const Arguments *arguments)
{
    LogTarget target = LOG_TARGET_STDERR;

    if (!arguments->dry_run && !isatty(STDERR_FILENO) && getenv("SYSTEMD_SCOPE"))
        target =
            arguments->generate.scope == SPEC_SCOPE_SYSTEM ? LOG_TARGET_KMSG : LOG_TARGET_JOURNAL;
    log_setup("phoenix-generator", target, getenv("PHOENIX_DEBUG") ? LOG_DEBUG : LOG_INFO);
}

/* Where the manager has its generated units: what a dry run shows as their place. */
static char *manager_folder(SpecScope scope)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (scope == SPEC_SCOPE_SYSTEM)
        return strdup("/run/systemd/generator");
    if (runtime && runtime[0] == '/')
        return text_printf("%s/systemd/generator", runtime);
    return text_printf("/run/user/%u/systemd/generator", (unsigned)getuid());
}

/* A name that was asked for must be there. Returns 0 or -ENOENT, having said why. */
static int check_only(const SpecSet *set, const char *name, const char **ret_unit)
{
    const SpecEntry *entry = spec_set_find(set, name);

    if (!entry) {
        const char *nearest = spec_set_nearest(set, name);
        log_error("no spec named \"%s\"%s%s%s", name, nearest ? "; did you mean \"" : "",
                  nearest ? nearest : "", nearest ? "\"?" : "");
        return -ENOENT;
    }
    if (entry->fate != SPEC_FATE_GENERATED && entry->fate != SPEC_FATE_BROKEN)
        log_notice("%s makes no units here: %s", entry->file.path, spec_fate_word(entry->fate));
    *ret_unit = entry->unit;
    return 0;
}

static int run_dry(GenerateOptions *options, const Platform *platform, SpecSet *set)
{
    _cleanup_free_ char *folder = NULL;

    if (!options->folder) {
        folder = manager_folder(options->scope);
        if (!folder)
            return -ENOMEM;
    }
    options->known_as = options->folder ? options->folder : folder;
    int r = options->only ? check_only(set, options->only, &options->only) : 0;
    return r < 0 ? r : dry_run(options, platform, set, stdout);
}

static int run(Arguments *arguments)
{
    GenerateOptions *options = &arguments->generate;
    _cleanup_platform_ Platform platform = {0};
    _cleanup_strv_free_ char **folders = NULL;
    _cleanup_spec_set_free_ SpecSet *set = NULL;

    int r = spec_folders(options->scope, &folders);
    if (r >= 0)
        r = spec_set_load(options->scope, folders, NULL, &set);
    if (r >= 0)
        r = platform_probe(&platform);
    if (r < 0)
        return r;
    if (arguments->dry_run)
        r = run_dry(options, &platform, set);
    else
        r = generate(options, &platform, set);
    if (r >= 0)
        report_findings(set, options->only);
    return r;
}

int main(int argc, char *argv[])
{
    Arguments arguments = {0};
    int r = parse_options(argc, argv, &arguments);

    if (r != 0)
        return r > 0 ? EXIT_SUCCESS : 2;
    set_up_log(&arguments);
    r = run(&arguments);
    if (r < 0 && r != -ENOENT)
        log_error("units cannot be made in %s: %s",
                  arguments.generate.folder ? arguments.generate.folder : "a temporary folder",
                  strerror(-r));
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
