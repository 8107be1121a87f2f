# SPDX-License-Identifier: MIT
"""New images: podman auto-update with our units, phoenix update, history and rollback, with a registry
on this machine; and switches of an on-demand service under load that no connection notices.
"""

import collections
import concurrent.futures
import contextlib
import fcntl
import json
import pathlib
import shutil
import socket
import threading
import time
import urllib.request
import uuid

import pytest

REGISTRY = "127.0.0.1:5000"
LEDGERS = pathlib.Path("/home/phoenix/.local/state/phoenix/_updates")
SYSTEM_LEDGERS = pathlib.Path("/var/lib/phoenix/_updates")

pytestmark = pytest.mark.skipif(not shutil.which("docker-registry"), reason="no docker-registry")


# ---- the registry and its images ----


class Registry:
    """Without TLS on loopback, which Podman is told to accept."""

    unit = "phoenix-test-registry"

    def __init__(self, folder, wait_for):
        self._wait_for = wait_for
        self._config = folder / "config.yml"
        self._config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}}}}}\n"
                                f"http: {{addr: {REGISTRY}}}\n")

    def start(self, root):
        root.check("systemd-run", f"--unit={self.unit}", "--quiet", "docker-registry", "serve", self._config)
        self._wait_for(lambda: get(f"http://{REGISTRY}/v2/") is not None, 20, "the registry")

    def stop(self, root):
        root.systemctl("stop", self.unit)


@pytest.fixture(scope="module")
def registry(root, wait_for, tmp_path_factory):
    settings = pathlib.Path("/etc/containers/registries.conf.d/50-phoenix-test.conf")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f'[[registry]]\nlocation = "{REGISTRY}"\ninsecure = true\n')
    made = Registry(tmp_path_factory.mktemp("registry"), wait_for)
    made.start(root)
    yield made
    made.stop(root)
    settings.unlink()


def get(url, timeout=5):
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.read().decode().strip()
    except OSError:
        return None


class Repository:
    """A name in the registry whose tag "prod" tests point at one version after another."""

    def __init__(self, runner, base):
        self.runner, self.base = runner, base
        self.name = f"{REGISTRY}/web-{uuid.uuid4().hex[:8]}"
        self.prod = f"{self.name}:prod"
        self.digests = {}

    def push(self, version, *args, megabytes=0):
        """What the tag names from now on: a version that answers its name, or does what args say.
        Nothing of it is left on this machine."""
        temporary = f"localhost/made-{uuid.uuid4().hex[:8]}"
        command = json.dumps(["--body", version, *args])
        container = self.runner.check("podman", "create", self.base).strip()
        if megabytes:
            self.runner.check("sh", "-c", f"head -c {megabytes}M /dev/urandom > /tmp/ballast &&"
                              f" podman cp /tmp/ballast {container}:/ballast; rm /tmp/ballast")
        self.runner.check("podman", "commit", "--quiet", "--change", f"CMD {command}", "--change",
                          'ENTRYPOINT ["/phoenix-testy"]', container, temporary)
        self.runner.check("podman", "rm", container)
        digest = f"/tmp/{uuid.uuid4().hex}"
        self.runner.check("podman", "push", "--quiet", "--digestfile", digest, temporary, self.prod)
        self.runner.check("podman", "rmi", temporary)
        self.digests[version] = pathlib.Path(digest).read_text().strip()
        return self.digests[version]

    def here(self, reference=None):
        """The digest that a name has on this machine."""
        result = self.runner("podman", "image", "inspect", "--format", "{{.Digest}}",
                             reference or self.prod)
        return result.out.strip() if result.ok else None

    def remove(self, version):
        """Takes what is here of it away, with whatever names it has."""
        found = json.loads(self.runner.check("podman", "images", "--all", "--format", "json"))
        for image in {image["Id"] for image in found if image["Digest"] == self.digests[version]}:
            self.runner.check("podman", "rmi", "--force", image)

    def cleanup(self):
        for image in self.runner.check("podman", "images", "--format", "{{.ID}}", self.name).split():
            self.runner("podman", "rmi", "--force", image)


