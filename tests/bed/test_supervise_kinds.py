# SPDX-License-Identifier: MIT
"""Each kind of check: what makes it pass, what makes it fail, and that failing restarts.

In containers as in plain binaries, as the service itself sees its files and its network.
"""

import os
import pathlib
import shutil

import pytest

from supervised import FAST, PEER, PORTS, PYTHON, Supervised, http

TESTY = {"docker": "/phoenix-testy", "binary": "/usr/lib/phoenix/tests/phoenix-testy"}
BUSYBOX = {"docker": "/bin/busybox", "binary": "/usr/bin/busybox"}
TRUSTED = "/usr/local/share/ca-certificates/phoenix-test-"


@pytest.fixture(params=["docker", "binary"])
def kind(request):
    return request.param


@pytest.fixture
def scope():
    return "user"


# Files of a service are found in another way when its user is not the one of phoenixd.
in_all_places = pytest.mark.parametrize(
    "kind, scope", [("docker", "user"), ("binary", "user"), ("binary", "system")])


@pytest.fixture
def service(runners, journal, spec):
    """A spec, as a service under checks."""

    def make(content, kind="binary", scope="user", name="kinds"):
        content = {"type": kind, "restart": {"delay": "50ms"}} | content
        unit = spec(name, content, scope=scope)
        return Supervised(runners[scope], journal, name, unit, scope, kind)

    return make


@pytest.fixture
def shell(service, kind, scope, testy_debug_image):
    """A service that is a few lines of shell, in a container and on the host."""

    def make(script, **more):
        content = {"image": BUSYBOX["binary"], "args": ["sh", "-c", script]}
        if kind == "docker":
            content = {"image": testy_debug_image, "args": ["-c", script],
                       "unit": {"Container": {"Entrypoint": "/bin/sh"}}}
        return service(content | more, kind=kind, scope=scope)

    return make


@pytest.fixture
def inside(root):
    """inside(web, ...): a command that sees the files of the service, from busybox."""

    def run(web, *argv):
        if web.kind == "docker":
            return web.runner.check("podman", "exec", f"phoenix-{web.name}", "/bin/busybox", *argv)
        return root.check("nsenter", "--mount", f"--target={web.property('MainPID')}",
                          BUSYBOX["binary"], *argv)

    return run


def is_healed(web, wait_for, reason):
    """It was restarted, PID 1 said why, and it is healthy."""
    wait_for(web.is_up_again, 20, "restarted")
    assert web.said("Watchdog request"), web.story()
    assert reason in web.said("Watchdog request")[0]
    wait_for(lambda: web.property("StatusText") == "healthy", 10, "healthy again")


def test_tcp(shell, kind, wait_for):
    """The port closes while the main process lives on."""
    script = f"{TESTY[kind]} --port {PORTS[kind]} & busybox sleep 1000; wait"
    web = shell(script, healthcheck={"port": int(PORTS[kind])} | FAST).start()
    web.ctl("exit", "0")
    is_healed(web, wait_for, f"tcp {PORTS[kind]}: connection refused, 3 of 3")


@in_all_places
def test_unix_socket_where_the_service_sees_it(service, kind, scope, inside, testy_debug_image,
                                               testy_binary, wait_for):
    image = testy_debug_image if kind == "docker" else testy_binary
    web = service({"image": image, "args": ["--unix", "/tmp/app.sock"],
                   "healthcheck": {"socket": "/tmp/app.sock"} | FAST}, kind=kind,
                  scope=scope).start()
    inside(web, "rm", "/tmp/app.sock")
    is_healed(web, wait_for, "unix /tmp/app.sock: no such file or directory, 3 of 3")


BEATS = """while :; do
    [ -e /tmp/stop ] || { busybox touch /tmp/beat; echo Heartbeat; }
    busybox sleep 0.2
done"""


@in_all_places
@pytest.mark.parametrize("check, reason", [
    ({"file": "/tmp/beat", "age": "1s"}, "old, 1s allowed"),
    ({"match": "Heartbeat", "age": "1s"}, 'no line with "Heartbeat" for'),
], ids=["file", "log"])
def test_what_stops_coming(shell, inside, check, reason, wait_for):
    web = shell(BEATS, healthcheck=check | FAST).start()
    inside(web, "touch", "/tmp/stop")
    is_healed(web, wait_for, reason)


