/* SPDX-License-Identifier: MIT */
/* What engines say of containers: listings good and bad, in pieces of any size, and engines that
 * are made up and do not behave. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "engine/book.h"
#include "engine/call.h"
#include "engine/listing.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define AGES (60 * USEC_PER_SEC)

/* ---- listings ---- */

static int feed_in_pieces(const char *json, size_t n, size_t piece, EngineBookListing *ret)
{
    EngineListing listing = {.add = engine_book_collect, .userdata = ret};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i += piece)
        r = engine_listing_feed(&listing, json + i, MIN(piece, n - i));
    if (r >= 0)
        r = engine_listing_end(&listing);
    engine_listing_done(&listing);
    return r;
}

/* The same result, however it is cut. */
static int feed(const char *json, EngineBookListing *ret)
{
    static const size_t pieces[] = {1, 2, 7};
    size_t n = strlen(json);
    int r = feed_in_pieces(json, n, n + 1, ret);

    for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
        EngineBookListing other = {0};
        assert_int_equal(feed_in_pieces(json, n, pieces[i], &other), r);
        assert_int_equal(other.n, ret->n);
        for (size_t k = 0; k < other.n; k++)
            assert_string_equal(other.items[k].id, ret->items[k].id);
        engine_book_listing_done(&other);
    }
    return r;
}

static void test_listing(void **state)
{
    EngineBookListing all = {0};

    assert_int_equal(
        feed(" [ {\"Id\": \"" ID_A "\", \"Names\": [\"/other/web\", \"/web\"], \"Image\": "
             "\"[{\\\"]}\", \"Labels\": {\"com.example.role\": \"batch\", \"empty\": \"\"}, "
             "\"Ports\": [{\"a\": [1]}]},\n{\"Id\": \"" ID_B "\", \"Labels\": null}, "
             "{\"Id\": \"" ID_C "\", \"Names\": [\"db\\\\\"]} ] \n",
             &all),
        0);
    assert_int_equal(all.n, 3);
    assert_string_equal(all.items[0].id, ID_A);
    assert_string_equal(all.items[0].name, "web");
    assert_int_equal(all.items[0].n_labels, 2);
    assert_true(engine_container_has_label(&all.items[0], "com.example.role"));
    assert_true(engine_container_has_label(&all.items[0], "com.example.role=batch"));
    assert_true(engine_container_has_label(&all.items[0], "com.example.role=ba*"));
    assert_true(engine_container_has_label(&all.items[0], "empty"));
    assert_true(engine_container_has_label(&all.items[0], "empty="));
    assert_false(engine_container_has_label(&all.items[0], "com.example.role="));
    assert_false(engine_container_has_label(&all.items[0], "com.example.role=batc"));
    assert_false(engine_container_has_label(&all.items[0], "com.example"));
    assert_false(engine_container_has_label(&all.items[0], "com.example.roles"));
    assert_false(engine_container_has_label(&all.items[0], "com.example.*"));
    assert_string_equal(all.items[1].name, "");
    assert_int_equal(all.items[1].n_labels, 0);
    assert_string_equal(all.items[2].name, "db\\");
    engine_book_listing_done(&all);
    assert_int_equal(feed("[]", &all), 0);
    assert_int_equal(all.n, 0);
}

static void assert_fails(const char *json)
{
    EngineBookListing all = {0};

    assert_int_equal(feed(json, &all), -EBADMSG);
    engine_book_listing_done(&all);
}

static void test_no_listing(void **state)
{
    assert_fails("");
    assert_fails("{}");
    assert_fails("null");
    assert_fails("[");
    assert_fails("[1]");
    assert_fails("[[]]");
    assert_fails("[{}");
    assert_fails("[{},]");
    assert_fails("[,{}]");
    assert_fails("[{}{}]");
    assert_fails("[{\"Id\": \"" ID_A "\"}] x");
    assert_fails("[{\"Id\": \"" ID_A "\"}][]");
    assert_fails("[{\"Id\": \"" ID_A "\", \"Labels\": {\"a\": \"b");
}

