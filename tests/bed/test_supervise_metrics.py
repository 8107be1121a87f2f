# SPDX-License-Identifier: MIT
"""The metrics, as Prometheus's own parser understands them."""

import os
import signal

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from supervised import Supervised, http

SOCKETS = {"user": "/run/user/1000/phoenix/metrics.sock", "system": "/run/phoenix/metrics.sock"}
LABEL = {"probe": "http GET /health", "type": "http", "check": "liveness"}


class Metrics:
    """One scrape: parsed and looked up."""

    def __init__(self, text):
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
                        for family in self.families.values() for sample in family.samples}

    def __call__(self, sample, **labels):
        return self.samples[sample, tuple(sorted(labels.items()))]

    def of(self, service):
        """Names of the samples that a service has."""
        return {name for name, labels in self.samples if ("service", service) in labels}


@pytest.fixture
def scrape(runners):
    def run(scope="user", *where):
        # A phoenixd that was killed answers when it is there again; its socket always is.
        where = where or ("--unix-socket", SOCKETS[scope], "http://localhost/metrics")
        curl = ("curl", "--silent", "--fail", "--max-time", "5")
        return Metrics(runners[scope].check(*curl, *where))

    return run


@pytest.fixture
def supervised(runners, journal, spec, testy_binary):
    def make(name="measured", scope="user", **more):
        content = {"type": "binary", "image": testy_binary, "args": ["--port", "8091"],
                   "restart": {"delay": "50ms"}, "healthcheck": http()} | more
        unit = spec(name, content, scope=scope)
        return Supervised(runners[scope], journal, name, unit, scope, "binary").start()

    return make


@pytest.mark.parametrize("scope", ["user", "system"])
def test_counters_move_with_what_happens(supervised, scrape, scope, wait_for):
    web = supervised(scope=scope)
    me = {"service": web.name}
    # systemd's word of it may come after the lease's.
    wait_for(lambda: scrape(scope)("phoenix_service_starts_total", **me) >= 1, 10, "its start is counted")
    before = scrape(scope)
    assert before("phoenix_service_info", unit=web.unit, type="binary", **me) == 1
    assert before("phoenix_service_state", state="healthy", **me) == 1
    assert before("phoenix_service_supervised", **me) == 1
    assert before("phoenix_service_lease", **me) == 1
    assert before("phoenix_service_maintenance", **me) == 0

    web.ctl("unhealthy")
    wait_for(web.is_up_again, 20, "restarted")
    wait_for(lambda: "recovered" in web.events(), 10, "recovered")
    after = scrape(scope)

    def moved(sample, **labels):
        return after(sample, **labels, **me) - before(sample, **labels, **me)

    assert moved("phoenix_service_restarts_total") == 1
    assert moved("phoenix_service_starts_total") == 1
    assert moved("phoenix_service_unhealthy_total") == 1
    assert moved("phoenix_service_checks_total") >= 4
    assert moved("phoenix_service_failures_total") >= 3
    assert moved("phoenix_service_probe_results_total", outcome="fail", **LABEL) >= 3
    assert moved("phoenix_service_probe_results_total", outcome="pass", **LABEL) >= 1
    # Only answers have a latency that says anything.
    assert (moved("phoenix_service_probe_latency_seconds_count", **LABEL)
            == moved("phoenix_service_probe_results_total", outcome="pass", **LABEL))
    for kind in ("failing", "unhealthy", "restarted", "recovered"):
        assert (after("phoenix_supervisor_events_total", kind=kind)
                - before("phoenix_supervisor_events_total", kind=kind)) == 1, kind


def test_counters_never_go_back(supervised, scrape, wait_for):
    """Prometheus takes a counter that is less than before for one that began at 0."""
    web = supervised(healthcheck=http(interval="100ms", timeout="100ms"))
    me = {"service": web.name}
    wait_for(lambda: scrape()("phoenix_service_checks_total", **me) >= 10, 20, "ten checks")
    web.ctl("exit", "1")
    wait_for(lambda: web.is_up_again() and scrape()("phoenix_service_restarts_total", **me) >= 1,
             10, "restarted")
    before = scrape()
    pid = int(web.runner.properties("phoenixd.service", "MainPID")["MainPID"])
    os.kill(pid, signal.SIGKILL)
    after = scrape()
    start = "phoenix_supervisor_start_time_seconds"
    assert after(start) > before(start), "it is another phoenixd"
    for name in ("starts", "restarts", "checks", "failures", "unhealthy"):
        sample = f"phoenix_service_{name}_total"
        assert after(sample, **me) >= before(sample, **me), name


