#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tells the story of one heal from the journal: last beat, timeout, killed, restarted, ready.

    journalctl --user -u UNIT -o json ... | timeline.py --last-beat USEC

Reads the unit's journal entries (JSON, one a line) and prints one line for each step it finds,
with the wall clock and the time since the last heartbeat. All times are CLOCK_MONOTONIC, which
is what the journal notes for each entry and what systemd's WatchdogTimestampMonotonic is in.
Exits with 1 when a step is missing: then it was not the heal it was asked for.
"""

import argparse
import dataclasses
import json
import re
import sys
import time

# Message IDs are systemd's (systemd/sd-messages.h). The two steps that have none are known by
# their words, which systemd does not translate.
UNIT_STARTED = "39f53479d3a045ac8e11786248231fbf"
UNIT_PROCESS_EXIT = "98e322203f7a4ed290d09fe03c09fe15"
UNIT_RESTART_SCHEDULED = "5eb03494b6584870a536b337290809b3"


@dataclasses.dataclass
class Step:
    """One kind of entry that is a step of a heal."""

    name: str
    message_id: str = None
    pattern: str = None
    optional: bool = False

    def fits(self, entry):
        if self.message_id:
            return entry.get("MESSAGE_ID") == self.message_id
        return re.search(self.pattern, str(entry.get("MESSAGE", ""))) is not None


# In the order in which they happen.
STEPS = [
    Step("watchdog timeout", pattern=r"Watchdog (timeout|request) \("),
    Step("killed", pattern=r"Killing process .* with signal SIGABRT"),
    Step("ended", message_id=UNIT_PROCESS_EXIT, optional=True),
    Step("restarted", message_id=UNIT_RESTART_SCHEDULED),
    Step("ready", message_id=UNIT_STARTED),
]


@dataclasses.dataclass
class Event:
    """A step that happened. Times in microseconds; realtime is None where nobody noted it."""

    name: str
    monotonic_usec: int
    realtime_usec: int
    message: str


def heal(entries, last_beat_usec=None):
    """The events of the first heal in `entries` (dicts of journal fields), and missing steps."""
    events, missing = [], []
    remaining = sorted(entries, key=lambda entry: int(entry["__MONOTONIC_TIMESTAMP"]))
    for step in STEPS:
        found = next((i for i, entry in enumerate(remaining) if step.fits(entry)), None)
        if found is None:
            if not step.optional:
                missing.append(step.name)
            continue
        entry = remaining[found]
        remaining = remaining[found + 1:]
        events.append(Event(step.name, int(entry["__MONOTONIC_TIMESTAMP"]),
                            int(entry["__REALTIME_TIMESTAMP"]), str(entry.get("MESSAGE", ""))))
    if last_beat_usec and events:
        # Nobody writes a line for a heartbeat: its wall clock follows from the next event's.
        realtime = events[0].realtime_usec - (events[0].monotonic_usec - last_beat_usec)
        events.insert(0, Event("last beat", last_beat_usec, realtime,
                               "the program tells systemd that it is alive, for the last time"))
    return events, missing


def render(events):
    if not events:
        return ""
    begin = events[0].monotonic_usec
    lines = []
    for event in events:
        clock = time.strftime("%H:%M:%S", time.localtime(event.realtime_usec // 1000000))
        millis = event.realtime_usec // 1000 % 1000
        since = (event.monotonic_usec - begin) / 1e6
        lines.append(f"  {clock}.{millis:03d}  {since:+8.3f} s  {event.name:<17} {event.message}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--last-beat", type=int, metavar="USEC",
                        help="WatchdogTimestampMonotonic, read after the hang and before the timeout")
    arguments = parser.parse_args()
    entries = [json.loads(line) for line in sys.stdin if line.strip()]
    events, missing = heal(entries, arguments.last_beat)
    print(render(events))
    if missing:
        print(f"not in the journal: {', '.join(missing)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