@pytest.mark.parametrize("asked", ["", "shop.Orders"], ids=["server", "service"])
def test_grpc(service, asked, wait_for):
    check = {"type": "grpc", "port": 8097} | ({"service": asked} if asked else {}) | FAST
    web = service({"image": PYTHON, "args": [PEER, "grpc", "8097", "shop.Orders"],
                   "healthcheck": check}).start()
    web.systemctl("kill", "--kill-whom=main", "--signal=SIGUSR1")
    is_healed(web, wait_for, "NOT_SERVING, 3 of 3")


def test_grpc_of_a_service_that_is_not_there(service):
    web = service({"image": PYTHON, "args": [PEER, "grpc", "8097", "shop.Orders"], "restart": "no",
                   "healthcheck": {"type": "grpc", "port": 8097, "service": "shop.Bills"} | FAST
                   | {"grace": "1s"}})
    assert not web.systemctl("start").ok
    assert web.said("NOT_FOUND: no such service here"), web.story()


@pytest.mark.parametrize("kind, user", [("docker", "1234"), ("binary", None), ("binary", "games")])
def test_exec_is_the_service_itself(service, kind, user, testy_debug_image, testy_binary,
                                    wait_for):
    """Its user, its environment, its files, in the system's manager."""
    script = (f"{TESTY[kind]} ctl --port={PORTS[kind]} get /health >/tmp/answer 2>&1; code=$?\n"
              f'echo "uid $({BUSYBOX[kind]} id -u) in $PLACE"; exit $code')
    content = {"image": testy_debug_image if kind == "docker" else testy_binary,
               "args": ["--port", PORTS[kind], "--catch-abort"], "env": {"PLACE": "the garden"},
               "healthcheck": {"exec": [BUSYBOX[kind], "sh", "-c", script]} | FAST
               | {"timeout": "3s"}}
    web = service(content | ({"user": user} if user else {}), kind=kind, scope="system").start()
    uid = {"1234": "1234", "games": "5"}.get(user)
    if not uid:  # one that exists only while it runs
        uid = str(os.stat(f"/proc/{web.property('MainPID')}").st_uid)
        assert uid not in ("0", "1000")
    web.ctl("unhealthy")
    is_healed(web, wait_for, f"exit status 1: uid {uid} in the garden, 3 of 3")


# ---- http ----

def verdicts(web, wait_for):
    """Of checks that only inform, each with the reason of its last result."""

    def settled():
        probes = web.status()["probes"]
        done = all(probe["verdict"] in ("passing", "exhausted") for probe in probes)
        return done and [(probe["verdict"], probe["history"][-1]["reason"]) for probe in probes]

    return wait_for(settled, 20, "all checks have a verdict")


def expect(found, expected):
    assert [verdict for verdict, _ in found] == [verdict for verdict, _ in expected], found
    for (_, reason), (_, part) in zip(found, expected):
        assert part in reason, found


HTTP = [
    ({"path": "/host", "headers": {"Host": "shop.example.com"}}, "passing", "200"),
    ({"path": "/host"}, "exhausted", "421"),
    ({"path": "/old"}, "exhausted", "302"),
    ({"path": "/old", "status": ["300-399"]}, "passing", "302"),
    ({"path": "/old", "redirects": True}, "passing", "200"),
    ({"path": "/body", "body": "is well"}, "passing", "200"),
    ({"path": "/body", "body": "is fine"}, "exhausted", 'without "is fine"'),
    ({"path": "/", "method": "POST", "status": ["202"]}, "passing", "202"),
    ({"path": "/", "status": ["200", "404"]}, "passing", "404"),
]


def test_http_answers(service, wait_for):
    checks = [{"port": 8096, "restart": False} | check | FAST | {"grace": "1s"}
              for check, _, _ in HTTP]
    web = service({"image": PYTHON, "args": [PEER, "web", "8096"], "healthcheck": checks}).start()
    expect(verdicts(web, wait_for), [(verdict, part) for _, verdict, part in HTTP])
    assert web.restarts() == 0


def test_http_body_changes(service, wait_for):
    web = service({"image": PYTHON, "args": [PEER, "web", "8096"],
                   "healthcheck": {"path": "/body", "port": 8096, "body": "all is well"}
                   | FAST}).start()
    web.systemctl("kill", "--kill-whom=main", "--signal=SIGUSR1")
    is_healed(web, wait_for, 'GET /body: 200 OK, without "all is well" in the')


# ---- https ----

