/* SPDX-License-Identifier: MIT */

/* phoenix top: services, and with --all every container, by what they use, redrawn every two
 * seconds; or, where there is no terminal to draw on, as plain tables. */

#include <errno.h>
#include <poll.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/containers/top.h"
#include "cli/print/terminal.h"
#include "cli/print/when.h"
#include "cli/specs/services.h"
#include "cli/status/status-row.h"

#define INTERVAL_USEC (2 * USEC_PER_SEC)
#define CGROUP_ROOT   "/sys/fs/cgroup"

/* Lines of a frame that are no service: the head, a blank line, the titles. */
#define LINES_AROUND 3U

typedef struct Top {
    const Cli *cli;
    Manager *manager;
    SysinfoReader *reader; /* NULL: services only */
    TopOrder order;
    TopRows rows;
    Supervision supervision;
    bool has_healths;
    uint64_t rounds; /* left; UINT64_MAX: until it is ended */
} Top;

static void top_done(Top *top)
{
    top_rows_done(&top->rows);
    supervision_done(&top->supervision);
    manager_free(top->manager);
    sysinfo_reader_free(top->reader);
}

static void add_unit(Top *top, TopRow *row)
{
    _cleanup_free_ char *unit = text_printf("phoenix@%s.service", row->name);
    _cleanup_unit_state_ UnitState state = {0};

    if (!unit || !top->manager || manager_describe(top->manager, unit, &state) < 0)
        return;
    row->active_usec = state.active_usec;
    row->usage = usage_read(CGROUP_ROOT, state.control_group);
}

static int add_row(Top *top, TopRows *rows, const Services *services, const ServiceRow *service)
{
    TopRow *row = top_rows_add(rows);

    if (!row)
        return -ENOMEM;
    row->name = strdup(service->name);
    row->state = services_row_word(services, service);
    if (!row->name || !row->state)
        return -ENOMEM;
    row->color = services_row_color(service);
    row->restarts = status_restarts(service);
    if (service->health) {
        row->beats_per_minute = service->health->beats_per_minute;
        if (health_was_checked(service->health))
            row->latency_usec = service->health->last_latency_usec;
    }
    if (service->state && !streq(service->state->active_state, "inactive"))
        add_unit(top, row);
    return 0;
}

/* "web" of "phoenix@web.service", which is not terminated; NULL when it is no unit of ours. */
static const char *name_in_unit(const char *unit, size_t *ret_n)
{
    static const char prefix[] = "phoenix@", suffix[] = ".service";
    size_t n = unit ? strlen(unit) : 0, before = strlen(prefix), after = strlen(suffix);

    if (n <= before + after || strncmp(unit, prefix, before) != 0 ||
        !streq(unit + n - after, suffix))
        return NULL;
    *ret_n = n - before - after;
    return unit + before;
}

/* One that is already in the table, as a service of this manager. */
static bool is_listed(const Top *top, const Services *services, const SysinfoContainer *container)
{
    uid_t manager = top->cli->scope == SPEC_SCOPE_SYSTEM ? SYSINFO_SYSTEM_MANAGER : getuid();
    size_t n;
    const char *name = name_in_unit(container->unit, &n);

    if (!name || container->manager != manager)
        return false;
    for (size_t i = 0; i < services->n; i++)
        if (strlen(services->rows[i].name) == n && strncmp(services->rows[i].name, name, n) == 0)
            return true;
    return false;
}

/* The service that it is in says more than the name of its process. */
static char *name_of(const SysinfoContainer *container)
{
    const char *unit = container->unit;
    const char *name = container->name[0] ? container->name : "?";

    if (unit && strlen(unit) > strlen(".service") &&
        streq(unit + strlen(unit) - strlen(".service"), ".service"))
        name = unit;
    return text_printf("%s %.*s", name, (int)SYSINFO_SHORT_ID_LENGTH, container->id);
}

static uint64_t or_unknown(const SysinfoContainer *container, unsigned missing, uint64_t value)
{
    return container->missing & missing ? USAGE_UNKNOWN : value;
}

