# SPDX-License-Identifier: MIT
"""phoenix doctor on a machine that is broken in one way after the other: it finds what is broken, and
the commands it gives, run as they are, mend it."""

import json
import pathlib
import shutil

import pytest

SLEEP = {"type": "binary", "image": "/usr/bin/sleep", "args": ["infinity"]}


def doctor(runner, *args, env=None):
    """The findings of each check, after its exit status was held against them."""
    done = runner("phoenix", "doctor", "--json", *args, env=env)
    findings = json.loads(done.out)
    missing = any(f["state"] == "missing" for f in findings)
    assert done.code == int(missing), str(done)
    assert done.err == ""
    checks = {}
    for finding in findings:
        checks.setdefault(finding["check"], []).append(finding)
    return checks


def state(runner, check, *args):
    """The worst state that a check has found."""
    order = ("ok", "warning", "missing")
    return max((f["state"] for f in doctor(runner, *args)[check]), key=order.index)


@pytest.fixture
def mend(root, user):
    """Runs the commands of a finding, each as whom it says."""

    def run(finding, scope=user):
        assert finding["mend"], finding
        for command in finding["mend"]:
            runner = root if command["root"] or scope is root else user
            runner.check("sh", "-c", command["command"], timeout=120)

    return run


@pytest.fixture
def restored():
    """Files that a test may change or remove, put back as they were."""
    kept = []

    def keep(*paths):
        for path in map(pathlib.Path, paths):
            copy = path.with_name(f".{path.name}.kept")
            shutil.copy2(path, copy)
            kept.append((path, copy))

    yield keep
    for path, copy in reversed(kept):
        mode = copy.stat().st_mode & 0o7777
        shutil.copyfile(copy, path)
        path.chmod(mode)
        copy.unlink()


def test_nothing_is_missing(spec, user, root, testy_image):
    spec("web", {"type": "docker", "image": testy_image, "enable": True,
                 "healthcheck": {"type": "tcp", "port": 8080}})
    spec("sys", {**SLEEP, "scope": "system"}, scope="system")
    for runner in (user, root):
        checks = doctor(runner)
        bad = [f for found in checks.values() for f in found if f["state"] == "missing"]
        assert bad == []
    assert doctor(user)["systemd"][0]["found"] == root.check(
        "systemctl", "show", "--property=Version", "--value").strip()
    assert "linger" not in doctor(root)
    told = user.check("phoenix", "doctor")
    assert told.splitlines()[-1].startswith("0 missing, ")


def test_it_changes_nothing(spec, user, testy_image):
    """Least of all does it start phoenixd, or its socket."""
    spec("quiet", {"type": "docker", "image": testy_image, "healthcheck": {"type": "tcp", "port": 8080}})
    user.systemctl("stop", "phoenixd.socket", "phoenixd.service")
    try:
        assert doctor(user, "quiet")["socket"][0]["state"] == "ok"
        for unit in ("phoenixd.socket", "phoenixd.service"):
            assert user.properties(unit, "ActiveState")["ActiveState"] == "inactive"
    finally:
        user.systemctl("start", "phoenixd.socket")


def test_linger(spec, user, mend):
    spec("boots", {**SLEEP, "enable": True})
    lingers = pathlib.Path("/var/lib/systemd/linger/phoenix")
    assert state(user, "linger") == "ok"
    lingers.unlink()
    try:
        found = doctor(user)["linger"][0]
        assert found["state"] == "missing"
        assert found["services"] == ["boots"]
        mend(found)
        assert lingers.exists()
        assert state(user, "linger") == "ok"
    finally:
        lingers.touch()


def test_what_is_started_by_hand_needs_no_lingering(spec, user):
    spec("byhand", SLEEP)
    lingers = pathlib.Path("/var/lib/systemd/linger/phoenix")
    lingers.unlink()
    try:
        assert state(user, "linger", "byhand") == "warning"
    finally:
        lingers.touch()