/* What makes no sense is not known; its neighbours are. */
static void test_odd_containers(void **state)
{
    static const char *const odd[] = {
        "{}",
        "{\"Id\": 7}",
        "{\"Id\": \"aaaa\"}",
        "{\"Id\": \"../../../../../../../../../../../../../../../../../../../../../..\"}",
        "{\"Id\": \"" ID_A "\", \"Labels\": [\"a=b\"]}",
        "{\"Id\": \"" ID_A "\", \"Labels\": {\"a\": 1}}",
        "{\"Id\": \"" ID_A "\", \"Labels\": {\"a\": \"x\\u0000y\"}}",
        "{\"Id\": \"" ID_A "\", \"Labels\": {\"a\": \"1\", \"a\": \"2\"}}",
        "{\"Id\": \"" ID_A "\", \"Labels\": {\"a\": \"\xff\"}}",
        "{\"Id\": \"" ID_A "\", ]",
        "{\"Id\": \"" ID_A "\", \"Labels\": {]}",
    };

    for (size_t i = 0; i < ELEMENTSOF(odd); i++) {
        _cleanup_free_ char *json = text_printf("[%s, {\"Id\": \"" ID_B "\"}]", odd[i]);
        EngineBookListing all = {0};
        assert_int_equal(feed(json, &all), 0);
        if (all.n != 1)
            fail_msg("%s", odd[i]);
        assert_string_equal(all.items[0].id, ID_B);
        engine_book_listing_done(&all);
    }
}

static void test_odd_names(void **state)
{
    static const char *const odd[] = {"7",          "\"/web\"",          "[7]", "[\"\"]", "[\"/\"]",
                                      "[\"/a/b\"]", "[\"/a\\u001b[2J\"]"};

    for (size_t i = 0; i < ELEMENTSOF(odd); i++) {
        _cleanup_free_ char *json = text_printf("[{\"Id\": \"" ID_A "\", \"Names\": %s}]", odd[i]);
        EngineBookListing all = {0};
        assert_int_equal(feed(json, &all), 0);
        assert_int_equal(all.n, 1);
        assert_string_equal(all.items[0].name, "");
        engine_book_listing_done(&all);
    }
}

static void test_too_large(void **state)
{
    EngineBookListing all = {0};
    EngineListing listing = {.add = engine_book_collect, .userdata = &all};
    static char blanks[1 << 20];
    int r = 0;

    memset(blanks, ' ', sizeof(blanks));
    assert_int_equal(engine_listing_feed(&listing, "[{\"Id\": \"", 9), 0);
    assert_int_equal(engine_listing_feed(&listing, blanks, sizeof(blanks)), -EMSGSIZE);
    engine_listing_done(&listing);
    listing = (EngineListing){.add = engine_book_collect, .userdata = &all};
    for (size_t i = 0; r >= 0 && i <= ENGINE_LISTING_MAX / sizeof(blanks); i++)
        r = engine_listing_feed(&listing, blanks, sizeof(blanks));
    assert_int_equal(r, -EMSGSIZE);
    engine_listing_done(&listing);
}

/* ---- the book ---- */

static void tell(EngineBook *book, EngineKind kind, const char *json)
{
    EngineBookListing all = {0};

    assert_int_equal(feed(json, &all), 0);
    assert_int_equal(engine_book_replace(book, kind, &all), 0);
}

