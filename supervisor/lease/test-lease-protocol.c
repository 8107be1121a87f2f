/* SPDX-License-Identifier: MIT */

/* Packets of both ends: what is accepted, and that everything else is refused. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "protocol.h"

static union {
    char bytes[LEASE_MESSAGE_MAX + 1];
    struct lease_header header;
    struct lease_hello hello;
    struct lease_answer answer;
    struct lease_trigger trigger;
    struct lease_request request;
    struct lease_cancel cancel;
    uint64_t align;
} packet;

static struct lease_message message;

static void make(enum lease_type type, size_t size)
{
    memset(&packet, 0, sizeof(packet));
    lease_header_init(&packet.header, type, size);
}

static int parse(size_t size, enum lease_end end)
{
    return lease_parse(&packet, size, end, &message);
}

static void make_hello(void)
{
    make(LEASE_HELLO, sizeof(struct lease_hello));
    packet.hello.role = LEASE_ROLE_SERVICE;
    packet.hello.phase = LEASE_PHASE_WAITING;
}

static int parse_hello(void)
{
    return parse(sizeof(struct lease_hello), LEASE_END_SUPERVISOR);
}

/* A request of `op` with a text, as the lease would see it. */
static int parse_request(enum lease_op op, const char *text, size_t n)
{
    make(LEASE_REQUEST, offsetof(struct lease_request, text));
    packet.request.op = op;
    packet.request.domain = AF_INET;
    size_t size = lease_add_text(&packet, offsetof(struct lease_request, text), text, n);
    return parse(size, LEASE_END_LEASE);
}

static void check_header_only(enum lease_type type, enum lease_end end)
{
    enum lease_end sender = end == LEASE_END_LEASE ? LEASE_END_SUPERVISOR : LEASE_END_LEASE;
    size_t size = sizeof(struct lease_header);

    make(type, size);
    assert_int_equal(parse(size, end), 0);
    assert_int_equal(message.type, type);
    assert_int_equal(message.text_size, 0);
    assert_int_equal(parse(size, sender), -EBADMSG);
    make(type, size + 1);
    assert_int_equal(parse(size + 1, end), -EBADMSG);
}

static void test_header_only(void **state)
{
    static const enum lease_type types[] = {LEASE_WELCOME, LEASE_RESUME, LEASE_PET, LEASE_READY,
                                            LEASE_GO};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        check_header_only(types[i], LEASE_END_LEASE);
    check_header_only(LEASE_FROZEN, LEASE_END_SUPERVISOR);
    check_header_only(LEASE_THAWED, LEASE_END_SUPERVISOR);
}

static void test_header_is_checked(void **state)
{
    make(LEASE_PET, sizeof(struct lease_header));
    assert_int_equal(parse(0, LEASE_END_LEASE), -EBADMSG);
    assert_int_equal(parse(7, LEASE_END_LEASE), -EBADMSG);
    assert_int_equal(parse(9, LEASE_END_LEASE), -EBADMSG);
    packet.header.version = 2;
    assert_int_equal(parse(8, LEASE_END_LEASE), -EPROTONOSUPPORT);
    make(LEASE_PET, sizeof(struct lease_header));
    packet.header.size = 9;
    assert_int_equal(parse(8, LEASE_END_LEASE), -EBADMSG);
    make(LEASE_STATUS, LEASE_MESSAGE_MAX);
    assert_int_equal(parse(LEASE_MESSAGE_MAX + 1, LEASE_END_LEASE), -EBADMSG);
    for (unsigned type = 0; type < 100; type++) {
        make((enum lease_type)type, sizeof(struct lease_header));
        if (type < LEASE_WELCOME || type > LEASE_GO)
            assert_int_equal(parse(8, LEASE_END_LEASE), -EBADMSG);
    }
}

static void test_failure_leaves_result(void **state)
{
    make(LEASE_PET, sizeof(struct lease_header));
    assert_int_equal(parse(8, LEASE_END_LEASE), 0);
    make(LEASE_READY, sizeof(struct lease_header));
    packet.header.size = 9;
    assert_int_equal(parse(8, LEASE_END_LEASE), -EBADMSG);
    assert_int_equal(message.type, LEASE_PET);
}

