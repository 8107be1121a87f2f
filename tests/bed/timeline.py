#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tells the story of one heal from the journal: failing, verdict, end, restart, healthy again.

    journalctl --user -u UNIT -o json ... | timeline.py [--fault USEC TEXT]

Reads the unit's journal entries (JSON, one a line) and prints one line for each step it finds: the
wall clock, the time since the first step, who says it, and the words. Times between steps are of
CLOCK_MONOTONIC. Exits with 1 when a step is missing: then it was not the heal it was asked for.
"""

import argparse
import dataclasses
import json
import re
import sys
import time

# Message IDs are systemd's (systemd/sd-messages.h). The steps that have none are known by their
# words, which nobody translates.
UNIT_STARTED = "39f53479d3a045ac8e11786248231fbf"
UNIT_PROCESS_EXIT = "98e322203f7a4ed290d09fe03c09fe15"
UNIT_RESTART_SCHEDULED = "5eb03494b6584870a536b337290809b3"


@dataclasses.dataclass
class Step:
    """One kind of entry that is a step of a heal."""

    name: str
    message_id: str = None
    events: tuple = ()  # phoenixd's
    pattern: str = None
    optional: bool = False

    def fits(self, entry):
        if self.message_id:
            return entry.get("MESSAGE_ID") == self.message_id
        if self.events:
            return entry.get("PHOENIX_EVENT") in self.events
        return re.search(self.pattern, str(entry.get("MESSAGE", ""))) is not None


# In the order in which they happen. A service that is watched by its own heartbeats alone has no
# checks that fail before the watchdog does.
STEPS = [
    Step("failing", events=("failing",), optional=True),
    Step("unhealthy", events=("unhealthy",), optional=True),
    Step("watchdog", pattern=r"Watchdog (timeout|request) \("),
    Step("aborted", pattern=r"SIGABRT to |Killing process .* with signal SIGABRT"),
    Step("ended", message_id=UNIT_PROCESS_EXIT, optional=True),
    Step("restarted", message_id=UNIT_RESTART_SCHEDULED),
    Step("healthy", events=("healthy", "recovered"), optional=True),
    Step("started", message_id=UNIT_STARTED),
]


@dataclasses.dataclass
class Event:
    """A step that happened. Times in microseconds."""

    name: str
    monotonic_usec: int
    realtime_usec: int
    speaker: str
    message: str


def event_of(step, entry):
    # Each line is of this unit, so that its name in front of PID 1's words says nothing new.
    unit = entry.get("USER_UNIT") or entry.get("UNIT") or ""
    message = str(entry.get("MESSAGE", "")).strip().removeprefix(f"{unit}: ")
    return Event(step.name, int(entry["__MONOTONIC_TIMESTAMP"]), int(entry["__REALTIME_TIMESTAMP"]),
                 str(entry.get("SYSLOG_IDENTIFIER", "")), message)


def find(steps, entries):
    """The first entry that fits the first of `steps`; an optional one only where it still belongs."""
    for i, entry in enumerate(entries):
        if steps[0].fits(entry):
            return i
        required = next(step for step in steps if not step.optional)
        if steps[0].optional and required.fits(entry):
            return None
    return None


def heal(entries):
    """The events of the first heal in `entries` (dicts of journal fields), and missing steps."""
    events, missing = [], []
    remaining = sorted(entries, key=lambda entry: int(entry["__MONOTONIC_TIMESTAMP"]))
    for i, step in enumerate(STEPS):
        found = find(STEPS[i:], remaining)
        if found is not None:
            events.append(event_of(step, remaining[found]))
            remaining = remaining[found + 1:]
        elif not step.optional:
            missing.append(step.name)
    return events, missing


def fault_before(events, realtime_usec, text):
    """The fault as the first event: whoever caused it knows when, the journal does not."""
    earlier_usec = events[0].realtime_usec - realtime_usec
    return Event("fault", events[0].monotonic_usec - earlier_usec, realtime_usec, "you", text)


def render(events):
    lines = []
    for event in events:
        clock = time.strftime("%H:%M:%S", time.localtime(event.realtime_usec // 1000000))
        millis = event.realtime_usec // 1000 % 1000
        since = (event.monotonic_usec - events[0].monotonic_usec) / 1e6
        lines.append(f"  {clock}.{millis:03d} {since:+8.3f} s  {event.speaker:<13}  {event.message}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fault", nargs=2, metavar=("USEC", "TEXT"),
                        help="when it was caused (microseconds since 1970), and how")
    arguments = parser.parse_args()
    entries = [json.loads(line) for line in sys.stdin if line.strip()]
    events, missing = heal(entries)
    if events and arguments.fault:
        events.insert(0, fault_before(events, int(arguments.fault[0]), arguments.fault[1]))
    print(render(events))
    if missing:
        print(f"not in the journal: {', '.join(missing)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
