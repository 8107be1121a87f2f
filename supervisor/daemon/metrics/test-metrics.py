#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reads what test-metrics writes with the OpenMetrics parser of the Prometheus project.

usage: test-metrics.py PROGRAM
"""

import subprocess
import sys

try:
    from prometheus_client.openmetrics import parser
except ImportError:
    print("skipped: python3-prometheus-client is not installed")
    sys.exit(77)

# What is left of TEST_HOSTILE in test-manager.h.
BAD = "\ufffd"
HOSTILE = f'a"b\\c\nd{BAD}e{BAD}[31m{BAD}{BAD}f{BAD}{BAD}'


def read(program, n):
    text = subprocess.run([program, str(n)], check=True, stdout=subprocess.PIPE).stdout.decode()
    assert text.endswith("# EOF\n")
    return {family.name: family for family in parser.text_string_to_metric_families(text)}


def values(families, family, sample=None, **labels):
    return [
        s.value
        for s in families[family].samples
        if s.name == (sample or family) and all(s.labels.get(k) == v for k, v in labels.items())
    ]


def check_services(families):
    assert values(families, "phoenix_service_state", service="service0001", state="healthy") == [1]
    assert values(families, "phoenix_service_state", service="service0001", state="failing") == [0]
    assert len(values(families, "phoenix_service_state", service="service0001")) == 8
    assert values(families, "phoenix_service_ready") == [0, 1], "only those with readiness checks"
    assert values(families, "phoenix_service_beats", "phoenix_service_beats_total") == [5e9]
    assert values(families, "phoenix_service_lease") == [1, 0, 1]
    for name, value in {"starts": 3, "restarts": 2, "checks": 100, "failures": 7, "unhealthy": 1}.items():
        family = families[f"phoenix_service_{name}"]
        assert family.type == "counter"
        assert [s.value for s in family.samples] == [value] * 3


def check_demand(families):
    for name, value in {"starts": 95, "held_connections": 120, "idle_stops": 80, "other_stops": 15, "freezes": 40,
                        "thaws": 39, "frozen_seconds": 7200.000001}.items():
        family = families[f"phoenix_ondemand_{name}"]
        assert family.type == "counter"
        assert [(s.labels["service"], s.value) for s in family.samples] == [("service0000", value)], name
    assert values(families, "phoenix_ondemand_listening") == [1]
    family = families["phoenix_ondemand_cold_start_seconds"]
    assert (family.type, family.unit) == ("histogram", "seconds")
    assert values(families, family.name, family.name + "_count") == [10]
    assert values(families, family.name, family.name + "_bucket", le="0.2") == [9]
    assert abs(values(families, family.name, family.name + "_sum")[0] - 2.52) < 1e-9


def check_probes(families):
    family = families["phoenix_service_probe_latency_seconds"]
    assert (family.type, family.unit) == ("histogram", "seconds")
    assert values(families, family.name, family.name + "_count") == [100] * 5
    assert values(families, family.name, family.name + "_bucket", le="+Inf") == [100] * 5
    bounds = [float(s.labels["le"]) for s in family.samples if s.labels.get("service") == "service0002" and "le" in s.labels]
    assert bounds == [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, float("inf")]
    # Two that look alike, and the one for readiness, are told apart.
    names = {(s.labels["probe"], s.labels["check"]) for s in family.samples if s.labels["service"] == "service0000"}
    assert names == {(HOSTILE, "liveness"), (HOSTILE + " #2", "liveness"), (HOSTILE, "readiness")}, names
    for outcome, value in {"pass": 90, "fail": 7, "void": 3}.items():
        name = "phoenix_service_probe_results"
        assert values(families, name, name + "_total", outcome=outcome) == [value] * 5


def check_policies(families):
    assert families["phoenix_policy_stops"].type == "counter"
    assert values(families, "phoenix_policy_containers", policy="stress") == [2, 3]
    assert values(families, "phoenix_policy_spared") == [1, 1]
    name = "phoenix_policy_stops"
    assert values(families, name, name + "_total", **{"class": "ram"}, result="stopped") == [6]
    assert values(families, name, name + "_total", result="failed") == [1, 1]
    assert values(families, name, name + "_total", result="killed") == [0, 0]


def check_supervisor(families):
    start = families["phoenix_supervisor_start_time_seconds"]
    assert start.unit == "seconds" and abs(start.samples[0].value - 1700000000.123456) < 1e-5
    assert list(families["phoenix_supervisor"].samples[0].labels) == ["version"]
    assert values(families, "phoenix_leases") == [len(values(families, "phoenix_service_lease")) // 2]
    assert values(families, "phoenix_supervisor_gate_waiting") == [2]
    assert values(families, "phoenix_supervisor_plans_bad") == [1]
    kinds = [s.labels["kind"] for s in families["phoenix_supervisor_events"].samples]
    assert {"unhealthy", "recovered", "held"} <= set(kinds) and len(kinds) == len(set(kinds))
    for family in families.values():
        assert family.documentation, family.name


def main(program):
    families = read(program, 3)
    check_services(families)
    check_demand(families)
    check_probes(families)
    check_policies(families)
    check_supervisor(families)
    assert not [f for f in read(program, 0) if f.startswith(("phoenix_service_", "phoenix_ondemand_"))]
    print(f"{len(families)} families, {sum(len(f.samples) for f in families.values())} samples")


if __name__ == "__main__":
    main(sys.argv[1])