static void test_hello(void **state)
{
    make_hello();
    assert_int_equal(parse_hello(), 0);
    assert_ptr_equal(message.hello, &packet.hello);
    assert_int_equal(parse(sizeof(struct lease_hello), LEASE_END_LEASE), -EBADMSG);
    packet.hello.role = 0;
    assert_int_equal(parse_hello(), -EBADMSG);
    packet.hello.role = 3;
    assert_int_equal(parse_hello(), -EBADMSG);
    packet.hello.role = LEASE_ROLE_GATE;
    assert_int_equal(parse_hello(), 0);
    packet.hello.phase = 3;
    assert_int_equal(parse_hello(), -EBADMSG);
}

static void test_answer(void **state)
{
    make(LEASE_ANSWER, offsetof(struct lease_answer, text));
    packet.answer.error = -ETIMEDOUT;
    size_t size = lease_add_text(&packet, offsetof(struct lease_answer, text), "bye", 3);
    assert_int_equal(parse(size, LEASE_END_SUPERVISOR), 0);
    assert_int_equal(message.text_size, 3);
    assert_memory_equal(message.text, "bye", 3);
    packet.answer.error = 1;
    assert_int_equal(parse(size, LEASE_END_SUPERVISOR), -EBADMSG);
    packet.answer.error = INT32_MIN;
    assert_int_equal(parse(size, LEASE_END_SUPERVISOR), -EBADMSG);
    packet.answer.error = 0;
    packet.answer.reserved = 1;
    assert_int_equal(parse(size, LEASE_END_SUPERVISOR), -EBADMSG);
}

static void test_texts(void **state)
{
    char text[LEASE_TEXT_MAX + 1];

    memset(text, 'x', sizeof(text));
    make(LEASE_STATUS, sizeof(struct lease_header));
    size_t size = lease_add_text(&packet, sizeof(struct lease_header), text, sizeof(text));
    assert_int_equal(size, sizeof(struct lease_header) + LEASE_TEXT_MAX);
    assert_int_equal(parse(size, LEASE_END_LEASE), 0);
    packet.bytes[size - 1] = '\0';
    assert_int_equal(parse(size, LEASE_END_LEASE), -EBADMSG);
    make(LEASE_STATUS, size + 1);
    memset(packet.bytes + 8, 'x', size);
    assert_int_equal(parse(size + 1, LEASE_END_LEASE), -EBADMSG);
}

static void test_text_is_cleaned(void **state)
{
    make(LEASE_STATUS, sizeof(struct lease_header));
    size_t size = lease_add_text(&packet, sizeof(struct lease_header), "a\0b\nc\x1b\x7f", 7);
    assert_int_equal(packet.header.size, size);
    assert_memory_equal(packet.bytes + 8, "a b c  ", 7);
}

static void test_text_is_cut_between_characters(void **state)
{
    char text[LEASE_TEXT_MAX + 4];
    size_t fixed = sizeof(struct lease_header);

    for (size_t before = 0; before < 4; before++) {
        memset(text, 'x', sizeof(text));
        memcpy(text + LEASE_TEXT_MAX - before, "\xf0\x9f\x90\xa6", 4);
        make(LEASE_STATUS, fixed);
        assert_int_equal(lease_add_text(&packet, fixed, text, sizeof(text)),
                         fixed + LEASE_TEXT_MAX - before);
    }
    memset(text, 0x80, sizeof(text));
    make(LEASE_STATUS, fixed);
    assert_int_equal(lease_add_text(&packet, fixed, text, sizeof(text)), fixed + LEASE_TEXT_MAX);
}

static void test_trigger(void **state)
{
    make(LEASE_TRIGGER, sizeof(struct lease_trigger));
    packet.trigger.grace_usec = 60000000;
    assert_int_equal(parse(sizeof(struct lease_trigger), LEASE_END_LEASE), 0);
    packet.trigger.grace_usec++;
    assert_int_equal(parse(sizeof(struct lease_trigger), LEASE_END_LEASE), -EBADMSG);
    make(LEASE_TRIGGER, sizeof(struct lease_trigger) - 1);
    assert_int_equal(parse(sizeof(struct lease_trigger) - 1, LEASE_END_LEASE), -EBADMSG);
}