def test_subids(spec, user, root, mend, restored, testy_image):
    """After the mending a container has its ids again."""
    spec("ids", {"type": "docker", "image": testy_image})
    restored("/etc/subuid", "/etc/subgid")
    root.check("sed", "-i", "/^phoenix:/d", "/etc/subuid", "/etc/subgid")
    found = doctor(user, "ids")["subids"][0]
    assert found["state"] == "missing"
    assert "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 phoenix" in (
        found["mend"][0]["command"])
    mend(found)
    assert state(user, "subids", "ids") == "ok"
    inside = user.check("podman", "unshare", "cat", "/proc/self/uid_map")
    assert "100000" in inside and "65536" in inside

    pathlib.Path("/etc/subuid").write_text("phoenix:100000:65536\nother:150000:65536\n")
    found = doctor(user, "ids")["subids"][0]
    assert (found["state"], "shares ids with other" in found["found"]) == ("warning", True)


def test_newuidmap(spec, user, mend, restored, testy_image):
    spec("maps", {"type": "docker", "image": testy_image})
    restored("/usr/bin/newuidmap")
    pathlib.Path("/usr/bin/newuidmap").chmod(0o755)
    found = doctor(user, "maps")["newuidmap"][0]
    assert found["state"] == "missing"
    mend(found)
    assert state(user, "newuidmap", "maps") == "ok"


def test_generator(spec, user, root, mend):
    generator = pathlib.Path("/usr/lib/systemd/system-generators/phoenix-generator")
    spec("made", SLEEP)
    generator.chmod(0o644)
    try:
        spec("late", SLEEP)
        checks = doctor(user)
        assert checks["generator"][0]["found"] == "not executable for the user manager"
        assert checks["generator"][0]["state"] == "missing"
        assert checks["units"][0]["state"] == "missing"
        mend(checks["generator"][0])
        assert state(user, "generator") == state(user, "units") == "ok"
        assert user.systemctl("start", "phoenix@late.service").ok
        assert state(root, "generator") == "ok"
    finally:
        generator.chmod(0o755)


def test_masked_generator(user, mend):
    mask = pathlib.Path("/etc/systemd/user-generators/phoenix-generator")
    mask.parent.mkdir(parents=True, exist_ok=True)
    mask.symlink_to("/dev/null")
    found = doctor(user)["generator"][0]
    assert found["found"] == "masked for the user manager"
    mend(found)
    assert state(user, "generator") == "ok"


def test_units_older_than_their_specs(spec, user, mend):
    spec("old", SLEEP)
    spec("old", {**SLEEP, "args": ["1h"]}, reload=False)
    found = doctor(user)["units"][0]
    assert (found["state"], found["services"]) == ("warning", ["old"])
    spec("fresh", SLEEP, reload=False)
    found = doctor(user)["units"][0]
    assert (found["state"], found["services"]) == ("missing", ["fresh", "old"])
    mend(found)
    assert state(user, "units") == "ok"


def test_stub(spec, user, mend, restored, testy_image):
    """Without Quadlet the unit of a container is a stub; doctor says that, and why."""
    spec("contained", {"type": "docker", "image": testy_image}, reload=False)
    restored("/usr/libexec/podman/quadlet")
    pathlib.Path("/usr/libexec/podman/quadlet").chmod(0o644)
    try:
        assert user.systemctl("daemon-reload").ok
        checks = doctor(user, "contained")
        assert checks["stubs"][0]["state"] == checks["quadlet"][0]["state"] == "missing"
        assert "Quadlet" in checks["stubs"][0]["found"]
        mend(checks["quadlet"][0])
        assert state(user, "stubs", "contained") == state(user, "quadlet", "contained") == "ok"
    finally:
        pathlib.Path("/usr/libexec/podman/quadlet").chmod(0o755)
        user.systemctl("daemon-reload")


