# SPDX-License-Identifier: MIT
"""What sysinfo and top say of real containers, rootful and rootless: it must be what Podman says.

This machine enables no controllers, so memory and I/O read 0 here, and are said to be missing.
"""

import json
import subprocess
import time

import pytest

KINDS = {
    "cpu": ("--cpu", "1"),
    "io": ("--io", "1"),
    "ram": ("--vm", "1", "--vm-bytes", "16M"),
    "disk": ("--hdd", "1", "--hdd-bytes", "16M"),
}


@pytest.fixture
def containers(runners, stress_image):
    """containers(scope, name, ARG...): starts one of the stress image; its ID. All are removed."""
    started = []

    def start(scope, name, *command, options=()):
        started.append((scope, name))
        # The processes stay at nice 19, so that four of them leave the machine to the others.
        return runners[scope].check("nice", "-n", "19", "podman", "run", "--detach", "--name", name, *options,
                                    stress_image, *command, timeout=120).strip()

    yield start
    for scope, name in started:
        runners[scope]("podman", "rm", "--force", "--time=0", name)


def sysinfo(runner, *options):
    return json.loads(runner.check("phoenix", "sysinfo", "--json", *options))


def seen(runner):
    return {c["ID"]: c for c in sysinfo(runner)["Docker_Containers"]}


def pid_of(runner, name):
    return int(runner.check("podman", "inspect", "--format", "{{.State.Pid}}", name))


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
        return int(stat.read().rpartition(")")[2].split()[1])


def classes(text):
    """The tables of `phoenix sysinfo`: class -> short IDs."""
    found, current = {}, None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.endswith(":") and line.isupper():
            current = found.setdefault(line[:-1].lower(), [])
        elif line.startswith("|") and cells[0] != "PID":
            current.append(cells[2])
    return found


def test_four_kinds(containers, runners, root, user):
    started = {}
    for scope in runners:
        for kind, args in KINDS.items():
            ident = containers(scope, f"kind-{kind}", "stress", *args)
            started[ident] = (scope, kind, args)
    everything = seen(root)
    assert set(everything) == set(started)
    assert set(seen(user)) == set(started), "a user may see them all here"
    for ident, (scope, kind, args) in started.items():
        one = everything[ident]
        assert one["PID"] == pid_of(runners[scope], f"kind-{kind}")
        assert one["Name"] == "stress"
        assert one["Cmdline"] == " ".join(("stress", *args)) + " "
        assert one["ContainerID"] == ident[:12]
        assert one["Runtime"] == "podman"
        assert one["Unit"] == f"libpod-{ident}.scope"
        assert one.get("User") == (1000 if scope == "user" else None)
        assert one["Start_usec"] <= time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6
        assert one["Missing"] == "memory io"
    for runner in (root, user):
        text = runner.check("phoenix", "sysinfo")
        assert "the io controller is not enabled for their cgroups" in " ".join(text.split())
        assert classes(text) == {
            kind: [ident[:12] for ident, (_, k, _) in started.items() if k == kind] for kind in KINDS}
    starts = [c["Start_usec"] for c in sysinfo(root)["Docker_Containers"]]
    assert starts == sorted(starts)


def test_cpu_is_a_rate(containers, user, wait_for):
    busy = containers("user", "busy", "stress", "--cpu", "1")
    idle = containers("user", "idle", "sleep", "infinity")

    def rates():
        out = user.check("phoenix", "sysinfo", "--json", "--interval=2s", "-n", "2")
        last = json.JSONDecoder().raw_decode(out[out.index("\n}\n") + 3:])[0]
        return {c["ID"]: c["CPUUsage_percent"] for c in last["Docker_Containers"]}

    found = wait_for(lambda: (lambda r: r if r[busy] > 1 else None)(rates()), 60, "some CPU time")
    assert found[busy] < 150, "one process has one CPU"
    assert found[idle] < found[busy]


