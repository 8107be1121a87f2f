# SPDX-License-Identifier: MIT
"""The command against running managers: what it tells must be what systemctl tells."""

import json
import pathlib


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