def test_program(spec, user, mend, restored, testy_image):
    lease = "/usr/libexec/phoenix/phoenix-lease"
    spec("leased", {"type": "docker", "image": testy_image})
    restored(lease)
    pathlib.Path(lease).chmod(0o644)
    found = doctor(user, "leased")["programs"][0]
    assert (found["state"], found["found"]) == ("missing", "phoenix-lease is not executable")
    mend(found)
    assert state(user, "programs", "leased") == "ok"
    pathlib.Path(lease).unlink()
    found = doctor(user, "leased")["programs"][0]
    assert found["found"] == "not in /usr/libexec/phoenix: phoenix-lease"


def test_socket(spec, user, mend, testy_binary, wait_for):
    unit = spec("checked", {"type": "binary", "image": testy_binary, "args": ["--port", "8111"],
                            "proxyport": 8111, "healthcheck": "/health"})
    assert user.systemctl("start", unit).ok
    assert state(user, "socket", "checked") == state(user, "phoenixd", "checked") == "ok"
    user.systemctl("stop", "phoenixd.socket")
    found = doctor(user, "checked")["socket"][0]
    assert found["state"] == "missing"
    assert "not listening" in found["found"]
    mend(found)
    checks = doctor(user, "checked")
    assert checks["socket"][0]["state"] == "ok"
    assert checks["phoenixd"][0]["state"] == "ok", checks["phoenixd"]
    wait_for(lambda: "healthy" in user("phoenix", "status", "checked").out, 30, "checks again")


def test_masked_socket(spec, user, mend, testy_image):
    spec("deaf", {"type": "docker", "image": testy_image, "healthcheck": {"type": "tcp", "port": 8080}})
    user.systemctl("stop", "phoenixd.socket")
    assert user.systemctl("mask", "phoenixd.socket").ok
    try:
        found = doctor(user, "deaf")["socket"][0]
        assert (found["state"], found["found"]) == ("missing", "phoenixd.socket is masked")
        mend(found)
        assert state(user, "socket", "deaf") == "ok"
    finally:
        user.systemctl("unmask", "phoenixd.socket")


def test_low_port(spec, user, root, mend, testy_binary, testy_image):
    """After the mending the container gets its port."""
    key = "net.ipv4.ip_unprivileged_port_start"
    before = root.check("sysctl", "-n", key).strip()
    unit = spec("low", {"type": "docker", "image": testy_image, "ports": ["80:8080"],
                        "args": ["--port", "8080"]})
    try:
        root.check("sysctl", "-w", f"{key}=1024")
        found = doctor(user, "low")["ports"][0]
        assert found["state"] == "missing"
        assert found["found"] == f"port 80 is below {key} (1024)"
        mend(found)
        assert root.check("sysctl", "-n", key).strip() == "80"
        assert state(user, "ports", "low") == "ok"
        assert user.systemctl("start", unit, timeout=120).ok
    finally:
        user.systemctl("stop", unit)
        pathlib.Path(f"/etc/sysctl.d/60-{key}.conf").unlink(missing_ok=True)
        root.check("sysctl", "-w", f"{key}={before}")


def test_limits_that_do_not_hold(spec, user):
    """Where the machine has no such controller, a limit is missing, and no limit is but a warning."""
    spec("capped", {**SLEEP, "limits": {"memory": "64M"}})
    spec("free", SLEEP)
    group = pathlib.Path("/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service")
    holds = "memory" in (group / "cgroup.controllers").read_text().split()
    assert state(user, "controllers", "capped") == ("ok" if holds else "missing")
    assert "controllers" not in doctor(user, "free")


@pytest.fixture
def no_collector(root, user):
    """Nobody listens on port 5000; what the commands of findings have set up is gone afterwards."""

    def stop():
        for runner in (user, root):
            runner.systemctl("disable", "--now", "phoenix-collector.socket", "phoenix-collector.service")

    stop()
    yield
    stop()
    for unit in ("phoenix-collector.socket", "phoenix-collector.service", "phoenixd.service"):
        shutil.rmtree(f"/etc/systemd/system/{unit}.d", ignore_errors=True)
    shutil.rmtree("/etc/phoenix", ignore_errors=True)
    root.check("systemctl", "daemon-reload")