def test_the_payload_of_an_init(containers, root):
    ident = containers("system", "inited", "stress", "--io", "1", options=["--init"])
    init = pid_of(root, "inited")
    one = seen(root)[ident]
    assert one["Name"] == "stress" and one["PID"] != init
    assert parent_of(one["PID"]) == init


def test_exec_and_host_processes(containers, user, root):
    ident = containers("user", "plain", "sleep", "infinity")
    host = containers("system", "host", "sleep", "infinity", options=["--pid=host"])
    user.check("podman", "exec", "--detach", "plain", "stress", "--io", "1")
    root.check("podman", "exec", "--detach", "host", "stress", "--io", "1")
    for _ in range(3):
        now = seen(root)
        assert now[ident]["PID"] == pid_of(user, "plain")
        assert now[host]["PID"] == pid_of(root, "host")


def test_quadlet_services(spec, user, root, testy_image):
    user.check("systemctl", "--user", "start", spec("boxed", {"type": "docker", "image": testy_image}),
               timeout=120)
    root.check("systemctl", "start",
               spec("sysboxed", {"type": "docker", "image": testy_image, "scope": "system"}, scope="system"),
               timeout=120)
    for runner in (root, user):
        units = {(c.get("Unit"), c.get("User")): c for c in seen(runner).values()}
        assert set(units) == {("phoenix@boxed.service", 1000), ("phoenix@sysboxed.service", None)}
        one = units["phoenix@boxed.service", 1000]
        assert one["Name"] == "phoenix-testy"
        assert pid_of(user, "phoenix-boxed") in (one["PID"], parent_of(one["PID"])), "they run with an init"
        assert one["Cgroup"].endswith(f"/phoenix@boxed.service/libpod-payload-{one['ID']}")
        assert "OTHER:" in runner.check("phoenix", "sysinfo")

    # In top a service of this manager is one row; the other one is a container.
    rows = {row["name"]: row for row in json.loads(user.check("phoenix", "top", "--once", "--json", "--all"))}
    other = units["phoenix@sysboxed.service", None]
    assert rows["boxed"]["container"] is None
    assert rows[f"phoenix@sysboxed.service {other['ID'][:12]}"]["container"] == other["ID"]
    assert len([name for name in rows if "boxed" in name]) == 2
    rows = json.loads(user.check("phoenix", "top", "--once", "--json"))
    assert all(row["container"] is None for row in rows)


def test_top(containers, user, wait_for):
    busy = containers("user", "busy", "stress", "--cpu", "1")
    idle = containers("user", "idle", "sleep", "infinity")

    def rows():
        """Those of the last of two rounds."""
        out = user.check("phoenix", "top", "--json", "--all", "-n", "2", "--sort=cpu")
        return {row["container"]: row for row in json.loads(out.splitlines()[-1])}

    found = wait_for(lambda: (lambda r: r if r[busy]["cpu_percent"] > 1 else None)(rows()), 60, "some CPU time")
    order = list(found)
    assert order.index(busy) < order.index(idle)
    assert found[busy]["name"] == f"stress {busy[:12]}"
    assert found[busy]["memory_bytes"] is None and found[busy]["io_ops"] is None
    table = user.check("phoenix", "top", "--once", "--all", "--sort=name")
    assert table.index(f"sleep {idle[:12]}") < table.index(f"stress {busy[:12]}")
    head = table.splitlines()[0].split()
    assert head[:6] == ["NAME▾", "STATE", "CPU%", "MEMORY", "DISK", "IO"]


def test_its_unit_ends_it(containers, runners, root, wait_for):
    """The unit that is named is the one to stop, and stopping it stops nothing else."""
    victims = {scope: containers(scope, "victim", "stress", "--io", "1") for scope in runners}
    spared = {scope: containers(scope, "spared", "stress", "--io", "1") for scope in runners}
    for scope, ident in victims.items():
        result = runners[scope].systemctl("stop", seen(root)[ident]["Unit"])
        assert result.ok, str(result)
    wait_for(lambda: set(seen(root)) == set(spared.values()), 30, "the others alone")


