# SPDX-License-Identifier: MIT
"""A collector that other machines post to: TLS, a token, and no way to forget one of the two."""

import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess

import pytest

from certificates import Authority
from collector import JSON, PATIENCE, PROGRAM, Answer, Collector, entry
from test_collector import by_hand  # noqa: F401 pylint: disable=unused-import
from test_poster import STATE, Poster, credentials  # noqa: F401 pylint: disable=unused-import

PORT = 5443
TOKEN = "a-token-of-the-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
UNITS = ("phoenix-collector.socket", "phoenix-collector.service")
SYSTEM = pathlib.Path("/run/systemd/system")


@pytest.fixture(scope="module")
def address():
    """That of this host in the network of the bed."""
    found = json.loads(subprocess.run(["ip", "-json", "-4", "address", "show", "scope", "global"], check=True,
                                      capture_output=True, text=True).stdout)
    return found[0]["addr_info"][0]["local"]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


class Secure(Collector):
    """A client that trusts one authority, with a token or without."""

    def __init__(self, address, authority, port=PORT, **headers):
        super().__init__(port, address)
        self.headers = headers
        self.context = ssl.create_default_context(cafile=authority.ca)

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection(self.address, self.port, timeout=PATIENCE, context=self.context)
        try:
            connection.request(method, path, body, self.headers | (headers or {}))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def serial(self):
        with socket.create_connection((self.address, self.port), timeout=PATIENCE) as plain:
            with self.context.wrap_socket(plain, server_hostname=self.address) as connection:
                return connection.getpeercert()["serialNumber"]


@pytest.fixture
def network(root, authority, address, tmp_path):
    """The system's collector as phoenix-collector(8) says it is opened to a network."""
    certificate, key = authority.sign(f"IP:{address}")
    (tmp_path / "token").write_text(TOKEN + "\n")
    files = {"phoenix-collector.socket.d": f"[Socket]\nListenStream={address}:{PORT}\nFreeBind=yes\n",
             "phoenix-collector.service.d": f"[Service]\nLoadCredential=token:{tmp_path}/token\n"
                                            f"LoadCredential=tls-cert:{certificate}\n"
                                            f"LoadCredential=tls-key:{key}\n"}
    root.systemctl("stop", *UNITS)
    shutil.rmtree("/var/lib/private/phoenix-collector", ignore_errors=True)
    for folder, text in files.items():
        (SYSTEM / folder).mkdir(parents=True, exist_ok=True)
        (SYSTEM / folder / "90-test.conf").write_text(text)
    root.check("systemctl", "daemon-reload")
    root.check("systemctl", "start", UNITS[0])
    yield Secure(address, authority)
    root.systemctl("stop", *UNITS)
    for folder in files:
        (SYSTEM / folder / "90-test.conf").unlink()
    root.check("systemctl", "daemon-reload")
    root.systemctl("clean", "--what=state", UNITS[1])


def test_posts_over_a_network(network):
    text = json.dumps(entry(1, host="far"), separators=(",", ":"))
    assert network.post(text).status == 401
    assert network.post(text, **BEARER).status == 201
    assert network.logs() == [json.loads(text)]
    # This machine needs no TLS, and has the same data.
    assert Collector().get("/logs?format=ndjson").text == text + "\n"
    # A large answer and a large post, over many records of TLS.
    large = entry(2, host="far", more=os.urandom(4_000_000).hex())
    assert network.post(large, **BEARER).status == 201
    assert network.logs()[1] == large


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_what_does_not_speak_tls_gets_nothing(network, address, authority):
    with pytest.raises((http.client.HTTPException, OSError)):
        Collector(PORT, address).post(entry())
    old = Secure(address, authority)
    old.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.context.maximum_version = ssl.TLSVersion.TLSv1_1
    old.context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        old.get("/health")
    # Who says nothing at all keeps nobody else waiting.
    silent = [socket.create_connection((address, PORT)) for _ in range(50)]
    for i in range(10):
        assert network.post(entry(i), **BEARER).status == 201
    for connection in silent:
        connection.close()
    assert len(network.logs()) == 10


