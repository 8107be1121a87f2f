# SPDX-License-Identifier: MIT
"""The command against running managers: what it tells must be what systemctl tells."""

import json
import pathlib
import uuid


def services(runner, *options):
    found = json.loads(runner.check("phoenix", "services", "--json", *options))
    return {service["name"]: service for service in found}


def explain(runner, name):
    return json.loads(runner.check("phoenix", "explain", "--json", name))


def test_services_and_explain_follow_the_state(spec, user, wait_for, testy_binary):
    unit = spec("seen", {"type": "binary", "image": testy_binary, "args": ["--port", "8101"]})
    assert services(user)["seen"]["active"] in (None, "inactive")
    assert user.systemctl("start", unit).ok
    assert services(user)["seen"]["active"] == "active"
    user.check("/usr/lib/phoenix/tests/phoenix-testy", "ctl", "--port=8101", "crash")
    wait_for(lambda: services(user)["seen"]["restarts"] == 1, 10, "the restart in the table")
    told = user.check("phoenix", "explain", "seen")
    assert "/home/phoenix/.config/phoenix.d/seen.json" in told
    assert "after 1 restart" in told


def test_changed_spec_asks_for_a_reload(spec, user, testy_binary):
    spec("changed", {"type": "binary", "image": testy_binary})
    assert "daemon-reload" not in user.check("phoenix", "explain", "changed")
    spec("changed", {"type": "binary", "image": testy_binary, "args": ["--port", "1"]},
         reload=False)
    assert "daemon-reload" in user.check("phoenix", "explain", "changed")


def test_broken_spec_is_listed_with_its_reason(spec, user):
    spec("bad", {"type": "binary", "image": "relative/path"})
    assert "is not an absolute path" in services(user)["bad"]["reason"]
    assert "is not an absolute path" in user.check("phoenix", "explain", "bad")
    assert user("phoenix", "check", "/home/phoenix/.config/phoenix.d/bad.json").code == 1


def test_show_units_is_what_the_manager_has(spec, user, testy_image):
    spec("shown", {"type": "docker", "image": testy_image, "watchdog": "10s"})
    shown = user.check("phoenix", "show", "shown")
    made = pathlib.Path("/run/user/1000/systemd/generator/phoenix@shown.service").read_text()
    for line in made.splitlines():
        if line and "Plan=" not in line:
            assert line in shown, line


def test_system_services_are_seen_by_root_only_there(spec, root, user, testy_binary):
    spec("sys", {"type": "binary", "image": testy_binary, "scope": "system"}, scope="system")
    assert root.systemctl("start", "phoenix@sys.service").ok
    assert services(root)["sys"]["active"] == "active"
    assert "sys" not in services(user)
    elsewhere = services(user, "--all")["sys"]
    assert "system" in elsewhere["reason"]


# What changes something: start, stop, deploy and their like, on services without health checks.

SLEEP = {"type": "binary", "image": "/usr/bin/sleep", "args": ["infinity"]}
FOLDER = pathlib.Path("/home/phoenix/.config/phoenix.d")


def source(user, name, content):
    """A spec file that lies in no folder of specs; its path."""
    user.check("sh", "-c", f"cat >/tmp/{name}.json", stdin=json.dumps(content))
    return f"/tmp/{name}.json"


def active(user, name):
    return user.properties(f"phoenix@{name}.service", "ActiveState")["ActiveState"]


def test_start_and_stop_wait(spec, user):
    spec("plain", SLEEP)
    spec("other", SLEEP)
    user.check("phoenix", "start", "plain", "phoenix@other.service")
    assert active(user, "plain") == active(user, "other") == "active"
    before = user.properties("phoenix@plain.service", "MainPID")
    user.check("phoenix", "restart", "plain")
    assert user.properties("phoenix@plain.service", "MainPID") != before
    assert user("phoenix", "status", "plain").code == 0
    user.check("phoenix", "stop", "plain", "other")
    assert active(user, "plain") == active(user, "other") == "inactive"
    assert user("phoenix", "status", "plain").code == 1
    assert user("phoenix", "start", "plian").code == 4


def test_start_says_why_not(spec, user):
    spec("broke", {"type": "binary", "image": "/usr/bin/nothing-of-that-name"})
    result = user("phoenix", "start", "broke")
    assert result.code == 1
    assert "cannot start broke" in result.err
    assert "nothing-of-that-name" in result.err
    told = json.loads(user("phoenix", "start", "--json", "broke").out)[0]
    assert not told["ok"] and told["result"] == "exit-code"
    assert any("nothing-of-that-name" in line["message"] for line in told["log"])


def test_start_clears_a_start_limit(spec, user, wait_for):
    unit = spec("limit", {"type": "binary", "image": "/usr/bin/false",
                          "unit": {"Unit": {"StartLimitBurst": "1", "StartLimitIntervalSec": "1h"}}})
    user("phoenix", "start", "limit")
    wait_for(lambda: active(user, "limit") == "failed", 10, "the start limit")
    spec("limit", SLEEP)
    user.check("phoenix", "start", "limit")
    assert user.properties(unit, "ActiveState")["ActiveState"] == "active"


