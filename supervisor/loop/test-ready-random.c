/* SPDX-License-Identifier: MIT */
/* A ReadySet under random operations, against what each member should be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/loop/ready.h"

#define PLAYERS 48 /* fit into one batch */
#define ROUNDS  4000

typedef struct Player {
    Ready ready;
    int fd;
    bool added, counts; /* `counts`: the descriptor can be read */
    bool touched;       /* in this turn, by somebody's callback */
    uint32_t wanted;
    unsigned n_called;
} Player;

typedef struct Game {
    ReadySet *set;
    Player *players[PLAYERS];
    uint32_t random;
} Game;

/* The callback gets no userdata but the member. */
static Game *game;

static uint32_t next_random(void)
{
    game->random ^= game->random << 13;
    game->random ^= game->random >> 17;
    game->random ^= game->random << 5;
    return game->random;
}

static uint32_t told(const Player *player)
{
    return player->added ? player->wanted & (EPOLLOUT | (player->counts ? EPOLLIN : 0)) : 0;
}

static void play(void);

static void on_player(Ready *ready, uint32_t events)
{
    Player *player = (Player *)ready;

    assert_true(player->added);
    player->n_called++;
    /* Whoever was touched may be told what was true when the turn began, but nothing unwanted. */
    if (player->touched)
        assert_int_equal(events & ~player->wanted, 0);
    else
        assert_int_equal(events, told(player));
    for (unsigned n = next_random() % 3; n > 0; n--)
        play();
}

static void play_membership(Player *player)
{
    if (player->added) {
        ready_remove(game->set, &player->ready);
    } else {
        player->wanted = next_random() & (EPOLLIN | EPOLLOUT);
        assert_int_equal(
            ready_add(game->set, &player->ready, player->fd, player->wanted, on_player), 0);
    }
    player->added = !player->added;
}

static void play_level(Player *player)
{
    uint64_t count = 1;

    if (player->counts)
        assert_int_equal(read(player->fd, &count, sizeof(count)), sizeof(count));
    else
        assert_int_equal(write(player->fd, &count, sizeof(count)), sizeof(count));
    player->counts = !player->counts;
}

static Player *player_new(void)
{
    Player *player = calloc(1, sizeof(*player));

    assert_non_null(player);
    player->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(player->fd >= 0);
    return player;
}

static void player_free(Player *player)
{
    ready_remove(game->set, &player->ready);
    close(player->fd);
    free(player);
}

static void play(void)
{
    Player **player = &game->players[next_random() % PLAYERS];

    switch (next_random() % 4) {
    case 0:
        play_membership(*player);
        break;
    case 1:
        play_level(*player);
        break;
    case 2:
        (*player)->wanted = next_random() & (EPOLLIN | EPOLLOUT);
        if ((*player)->added)
            assert_int_equal(ready_change(game->set, &(*player)->ready, (*player)->wanted), 0);
        break;
    default:
        player_free(*player);
        *player = player_new();
    }
    (*player)->touched = true;
}

/* Turns until all that were ready and untouched since were called: exactly once each. */
static void play_turn(sd_event *event)
{
    bool expected[PLAYERS];
    const Player *before[PLAYERS];

    for (size_t i = 0; i < PLAYERS; i++) {
        before[i] = game->players[i];
        expected[i] = told(game->players[i]) != 0;
        game->players[i]->touched = false;
        game->players[i]->n_called = 0;
    }
    assert_true(sd_event_run(event, 0) >= 0);
    for (size_t i = 0; i < PLAYERS; i++)
        if (before[i] == game->players[i] && !game->players[i]->touched)
            assert_int_equal(game->players[i]->n_called, expected[i]);
}

static void test_random_operations(void **state)
{
    Game here = {.random = 20240229};
    sd_event *event = NULL;

    assert_int_equal(sd_event_new(&event), 0);
    assert_int_equal(ready_set_new(event, "test", SD_EVENT_PRIORITY_NORMAL, &here.set), 0);
    game = &here;
    for (size_t i = 0; i < PLAYERS; i++)
        game->players[i] = player_new();
    for (size_t i = 0; i < ROUNDS; i++) {
        play();
        play_turn(event);
    }
    for (size_t i = 0; i < PLAYERS; i++)
        player_free(game->players[i]);
    ready_set_free(here.set);
    sd_event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