@pytest.fixture
def certificates(root, user, tmp_path):
    """Self-signed ones by name, with their keys; all but "unknown" are trusted by this machine."""
    made = {"good": (30, "localhost"), "brief": (5, "localhost"), "other": (30, "shop.example.com"),
            "unknown": (30, "localhost")}
    folder = "/usr/local/lib/phoenix-test-certificates"
    root.check("mkdir", "-p", folder)
    for name, (days, host) in made.items():
        root.check("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-days", days, "-subj", f"/CN={name}",
                   "-addext", f"subjectAltName=DNS:{host}", "-keyout", tmp_path / "key",
                   "-out", tmp_path / "crt")
        if name != "unknown":
            shutil.copy(tmp_path / "crt", f"{TRUSTED}{name}.crt")
        root.check("sh", "-c", f"cat {tmp_path}/crt {tmp_path}/key >{folder}/{name}.pem")
    update_trust(root, user)
    yield {name: f"{folder}/{name}.pem" for name in made}
    root.check("sh", "-c", f"rm -rf {folder} {TRUSTED}*")
    update_trust(root, user)


def update_trust(root, user):
    """Also phoenixd's, which keeps what it has read for a day."""
    root.check("update-ca-certificates")
    user.check("systemctl", "--user", "try-restart", "phoenixd.service")


HTTPS = [
    ("good", {"certdays": 14}, "passing", "200"),
    ("brief", {"certdays": 14}, "exhausted", "valid for 4 more days, 14 wanted"),
    ("brief", {"certdays": 3}, "passing", "200"),
    ("unknown", {}, "exhausted", "certificate"),
    ("unknown", {"insecure": True}, "passing", "200"),
    ("other", {}, "exhausted", "certificate"),
    ("other", {"headers": {"Host": "shop.example.com"}}, "exhausted", "certificate"),
    ("other", {"insecure": True}, "passing", "200"),
]


def test_https_certificates(service, certificates, wait_for):
    ports = {name: 8440 + i for i, name in enumerate(certificates)}
    checks = [{"type": "https", "port": ports[name], "path": "/new", "restart": False} | check
              | FAST | {"grace": "1s"} for name, check, _, _ in HTTPS]
    pairs = [text for name in ports for text in (str(ports[name]), certificates[name])]
    web = service({"image": PYTHON, "args": [PEER, "webs", *pairs], "healthcheck": checks}).start()
    expect(verdicts(web, wait_for), [(verdict, part) for *_, verdict, part in HTTPS])


def test_https_heals(service, certificates, wait_for):
    web = service({"image": PYTHON, "args": [PEER, "web", "8449", certificates["good"]],
                   "healthcheck": {"type": "https", "port": 8449, "path": "/body",
                                   "body": "all is well", "certdays": 14} | FAST}).start()
    web.systemctl("kill", "--kill-whom=main", "--signal=SIGUSR1")
    is_healed(web, wait_for, 'without "all is well"')


# ---- networks of containers, without published ports ----

@pytest.fixture
def resolver():
    """Rootless bridges cannot be made on a machine that has never heard of a name server."""
    path = pathlib.Path("/etc/resolv.conf")
    made = not path.exists()
    if made:
        path.write_text("nameserver 127.0.0.1\n", encoding="ascii")
    yield
    if made:
        path.unlink()


@pytest.mark.usefixtures("resolver")
@pytest.mark.parametrize("scope, network", [
    ("user", "pasta"), ("user", "bridge"), ("user", "none"), ("system", "bridge"),
    ("system", "none"),
])
def test_network_without_published_ports(service, testy_image, scope, network, wait_for):
    web = service({"image": testy_image, "args": ["--port", "8080", "--catch-abort"],
                   "network": network, "healthcheck": http(kind="docker")}, kind="docker",
                  scope=scope).start()
    assert not web.runner("curl", "--silent", "--max-time", "2", "http://localhost:8080/health").ok
    web.ctl("unhealthy")
    is_healed(web, wait_for, "GET /health: 503 Service Unavailable, 3 of 3")


def test_neighbour_does_not_answer_for_a_container(service, testy_image, user, wait_for):
    """A container whose program cannot be run, while another service of the machine listens on the
    port of its check."""
    service({"image": TESTY["binary"], "args": ["--port", "8080"]}, name="neighbour").start()
    wait_for(lambda: user("curl", "--silent", "--fail", "http://localhost:8080/health").ok, 30,
             "the neighbour answers")
    broken = service({"image": testy_image, "network": "pasta",
                      "unit": {"Container": {"Entrypoint": "/no/such/program"}},
                      "healthcheck": http(kind="docker"), "restart": "no"}, kind="docker")
    assert not broken.systemctl("start").ok
    assert not broken.said("200 OK")
    assert broken.property("ActiveState") == "failed"
