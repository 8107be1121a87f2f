# SPDX-License-Identifier: MIT
"""The demo's time line: which journal entries are the steps of a heal, and in which order."""

import timeline


def entry(usec, message, message_id=None):
    fields = {"__MONOTONIC_TIMESTAMP": str(usec), "__REALTIME_TIMESTAMP": str(usec + 10**15),
              "MESSAGE": message}
    if message_id:
        fields["MESSAGE_ID"] = message_id
    return fields


HEAL = [
    entry(4_000_000, "u.service: Watchdog timeout (limit 3s)!"),
    entry(4_000_100, "u.service: Killing process 7 (conmon) with signal SIGABRT."),
    entry(4_010_000, "u.service: Main process exited", timeline.UNIT_PROCESS_EXIT),
    entry(4_500_000, "u.service: Scheduled restart job", timeline.UNIT_RESTART_SCHEDULED),
    entry(4_900_000, "Started u.service.", timeline.UNIT_STARTED),
]


def test_all_steps_in_order_and_relative_to_the_last_beat():
    events, missing = timeline.heal(HEAL, last_beat_usec=1_000_000)
    assert missing == []
    assert [event.name for event in events] == [
        "last beat", "watchdog timeout", "killed", "ended", "restarted", "ready"]
    lines = timeline.render(events).splitlines()
    assert "+0.000 s  last beat" in lines[0]
    assert "+3.000 s  watchdog timeout" in lines[1]
    assert "+3.900 s  ready" in lines[5]
    assert events[0].realtime_usec == 10**15 + 1_000_000


def test_entries_before_the_timeout_are_no_steps():
    before = entry(500_000, "Started u.service.", timeline.UNIT_STARTED)
    events, missing = timeline.heal([before, *HEAL[:2]], last_beat_usec=1_000_000)
    assert [event.name for event in events] == ["last beat", "watchdog timeout", "killed"]
    assert missing == ["restarted", "ready"]


def test_a_request_by_a_probe_is_the_timeout():
    request = entry(4_000_000, "u.service: Watchdog request (last status: GET /: 503)!")
    events, _ = timeline.heal([request, *HEAL[1:]])
    assert events[0].name == "watchdog timeout"


def test_no_heal_is_no_story():
    assert timeline.heal([])[1] == ["watchdog timeout", "killed", "restarted", "ready"]
    assert timeline.render([]) == ""