def test_deploy_update_del(spec, user):
    path = source(user, "shop", {**SLEEP, "name": "shop"})
    try:
        assert "started" in user.check("phoenix", "deploy", path)
        assert active(user, "shop") == "active"
        pid = user.properties("phoenix@shop.service", "MainPID")
        assert "unchanged" in user.check("phoenix", "deploy", path)
        assert user.properties("phoenix@shop.service", "MainPID") == pid

        source(user, "shop", {**SLEEP, "name": "shop", "args": ["9999"]})
        told = json.loads(user.check("phoenix", "deploy", "--json", path))[0]
        assert (told["action"], told["changed"], told["ok"]) == ("restarted", True, True)
        assert (FOLDER / "shop.json.old").exists()
        pid = user.properties("phoenix@shop.service", "MainPID")
        user.check("phoenix", "update", "shop")
        assert user.properties("phoenix@shop.service", "MainPID") != pid

        info = json.loads(user.check("phoenix", "info", "--json", "shop"))
        assert info["spec"]["args"] == ["9999"]
        assert info["units"] == ["/run/user/1000/systemd/generator/phoenix@shop.service"]
        assert info["active"] == "active"
    finally:
        user("phoenix", "del", "shop", "--yes")
    assert not (FOLDER / "shop.json").exists()
    assert active(user, "shop") == "inactive"
    assert "shop" not in services(user)
    assert user("phoenix", "del", "shop").code == 4


def test_deploy_brings_the_old_one_back(spec, user):
    spec("steady", SLEEP)
    user.check("phoenix", "start", "steady")
    path = source(user, "steady", {"name": "steady", "type": "binary", "image": "/usr/bin/false"})
    result = user("phoenix", "deploy", path)
    assert result.code == 1
    assert "did not stay up" in result.err
    assert "the old one again, and it runs" in result.err
    assert active(user, "steady") == "active"
    assert json.loads((FOLDER / "steady.json").read_text()) == SLEEP
    assert user("systemctl", "--user", "show", "-P", "NeedDaemonReload", "phoenix@steady").out == "no\n"


def test_deploy_leaves_nothing_of_a_failed_one(user):
    for content, says in (
        ({"type": "binary", "image": "/usr/bin/false"}, "did not stay up"),
        ({"type": "vm", "image": "/x"}, "only a stub"),
        ({**SLEEP, "machine": "elsewhere"}, "for machine elsewhere"),
        ({**SLEEP, "needs": ["nobody"]}, "nobody"),
    ):
        result = user("phoenix", "deploy", source(user, "fresh", {"name": "fresh", **content}))
        assert result.code == 1, str(result)
        assert says in result.err
        assert not list(FOLDER.glob("fresh*"))
        assert active(user, "fresh") == "inactive"
    assert user("phoenix", "update", "/tmp/fresh.json").code == 4


def test_deploy_without_a_start(user):
    path = source(user, "later", {**SLEEP, "name": "later"})
    try:
        user.check("phoenix", "deploy", "--no-start", path)
        assert active(user, "later") == "inactive"
        user.check("phoenix", "start", "later")
    finally:
        user("phoenix", "del", "later")


def test_deploy_as_root(root):
    root.check("sh", "-c", "cat >/tmp/whole.json",
               stdin=json.dumps({**SLEEP, "name": "whole", "scope": "system"}))
    try:
        root.check("phoenix", "deploy", "/tmp/whole.json")
        assert pathlib.Path("/etc/phoenix.d/whole.json").exists()
        assert root.properties("phoenix@whole.service", "ActiveState")["ActiveState"] == "active"
    finally:
        root("phoenix", "del", "whole")
    assert not pathlib.Path("/etc/phoenix.d/whole.json").exists()


def log_lines(runner, name):
    runner_out = runner.check("phoenix", "logs", "--json", name)
    return [json.loads(line) for line in runner_out.splitlines()]


def test_logs_of_a_program(spec, user, wait_for):
    name = f"speaker-{uuid.uuid4().hex[:8]}"  # the journal remembers
    spec(name, {"type": "binary", "image": "/bin/sh",
                "args": ["-c", "printf 'hello \\033[31m\\n'; sleep 9999"]})
    user.check("phoenix", "start", name)

    def spoken():
        return [l for l in log_lines(user, name) if l["source"] == "payload"]

    lines = wait_for(spoken, 10, "its line")
    assert [line["message"] for line in lines] == ["hello \x1b[31m"]
    assert any(line["source"] == "systemd" for line in log_lines(user, name))
    out = user.check("phoenix", "logs", name)
    assert "| hello ?[31m" in out and "\x1b" not in out
    assert len(user.check("phoenix", "logs", "-n", "1", name).splitlines()) == 1
    assert user.check("phoenix", "logs", "--since=now", name) == ""
    assert user("phoenix", "logs", "nobody").code == 4


def test_logs_of_a_container(spec, user, wait_for, testy_image):
    spec("boxed", {"type": "docker", "image": testy_image})
    user.check("phoenix", "start", "boxed", timeout=120)
    wait_for(lambda: [l for l in log_lines(user, "boxed")
                      if l["source"] == "payload" and "listening" in l["message"]],
             20, "the line of the container")