static void test_request_ranges(void **state)
{
    size_t size = offsetof(struct lease_request, text);

    assert_int_equal(parse_request(LEASE_OP_SOCKET, "", 0), 0);
    packet.request.domain = AF_UNIX;
    assert_int_equal(parse(size, LEASE_END_LEASE), -EBADMSG);
    assert_int_equal(parse_request(LEASE_OP_SOCKET, "x", 1), -EBADMSG);
    assert_int_equal(parse_request(LEASE_OP_SOCKET, "", 0), 0);
    packet.request.reserved = 1;
    assert_int_equal(parse(size, LEASE_END_LEASE), -EBADMSG);
    assert_int_equal(parse_request(0, "", 0), -EBADMSG);
    assert_int_equal(parse_request(5, "", 0), -EBADMSG);
}

static void test_request_paths(void **state)
{
    char path[200];

    assert_int_equal(parse_request(LEASE_OP_STAT, "/a", 2), 0);
    assert_int_equal(parse_request(LEASE_OP_STAT, "", 0), -EBADMSG);
    assert_int_equal(parse_request(LEASE_OP_STAT, "a", 1), -EBADMSG);
    assert_int_equal(parse_request(LEASE_OP_STAT, "@a", 2), -EBADMSG);
    assert_int_equal(parse_request(LEASE_OP_STAT, "/a\0b", 4), -EBADMSG);
    assert_int_equal(parse_request(LEASE_OP_CONNECT, "/a", 2), 0);
    assert_int_equal(parse_request(LEASE_OP_CONNECT, "@a", 2), 0);
    assert_int_equal(parse_request(LEASE_OP_CONNECT, "@", 1), -EBADMSG);
    assert_int_equal(parse_request(LEASE_OP_CONNECT, "a", 1), -EBADMSG);
    memset(path, '/', sizeof(path));
    assert_int_equal(parse_request(LEASE_OP_CONNECT, path, 107), 0);
    assert_int_equal(parse_request(LEASE_OP_CONNECT, path, 108), -EBADMSG);
    path[0] = '@';
    assert_int_equal(parse_request(LEASE_OP_CONNECT, path, 108), 0);
    assert_int_equal(parse_request(LEASE_OP_CONNECT, path, 109), -EBADMSG);
}

static void test_request_words(void **state)
{
    char words[2 * 65];

    assert_int_equal(parse_request(LEASE_OP_EXEC, "a\0b\0", 4), 0);
    assert_int_equal(message.text_size, 4);
    assert_int_equal(parse_request(LEASE_OP_EXEC, "a\0\0", 3), 0);
    assert_int_equal(parse_request(LEASE_OP_EXEC, "a\0b", 3), -EBADMSG);
    assert_int_equal(parse_request(LEASE_OP_EXEC, "\0a\0", 3), -EBADMSG);
    assert_int_equal(parse_request(LEASE_OP_EXEC, "", 0), -EBADMSG);
    for (size_t i = 0; i < sizeof(words); i += 2)
        memcpy(words + i, "w", 2);
    assert_int_equal(parse_request(LEASE_OP_EXEC, words, 2 * 64), 0);
    assert_int_equal(parse_request(LEASE_OP_EXEC, words, 2 * 65), -EBADMSG);
}

static void test_request_that_is_too_long(void **state)
{
    static char text[LEASE_MESSAGE_MAX];
    size_t fixed = offsetof(struct lease_request, text);

    memset(text, '/', sizeof(text));
    assert_int_equal(parse_request(LEASE_OP_STAT, text, LEASE_MESSAGE_MAX - fixed), 0);
    make(LEASE_REQUEST, fixed);
    assert_int_equal(lease_add_text(&packet, fixed, text, LEASE_MESSAGE_MAX - fixed + 1), 0);
}

static void test_cancel(void **state)
{
    make(LEASE_CANCEL, sizeof(struct lease_cancel));
    assert_int_equal(parse(sizeof(struct lease_cancel), LEASE_END_LEASE), 0);
    packet.cancel.reserved = 1;
    assert_int_equal(parse(sizeof(struct lease_cancel), LEASE_END_LEASE), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_only),
        cmocka_unit_test(test_header_is_checked),
        cmocka_unit_test(test_failure_leaves_result),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_text_is_cleaned),
        cmocka_unit_test(test_text_is_cut_between_characters),
        cmocka_unit_test(test_trigger),
        cmocka_unit_test(test_request_ranges),
        cmocka_unit_test(test_request_paths),
        cmocka_unit_test(test_request_words),
        cmocka_unit_test(test_request_that_is_too_long),
        cmocka_unit_test(test_cancel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
