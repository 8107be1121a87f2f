# SPDX-License-Identifier: MIT
"""The walk through "rootless serverless containers with podman and systemd", step by step as its
document has them, with one spec in place of the files that are written by hand there: a web server
in a container that a connection starts, a new version from the registry, and scaling down.

A line that begins with "Document:" says what the document has at that place, where we have something else.
"""

import json
import pathlib
import socket
import time

import pytest

import registry

NAME, PORT, IDLE_SEC = "httpd", 8080, 10
SERVICE, SOCKET, PROXY = f"phoenix@{NAME}.service", f"phoenix@{NAME}.socket", f"phoenix-proxy@{NAME}.service"
# For what takes seconds, on a machine that is busy.
LONG = 60

pytestmark = pytest.mark.skipif(not registry.is_installed(), reason="no docker-registry")


@pytest.fixture(scope="module")
def images(root, wait_for, tmp_path_factory):
    with registry.running(root, wait_for, tmp_path_factory.mktemp("registry")) as where:
        yield f"{where}/httpd"


def build(user, base, name, version):
    """A web server that answers its version. Document: a Containerfile with httpd; there is no
    network here to get that from."""
    command = json.dumps(["--port", "80", "--body", version])
    container = user.check("podman", "create", base).strip()
    user.check("podman", "commit", "--quiet", "--change", f"CMD {command}", "--change",
               'ENTRYPOINT ["/phoenix-testy"]', "--change", "USER 0", container, f"{name}:{version}")
    user.check("podman", "rm", container)
    user.check("podman", "push", "--quiet", f"{name}:{version}")


def publish(user, name, version):
    """`prod` is this version from now on."""
    user.check("podman", "pull", "--quiet", f"{name}:{version}")
    user.check("podman", "tag", f"{name}:{version}", f"{name}:prod")
    user.check("podman", "push", "--quiet", f"{name}:prod")


@pytest.fixture
def story(root, user, spec, wait_for, images, testy_image):
    told = Story(root, user, spec, wait_for, images)
    for version in ("v1", "v2", "v3"):
        build(user, testy_image, images, version)
    yield told
    user.systemctl("stop", SOCKET, timeout=LONG)
    told.forget_images()


class Story:
    """What somebody who follows the document types, and sees."""

    def __init__(self, root, user, spec, wait_for, images):
        self.root, self.user, self._spec, self.wait_for, self.images = root, user, spec, wait_for, images
        # Document: the host's own address, as its container already has the port on localhost. With
        # us nothing else has the port, so all addresses are listened on.
        self.host = root.check("hostname", "--all-ip-addresses").split()[0]

    def forget_images(self):
        for image in set(self.user.check("podman", "images", "--quiet", "--filter",
                                         f"reference={self.images}").split()):
            self.user("podman", "rmi", "--force", image)
        known_good = f"localhost/phoenix/known-good:{NAME}"
        self.user("podman", "rmi", "--force", known_good)
        for path in pathlib.Path("/home/phoenix/.local/state/phoenix/_updates").glob(f"{NAME}.*"):
            path.unlink()

    def write_spec(self, **more):
        self._spec(NAME, {"type": "docker", "image": f"{self.images}:prod", "listen": [PORT],
                          "proxyport": 80, "hardening": {"capabilities": ["CAP_NET_BIND_SERVICE"]},
                          "autoupdate": "registry", "enable": True} | more)

    def curl(self):
        result = self.user("curl", "--silent", "--show-error", "--max-time", LONG,
                           f"http://{self.host}:{PORT}")
        assert result.ok, f"{result}\n{self.journal()}"
        return result.out.strip()

    def containers(self):
        """podman ps: the IDs of ours that run."""
        return self.user.check("podman", "ps", "--quiet", "--filter", f"name=^phoenix-{NAME}$").split()

    def unit_states(self):
        return [self.user.properties(unit, "ActiveState")["ActiveState"]
                for unit in (SOCKET, PROXY, SERVICE)]

    def journal(self):
        return self.root("journalctl", "--boot", "--no-pager", "--lines=60").out


def tabula_rasa(story):
    publish(story.user, story.images, "v1")
    story.forget_images()
    assert story.containers() == []


def check_local_registry(story):
    assert registry.catalog() == [story.images.partition("/")[2]]