static void test_book(void **state)
{
    _cleanup_engine_book_ EngineBook book = {0};

    assert_null(engine_book_find(&book, ID_A));
    assert_true(engine_book_wants(&book, ID_A, 5));
    tell(&book, ENGINE_PODMAN, "[{\"Id\": \"" ID_C "\"}, {\"Id\": \"" ID_A "\"}]");
    tell(&book, ENGINE_DOCKER, "[{\"Id\": \"" ID_B "\", \"Names\": [\"/x\"]}]");
    assert_string_equal(engine_book_find(&book, ID_A)->id, ID_A);
    assert_string_equal(engine_book_find(&book, "bbbbbbbbbbbb")->name, "x");
    assert_null(engine_book_find(&book, ""));
    assert_false(engine_book_wants(&book, ID_C, 5));
    /* Each kind takes the place of its own. */
    tell(&book, ENGINE_PODMAN, "[]");
    assert_null(engine_book_find(&book, ID_A));
    assert_non_null(engine_book_find(&book, ID_B));
    /* Two that say they are the same. */
    tell(&book, ENGINE_PODMAN, "[{\"Id\": \"" ID_B "\"}, {\"Id\": \"" ID_C "\"}]");
    assert_null(engine_book_find(&book, ID_B));
    assert_non_null(engine_book_find(&book, ID_C));
}

static void test_misses(void **state)
{
    _cleanup_engine_book_ EngineBook book = {0};
    uint64_t now = AGES, waited = 0;

    engine_book_miss(&book, ID_B, now);
    assert_false(engine_book_wants(&book, ID_B, now + USEC_PER_SEC));
    assert_true(engine_book_wants(&book, ID_B, now + 2 * USEC_PER_SEC));
    assert_true(engine_book_wants(&book, ID_A, now));
    /* Others being asked for does not put it off. */
    engine_book_miss(&book, ID_B, now + USEC_PER_SEC);
    assert_true(engine_book_wants(&book, ID_B, now + 2 * USEC_PER_SEC));
    /* The time grows, to ten minutes. */
    for (unsigned i = 0; i < 20; i++) {
        uint64_t from = now;
        while (!engine_book_wants(&book, ID_B, now))
            now += USEC_PER_SEC;
        assert_true(now - from >= waited);
        waited = now - from;
        engine_book_miss(&book, ID_B, now);
        engine_book_miss(&book, ID_A, now);
    }
    assert_int_equal(waited, 600 * USEC_PER_SEC);
    /* One that is gone is forgotten. */
    engine_book_miss(&book, ID_C, now + 3600 * USEC_PER_SEC);
    assert_int_equal(book.n_misses, 1);
    assert_string_equal(book.misses[0].id, ID_C);
}

/* ---- calls ---- */

typedef struct Fake {
    char folder[64], path[80];
    int listener;
    pid_t pid;
} Fake;

static int setup(void **state)
{
    Fake *fake = calloc(1, sizeof(Fake));

    assert_non_null(fake);
    strcpy(fake->folder, "/tmp/test-engine-XXXXXX");
    assert_non_null(mkdtemp(fake->folder));
    snprintf(fake->path, sizeof(fake->path), "%s/sock", fake->folder);
    fake->listener = -1;
    *state = fake;
    return 0;
}

static void stop(Fake *fake)
{
    if (fake->pid > 0) {
        kill(fake->pid, SIGKILL);
        waitpid(fake->pid, NULL, 0);
    }
    cleanup_close(&fake->listener);
    fake->listener = -1;
    fake->pid = 0;
    (void)unlink(fake->path);
}

static int teardown(void **state)
{
    Fake *fake = *state;

    stop(fake);
    assert_int_equal(dir_remove_tree(fake->folder), 0);
    free(fake);
    return 0;
}

static void listen_at(Fake *fake)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(address.sun_path, fake->path);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fake->listener, 5), 0);
}

/* Sends it that often; times < 0: for ever, many at once. */
static void send_body(int fd, const char *body, long times)
{
    _cleanup_text_ Text many = {0};

    for (long i = 0; i != times && many.size < 65536; i++)
        text_add(&many, body);
    do
        if (many.size == 0 || send(fd, many.data, many.size, MSG_NOSIGNAL) < 0)
            break;
    while (times < 0);
}