static int add_container(TopRows *rows, const SysinfoContainer *c)
{
    TopRow *row = top_rows_add(rows);

    if (!row)
        return -ENOMEM;
    row->name = name_of(c);
    row->container = strdup(c->id);
    row->state = strdup("container");
    if (!row->name || !row->container || !row->state)
        return -ENOMEM;
    row->cpu_percent = c->missing & SYSINFO_MISSING_CPU ? -1 : c->cpu_percent;
    row->usage.cpu_usec = or_unknown(c, SYSINFO_MISSING_CPU, c->cpu_usec);
    row->usage.memory_bytes = or_unknown(c, SYSINFO_MISSING_MEMORY, c->memory_bytes);
    row->usage.disk_bytes = or_unknown(c, SYSINFO_MISSING_IO, c->rbytes + c->wbytes);
    row->usage.io_ops = or_unknown(c, SYSINFO_MISSING_IO, c->rios + c->wios);
    return 0;
}

static int add_containers(Top *top, TopRows *rows, const Services *services)
{
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};
    int r;

    if (!top->reader)
        return 0;
    r = sysinfo_read(top->reader, &sysinfo);
    for (size_t i = 0; i < sysinfo.n_containers && r >= 0; i++)
        if (!is_listed(top, services, &sysinfo.containers[i]))
            r = add_container(rows, &sysinfo.containers[i]);
    return r;
}

static int take_round(Top *top)
{
    _cleanup_services_ Services services = {0};
    _cleanup_top_rows_ TopRows rows = {.taken_usec = when_now()};
    int r;

    r = services_load(top->cli, &services);
    for (size_t i = 0; i < services.n && r >= 0; i++)
        if (services_row_is_ordinary(&services.rows[i]))
            r = add_row(top, &rows, &services, &services.rows[i]);
    if (r >= 0)
        r = add_containers(top, &rows, &services);
    if (r < 0)
        return r;

    top_compare(&rows, &top->rows);
    top_sort(&rows, top->order);
    top->has_healths = services.has_healths;
    supervision_done(&top->supervision);
    top->supervision = services.supervision;
    services.supervision = (Supervision){0};
    top_rows_done(&top->rows);
    top->rows = rows;
    rows = (TopRows){0};
    return 0;
}

/* Nothing of a frame may wrap. */
static void cut(Text *t, unsigned width)
{
    size_t bytes = 0;

    if (width == 0 || t->error < 0 || screen_length(t->data) <= width)
        return;
    for (unsigned i = 0; i < width; i++)
        bytes += utf8_char(t->data + bytes, t->size - bytes);
    text_truncate(t, bytes);
}

static void add_head(Text *t, const Top *top)
{
    text_add(t, "phoenix top  ");
    when_add_clock(t, top->rows.taken_usec);
    text_addf(t, "  %zu %s%s  c CPU  m memory  d disk  i I/O  r restarts  n name  q quit",
              top->rows.n, top->reader ? "services and containers" : "service",
              !top->reader && top->rows.n != 1 ? "s" : "");
}

/* What stands between the head and the table: nothing, or why not to believe the table. */
static void add_warning(Text *t, const Top *top, const Screen *screen)
{
    _cleanup_text_ Text lines = {0};

    if (top->has_healths)
        supervision_add(&lines, &(Screen){0}, &top->supervision);
    else
        text_add(&lines, "phoenixd is not reachable: states are those of systemd");
    if (lines.error < 0 || lines.size == 0)
        return;
    text_truncate(&lines, strcspn(lines.data, "\n"));
    cut(&lines, screen->width);
    if (lines.error >= 0)
        screen_add_colored(t, screen, COLOR_YELLOW, lines.data);
}

static int draw(const Top *top)
{
    Screen screen = screen_of_stdout();
    unsigned height = terminal_height();
    _cleanup_text_ Text frame = {0};
    int r;

    screen.color = screen.color && top->cli->screen.color;
    add_head(&frame, top);
    cut(&frame, screen.width);
    text_add_char(&frame, '\n');
    add_warning(&frame, top, &screen);
    text_add_char(&frame, '\n');
    r = top_add_table(&frame, &screen, &top->rows, top->order,
                      height > LINES_AROUND ? height - LINES_AROUND : 1);
    return r < 0 ? r : terminal_draw(&frame);
}

