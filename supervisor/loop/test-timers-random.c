/* SPDX-License-Identifier: MIT */
/* Timers under random operations, against a plain list of what is armed for when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/loop/timers.h"

#define PATIENCE_USEC (10 * USEC_PER_SEC)
#define PLAYERS       100
#define ROUNDS        3000

typedef struct Player {
    Timer timer;
    bool armed; /* what it should be */
    uint64_t at_usec;
} Player;

typedef struct Game {
    sd_event *event;
    Timers *timers;
    Player *players[PLAYERS];
    uint32_t random;
    size_t n_elapsed;
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

static void play(void);

/* Whoever elapses is the first of all that are armed, and its time has come. */
static void on_player(Timer *timer)
{
    Player *player = (Player *)timer;
    uint64_t now;

    assert_true(player->armed);
    assert_true(sd_event_now(game->event, CLOCK_MONOTONIC, &now) >= 0);
    assert_true(player->at_usec <= now);
    for (size_t i = 0; i < PLAYERS; i++)
        assert_true(!game->players[i]->armed || game->players[i]->at_usec >= player->at_usec);
    player->armed = false;
    game->n_elapsed++;
    for (unsigned n = next_random() % 2; n > 0; n--)
        play();
}

static Player *player_new(void)
{
    Player *player = calloc(1, sizeof(*player));

    assert_non_null(player);
    assert_int_equal(timer_init(game->timers, &player->timer, on_player), 0);
    return player;
}

static void player_free(Player *player)
{
    timer_done(game->timers, &player->timer);
    free(player);
}

static void play(void)
{
    Player **player = &game->players[next_random() % PLAYERS];
    uint64_t before, after_usec = next_random() % 4000, slack_usec = next_random() % 1000;

    switch (next_random() % 8) {
    case 0:
        player_free(*player);
        *player = player_new();
        break;
    case 1:
        timer_disarm(game->timers, &(*player)->timer);
        (*player)->armed = false;
        break;
    default:
        assert_true(sd_event_now(game->event, CLOCK_MONOTONIC, &before) >= 0);
        timer_arm(game->timers, &(*player)->timer, after_usec, slack_usec);
        (*player)->armed = true;
        (*player)->at_usec = (*player)->timer.at_usec;
        assert_true((*player)->at_usec >= before + after_usec);
    }
    assert_int_equal(timer_is_armed(&(*player)->timer), (*player)->armed);
}

static size_t n_armed(void)
{
    size_t n = 0;

    for (size_t i = 0; i < PLAYERS; i++)
        n += game->players[i]->armed;
    return n;
}

static void test_random_operations(void **state)
{
    Game here = {.random = 20240229};

    assert_int_equal(sd_event_new(&here.event), 0);
    assert_int_equal(timers_new(here.event, "test", SD_EVENT_PRIORITY_NORMAL, &here.timers), 0);
    game = &here;
    for (size_t i = 0; i < PLAYERS; i++)
        game->players[i] = player_new();
    for (size_t i = 0; i < ROUNDS; i++) {
        play();
        play();
        assert_true(sd_event_run(here.event, i % 4 == 0 ? USEC_PER_MSEC : 0) >= 0);
    }
    assert_true(game->n_elapsed > 100);
    while (n_armed() > 0) /* each of them comes: none is lost */
        assert_true(sd_event_run(here.event, PATIENCE_USEC) > 0);
    assert_int_equal(sd_event_run(here.event, 0), 0);
    for (size_t i = 0; i < PLAYERS; i++)
        player_free(game->players[i]);
    timers_free(here.timers);
    sd_event_unref(here.event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