def create_the_service(story):
    """Document: `podman create` with the label, `podman generate systemd`, editing the unit, moving it,
    a .socket, a proxy .service, daemon-reload."""
    story.write_spec()
    check = story.user("phoenix", "check", NAME)
    assert check.ok, str(check)


def start_listener(story):
    """Document: `enable --now`; our spec says `enable` itself. Lingering is the same."""
    story.user.check("systemctl", "--user", "start", SOCKET)
    sockets = story.user.check("systemctl", "--user", "list-sockets", "--no-pager", "--full")
    assert SOCKET in sockets
    assert f":{PORT}" in story.root.check("ss", "--numeric", "--all", "--tcp", "--listening", "--processes")
    wants = story.user.properties("sockets.target", "Wants")["Wants"]
    assert SOCKET in wants.split(), "it is there after a boot, too"
    story.root.check("loginctl", "enable-linger", "phoenix")
    assert "Linger=yes" in story.root.check("loginctl", "show-user", "phoenix")
    assert story.unit_states() == ["active", "inactive", "inactive"]
    assert story.containers() == []


def try_it_out(story):
    """The first request is held until the container is up. Document: it may be refused."""
    assert story.curl() == "v1"
    assert len(story.containers()) == 1
    assert story.unit_states() == ["active", "active", "active"]


def auto_update(story):
    unit = story.user.check("systemctl", "--user", "cat", SERVICE, "--no-pager", "--full")
    assert "io.containers.autoupdate=registry" in unit
    before = story.containers()
    publish(story.user, story.images, "v2")
    updates = json.loads(story.user.check("podman", "auto-update", "--format", "json", timeout=3 * LONG))
    assert [entry["Updated"] for entry in updates if entry["Unit"] == SERVICE] == ["true"], updates
    assert story.curl() == "v2"
    after = story.containers()
    assert len(after) == 1 and after != before


def update_with_phoenix(story):
    """The document ends at v2."""
    publish(story.user, story.images, "v3")
    result = story.user("phoenix", "update", NAME, "--observe=2s", timeout=3 * LONG)
    assert result.ok, f"{result}\n{story.journal()}"
    assert story.curl() == "v3"
    history = json.loads(story.user.check("phoenix", "history", "--json", NAME))
    assert [(entry["by"], entry["result"]) for entry in history][0] == ("update", "healthy"), history
    assert len(story.containers()) == 1


def scale_down(story):
    """Document: a line in one unit, an option in the other, daemon-reload, and stopping the proxy."""
    story.write_spec(idle=f"{IDLE_SEC}s")
    story.user.check("systemctl", "--user", "stop", PROXY)
    story.wait_for(lambda: story.containers() == [], LONG, "it goes with its proxy")

    began = time.monotonic()
    assert story.curl() == "v3"
    assert len(story.containers()) == 1
    story.wait_for(lambda: story.containers() == [], LONG, "idle, so stopped", interval=0.5)
    assert time.monotonic() - began > IDLE_SEC - 1
    story.wait_for(lambda: story.unit_states() == ["active", "inactive", "inactive"], LONG, "all is down")


def review(story):
    files = story.user.check("systemctl", "--user", "list-unit-files", "--no-pager")
    for unit in (SERVICE, SOCKET, PROXY):
        assert unit in files
        assert story.user("systemctl", "--user", "cat", "--no-pager", "--full", unit).ok
    assert f":{PORT}" in story.root.check("ss", "--numeric", "--all", "--tcp", "--listening", "--processes")
    assert story.containers() == []
    assert story.curl() == "v3"
    # What the document cannot do: who comes at the very moment of the stop is served at once after it.
    story.wait_for(lambda: story.unit_states()[1] != "active", LONG, "idle again", interval=0.01)
    assert story.curl() == "v3"


def tear_down(story):
    assert story.user.systemctl("stop", SOCKET, timeout=LONG).ok
    story.wait_for(lambda: story.unit_states() == ["inactive"] * 3, LONG, "stopping the socket stops all")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((story.host, PORT), timeout=LONG)


def test_story(story):
    for chapter in (tabula_rasa, check_local_registry, create_the_service, start_listener, try_it_out,
                    auto_update, update_with_phoenix, scale_down, review, tear_down):
        chapter(story)
