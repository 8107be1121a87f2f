# SPDX-License-Identifier: MIT
"""Specs as a user writes them, started for real: what is passed on, what runs when, what is kept out."""

import json
import pathlib
import time

import pytest

TRICKY = ["", " ", "plain", "two words", "100%", "%n", "%%", "$HOME", "${HOME}", "$$", ";", "a;b",
          '"', "'", '"quoted"', "back\\slash", "\\n", "tab\there", "line\nbreak", "ünïcödé", "-dash",
          "a=b", "#no comment", "*", "~", "{}", "`id`", "trailing\\", "\x01\x7f"]


def lines_of(journal, cursor, prefix, scope="user"):
    """What services printed since. Not by unit: a program that has ended before the journal looks it
    up leaves lines without one (systemd#2913)."""
    return [m[len(prefix):] for m in journal.messages(scope=scope, after=cursor)
            if m.startswith(prefix)]


def c_unquote(text):
    return text[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape") \
        .encode("latin-1").decode()


@pytest.fixture(params=["docker", "binary"])
def kind(request):
    return request.param


@pytest.fixture
def image(kind, testy_image, testy_binary):
    return testy_image if kind == "docker" else testy_binary


def test_arguments_and_environment_arrive_exactly(kind, image, spec, user, journal, wait_for):
    cursor = journal.cursor()
    environment = {f"V{i}": value for i, value in enumerate(TRICKY)}
    shown = [arg for name in environment for arg in ("--print-env", name)]
    unit = spec("exact", {"type": kind, "image": image, "duration": "oneshot",
                          "env": environment,
                          "args": ["--oneshot", "0", "--print-args", *shown, "--", *TRICKY]})
    result = user.systemctl("start", unit)
    assert result.ok, result
    got = lines_of(journal, cursor, "argv[")
    got = [c_unquote(line.split("]: ", 1)[1]) for line in got][-len(TRICKY):]
    assert got == TRICKY
    seen = dict(line.split(": ", 1) for line in lines_of(journal, cursor, "env "))
    assert {name: c_unquote(value) for name, value in seen.items()} == environment


def test_oneshot_fails_as_its_program_does(kind, image, spec, user):
    unit = spec("shot", {"type": kind, "image": image, "duration": "oneshot",
                         "args": ["--oneshot", "3"]})
    assert not user.systemctl("start", unit).ok
    assert user.properties(unit, "ExecMainStatus", "Result") == {"ExecMainStatus": "3",
                                                                 "Result": "exit-code"}


def test_schedule_runs(kind, image, spec, user, journal, wait_for):
    cursor = journal.cursor()
    unit = spec("tick", {"type": kind, "image": image, "schedule": "*:*:0/2",
                         "args": ["--oneshot", "0", "--print-args"]})
    timer = unit.replace(".service", ".timer")
    assert user.systemctl("start", timer).ok
    wait_for(lambda: len(lines_of(journal, cursor, "argv[0]")) >= 2, 20, "two runs")
    assert user.properties(timer, "ActiveState")["ActiveState"] == "active"


def test_cron_schedule_is_what_cron_means(spec, user, testy_binary):
    unit = spec("cron", {"type": "binary", "image": testy_binary, "schedule": "30 4 1,15 * 5"})
    timer = unit.replace(".service", ".timer")
    shown = user.properties(timer, "TimersCalendar")
    text = user.systemctl("show", timer, "--property=TimersCalendar").out
    assert text.count("OnCalendar=") == 2, shown  # a date or a weekday, so two expressions


def test_hooks_run_in_order_and_once_only_once(kind, image, spec, user, journal, wait_for):
    cursor = journal.cursor()
    unit = spec("hooked", {"type": kind, "image": image, "args": ["--port", "8092"], "hooks": {
        "once": [["echo", "hook once 100% $HOME"]], "always": [["echo", "hook always"]],
        "started": [["echo", "hook started"]], "stop": [["echo", "hook stop"]],
        "stopped": [["echo", "hook stopped"]]}})
    user("rm", "-rf", "/home/phoenix/.local/state/phoenix/hooked")
    for _ in range(2):
        result = user.systemctl("start", unit)
        assert result.ok, result
        user.systemctl("stop", unit)
    said = lines_of(journal, cursor, "hook ")
    assert said == ["once 100% $HOME", "always", "started", "stop", "stopped",
                    "always", "started", "stop", "stopped"]


def test_once_hook_that_fails_is_tried_again(spec, user, root, testy_binary, tmp_path):
    flag = pathlib.Path("/home/phoenix/allowed")
    flag.unlink(missing_ok=True)
    user("rm", "-rf", "/home/phoenix/.local/state/phoenix/tried")
    unit = spec("tried", {"type": "binary", "image": testy_binary, "args": ["--port", "8093"],
                          "restart": "no", "hooks": {"once": [["test", "-e", str(flag)]]}})
    assert not user.systemctl("start", unit).ok
    flag.touch()
    try:
        assert user.systemctl("start", unit).ok
    finally:
        flag.unlink()
    user.systemctl("stop", unit)
    assert user.systemctl("start", unit).ok, "the stamp of the success counts"


def test_hook_inside_the_container(spec, user, journal, testy_image):
    cursor = journal.cursor()
    unit = spec("inside", {"type": "docker", "image": testy_image, "hooks": {
        "started": [{"run": ["/phoenix-testy", "ctl", "get", "/"], "in": "container"}]}})
    result = user.systemctl("start", unit)
    assert result.ok, result
    assert any("testy" in m for m in journal.messages(after=cursor))


def test_needs_starts_and_orders(spec, user, testy_binary):
    spec("db", {"type": "binary", "image": testy_binary, "watchdog": "10s",
                "args": ["--port", "8094", "--slow-start", "500ms"]}, reload=False)
    web = spec("front", {"type": "binary", "image": testy_binary, "args": ["--port", "8095"],
                         "needs": ["db"]})
    assert user.systemctl("start", web).ok
    database = user.properties("phoenix@db.service", "ActiveState", "ActiveEnterTimestampMonotonic")
    front = user.properties(web, "InactiveExitTimestampMonotonic")
    assert database["ActiveState"] == "active"
    assert int(front["InactiveExitTimestampMonotonic"]) >= int(
        database["ActiveEnterTimestampMonotonic"])


def test_wrong_spec_explains_itself(spec, user, journal):
    cursor = journal.cursor()
    unit = spec("wrong", {"type": "docker", "image": "x", "restart": {"delay": "5 parsecs"}})
    assert not user.systemctl("start", unit).ok
    status = user.systemctl("status", unit).out
    assert 'restart.delay: "5 parsecs" is not a time span' in status
    assert any("wrong.json:5:14: restart.delay" in m for m in journal.messages(after=cursor))


def test_name_without_a_spec_suggests_near_ones(spec, user, testy_binary):
    spec("frontend", {"type": "binary", "image": testy_binary})
    assert not user.systemctl("start", "phoenix@fronted.service").ok
    status = user.systemctl("status", "phoenix@fronted.service").out
    assert 'no spec named "fronted"' in status
    assert 'did you mean "frontend"?' in status
    user.systemctl("reset-failed", "phoenix@fronted.service")


def test_quadlets_own_complaint_reaches_the_stub(spec, user, testy_image):
    good = spec("good", {"type": "docker", "image": testy_image}, reload=False)
    unit = spec("odd", {"type": "docker", "image": testy_image,
                        "unit": {"Container": {"NoSuchKey": "1"}}})
    assert not user.systemctl("start", unit).ok
    assert "NoSuchKey" in user.systemctl("status", unit).out
    assert user.systemctl("start", good).ok, "its neighbour is not affected"


def test_vm_is_not_supported_yet(spec, user):
    unit = spec("machine", {"type": "vm", "image": "/srv/vm.zst"})
    assert not user.systemctl("start", unit).ok
    assert "not supported" in user.systemctl("status", unit).out


def test_missing_binary_is_said_at_the_start(spec, user):
    unit = spec("gone", {"type": "binary", "image": "/no/such/program"})
    began = time.monotonic()
    result = user.systemctl("start", unit)
    assert not result.ok
    assert time.monotonic() - began < 10
    assert "/no/such/program" in user.systemctl("status", unit).out


def test_archive_is_loaded(spec, user):
    archive = "/usr/share/phoenix/tests/phoenix-testy.tar"
    unit = spec("fromtar", {"type": "docker", "image": archive, "watchdog": "10s"})
    result = user.systemctl("start", unit)
    assert result.ok, result
    assert user.properties(unit, "ActiveState")["ActiveState"] == "active"


def test_enable_is_for_one_manager(spec, user, root, testy_binary):
    spec("boot", {"type": "binary", "image": testy_binary, "enable": True}, scope="system")
    user.systemctl("daemon-reload")
    assert root.properties("phoenix@boot.service", "WantedBy")["WantedBy"] == "multi-user.target"
    assert user.properties("phoenix@boot.service", "WantedBy", "LoadState") == {
        "WantedBy": "", "LoadState": "loaded"}
    spec("mine", {"type": "binary", "image": testy_binary, "enable": True})
    assert user.properties("phoenix@mine.service", "WantedBy")["WantedBy"] == "default.target"


def test_passthrough_has_the_last_word(kind, image, spec, user):
    unit = spec("nice", {"type": kind, "image": image, "args": ["--port", "8096"],
                         "unit": {"Service": {"Nice": 7, "Restart": "no"},
                                  "Unit": {"Description": "Nice one"}}})
    assert user.systemctl("start", unit).ok
    assert user.properties(unit, "Nice", "Restart", "Description") == {
        "Nice": "7", "Restart": "no", "Description": "Nice one"}


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def payload_of(runner, unit, kind, wait_for):
    if kind == "binary":
        return runner.properties(unit, "MainPID")["MainPID"]
    # A unit without checks is up as soon as the container's init is: the program comes a moment later.
    pids = wait_for(lambda: runner("pgrep", "--full", "^/phoenix-testy").out.split(), 10, "the payload")
    assert len(pids) == 1
    return pids[0]


@pytest.mark.parametrize("scope", ["user", "system"])
def test_hardened_by_default(kind, image, spec, runners, scope, wait_for):
    runner = runners[scope]
    unit = spec("hard", {"type": kind, "image": image, "args": ["--port", "8097"]}, scope=scope)
    assert runner.systemctl("start", unit).ok
    pid = payload_of(runner, unit, kind, wait_for)
    status = status_of(pid)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert int(status["CapEff"], 16) == 0
    assert int(status["CapPrm"], 16) == 0
    if kind == "docker" or scope == "system":
        assert int(status["CapBnd"], 16) == 0
    mounts = [line.split() for line in
              pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    root_mount = [m for m in mounts if m[4] == "/"][-1]
    assert "ro" in root_mount[5].split(",")
    assert [m for m in mounts if m[4] == "/tmp"], "a /tmp of its own"
    if kind == "binary" and scope == "system":
        assert status["Uid"].split()[0] not in ("0", "1000"), "a user made for the run"


def test_verification_of_the_source_document(spec, user, testy_image):
    """The commands of its section on security, as far as an image from scratch can answer them."""
    unit = spec("web", {"type": "docker", "image": testy_image, "watchdog": "10s"})
    assert user.systemctl("start", unit).ok
    inspected = json.loads(user.check("podman", "inspect", "phoenix-web"))[0]
    assert inspected["HostConfig"]["ReadonlyRootfs"] is True
    assert inspected["EffectiveCaps"] in (None, [])
    assert inspected["HostConfig"]["Privileged"] is False
    assert "no-new-privileges" in inspected["HostConfig"]["SecurityOpt"]
    assert inspected["Config"]["User"] not in ("", "root", "0")


def test_checked_in_plan_is_what_runs(spec, user, testy_binary):
    """The plan beside the units is the spec with every default, and reads back as itself."""
    spec("planned", {"type": "binary", "image": testy_binary})
    path = pathlib.Path("/run/user/1000/systemd/generator/phoenix/planned.json")
    plan = json.loads(path.read_text())
    assert plan["plan"] == 1
    assert plan["restart"] == {"policy": "always", "delay": "20ms", "max": "1min", "jitter": "10%",
                               "reset": "10min", "burst": 0}


def test_commands_of_the_source_document(spec, user, testy_debug_image):
    """Who it is, and what it may not do, asked from inside."""
    unit = spec("web", {"type": "docker", "image": testy_debug_image, "watchdog": "10s"})
    result = user.systemctl("start", unit)
    assert result.ok, result
    inside = ("podman", "exec", "phoenix-web")
    assert user.check(*inside, "whoami").strip() == "phoenix"
    assert user.check(*inside, "id", "-u").strip() == "1000"
    assert not user(*inside, "touch", "/test").ok
    assert user(*inside, "touch", "/tmp/test").ok


def test_strict_system_program_cannot_write_below_run(root, spec):
    """systemd 257 leaves /run writable with ProtectSystem=strict when cgroups are protected, too."""
    script = "touch /run/phoenix-test-run && exit 3; exit 0"
    unit = spec("run-writer", {"type": "binary", "image": "/bin/sh", "args": ["-c", script],
                               "duration": "oneshot", "user": "root"}, scope="system")
    result = root.systemctl("start", unit)
    assert result.ok, str(result)