def test_started_again(containers, root):
    ident = containers("system", "again", "sleep", "infinity")
    before = seen(root)[ident]
    root.check("podman", "restart", "--time=0", "again")
    after = seen(root)[ident]
    assert after["Cgroup_ID"] != before["Cgroup_ID"]
    assert after["Start_usec"] > before["Start_usec"]
    assert after["PID"] == pid_of(root, "again")


def test_hostile_arguments(containers, root, user):
    odd = 'a"b\\c\n\x1b[31m\x7f\u009b \u00e9'
    ident = containers("user", "odd", "sh", "-c", "sleep infinity; :", odd)
    assert seen(root)[ident]["Cmdline"] == f"sh -c sleep infinity; : {odd} "
    assert "\x1b" not in user.check("phoenix", "sysinfo")


def test_hidden_processes(containers, root):
    """In a /proc that hides the processes of others, containers are seen and their processes not."""
    ident = containers("system", "hidden", "stress", "--cpu", "1")
    script = ("mount -t proc -o hidepid=invisible proc /proc && "
              "exec setpriv --reuid=1000 --regid=1000 --clear-groups phoenix sysinfo")
    out = root.check("unshare", "--mount", "sh", "-c", f"{script} --json")
    (one,) = [c for c in json.loads(out)["Docker_Containers"] if c["ID"] == ident]
    assert (one["PID"], one["Name"], one["Missing"]) == (0, "", "memory io process")
    text = root.check("unshare", "--mount", "sh", "-c", script)
    assert "their processes may not be seen" in text
    assert ident[:12] in classes(text)["other"]


def test_module_is_asked_for(root):
    result = root("phoenix", "sysinfo", "--source=module")
    assert result.code == 3 and "is not loaded" in result.err


CHURN = r"""
import os, random, signal, time
base = "/sys/fs/cgroup/churn.slice"
os.makedirs(base, exist_ok=True)
end = time.monotonic() + 6
number, alive = 0, []
while time.monotonic() < end or alive:
    if time.monotonic() < end and len(alive) < 20:
        folder = f"{base}/docker-{random.choice([number, 1]):064x}.scope"
        number += 1
        try:
            os.mkdir(folder)
        except FileExistsError:
            continue
        pid = os.fork()
        if pid == 0:
            with open(folder + "/cgroup.procs", "w") as procs:
                procs.write("0")
            os.execv("/usr/bin/sleep", ["sleep", "100"])
        alive.append((folder, pid))
    else:
        folder, pid = alive.pop(random.randrange(len(alive)))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        while True:
            try:
                os.rmdir(folder)
                break
            except OSError:
                time.sleep(0.001)
os.rmdir(base)
print(number)
"""


def test_containers_that_come_and_go(root):
    """As fast as they can: every reading is whole, and nothing is left open."""
    churn = subprocess.Popen(["python3", "-c", CHURN], stdout=subprocess.PIPE, text=True)
    try:
        out = root.check("phoenix", "sysinfo", "--json", "--source=cgroup", "--interval=1ms", "-n", "300",
                         timeout=120)
    finally:
        made = int(churn.communicate(timeout=120)[0])
    readings, decoder = [], json.JSONDecoder()
    while out.strip():
        reading, end = decoder.raw_decode(out.lstrip())
        readings.append(reading)
        out = out.lstrip()[end:]
    assert made > 100
    assert len(readings) == 300
    told = [c for reading in readings for c in reading["Docker_Containers"] if "/churn.slice/" in c["Cgroup"]]
    assert len({c["Cgroup_ID"] for c in told}) > 10, "some were seen"
    for reading in readings:
        idents = [c["ID"] for c in reading["Docker_Containers"]]
        assert len(idents) == len(set(idents))
    # Seen before its exec, one may still have the name of its parent; one that is ending has no process.
    assert {c["Name"] for c in told} <= {"sleep", "python3", ""}