static void on_key(Top *top, int key)
{
    static const char keys[] = {
        [TOP_BY_CPU] = 'c', [TOP_BY_MEMORY] = 'm',   [TOP_BY_DISK] = 'd',
        [TOP_BY_IO] = 'i',  [TOP_BY_RESTARTS] = 'r', [TOP_BY_NAME] = 'n',
    };

    for (size_t i = 0; i < ELEMENTSOF(keys); i++)
        if (keys[i] == key)
            top->order = (TopOrder)i;
    top_sort(&top->rows, top->order);
}

/* Until the next round is due; keys and a new size are answered at once. Returns whether to go on,
 * or negative errno. */
static int wait_on(Top *top, Terminal *terminal, uint64_t until_usec)
{
    for (;;) {
        uint64_t now_usec = when_now();
        int key, r;

        /* The clock may be set in between: never wait longer than one round. */
        key = terminal_wait(terminal,
                            now_usec < until_usec ? MIN(until_usec - now_usec, INTERVAL_USEC) : 0);
        if (key == TERMINAL_TIMEOUT)
            return 1;
        if (key == TERMINAL_END || key == 'q' || key == 'Q')
            return 0;
        if (key < 0 && key != TERMINAL_RESIZED)
            return key;
        on_key(top, key);
        r = draw(top);
        if (r < 0)
            return r;
    }
}

static int run_live(Top *top, Terminal *terminal)
{
    int r;

    do {
        r = take_round(top);
        if (r >= 0)
            r = draw(top);
        if (r < 0 || (top->rounds != UINT64_MAX && --top->rounds == 0))
            return r;
        r = wait_on(top, terminal, top->rows.taken_usec + INTERVAL_USEC);
    } while (r > 0);
    return r;
}

static int print_round(Top *top)
{
    _cleanup_text_ Text t = {0};
    int r = 0;

    if (top->cli->options & CLI_JSON)
        top_add_json(&t, &top->rows);
    else
        r = top_add_table(&t, &top->cli->screen, &top->rows, top->order, 0);
    if (r >= 0)
        r = cli_print(&t);
    if (r >= 0 && fflush(stdout) != 0)
        r = -errno;
    return r;
}

static int run_plain(Top *top)
{
    int r;

    do {
        r = take_round(top);
        if (r >= 0)
            r = print_round(top);
        if (r < 0 || (top->rounds != UINT64_MAX && --top->rounds == 0))
            return r;
        if (!(top->cli->options & CLI_JSON))
            (void)putchar('\n');
        (void)poll(NULL, 0, (int)(INTERVAL_USEC / USEC_PER_MSEC));
    } while (true);
}

/* Without a terminal one table is what is wanted; -n asks for more. */
static uint64_t rounds_wanted(const Cli *cli, bool live)
{
    if (cli->options & CLI_LINES)
        return MAX(cli->lines, UINT64_C(1));
    return live ? UINT64_MAX : 1;
}

int verb_top(const Cli *cli, char *const *args)
{
    _cleanup_(top_done) Top top = {.cli = cli};
    _cleanup_terminal_ Terminal terminal = {0};
    bool live = !(cli->options & (CLI_JSON | CLI_ONCE)) && terminal_open(&terminal) >= 0;
    int r;

    if (cli->sort && top_order_parse(cli->sort, &top.order) < 0) {
        log_error("--sort: cpu, memory, disk, io, restarts or name");
        return CLI_EXIT_USAGE;
    }
    if (cli->options & CLI_ALL) {
        r = sysinfo_reader_new(NULL, &top.reader);
        if (r < 0)
            return r;
    }
    top.rounds = cli->options & CLI_ONCE ? 1 : rounds_wanted(cli, live);
    r = manager_open(cli->scope, &top.manager);
    if (r < 0 && !live)
        log_warning("the service manager does not answer: %s", strerror(-r));
    r = live ? run_live(&top, &terminal) : run_plain(&top);
    return r < 0 ? r : CLI_EXIT_OK;
}