@pytest.fixture
def repository(registry, user, testy_image):
    made = Repository(user, testy_image)
    yield made
    made.cleanup()


PORTS = iter(range(8300, 8400))


class Shop:
    """A container service with an image of the repository and a health check."""

    def __init__(self, spec, user, repository):
        self.user, self.repository = user, repository
        self.name = f"shop-{uuid.uuid4().hex[:8]}"
        self.unit = f"phoenix@{self.name}.service"
        self.port = next(PORTS)
        self._spec = spec

    def write(self, **more):
        check = {"type": "http", "path": "/health", "port": 8080, "interval": "300ms",
                 "retries": 2, "grace": "5s"}
        self._spec(self.name, {"name": self.name, "type": "docker", "image": self.repository.prod,
                               "ports": [f"127.0.0.1:{self.port}:8080"], "healthcheck": check,
                               **more})

    def start(self, **more):
        self.write(**more)
        self.phoenix("start")

    def phoenix(self, verb, *args, code=0, **options):
        result = self.user("phoenix", verb, self.name, *args, timeout=180, **options)
        assert result.code == code, str(result)
        return result

    def told(self, verb, *args, code=0):
        found = json.loads(self.phoenix(verb, "--json", *args, code=code).out)
        return found if verb == "history" else found[0]

    def page(self):
        return get(f"http://127.0.0.1:{self.port}/")

    def history(self):
        """(by, result, version) of each entry, newest first."""
        versions = {digest: version for version, digest in self.repository.digests.items()}
        return [(e["by"], e["result"], versions.get(e["digest"])) for e in self.told("history")]

    def active(self):
        return self.user.properties(self.unit, "ActiveState")["ActiveState"]


@pytest.fixture
def shop(spec, user, repository):
    made = Shop(spec, user, repository)
    yield made
    user.systemctl("stop", made.unit)
    user("podman", "rmi", "--force", f"localhost/phoenix/known-good:{made.name}")
    for path in LEDGERS.glob(f"{made.name}.*"):
        path.unlink()


# ---- podman auto-update ----


def auto_update(user):
    found = json.loads(user.check("podman", "auto-update", "--format", "json", timeout=120))
    return {entry["Unit"]: entry["Updated"] for entry in found}


def test_auto_update_from_the_registry(shop, repository):
    repository.push("v1")
    shop.start(autoupdate="registry")
    assert shop.page() == "v1"
    assert auto_update(shop.user)[shop.unit] == "false"
    repository.push("v2")
    assert auto_update(shop.user)[shop.unit] == "true"
    assert shop.page() == "v2"


def test_auto_update_from_this_machine(shop, repository):
    repository.push("v1")
    shop.start(autoupdate="local")
    repository.push("v2")
    assert auto_update(shop.user)[shop.unit] == "false"
    shop.user.check("podman", "pull", "--quiet", repository.prod)
    assert auto_update(shop.user)[shop.unit] == "true"
    assert shop.page() == "v2"


def test_auto_update_goes_back(shop, repository):
    """Podman waits for the start of the unit, which waits until the service is healthy."""
    repository.push("v1")
    shop.start(autoupdate="registry")
    repository.push("bad", "--no-http")
    result = shop.user("podman", "auto-update", "--format", "json", timeout=180)
    updated = {entry["Unit"]: entry["Updated"] for entry in json.loads(result.out)}
    assert updated[shop.unit] == "rolled back", str(result)
    assert shop.page() == "v1"