def posting(runner, part):
    """The finding about what is posted that says this, or None."""
    found = doctor(runner)["posting"]
    return next((f for f in found if part in f["found"]), None)


def test_libcurl(spec, user):
    """Its packages cannot be installed here; the command names them all the same."""
    spec("posted", {"type": "collector", "url": "http://127.0.0.1:9"})
    files = sorted(pathlib.Path("/usr/lib").glob("*/libcurl.so.4*"))
    assert files and state(user, "libcurl") == "ok"
    for path in files:
        path.rename(path.with_name(f"away-{path.name}"))
    try:
        found = doctor(user, "posted")["libcurl"][0]
        assert (found["state"], found["services"]) == ("missing", ["posted"])
        assert "libcurl.so.4" in found["found"]
        assert found["mend"] == [{"command": "apt-get install --yes libcurl4", "root": True}]
    finally:
        for path in files:
            path.with_name(f"away-{path.name}").rename(path)
    assert state(user, "libcurl") == "ok"


def test_collector_that_is_away(spec, user, mend, no_collector, wait_for):
    spec("posted", {"type": "collector", "interval": "1s"})
    user.systemctl("start", "phoenixd.service")
    found = wait_for(lambda: posting(user, "posted takes nothing"), 30)
    assert (found["state"], found["services"]) == ("missing", ["posted"])
    mend(found)
    wait_for(lambda: state(user, "posting", "posted") == "ok", 60, "it is posted to")


def test_spool_that_overflows(spec, user, no_collector, wait_for):
    spec("posted", {"type": "collector", "interval": "1s", "spool": "64K"})
    user.systemctl("start", "phoenixd.service")
    found = wait_for(lambda: posting(user, "were dropped"), 120, interval=1)
    assert (found["state"], found["services"]) == ("warning", ["posted"])
    assert "64K" in found["means"]
    assert "/home/phoenix/.config/phoenix.d/posted.json" in found["mend"][0]["command"]


def test_token_of_a_collector(spec, root, mend, no_collector, wait_for):
    """One that is to listen for others gets a token and a certificate; then those who post need the token, too."""
    root.check("mkdir", "-p", "/etc/systemd/system/phoenix-collector.socket.d")
    pathlib.Path("/etc/systemd/system/phoenix-collector.socket.d/open.conf").write_text(
        "[Socket]\nListenStream=0.0.0.0:5055\n")
    root.check("systemctl", "daemon-reload")
    root.check("systemctl", "start", "phoenix-collector.socket")
    spec("posted", {"type": "collector", "interval": "1s"}, scope="system")
    root.systemctl("start", "phoenixd.service")
    wait_for(lambda: posting(root, "takes nothing"), 60, "the collector does not start")
    found = doctor(root)["collector"][0]
    assert (found["state"], found["services"]) == ("missing", ["posted"])
    assert found["found"] == "is to listen on 0.0.0.0:5055, but has neither a token nor TLS"
    mend(found, root)
    assert doctor(root)["collector"][0]["found"] == "listens on 0.0.0.0:5055, with a token, with TLS"

    found = wait_for(lambda: posting(root, "token"), 60, "posts are refused")
    assert found["state"] == "missing" and len(found["mend"]) == 2
    ask, use = (command["command"] for command in found["mend"])
    # Nobody is there who could be asked.
    assert ask.startswith("systemd-ask-password ")
    root.check("sh", "-c", f"cat /etc/phoenix/own-collector-token {ask[ask.index('|'):]}")
    root.check("sh", "-c", use)
    wait_for(lambda: posting(root, "takes what is posted"), 90, "it is posted to again")


def restart_journald(root):
    # systemd gives up a journald that is started five times in a while.
    root.check("systemctl", "reset-failed", "systemd-journald.service")
    root.check("systemctl", "restart", "systemd-journald.service")


