/* SPDX-License-Identifier: MIT */

/* Options and what they are when nobody says otherwise; one table for reading and for --help. */

#include "collector/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>

#include "base/file.h"
#include "base/size.h"
#include "base/strv.h"
#include "base/text.h"
#include "base/timespan.h"

#define TOKEN_MAX 4096
#define PEM_MAX   (256U << 10)

typedef enum OptionKind {
    OPTION_SPAN,
    OPTION_SIZE,
    OPTION_COUNT,
    OPTION_TEXT,
    OPTION_LIST,
    OPTION_FLAG,
} OptionKind;

typedef struct OptionRow {
    const char *name;
    OptionKind kind;
    size_t offset;
    const char *normal; /* NULL: none */
    const char *help;
} OptionRow;

#define AT(member) offsetof(Options, member)

static const OptionRow rows[] = {
    {"keep-raw", OPTION_SPAN, AT(writer.keep.raw_usec), "24h", "entries, and values as they came"},
    {"keep-minute", OPTION_SPAN, AT(writer.keep.minute_usec), "30d", "values per minute"},
    {"keep-hour", OPTION_SPAN, AT(writer.keep.hour_usec), "365d", "values per hour; events"},
    {"keep-keys", OPTION_SPAN, AT(writer.keep.key_usec), "7d", "idempotency keys"},
    {"max-size", OPTION_SIZE, AT(writer.keep.max_bytes), "1G",
     "of the database; the oldest goes first"},
    {"max-body", OPTION_SIZE, AT(server.max_body), "16M", "of one post"},
    {"max-waiting", OPTION_SIZE, AT(writer.max_waiting), "64M", "posts that wait to be stored"},
    {"clean-every", OPTION_SPAN, AT(writer.clean_usec), "1min",
     "how often to look for what is old"},
    {"rate", OPTION_COUNT, AT(server.rate), "1000", "posts a second of one address; 0: any number"},
    {"burst", OPTION_COUNT, AT(server.burst), "2000", "posts at once of one address"},
    {"max-clients", OPTION_COUNT, AT(server.max_clients), "4096", "connections"},
    {"request-time", OPTION_SPAN, AT(server.request_usec), "1min",
     "in which a request has to come in"},
    {"name", OPTION_LIST, AT(names), NULL, "host name that requests may be for, besides our own"},
    {"page", OPTION_TEXT, AT(server.page), PHOENIX_PAGE_DIR, "folder of the page"},
    {"state", OPTION_TEXT, AT(state), NULL, "folder of the database ($STATE_DIRECTORY)"},
    {"listen", OPTION_LIST, AT(listen), NULL, "ADDRESS:PORT, when no socket was passed"},
    {"tls-cert", OPTION_TEXT, AT(tls_cert_path), NULL, "file of the certificate (credential)"},
    {"tls-key", OPTION_TEXT, AT(tls_key_path), NULL, "file of its key (credential)"},
    {"without-tls", OPTION_FLAG, AT(server.without_tls), NULL,
     "plain HTTP also for other machines"},
    {"without-token", OPTION_FLAG, AT(server.without_token), NULL,
     "posts of other machines need no token"},
};

static void *place(Options *options, const OptionRow *row)
{
    return (char *)options + row->offset;
}

static int set_count(unsigned *to, const char *value)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || *value == '-' || n > 1000000)
        return -EINVAL;
    *to = (unsigned)n;
    return 0;
}

static int set(Options *options, const OptionRow *row, const char *value)
{
    uint64_t size;
    int r;

    switch (row->kind) {
    case OPTION_SPAN:
        r = timespan_parse(value, place(options, row));
        return r == 0 && *(uint64_t *)place(options, row) < USEC_PER_SEC / 100 ? -ERANGE : r;
    case OPTION_SIZE:
        r = size_parse(value, &size);
        *(uint64_t *)place(options, row) = size;
        return r == 0 && size < 4096 ? -ERANGE : r;
    case OPTION_COUNT:
        return set_count(place(options, row), value);
    case OPTION_TEXT:
        *(const char **)place(options, row) = value;
        return 0;
    case OPTION_LIST:
        return strv_push(place(options, row), value);
    case OPTION_FLAG:
        *(bool *)place(options, row) = true;
        return 0;
    }
    return -EINVAL;
}
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "sizes are set as 64 bits");

static void print_row(const OptionRow *row)
{
    static const char *const values[] = {
        [OPTION_SPAN] = "=SPAN", [OPTION_SIZE] = "=SIZE", [OPTION_COUNT] = "=N",
        [OPTION_TEXT] = "=TEXT", [OPTION_LIST] = "=TEXT", [OPTION_FLAG] = ""};
    int n = printf("  --%s%s", row->name, values[row->kind]);

    printf("%*s%s", MAX(30 - n, 1), "", row->help);
    if (row->normal)
        printf(" (%s)", row->normal);
    printf("\n");
}