def test_stream_and_idle_connections(network, address):
    connection = http.client.HTTPSConnection(address, PORT, timeout=PATIENCE, context=network.context)
    connection.request("GET", "/api/v1/stream")
    response = connection.getresponse()
    assert network.post(entry(7, host="far"), **BEARER).status == 201
    while not (line := response.readline()).startswith(b"data: "):
        assert line, "the stream ended"
    assert json.loads(line[6:])["cpu_percent"] == 7
    connection.close()


def test_a_renewed_certificate(network, root, authority, address, tmp_path):
    """The socket stays while the service starts anew with it: nobody is refused."""
    assert network.post(entry(1), **BEARER).status == 201
    before = network.serial()
    authority.sign(f"IP:{address}")
    assert network.serial() == before
    root.check("systemctl", "try-restart", UNITS[1])
    assert network.serial() != before
    assert network.post(entry(2), **BEARER).status == 201
    assert len(network.logs()) == 2


def test_phoenixd_posts_with_tls_and_token(network, root, journal, spec, credentials, authority, address, wait_for):  # noqa: F811
    name = "far"
    credentials(collector_ca=authority.ca.read_bytes(), collector_token=TOKEN + "\n")
    shutil.rmtree(STATE["system"] / name, ignore_errors=True)
    one = Poster(root, journal, name, "system")
    spec(name, {"type": "collector", "url": f"https://{address}:{PORT}", "ca": "collector-ca", "interval": "1s"},
         scope="system")
    root.systemctl("start", "phoenixd.service")
    try:
        wait_for(lambda: len(network.logs()) >= 2, PATIENCE, f"it posts: {one.view()}")
        authority.sign(f"IP:{address}")
        root.check("systemctl", "try-restart", UNITS[1])
        n = len(network.logs())
        wait_for(lambda: len(network.logs()) >= n + 2, PATIENCE, "it goes on after the certificate was renewed")
        assert one.view()["Dropped"] == 0 and one.view()["Refused"] == 0
        assert [h["name"] for h in network.get("/api/v1/hosts").json()["hosts"]] == [os.uname().nodename]
    finally:
        shutil.rmtree(one.spool, ignore_errors=True)


def refused(tmp_path, *options, token=None):
    """What a collector says that does not start."""
    environment = {"PATH": "/usr/bin"}
    if token is not None:
        (tmp_path / "credentials").mkdir(exist_ok=True)
        (tmp_path / "credentials" / "token").write_text(token)
        environment["CREDENTIALS_DIRECTORY"] = str(tmp_path / "credentials")
    done = subprocess.run([PROGRAM, f"--state={tmp_path}/state", *options], capture_output=True, text=True,
                          env=environment, timeout=PATIENCE, check=False)
    assert done.returncode != 0
    return done.stderr


@pytest.mark.parametrize("listen", ["0.0.0.0:5180", "[::]:5180"])
def test_not_open_by_mistake(tmp_path, authority, listen):
    certificate, key = authority.sign("IP:127.0.0.1")
    assert "there is no token" in refused(tmp_path, f"--listen={listen}")
    assert "there is no token" in refused(tmp_path, "--listen=127.0.0.1:5181", f"--listen={listen}", "--without-tls")
    assert "there is no TLS" in refused(tmp_path, f"--listen={listen}", token=TOKEN)
    assert "there is no TLS" in refused(tmp_path, f"--listen={listen}", "--without-token")
    assert "no key" in refused(tmp_path, f"--listen={listen}", f"--tls-cert={certificate}", token=TOKEN)
    assert "is empty" in refused(tmp_path, f"--listen={listen}", token="\n")
    broken = tmp_path / "broken.pem"
    broken.write_bytes(certificate.read_bytes()[:100])
    for pair in ((broken, key), (certificate, certificate)):
        assert "TLS cannot be had" in refused(tmp_path, f"--listen={listen}", f"--tls-cert={pair[0]}",
                                              f"--tls-key={pair[1]}", token=TOKEN)
    assert not (tmp_path / "state" / "graphs").exists()


def test_open_on_purpose(by_hand, address):  # noqa: F811
    collector = by_hand("--without-token", "--without-tls", f"--listen={address}:5182")
    far = Collector(5182, address)
    assert far.request("POST", "/logs", json.dumps(entry()), JSON).status == 201
    assert [h["name"] for h in far.get("/api/v1/hosts").json()["hosts"]] == [address]
    collector.stop()
    assert "is not encrypted" in collector.log
