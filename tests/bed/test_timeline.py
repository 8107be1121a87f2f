# SPDX-License-Identifier: MIT
"""The demo's time line: which journal entries are the steps of a heal, and in which order."""

import timeline


def entry(usec, message, message_id=None, event=None, **more):
    fields = {"__MONOTONIC_TIMESTAMP": str(usec), "__REALTIME_TIMESTAMP": str(usec + 10**15),
              "MESSAGE": message, **more}
    if message_id:
        fields["MESSAGE_ID"] = message_id
    if event:
        fields["PHOENIX_EVENT"] = event
    return fields


BY_CHECK = [
    entry(2_000_000, "u is failing: GET /: 503, 1 of 3", event="failing",
          SYSLOG_IDENTIFIER="phoenixd"),
    entry(4_000_000, "u is unhealthy: GET /: 503, 3 of 3", event="unhealthy"),
    entry(4_000_100, "u.service: Watchdog request (last status: GET /: 503, 3 of 3)!",
          USER_UNIT="u.service", SYSLOG_IDENTIFIER="systemd"),
    entry(4_000_200, "u.service: Killing process 7 (conmon) with signal SIGCONT."),
    entry(4_005_000, "watchdog: SIGABRT to 1 process of the payload, gone after 3 ms",
          SYSLOG_IDENTIFIER="phoenix-abort"),
    entry(4_010_000, "u.service: Main process exited", timeline.UNIT_PROCESS_EXIT),
    entry(4_500_000, "u.service: Scheduled restart job", timeline.UNIT_RESTART_SCHEDULED),
    entry(4_600_000, "u is starting", event="starting"),
    entry(4_800_000, "u is healthy again: GET /: 200 OK", event="recovered"),
    entry(4_900_000, "Started u.service.", timeline.UNIT_STARTED),
]
# A program, by its heartbeats: nobody says anything before the watchdog does.
BY_BEAT = [
    entry(4_000_000, "u.service: Watchdog timeout (limit 3s)!"),
    entry(4_000_100, "u.service: Killing process 7 (u) with signal SIGABRT."),
    entry(4_010_000, "u.service: Main process exited", timeline.UNIT_PROCESS_EXIT),
    entry(4_500_000, "u.service: Scheduled restart job", timeline.UNIT_RESTART_SCHEDULED),
    entry(4_900_000, "Started u.service.", timeline.UNIT_STARTED),
]


def names(events):
    return [event.name for event in events]


def test_all_steps_in_order_and_relative_to_the_first():
    events, missing = timeline.heal(BY_CHECK)
    assert missing == []
    assert names(events) == ["failing", "unhealthy", "watchdog", "aborted", "ended", "restarted",
                             "healthy", "started"]
    lines = timeline.render(events).splitlines()
    assert "+0.000 s  phoenixd       u is failing: GET /: 503, 1 of 3" in lines[0]
    assert "+2.000 s  systemd        Watchdog request (last status: GET /: 503, 3 of 3)!" in lines[2]
    assert "+2.900 s" in lines[7]


def test_the_fault_comes_first_and_counts_from_there():
    events, _ = timeline.heal(BY_CHECK)
    fault = timeline.fault_before(events, 10**15 + 1_000_000, "ctl hang")
    assert fault.monotonic_usec == 1_000_000
    lines = timeline.render([fault, *events]).splitlines()
    assert "+0.000 s  you            ctl hang" in lines[0]
    assert "+1.000 s  phoenixd" in lines[1]


def test_a_heal_by_heartbeat_has_no_checks():
    events, missing = timeline.heal(BY_BEAT)
    assert missing == []
    assert names(events) == ["watchdog", "aborted", "ended", "restarted", "started"]


def test_checks_of_the_next_heal_are_not_of_this_one():
    later = [entry(int(e["__MONOTONIC_TIMESTAMP"]) + 9_000_000, e["MESSAGE"], e.get("MESSAGE_ID"),
                   e.get("PHOENIX_EVENT")) for e in BY_CHECK]
    assert names(timeline.heal([*BY_BEAT, *later])[0]) == names(timeline.heal(BY_BEAT)[0])


def test_entries_before_the_watchdog_are_no_steps():
    before = entry(500_000, "Started u.service.", timeline.UNIT_STARTED)
    events, missing = timeline.heal([before, *BY_BEAT[:2]])
    assert names(events) == ["watchdog", "aborted"]
    assert missing == ["restarted", "started"]


def test_no_heal_is_no_story():
    assert timeline.heal([])[1] == ["watchdog", "aborted", "restarted", "started"]
    assert timeline.render([]) == ""