static void print_help(void)
{
    printf("phoenix-collector [OPTION...]\n\nKeeps logs and metrics of hosts; started by "
           "phoenix-collector.socket. See phoenix-collector(8).\n\n");
    for (size_t i = 0; i < ELEMENTSOF(rows); i++)
        print_row(&rows[i]);
    printf("  --help, --version\n");
}

/* A credential (systemd.exec(5)), so that it stands in no command line. 0 also when there is none.
 */
static int read_credential(const char *name, size_t max, char **ret)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    _cleanup_free_ char *path = folder ? text_printf("%s/%s", folder, name) : NULL;
    int r;

    if (!folder)
        return 0;
    if (!path)
        return -ENOMEM;
    r = file_read(AT_FDCWD, path, max, ret, NULL);
    return r == -ENOENT ? 0 : r;
}

static int read_token(Options *options)
{
    int r = read_credential("token", TOKEN_MAX, &options->token);

    if (r < 0 || !options->token)
        return r;
    options->token[strcspn(options->token, "\r\n")] = '\0';
    if (*options->token != '\0')
        return 0;
    fprintf(stderr, "phoenix-collector: the credential token is empty\n");
    return -EINVAL;
}

static int read_pem(const char *path, const char *credential, char **ret)
{
    int r = path ? file_read(AT_FDCWD, path, PEM_MAX, ret, NULL)
                 : read_credential(credential, PEM_MAX, ret);

    if (r < 0)
        fprintf(stderr, "phoenix-collector: %s: %s\n", path ? path : credential, strerror(-r));
    return r < 0 ? -EINVAL : 0;
}

static int read_tls(Options *options)
{
    int r = read_pem(options->tls_cert_path, "tls-cert", &options->tls_cert);

    if (r >= 0)
        r = read_pem(options->tls_key_path, "tls-key", &options->tls_key);
    if (r < 0 || !options->tls_cert == !options->tls_key)
        return r;
    fprintf(stderr, "phoenix-collector: there is a %s and no %s\n",
            options->tls_cert ? "certificate" : "key", options->tls_cert ? "key" : "certificate");
    return -EINVAL;
}

static int find_state(Options *options)
{
    const char *given = options->state ? options->state : getenv("STATE_DIRECTORY");

    if (!given) {
        fprintf(stderr,
                "phoenix-collector: no state folder: it is started by phoenix-collector.service, "
                "or with --state=\n");
        return -EINVAL;
    }
    options->state = strdup(given);
    options->graphs = options->state ? text_printf("%s/graphs", options->state) : NULL;
    return options->graphs ? 0 : -ENOMEM;
}

static int take_options(int argc, char *argv[], Options *options)
{
    struct option table[ELEMENTSOF(rows) + 3] = {0};

    for (size_t i = 0; i < ELEMENTSOF(rows); i++)
        table[i] = (struct option){
            rows[i].name, rows[i].kind == OPTION_FLAG ? no_argument : required_argument, NULL, 0};
    table[ELEMENTSOF(rows)] = (struct option){"help", no_argument, NULL, 'h'};
    table[ELEMENTSOF(rows) + 1] = (struct option){"version", no_argument, NULL, 'V'};
    for (int c, i = 0; (c = getopt_long(argc, argv, "h", table, &i)) >= 0;) {
        if (c == 'h') {
            print_help();
            return 0;
        }
        if (c == 'V') {
            printf("phoenix-collector " PHOENIX_VERSION "\n");
            return 0;
        }
        if (c == '?')
            return -EINVAL;
        if (set(options, &rows[i], optarg) < 0) {
            fprintf(stderr, "phoenix-collector: --%s=%s: is not what it should be\n", rows[i].name,
                    optarg);
            return -EINVAL;
        }
    }
    if (optind == argc)
        return 1;
    fprintf(stderr, "phoenix-collector takes no arguments\n");
    return -EINVAL;
}

int options_parse(int argc, char *argv[], Options *ret)
{
    Options options = {0};
    int r;

    for (size_t i = 0; i < ELEMENTSOF(rows); i++)
        if (rows[i].normal)
            (void)set(&options, &rows[i], rows[i].normal);
    r = take_options(argc, argv, &options);
    if (r <= 0) {
        options.state = NULL;
        options_done(&options);
        return r;
    }
    r = find_state(&options);
    if (r >= 0)
        r = read_token(&options);
    if (r >= 0)
        r = read_tls(&options);
    *ret = options;
    ret->server.graphs = ret->graphs;
    ret->server.token = ret->token;
    ret->server.tls_cert = ret->tls_cert;
    ret->server.tls_key = ret->tls_key;
    ret->server.names = ret->names;
    if (r < 0 && r != -EINVAL)
        fprintf(stderr, "phoenix-collector: %s\n", strerror(-r));
    return r < 0 ? r : 1;
}

static void free_secret(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void options_done(Options *options)
{
    free(options->state);
    free(options->graphs);
    free_secret(options->token);
    free(options->tls_cert);
    free_secret(options->tls_key);
    strv_free(options->names);
    strv_free(options->listen);
    *options = (Options){0};
}
