#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws docs/states.svg and the tables of docs/states.md from the table of supervisor/policy/state.c.

PROGRAM is print-states, which prints every cell. Where things stand in the picture is written here;
what they say comes from the table. A cell that changes the state or has the caller do something must
lie on an arrow, and all cells of an arrow must do the same: a table that outgrows the picture is an
error here, not a picture that lies.

usage: draw-states.py [--check] PROGRAM SVG MARKDOWN

--check writes nothing, and fails when a file is not what it would write.
"""

import argparse
import collections
import subprocess
import sys
from html import escape

Cell = collections.namedtuple("Cell", "state event next actions why")

# State: centre of its box, and its colours.
CALM, GOOD, WARN, BAD = "#eef0f3", "#dff1e0", "#fdf0cf", "#f9dcd9"
BOXES = {
    "stopped": (90, 240, CALM),
    "held": (90, 520, BAD),
    "starting": (390, 240, CALM),
    "healthy": (620, 240, GOOD),
    "failing": (860, 240, WARN),
    "unhealthy": (1100, 240, BAD),
    "maintenance": (620, 520, CALM),
    "frozen": (960, 520, CALM),
}
WIDTH, HEIGHT = 130, 44

READY = ["healthy", "failing", "unhealthy"]
RUNNING = ["starting", *READY, "maintenance", "frozen"]
ALL = list(BOXES)

# Title, left, top, right, bottom. An arrow that begins at a frame is one of each state in it.
FRAMES = [
    ("the unit is running", 290, 60, 1215, 625),
    ("started: systemctl start has returned", 530, 140, 1190, 375),
]

# From, event, to; the path of the arrow; where its label stands, and whether on two lines.
ARROWS = [
    (["stopped"], "start", "starting", "M155 226 H323", 222, 219, "middle", False),
    (["held"], "start", "starting", "M155 508 C230 500 350 420 365 264", 258, 440, "end", False),
    (RUNNING, "start", "starting", "M345 60 V216", 353, 92, "start", False),
    ([s for s in ALL if s != "maintenance"], "resume", "healthy", "M620 30 V216", 634, 35, "start", False),
    (["maintenance"], "resume", "maintenance", "M600 542 C588 592 652 592 641 544", 620, 600, "middle", False),
    (["starting"], "pass", "healthy", "M455 240 H553", 492, 232, "middle", True),
    (["starting"], "exhaust", "unhealthy", "M430 218 C470 55 1060 55 1112 216", 800, 89, "middle", False),
    (["starting"], "maintenance-on", "maintenance", "M390 262 V505 Q390 520 405 520 H553", 470, 512, "middle", True),
    (["healthy"], "fail", "failing", "M685 232 H793", 739, 224, "middle", False),
    (["failing"], "pass", "healthy", "M795 250 H687", 741, 268, "middle", False),
    (["healthy"], "exhaust", "unhealthy", "M650 218 C690 150 1020 150 1068 215", 860, 160, "middle", False),
    (["failing"], "exhaust", "unhealthy", "M925 240 H1033", 979, 232, "middle", True),
    (["unhealthy"], "pass", "healthy", "M1070 262 C1020 330 715 330 668 264", 865, 331, "middle", False),
    (["unhealthy"], "exhaust", "unhealthy", "M1105 262 C1098 316 1162 316 1149 264", 1124, 322, "middle", False),
    (READY, "maintenance-on", "maintenance", "M580 375 V496", 572, 440, "end", False),
    (["maintenance"], "maintenance-off", "healthy", "M605 498 V264", 612, 478, "start", False),
    (READY, "freeze", "frozen", "M980 375 V496", 988, 440, "start", False),
    (["maintenance"], "freeze", "frozen", "M685 526 H893", 790, 545, "middle", False),
    (["frozen"], "thaw", "healthy", "M895 510 C760 490 660 420 640 264", 752, 440, "start", False),
    (RUNNING, "down", "stopped", "M290 252 H157", 223, 270, "middle", True),
    (["stopped"], "hold", "held", "M70 262 V496", 62, 380, "end", True),
    (RUNNING, "hold", "held", "M290 532 H157", 223, 524, "middle", True),
    (["held"], "release", "stopped", "M110 498 V264", 118, 380, "start", False),
]

STYLE = """
text { font: 13px "DejaVu Sans", Verdana, sans-serif; fill: #1b1f24 }
.state { font-size: 15px; font-weight: bold }
.frame { fill: none; stroke: #8a929c; stroke-dasharray: 6 4 }
.title { fill: #5d6670; font-style: italic }
.box { stroke: #3b424a; stroke-width: 1.5 }
.arrow { fill: none; stroke: #3b424a; stroke-width: 1.5; marker-end: url(#head) }
.label { stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; paint-order: stroke }
.action { fill: #0b5cad }
""".strip()

BEGIN, END = "<!-- cells: drawn by tools/draw-states.py -->\n", "<!-- end of cells -->\n"


class Mismatch(Exception):
    pass


def read_cells(program):
    text = subprocess.run([program], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    cells = [Cell(*line.split("\t")) for line in text.splitlines()]
    if {cell.state for cell in cells} != set(BOXES):
        raise Mismatch("the states of the table and those of the picture are not the same")
    return cells


def is_drawn(cell):
    return cell.next != cell.state or cell.actions not in ("none", "ignored")


def cells_of_arrow(cells, sources, event, target):
    found = [c for c in cells if c.state in sources and c.event == event and c.next == target]
    missing = sorted(set(sources) - {c.state for c in found})
    if missing:
        raise Mismatch(f"no cell for the arrow {event} to {target} from {', '.join(missing)}")
    if len({c.actions for c in found}) != 1:
        raise Mismatch(f"the cells of the arrow {event} to {target} do different things")
    return found


def draw_label(event, actions, x, y, anchor, two_lines):
    event = f"<tspan>{event}</tspan>"
    if actions == "none":
        action = ""
    elif two_lines:
        action = f'<tspan class="action" x="{x}" dy="24">{actions}</tspan>'
    else:
        action = f'<tspan class="action" dx="6">{actions}</tspan>'
    return f'<text class="label" x="{x}" y="{y}" text-anchor="{anchor}">{event}{action}</text>'


def draw_arrows(cells):
    left = {(c.state, c.event): c for c in cells if is_drawn(c)}
    paths, labels = [], []
    for sources, event, target, path, x, y, anchor, two_lines in ARROWS:
        own = cells_of_arrow(cells, sources, event, target)
        for cell in own:
            if not left.pop((cell.state, cell.event), None):
                raise Mismatch(f"{cell.state}, {event}: drawn twice, or there is nothing to draw")
        names = " ".join(cell.state for cell in own)
        paths.append(
            f'<path class="arrow" d="{path}"><title>{event}: {names} to {target}</title></path>')
        labels.append(draw_label(event, own[0].actions, x, y, anchor, two_lines))
    if left:
        raise Mismatch("no arrow for " + "; ".join(f"{s}, {e}" for s, e in left))
    return paths + labels


def draw_frame(title, x1, y1, x2, y2):
    return [
        f'<rect class="frame" x="{x1}" y="{y1}" width="{x2 - x1}" height="{y2 - y1}" rx="12"/>',
        f'<text class="title" x="{x2 - 12}" y="{y2 - 10}" text-anchor="end">{title}</text>',
    ]


def draw_box(state):
    x, y, fill = BOXES[state]
    return [
        f'<rect class="box" x="{x - WIDTH // 2}" y="{y - HEIGHT // 2}" width="{WIDTH}"'
        f' height="{HEIGHT}" rx="8" fill="{fill}"/>',
        f'<text class="state" x="{x}" y="{y + 5}" text-anchor="middle">{state}</text>',
    ]


def draw_svg(cells):
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-40 0 1280 680" width="1280" height="680">',
        "<!-- Drawn by tools/draw-states.py from supervisor/policy/state.c. -->",
        "<title>The states of a supervised service</title>",
        f"<style>\n{STYLE}\n</style>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="9"'
        ' markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0 L10 5 L0 10 z" fill="#3b424a"/></marker></defs>',
        '<rect x="-40" width="1280" height="680" fill="#ffffff"/>',
    ]
    for frame in FRAMES:
        lines += draw_frame(*frame)
    for state in BOXES:
        lines += draw_box(state)
    lines.append('<circle cx="620" cy="30" r="6" fill="#3b424a"/>')
    lines += draw_arrows(cells)
    lines.append(
        '<text class="title" x="-20" y="660">An arrow from a frame begins at each state in it, the one '
        'from the dot at every state but maintenance. In blue: what the supervisor does. '
        'Not drawn: what changes nothing.</text>')
    return "\n".join([*lines, "</svg>", ""])


def write_row(cell):
    target = "" if cell.next == cell.state else f"**{cell.next}**"
    actions = "" if cell.actions == "none" else cell.actions.replace(",", ", ")
    return f"| {cell.event} | {target} | {actions} | {escape(cell.why)} |"


def write_tables(cells):
    lines = []
    for state in BOXES:
        lines += [f"\n### {state}\n", "| event | next state | what is done | why |", "|---|---|---|---|"]
        lines += [write_row(cell) for cell in cells if cell.state == state]
    return "\n".join([*lines, "", ""])


def write_markdown(cells, text):
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Mismatch("the marks between which the tables stand are not there")
    return before + begin + write_tables(cells) + end + after


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("program")
    parser.add_argument("svg")
    parser.add_argument("markdown")
    args = parser.parse_args()

    try:
        cells = read_cells(args.program)
        wanted = {args.svg: draw_svg(cells), args.markdown: write_markdown(cells, read(args.markdown))}
    except Mismatch as error:
        sys.exit(f"draw-states.py: {error}")
    if args.check:
        stale = [path for path, text in wanted.items() if read(path) != text]
        if stale:
            sys.exit(f"draw-states.py: not what the table says, draw anew: {', '.join(stale)}")
        return
    for path, text in wanted.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