/* Answers the first who asks with this. */
static void serve(Fake *fake, const char *head, const char *body, long times)
{
    char asked[1024];

    listen_at(fake);
    fake->pid = fork();
    assert_true(fake->pid >= 0);
    if (fake->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = accept(fake->listener, NULL, NULL);
    ssize_t n = recv(fd, asked, sizeof(asked) - 1, 0);
    asked[MAX(n, (ssize_t)0)] = '\0';
    if (strncmp(asked, "GET /containers/json HTTP/1.0\r\n", 31) != 0)
        head = "HTTP/1.0 400 Bad Request\r\n\r\n";
    (void)send(fd, head, strlen(head), MSG_NOSIGNAL);
    send_body(fd, body, times);
    _exit(0);
}

static int call(Fake *fake, uint64_t timeout_usec, EngineBookListing *ret, unsigned *ret_status)
{
    int r = engine_call_wait(fake->path, timeout_usec, engine_book_collect, ret, ret_status);

    stop(fake);
    return r;
}

#define OK_HEAD "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"

static void test_call(void **state)
{
    EngineBookListing all = {0};
    unsigned status;

    serve(*state, OK_HEAD, "[{\"Id\": \"" ID_A "\", \"Names\": [\"/web\"]}]", 1);
    assert_int_equal(call(*state, AGES, &all, &status), 0);
    assert_int_equal(status, 200);
    assert_int_equal(all.n, 1);
    assert_string_equal(all.items[0].name, "web");
    engine_book_listing_done(&all);
}

static void assert_call(Fake *fake, const char *head, const char *body, long times, int expected,
                        const char *words)
{
    EngineBookListing all = {0};
    unsigned status;

    serve(fake, head, body, times);
    assert_int_equal(call(fake, AGES, &all, &status), expected);
    _cleanup_free_ char *said = engine_call_describe(expected, status);
    assert_string_equal(said, words);
    engine_book_listing_done(&all);
}

static void test_bad_engines(void **state)
{
    static const char no_engine[] = "its answer is none that an engine gives",
                      nonsense[] = "its list of containers makes no sense or is cut off",
                      large[] = "its list of containers is too large";

    assert_call(*state, "", "", 1, -EPROTO, no_engine);
    assert_call(*state, "SSH-2.0-x\r\n\r\n", "", 1, -EPROTO, no_engine);
    assert_call(*state, "HTTP/1.0 2", "", 1, -EPROTO, no_engine);
    assert_call(*state, OK_HEAD + 1, "[]", 1, -EPROTO, no_engine);
    assert_call(*state, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "2\r\n[]\r\n", 1,
                -EPROTO, no_engine);
    assert_call(*state, "HTTP/1.0 500 Internal\r\n\r\n", "[]", 1, -EPROTO,
                "its answer is HTTP status 500");
    assert_call(*state, "HTTP/1.0 200 OK\r\n", "X-Endless: yes\r\n", -1, -EPROTO, no_engine);
    assert_call(*state, OK_HEAD, "", 1, -EBADMSG, nonsense);
    assert_call(*state, OK_HEAD, "[{\"Id\": ", 1, -EBADMSG, nonsense);
    assert_call(*state, OK_HEAD, "{\"message\": \"no\"}", 1, -EBADMSG, nonsense);
    assert_call(*state, OK_HEAD "[", "{},", -1, -EMSGSIZE, large);
    assert_call(*state, OK_HEAD "[{", "                ", -1, -EMSGSIZE, large);
}

static void test_no_engine(void **state)
{
    Fake *fake = *state;
    EngineBookListing all = {0};

    assert_int_equal(call(fake, AGES, &all, NULL), -ENOENT);
    listen_at(fake);
    cleanup_close(&fake->listener);
    fake->listener = -1;
    assert_int_equal(call(fake, AGES, &all, NULL), -ECONNREFUSED);
    listen_at(fake); /* and says nothing */
    assert_int_equal(call(fake, 50 * USEC_PER_MSEC, &all, NULL), -ETIMEDOUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing),   cmocka_unit_test(test_no_listing),
        cmocka_unit_test(test_odd_names), cmocka_unit_test(test_odd_containers),
        cmocka_unit_test(test_too_large), cmocka_unit_test(test_book),
        cmocka_unit_test(test_misses),    TEST(test_call),
        TEST(test_bad_engines),           TEST(test_no_engine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