def test_auto_update_is_written_down_and_can_be_undone(shop, repository):
    """Podman's unit prunes images: the one before must survive that."""
    repository.push("v1")
    shop.start(autoupdate="registry")
    repository.push("v2")
    result = shop.user.systemctl("start", "podman-auto-update.service", timeout=180)
    assert result.ok, str(result)
    assert shop.page() == "v2"
    assert shop.history() == [("auto-update", "healthy", "v2"), ("start", "healthy", "v1")]
    result = shop.phoenix("rollback", "--observe=0")
    assert shop.page() == "v1"
    assert "podman-auto-update" in result.out and "pulled again" not in result.out
    assert shop.history()[0] == ("rollback", "healthy", "v1")


# ---- phoenix update ----


def test_update(shop, repository):
    repository.push("v1")
    shop.start()
    repository.push("v2")
    told = shop.told("update", "--dry-run")
    assert told["ok"] and told["dry_run"] and told["image"]["changes"]
    assert told["image"]["after"] == repository.digests["v2"]
    assert repository.here() == repository.digests["v1"], "a dry run moves no tag"
    assert shop.page() == "v1" and shop.history()[0] == ("start", "healthy", "v1")

    result = shop.phoenix("update", "--observe=2s")
    assert shop.page() == "v2"
    assert f"is {repository.digests['v2'][:19]}, was {repository.digests['v1'][:19]}" in result.out
    assert "was well for 2s" in result.out
    assert shop.history() == [("update", "healthy", "v2"), ("start", "healthy", "v1")]
    assert repository.here() == repository.digests["v2"]

    told = shop.told("update")
    assert told["ok"] and told["action"] == "restarted" and not told["image"]["changes"]
    assert told["observed_usec"] == 0, "nothing is new"
    assert len(shop.history()) == 2


def test_update_that_does_not_get_healthy(shop, repository):
    repository.push("v1")
    shop.start()
    repository.push("bad", "--no-http")
    result = shop.phoenix("update", code=1)
    assert "did not become healthy" in result.err, str(result)
    assert f"is {repository.digests['v1'][:19]} again, and it runs" in result.err
    assert shop.page() == "v1"
    assert repository.here() == repository.digests["v1"], "a reboot starts the good one"
    newest = shop.told("history")[0]
    assert newest["result"] == "rolled back" and "healthy" in newest["reason"]
    assert shop.history() == [("update", "rolled back", "bad"), ("start", "healthy", "v1")]


def test_update_that_does_not_stay_healthy(shop, repository):
    """Healthy at its start, and for two seconds."""
    repository.push("v1")
    shop.start()
    repository.push("bad")

    def sicken():
        end = time.monotonic() + 60
        while time.monotonic() < end and shop.page() != "bad":
            time.sleep(0.05)
        time.sleep(2)
        get(f"http://127.0.0.1:{shop.port}/control/unhealthy")

    thread = threading.Thread(target=sicken)
    thread.start()
    told = shop.told("update", "--observe=30s", code=1)
    thread.join()
    assert not told["ok"] and told["reverted"], told
    assert "did not stay" in told["why"], told
    assert shop.page() == "v1"
    assert shop.history()[0] == ("update", "rolled back", "bad")


def test_update_that_takes_too_long(shop, repository):
    repository.push("v1")
    shop.start()
    repository.push("slow", "--slow-start", "5min")
    began = time.monotonic()
    result = shop.phoenix("update", "--timeout=2s", code=1)
    assert "was not up after 2s" in result.err, str(result)
    assert time.monotonic() - began < 60
    assert shop.page() == "v1"


def test_update_that_is_interrupted(shop, repository, wait_for):
    """Ctrl-C while it is looked at: back to what was."""
    repository.push("v1")
    shop.start()
    repository.push("v2")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(shop.phoenix, "update", "--observe=60s", code=1)
        wait_for(lambda: shop.page() == "v2", 60, "the new version")
        again = shop.phoenix("update", code=1)
        assert "is being updated already" in again.err
        shop.user.check("pkill", "-INT", "-f", f"^phoenix update {shop.name} --observe")
        assert "was interrupted" in running.result().err
    assert shop.page() == "v1"
    assert shop.history()[0] == ("update", "rolled back", "v2")