def test_journal(user, root, mend, wait_for):
    # Sorted behind the bed's own, before that of the command.
    drop_ins = pathlib.Path("/etc/systemd/journald.conf.d")
    volatile = drop_ins / "volatile.conf"
    assert state(user, "journal") == "ok"
    drop_ins.mkdir(parents=True, exist_ok=True)
    volatile.write_text("[Journal]\nStorage=volatile\n")
    try:
        restart_journald(root)
        root.check("logger", "the file is made with the first entry")
        wait_for(lambda: state(user, "journal") == "warning", 10, "a journal in memory")
        found = doctor(user)["journal"][0]
        assert found["found"] == "in memory only"
        # In memory journald keeps no file of the user's own.
        assert state(user, "journal-access") == "warning"
        root.check("systemctl", "reset-failed", "systemd-journald.service")
        mend(found)
        wait_for(lambda: state(user, "journal") == "ok", 10, "a journal on disk")
        assert state(user, "journal-access") == "ok"
    finally:
        volatile.unlink()
        (drop_ins / "zz-persistent.conf").unlink(missing_ok=True)
        restart_journald(root)
        root.check("journalctl", "--flush")


def test_no_runtime_dir(spec, user, root):
    """As after su: the command of the finding, in that shell, is enough."""
    spec("here", SLEEP)
    found = doctor(user, env={"XDG_RUNTIME_DIR": "", "DBUS_SESSION_BUS_ADDRESS": ""})
    assert found["runtime-dir"][0]["state"] == "missing"
    assert found["manager"][0]["state"] == "missing"
    command = found["runtime-dir"][0]["mend"][0]["command"]
    told = user("sh", "-c", f"unset XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS\n{command}\n"
                            "phoenix doctor --json here")
    states = {f["check"]: f["state"] for f in json.loads(told.out)}
    assert states["runtime-dir"] == states["manager"] == "ok"


def test_no_manager(root, user):
    """A user whom nobody has logged in."""
    root.check("useradd", "--create-home", "stranger")
    try:
        done = root("setpriv", "--reuid=stranger", "--regid=stranger", "--init-groups", "--",
                    "env", "-i", "HOME=/home/stranger", "PATH=/usr/bin", "phoenix", "doctor", "--json")
        found = {f["check"]: f for f in json.loads(done.out)}
        assert "is not there" in found["runtime-dir"]["found"]
        assert found["linger"]["state"] == "warning"
        for command in found["linger"]["mend"]:
            root.check("sh", "-c", command["command"])
        uid = root.check("id", "-u", "stranger").strip()
        assert pathlib.Path(f"/var/lib/systemd/linger/stranger").exists()
        assert root.systemctl("is-active", "--wait", f"user@{uid}.service").code in (0, 3)
    finally:
        root("loginctl", "disable-linger", "stranger")
        root("loginctl", "terminate-user", "stranger")
        root("userdel", "--remove", "stranger")


def test_storage(user, restored, root):
    """Podman's driver, read off its files."""
    vfs = pathlib.Path("/home/phoenix/.config/containers/storage.conf")
    assert state(user, "storage") == "ok"
    user.check("mkdir", "-p", vfs.parent)
    vfs.write_text('[storage]\ndriver = "vfs"\n')
    try:
        found = doctor(user)["storage"][0]
        assert (found["state"], found["found"]) == ("warning", "driver vfs")
    finally:
        vfs.unlink()


def test_keys_are_spared(user, mend):
    """What the finding of few keys would run; using up the keys of a machine is no test."""
    own = pathlib.Path("/home/phoenix/.config/containers/containers.conf.d/60-keyring.conf")
    mend({"mend": [{"root": False, "command":
                    "mkdir -p /home/phoenix/.config/containers/containers.conf.d && "
                    "printf '[containers]\\nkeyring = false\\n' "
                    ">/home/phoenix/.config/containers/containers.conf.d/60-keyring.conf"}]})
    try:
        found = doctor(user)["keys"][0]
        assert found["found"] == "containers use none (keyring = false)"
    finally:
        own.unlink()
