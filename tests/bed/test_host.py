# SPDX-License-Identifier: MIT
"""The bed itself: what the other tests take for granted on a host."""

import pathlib


def test_system_is_running(root):
    assert root("systemctl", "is-system-running").out.strip() == "running"


def test_user_manager_is_running(user):
    assert user("systemctl", "--user", "is-system-running").out.strip() == "running"


def test_network_is_online_before_services(root):
    """Rootless Quadlet containers wait for this target, 90 s when nothing ever reaches it."""
    assert root("systemctl", "is-active", "network-online.target").ok


def test_cgroup_tree_is_the_hosts_own(root, user):
    """PID 1 sees itself near the top of cgroup2, the user manager in its own delegated slice."""
    assert pathlib.Path("/proc/1/cgroup").read_text().splitlines()[-1] == "0::/init.scope"
    pid = root.properties("user@1000.service", "MainPID")["MainPID"]
    cgroup = pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()[-1]
    assert cgroup == "0::/user.slice/user-1000.slice/user@1000.service/init.scope"
    where = user.check("systemd-run", "--user", "--wait", "--pipe", "--quiet", "cat",
                       "/proc/self/cgroup").splitlines()[-1]
    assert where.startswith("0::/user.slice/user-1000.slice/user@1000.service/app.slice/")


def test_user_namespaces_work(user):
    assert user.check("unshare", "--user", "--map-root-user", "id", "--user").strip() == "0"


def test_journal_keeps_the_user_managers_words(user, journal):
    before = journal.cursor()
    user.check("systemd-run", "--user", "--wait", "--quiet", "--unit=bed-says", "echo", "a word")
    assert "a word" in journal.messages("bed-says.service", scope="user", after=before)


def test_podman_of_the_user_runs_the_test_image(user, testy_image):
    out = user.check("podman", "run", "--rm", testy_image, "--help")
    assert "phoenix-testy" in out


def test_podman_of_root_runs_the_test_image(root, testy_image):
    out = root.check("podman", "run", "--rm", "--network=none", testy_image, "--help")
    assert "phoenix-testy" in out


def test_quadlet_of_the_user_starts_at_once(user, testy_image):
    directory = pathlib.Path("/home/phoenix/.config/containers/systemd")
    user.check("mkdir", "-p", directory)
    path = directory / "bed-quadlet.container"
    path.write_text(f"[Container]\nImage={testy_image}\nNetwork=none\nExec=--port 8080\n")
    try:
        user.check("systemctl", "--user", "daemon-reload")
        user.check("systemctl", "--user", "start", "bed-quadlet.service", timeout=20)
        state = user.properties("bed-quadlet.service", "ActiveState")
        assert state == {"ActiveState": "active"}
    finally:
        user("systemctl", "--user", "kill", "--signal=KILL", "bed-quadlet.service")
        user("systemctl", "--user", "stop", "bed-quadlet.service")
        user("systemctl", "--user", "reset-failed", "bed-quadlet.service")
        path.unlink()
        user("systemctl", "--user", "daemon-reload")