def test_update_of_what_the_registry_does_not_have(shop, repository, user):
    repository.push("v1")
    shop.start()
    shop.write(image=f"{REGISTRY}/nothing-of-that-name:prod")
    result = shop.phoenix("update", code=1)
    assert "cannot be pulled: the registry has no image of that name and tag\n" in result.err, str(result)
    assert f"{shop.name} is as it was, and runs" in result.err
    assert shop.page() == "v1" and shop.active() == "active"


@pytest.fixture
def no_registry(root, registry):
    """Called: from now on nobody answers at its address, until the test is over."""
    yield lambda: registry.stop(root)
    registry.start(root)


def test_update_without_the_registry(shop, repository, no_registry):
    """It says so, and all is as it was: the service, its tag, its history, and no lock is left."""
    repository.push("v1")
    shop.start()
    repository.push("v2")
    pid = shop.user.properties(shop.unit, "MainPID")["MainPID"]
    no_registry()
    for verb in (("update",), ("update", "--dry-run")):
        result = shop.phoenix(*verb, code=1)
        assert f"its image cannot be pulled: the registry {REGISTRY} cannot be reached: connection refused" \
            in result.err, str(result)
        assert f"{shop.name} is as it was, and runs" in result.err
    told = shop.told("update", code=1)
    assert not told["ok"] and "cannot be reached" in told["why"] and not told["changed"]
    assert shop.page() == "v1"
    assert shop.user.properties(shop.unit, "MainPID")["MainPID"] == pid
    assert repository.here() == repository.digests["v1"]
    assert shop.history() == [("start", "healthy", "v1")]


def test_update_that_is_killed_while_it_pulls(shop, repository, wait_for):
    """At any moment, by any signal: the tag names what runs, and the next update is free to begin."""
    repository.push("v1")
    shop.start()
    repository.push("v2", megabytes=40)
    began = time.monotonic()
    shop.phoenix("update", "--dry-run")
    took = time.monotonic() - began
    repository.remove("v2")
    lock, n = LEDGERS / f"{shop.name}.lock", 15
    killed = 0
    for i in range(n):
        name = ("KILL", "TERM", "INT", "HUP", "KILL")[i % 5]
        after = took * (i + 1) / n
        # Without a dry run it would go on to the switch, when it is faster this time.
        result = shop.user("timeout", "--foreground", f"--signal={name}", f"{after:.3f}", "phoenix", "update",
                           "--dry-run", shop.name)
        killed += not result.ok
        wait_for(lambda: shop.user("flock", "--nonblock", lock, "true").ok, 60, "what is left of it ends")
        assert repository.here() == repository.digests["v1"], f"{name} after {after:.2f} s of {took:.2f}"
        repository.remove("v2")
    assert killed > n / 2
    assert shop.page() == "v1" and shop.history() == [("start", "healthy", "v1")]
    shop.phoenix("update", "--observe=0")
    assert shop.page() == "v2" and repository.here() == repository.digests["v2"]


def test_nothing_of_a_deleted_service_is_kept(shop, repository):
    """But what it ran stays, as somebody else may use it."""
    repository.push("v1")
    shop.start()
    repository.push("v2")
    shop.phoenix("update", "--observe=0")
    known_good = f"localhost/phoenix/known-good:{shop.name}"
    assert repository.here(known_good) == repository.digests["v1"]
    with held_lock(shop):
        assert "is being updated; nothing was done" in shop.phoenix("del", "--yes", code=1).err
    result = shop.phoenix("del", "--yes")
    assert "and the history of its images deleted" in result.out
    assert repository.here(known_good) is None
    assert repository.here() == repository.digests["v2"]
    assert not list(LEDGERS.glob(f"{shop.name}.*"))


