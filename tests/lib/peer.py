# SPDX-License-Identifier: MIT
"""Services that phoenix-testy is not: TLS, gRPC, and one that attacks the supervisor.

peer.py web PORT [CERTIFICATE]    HTTP(S): /host /old /new /body; CERTIFICATE holds the key, too
peer.py grpc PORT SERVICE         grpc.health.v1.Health
peer.py lease PORT HOW            HTTP, and what HOW says is done to the lease socket

SIGUSR1 makes web and grpc misbehave.
"""

import array
import http.server
import os
import signal
import socket
import ssl
import struct
import sys
import threading

BAD = threading.Event()


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/host":
            self.answer(200 if self.headers["Host"] == "shop.example.com" else 421)
        elif self.path == "/old":
            self.answer(302, location="/new")
        elif self.path == "/body":
            self.answer(200, "all is lost" if BAD.is_set() else "all is well")
        else:
            self.answer(200 if self.path == "/new" else 404)

    def do_POST(self):
        self.answer(202)

    def answer(self, status, body="", location=None):
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass


def web(port, certificate=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Page)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    server.serve_forever()


def many_webs(*pairs):
    """PORT CERTIFICATE PORT CERTIFICATE ...: one process with several certificates."""
    for port, certificate in zip(pairs[::2], pairs[1::2]):
        threading.Thread(target=web, args=(port, certificate)).start()
    signal.pause()


def grpc(port, name):
    from concurrent import futures  # pylint: disable=import-outside-toplevel
    import grpc as peer  # pylint: disable=import-outside-toplevel

    def check(request, context):
        # HealthCheckRequest: field 1 is a string; HealthCheckResponse: field 1 is an enum.
        asked = request[2:].decode() if request else ""
        if asked not in ("", name):
            context.abort(peer.StatusCode.NOT_FOUND, "no such service here")
        return b"\x08\x02" if BAD.is_set() else b"\x08\x01"

    server = peer.server(futures.ThreadPoolExecutor(2))
    health = peer.method_handlers_generic_handler(
        "grpc.health.v1.Health", {"Check": peer.unary_unary_rpc_method_handler(check)})
    server.add_generic_rpc_handlers((health,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


# ---- attacks ----

VERSION, HELLO, ANSWER = 1, 1, 2
NAMES = {"user": f"/run/user/{os.getuid()}/phoenix/lease.sock", "system": "/run/phoenix/lease.sock"}


def connect(scope):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.settimeout(5)
    peer.connect(NAMES[scope])
    return peer


def message(kind, body, version=VERSION, size=None):
    size = 8 + len(body) if size is None else size
    return struct.pack("=HHI", version, kind, size) + body


def hello(role=1, phase=2):
    return message(HELLO, struct.pack("=IIQQQQ", role, phase, 0, 0, 0, 1))


GARBAGE = {
    "nothing": b"",
    "one byte": b"\0",
    "noise": bytes(range(256)) * 8,
    "too long": b"\xff" * 60000,
    "wrong version": message(HELLO, b"\0" * 40, version=7),
    "wrong size": message(HELLO, b"\0" * 40, size=4000),
    "unknown type": message(999, b"\0" * 40),
    "what only phoenixd says": message(37, b""),
    "a hello of no role": hello(role=77),
    "half an answer": message(ANSWER, struct.pack("=Ii", 12345, 0)),
}


def talk(scope):
    """Each on a connection of its own; returns those after which the other end did not close it."""
    accepted = []
    for name, packet in GARBAGE.items():
        try:
            with connect(scope) as peer:
                peer.send(packet)
                while peer.recv(4096):
                    pass
        except ConnectionError:
            pass
        except TimeoutError:
            accepted.append(name)
    return accepted


def impersonate(scope):
    """A perfect hello, an answer that nobody asked for, and descriptors likewise."""
    peer = connect(scope)
    peer.send(hello())
    peer.send(message(ANSWER, struct.pack("=IiIIQQ", 12345, 0, 0, 0, 0, 0)))
    with open("/dev/null", "rb") as null:
        for _ in range(50):
            rights = array.array("i", [null.fileno()] * 50)
            try:
                peer.sendmsg([hello()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            except OSError:
                break
    return peer


def flood(scope, n=1000):
    """Connections that are kept; the ones that were closed are counted."""
    peers, refused = [], 0
    for _ in range(n):
        try:
            peers.append(connect(scope))
        except OSError:
            refused += 1
    for peer in list(peers):
        try:
            peer.settimeout(0.01)
            closed = not peer.recv(1)
        except TimeoutError:
            closed = False
        except OSError:
            closed = True
        if closed:
            refused += 1
            peers.remove(peer)
    return peers, refused


def attack(how, scope):
    if how == "garbage":
        print(f"attack: accepted: {talk(scope)}", flush=True)
        return None
    if how == "hello":
        peer = impersonate(scope)
        print("attack: has said hello", flush=True)
        return peer
    peers, refused = flood(scope)
    print(f"attack: {refused} refused, {len(peers)} kept", flush=True)
    return peers


def lease(port, how, scope):
    """Healthy, but for what it does when it gets SIGUSR1."""
    # Not by the event of the others: its handler would run inside wait(), which holds its lock.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    threading.Thread(target=web, args=(port,)).start()
    while True:
        signal.sigwait({signal.SIGUSR1})
        kept = attack(how, scope)  # noqa: F841 pylint: disable=unused-variable


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, lambda *_: BAD.set())
    {"web": web, "webs": many_webs, "grpc": grpc, "lease": lease}[sys.argv[1]](*sys.argv[2:])
