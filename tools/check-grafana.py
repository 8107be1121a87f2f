#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds docs/grafana-phoenix.json to what phoenixd exports: each metric, each label, and labels in
legends; and to what Grafana needs of a board.

usage: check-grafana.py BOARD PROGRAM       PROGRAM N writes the OpenMetrics text of N services
"""

import itertools
import json
import re
import subprocess
import sys

METRIC = re.compile(r"\b(phoenix_[a-z0-9_]+)(?:\{([^}]*)\})?")
LABEL = re.compile(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby\s*\(([^)]*)\)")
# Prometheus itself adds these.
ADDED = {"instance", "job"}


def exported(program):
    """The samples' names, with the labels of each and the values that these have."""
    text = subprocess.run([program, "2"], check=True, stdout=subprocess.PIPE).stdout.decode()
    samples = {}
    for line in text.splitlines():
        found = re.match(r"(phoenix_[a-z0-9_]+)(\{)?", line)
        if found:
            labels = samples.setdefault(found[1], {})
            for label, value in re.findall(r'([a-z_]+)="((?:\\.|[^"\\])*)"', line) if found[2] else []:
                labels.setdefault(label, set()).add(value)
    return samples


def check_expression(where, expression, samples):
    labels = set(ADDED)
    for name, selector in METRIC.findall(expression):
        if name not in samples:
            yield f"{where}: phoenixd exports no {name}"
            continue
        labels |= set(samples[name])
        for label, value in LABEL.findall(selector):
            if label not in ADDED | set(samples[name]):
                yield f"{where}: {name} has no label {label}"
            elif not value.startswith("$"):
                for word in set(value.split("|")) - samples[name].get(label, set()):
                    yield f"{where}: {name} has no {label}={word}"
    if not METRIC.search(expression):
        yield f"{where}: names no metric: {expression}"
    for group in GROUPED.findall(expression):
        labels = {label.strip() for label in group.split(",")} & labels
        if len(labels) != len(group.split(",")):
            yield f"{where}: groups by what is not there: {group}"
    if re.match(r"\s*sum\(", expression):
        labels = set()
    return labels


def check_target(where, target, samples):
    labels = yield from check_expression(where, target["expr"], samples)
    for label in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")):
        if label not in labels:
            yield f"{where}: the legend names {label}, which is not left"


def overlap(a, b):
    return a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def check_board(board, samples):
    panels = board["panels"]
    if len({panel["id"] for panel in panels}) != len(panels):
        yield "two panels have the same id"
    for a, b in itertools.combinations(panels, 2):
        if overlap(a["gridPos"], b["gridPos"]):
            yield f"{a['title']} lies over {b['title']}"
    for panel in panels:
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield f"{panel['title']}: wider than the board"
        if panel["type"] != "row" and not panel["targets"]:
            yield f"{panel['title']}: asks nothing"
        for target in panel.get("targets", []):
            if target["datasource"]["uid"] != "${datasource}":
                yield f"{panel['title']}: asks another data source"
            yield from check_target(panel["title"], target, samples)
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield from check_expression(variable["name"], variable["definition"], samples)


def main():
    board, program = sys.argv[1:]
    samples = exported(program)
    with open(board, encoding="utf-8") as file:
        content = json.load(file)
    problems = list(check_board(content, samples))
    for problem in problems:
        print(f"{board}: {problem}", file=sys.stderr)
    used = {name for name, _ in METRIC.findall(json.dumps(content)) if name in samples}
    print(f"{len(content['panels'])} panels, {len(used)} of {len(samples)} samples, {len(problems)} problems")
    return 1 if problems or len(used) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