@contextlib.contextmanager
def held_lock(shop):
    """As an update that is under way has it."""
    with open(LEDGERS / f"{shop.name}.lock", "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_update_of_what_does_not_run(shop, repository):
    """It is started; what was never started is in no history."""
    repository.push("v1")
    shop.write()
    shop.phoenix("update", "--no-start")
    assert shop.active() == "inactive" and repository.here() == repository.digests["v1"]
    assert shop.history() == [("update", "untried", "v1")]
    shop.phoenix("update", "--observe=0")
    assert shop.page() == "v1"


def test_update_of_an_image_that_was_built_here(shop, repository, user):
    name = f"localhost/built-{uuid.uuid4().hex[:8]}:latest"
    repository.push("v1")
    user.check("podman", "pull", "--quiet", repository.prod)
    user.check("podman", "tag", repository.prod, name)
    shop.start(image=name)
    repository.push("v2")
    user.check("podman", "pull", "--quiet", repository.prod)
    user.check("podman", "tag", repository.prod, name)
    assert shop.page() == "v1"
    shop.phoenix("update", "--observe=0")
    assert shop.page() == "v2"
    assert shop.history() == [("update", "healthy", "v2"), ("start", "healthy", "v1")]
    shop.phoenix("rollback", "--observe=0")
    assert shop.page() == "v1"
    user("podman", "rmi", "--force", name)


def test_update_of_an_archive(shop, repository, user):
    archive = f"/home/phoenix/{uuid.uuid4().hex}.tar"

    def save(version, *args):
        repository.push(version, *args)
        user.check("podman", "pull", "--quiet", repository.prod)
        user.check("rm", "-f", archive)
        user.check("podman", "save", "--quiet", "--output", archive, repository.prod)

    save("v1")
    shop.start(image=archive)
    assert shop.page() == "v1"
    save("v2")
    shop.phoenix("update", "--observe=0")
    assert shop.page() == "v2"
    save("bad", "--no-http")
    result = shop.phoenix("update", code=1)
    assert "still holds the other one" in result.err, str(result)
    assert shop.page() == "v2"


# ---- history and rollback ----


def test_rollback(shop, repository):
    for version in ("v1", "v2", "v3"):
        repository.push(version)
        if version == "v1":
            shop.start()
        else:
            shop.phoenix("update", "--observe=0")
    assert shop.page() == "v3"
    shop.phoenix("rollback", "--observe=0")
    assert shop.page() == "v2"
    shop.phoenix("rollback", repository.digests["v1"][:15], "--observe=0")
    assert shop.page() == "v1"
    shop.phoenix("rollback", "2", "--observe=0")
    assert shop.page() == "v2"
    assert [entry[2] for entry in shop.history()] == ["v2", "v1", "v2", "v3", "v2", "v1"]
    assert {entry[1] for entry in shop.history()} == {"healthy"}
    assert "no image" in shop.phoenix("rollback", "beefbeef", code=4).err
    assert "rollback" in shop.phoenix("history").out


def remove(user, digest):
    """As `podman image prune --all` would, but only this one."""
    found = json.loads(user.check("podman", "images", "--format", "json"))
    user.check("podman", "rmi", "--force", *{image["Id"] for image in found
                                             if image["Digest"] == digest})


def test_rollback_to_what_was_pruned(shop, repository, user):
    repository.push("v1")
    shop.start()
    repository.push("v2")
    shop.phoenix("update", "--observe=0")
    user.check("podman", "image", "prune", "--force")
    known_good = f"localhost/phoenix/known-good:{shop.name}"
    assert repository.here(known_good) == repository.digests["v1"], "this does not take it away"
    remove(user, repository.digests["v1"])
    assert repository.here(known_good) is None
    result = shop.phoenix("rollback", "--observe=0")
    assert "was not on this machine any more, and was pulled again" in result.out
    assert shop.page() == "v1"
    assert not shop.told("rollback", "--observe=0")["image"]["pulled_again"]


def test_rollback_to_what_is_gone(shop, repository, user):
    repository.push("v1")
    shop.start()
    repository.push("v2")
    shop.phoenix("update", "--observe=0")
    remove(user, repository.digests["v1"])
    path = LEDGERS / f"{shop.name}.jsonl"
    path.write_text(path.read_text().replace(repository.name, f"{repository.name}-gone"))
    result = shop.phoenix("rollback", code=1)
    assert "not on this machine any more, and cannot be pulled" in result.err, str(result)
    assert shop.page() == "v2" and shop.active() == "active"


def test_rollback_without_a_history(shop, repository):
    repository.push("v1")
    shop.start()
    assert "no other image that was healthy" in shop.phoenix("rollback", code=1).err
    assert shop.page() == "v1"


def test_history_is_bounded_and_keeps_the_good_ones(shop, repository):
    repository.push("v1")
    shop.start()
    repository.push("v2")
    shop.phoenix("update", "--observe=0")
    path = LEDGERS / f"{shop.name}.jsonl"
    lines = path.read_text().splitlines()
    bad = json.loads(lines[-1]) | {"result": "rolled back", "image": "0" * 64,
                                   "digest": "sha256:" + "0" * 64}
    path.write_text("\n".join([*lines, *[json.dumps(bad)] * 30, "{broken", ""]))
    repository.push("bad", "--no-http")
    shop.phoenix("update", code=1)
    assert len(path.read_text().splitlines()) == 20
    versions = [entry[2] for entry in shop.history()]
    assert versions[0] == "bad" and versions[-2:] == ["v2", "v1"]
    shop.phoenix("rollback", "--observe=0")
    assert shop.page() == "v1"


# ---- services behind a proxy: nobody notices ----


class Load:
    """Clients of an HTTP server, some of whom take two seconds for their request. Counts answers, and
    what went wrong; keeps the longest that the server let one wait."""

    def __init__(self, address, short=6, long=3):
        self._address = address
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.answers = collections.Counter()
        self.failures = []
        self.worst = 0.0
        # The slow ones overlap, so that there is never a moment without a connection.
        begins = [(0.0, 0.0)] * short + [(2.0, 2.0 * i / long) for i in range(long)]
        self._threads = [threading.Thread(target=self._run, args=begin) for begin in begins]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, pause, delay):
        time.sleep(delay)
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                answer = request(self._address, pause)
            except OSError as error:
                with self._lock:
                    self.failures.append(repr(error))
                continue
            with self._lock:
                self.answers[answer] += 1
                self.worst = max(self.worst, time.monotonic() - began - pause)
            time.sleep(0.01)