def test_histogram(supervised, scrape, wait_for):
    """200 ms lie in the bucket up to 250 ms or above, and in none below 100 ms."""
    web = supervised(healthcheck=http(timeout="3s"))
    me = {"service": web.name}

    def buckets(metrics):
        name = "phoenix_service_probe_latency_seconds_bucket"
        found = {float(dict(labels)["le"]): value for (sample, labels), value
                 in metrics.samples.items() if sample == name and ("service", web.name) in labels}
        assert list(found) == sorted(found) and float("inf") in found
        return found

    web.ctl("slow", "200")
    before = scrape()
    wait_for(lambda: scrape()("phoenix_service_probe_latency_seconds_count", **LABEL, **me)
             >= before("phoenix_service_probe_latency_seconds_count", **LABEL, **me) + 3, 15,
             "three more checks")
    after = scrape()
    grown = {le: n - buckets(before)[le] for le, n in buckets(after).items()}
    # One check may have been under way when the answers became slow.
    assert max(n for le, n in grown.items() if le < 0.2) <= 1, grown
    assert grown[float("inf")] >= 3
    assert (after("phoenix_service_probe_latency_seconds_sum", **LABEL, **me)
            - before("phoenix_service_probe_latency_seconds_sum", **LABEL, **me)) >= 0.4


def test_states_readiness_beats_and_maintenance(supervised, scrape, wait_for):
    web = supervised(args=["--port", "8091", "--beat", "100ms"], watchdog="5s",
                     healthcheck={"port": 8091, "interval": "300ms"},
                     readiness=http())
    me = {"service": web.name}
    assert scrape()("phoenix_service_ready", **me) == 1
    web.ctl("unhealthy")
    wait_for(lambda: scrape()("phoenix_service_ready", **me) == 0, 15, "not ready")
    wait_for(lambda: scrape()("phoenix_service_beats_total", **me) > 0, 15, "beats are counted")
    web.runner.check("phoenix", "--user", "maintenance", web.name, "on", "--for", "1h")
    wait_for(lambda: scrape()("phoenix_service_maintenance", **me) == 1, 5, "in maintenance")
    now = scrape()
    states = {dict(labels)["state"]: value for (name, labels), value in now.samples.items()
              if name == "phoenix_service_state" and ("service", web.name) in labels}
    assert [state for state, value in states.items() if value] == ["maintenance"]
    assert len(states) >= 8
    web.runner.check("phoenix", "--user", "maintenance", web.name, "off")


def test_the_supervisor_itself(supervised, scrape, user):
    web = supervised()
    now = scrape()
    version = user.check("phoenix", "--version").split()[-1]
    assert now("phoenix_supervisor_info", version=version) == 1
    assert now("phoenix_supervisor_start_time_seconds") > 1e9
    assert now("phoenix_leases") >= 1 and now("phoenix_probes") >= 1
    assert now("phoenix_services", state="healthy") >= 1
    for name in ("gate_running", "gate_waiting", "brake", "degraded", "plans_bad",
                 "events_lost_total"):
        assert now(f"phoenix_supervisor_{name}") == 0, name
    assert now("phoenix_supervisor_gate_slots") >= 1
    assert now.families["phoenix_service_probe_latency_seconds"].type == "histogram"
    assert web.name in {dict(labels).get("service") for _, labels in now.samples}


def test_a_service_that_is_gone_leaves_no_series(supervised, scrape, user, wait_for):
    web = supervised()
    assert scrape().of(web.name)
    web.systemctl("stop")
    user.check("rm", "/home/phoenix/.config/phoenix.d/measured.json")
    user.check("systemctl", "--user", "daemon-reload")
    wait_for(lambda: not scrape().of(web.name), 10, "forgotten")


def test_format_and_method(supervised, user):
    supervised()
    curl = ("curl", "--silent", "--unix-socket", SOCKETS["user"], "--max-time", "5")
    head = user.check(*curl, "--include", "http://localhost/metrics").split("\r\n\r\n")[0].lower()
    assert "content-type: application/openmetrics-text; version=1.0.0" in head
    for expected, *request in (("404", "http://localhost/"),
                               ("405", "--data", "x", "http://localhost/metrics")):
        assert user.check(*curl, "--output", "/dev/null", "--write-out", "%{http_code}",
                          *request) == expected


def test_only_the_owner_reads_the_socket(root, user):
    root.check("systemctl", "start", "phoenixd-metrics.socket")
    assert not user("curl", "--silent", "--unix-socket", SOCKETS["system"], "--max-time", "5",
                    "http://localhost/metrics").ok


def test_tcp_by_drop_in(supervised, scrape, user):
    """As phoenixd(8) says."""
    folder = "/home/phoenix/.config/systemd/user/phoenixd-metrics.socket.d"
    sockets = ("phoenixd.socket", "phoenixd-metrics.socket")

    def apply():
        user.check("systemctl", "--user", "daemon-reload")
        user.check("systemctl", "--user", "stop", *sockets)
        user.check("systemctl", "--user", "start", *sockets)

    web = supervised()
    user.check("mkdir", "-p", folder)
    user.check("sh", "-c", f"printf '[Socket]\\nListenStream=127.0.0.1:9117\\n' >{folder}/tcp.conf")
    try:
        apply()
        found = scrape("user", "http://127.0.0.1:9117/metrics")
        assert found("phoenix_service_supervised", service=web.name) == 1
        assert scrape().of(web.name), "the unix socket is still there"
        assert web.restarts() == 0
    finally:
        user("rm", "-rf", folder)
        apply()