def request(address, pause=0.0, timeout=60):
    """The body of the answer to a request whose second half comes after a pause."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with contextlib.closing(socket.socket(family)) as client:
        client.settimeout(timeout)
        client.connect(address)
        client.sendall(b"GET / HTTP/1.0\r\n")
        time.sleep(pause)
        client.sendall(b"\r\n")
        answer = b""
        while part := client.recv(65536):
            answer += part
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"HTTP/1.1 200"):
        raise OSError(f"no whole answer: {answer!r}")
    return body.decode().strip()


class Demand(Shop):
    """The same service, started by connections."""

    def __init__(self, spec, user, repository, listen=None):
        super().__init__(spec, user, repository)
        self.address = listen or ("127.0.0.1", self.port)
        self.socket = f"phoenix@{self.name}.socket"

    def write(self, **more):
        stream = self.address if isinstance(self.address, str) else f"127.0.0.1:{self.port}"
        self._spec(self.name, {"name": self.name, "type": "docker", "image": self.repository.prod,
                               "listen": [stream], "proxyport": 8080, "idle": "5s", **more},
                   scope=self.user.scope)

    def start(self, **more):
        self.write(**more)
        assert self.user.systemctl("start", self.socket).ok
        assert request(self.address) == "v1"

    def page(self):
        return request(self.address)


@pytest.fixture(params=["tcp", "unix", "system"])
def demand(request, spec, user, root, registry, testy_image):
    """In the user's manager by both kinds of sockets, and in the system's."""
    runner = root if request.param == "system" else user
    listen = None
    if request.param == "unix":
        listen = f"/run/user/1000/demand-{uuid.uuid4().hex[:8]}.sock"
    made = Demand(spec, runner, Repository(runner, testy_image), listen)
    yield made
    runner.systemctl("stop", made.socket, made.unit)
    runner("podman", "rmi", "--force", f"localhost/phoenix/known-good:{made.name}")
    made.repository.cleanup()
    for path in (LEDGERS if runner is user else SYSTEM_LEDGERS).glob(f"{made.name}.*"):
        path.unlink()


def test_switch_under_load(demand, record_property):
    """v1 -> v2 -> v1: every request is answered, by one or the other."""
    demand.repository.push("v1")
    demand.start()
    demand.repository.push("v2")
    with Load(demand.address) as load:
        time.sleep(3)
        demand.phoenix("update", "--observe=2s")
        time.sleep(1)
        assert demand.page() == "v2"
        demand.phoenix("rollback", "--observe=2s")
        time.sleep(1)
        assert demand.page() == "v1"
    print(dict(load.answers), f"longest wait {load.worst:.2f} s")
    record_property("longest_wait", load.worst)
    assert load.failures == []
    assert load.answers["v1"] > 20 and load.answers["v2"] > 20
    assert set(load.answers) == {"v1", "v2"}


def test_failed_update_under_load(demand):
    """Those who come meanwhile are answered by the old version, which is back."""
    demand.repository.push("v1")
    demand.start()
    demand.repository.push("bad", "--no-http")
    with Load(demand.address) as load:
        time.sleep(1)
        demand.phoenix("update", "--timeout=3s", code=1)
        time.sleep(1)
    assert load.failures == []
    assert set(load.answers) == {"v1"}
    assert demand.history()[0] == ("update", "rolled back", "bad")


def test_auto_update_under_load(demand):
    """Whoever restarts the service: the proxy ends its connections first."""
    demand.repository.push("v1")
    demand.start(autoupdate="registry")
    demand.repository.push("v2")
    with Load(demand.address) as load:
        time.sleep(1)
        assert auto_update(demand.user)[demand.unit] == "true"
        time.sleep(1)
        assert demand.page() == "v2"
    assert load.failures == []
    assert set(load.answers) == {"v1", "v2"}


def test_connections_that_do_not_end_are_cut_in_the_end(demand):
    demand.repository.push("v1")
    demand.start()
    family = socket.AF_UNIX if isinstance(demand.address, str) else socket.AF_INET
    with contextlib.closing(socket.socket(family)) as idle:
        idle.settimeout(30)
        idle.connect(demand.address)
        idle.sendall(b"GET / HTTP/1.0\r\n")
        time.sleep(0.5)
        began = time.monotonic()
        demand.phoenix("update", "--drain=1s")
        took = time.monotonic() - began
        assert 1 <= took < 9, "not at once, and not only after the 10 s of the proxy"
        with contextlib.suppress(ConnectionError):
            assert idle.recv(100) == b""
    assert demand.page() == "v1"


def test_update_of_what_nobody_uses(demand, wait_for):
    """It is started to see whether it is well, and stopped again when idle."""
    demand.repository.push("v1")
    demand.start()
    wait_for(lambda: demand.active() == "inactive", 30, "the idle stop")
    demand.repository.push("v2")
    result = demand.phoenix("update", "--observe=60s")
    assert "was well until it was stopped" in result.out
    assert demand.history()[0] == ("update", "healthy", "v2")
    assert demand.page() == "v2"
