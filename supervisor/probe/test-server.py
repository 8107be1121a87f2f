#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The services that the tests of the checks look at: one server, its behaviour chosen by the path.

usage: test-server.py FOLDER

Says "NAME PORT" for each port it listens on, then an empty line, and serves until its standard
input ends. FOLDER gets the certificates. What this machine has no program for is left out.
"""

import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
from concurrent import futures

HEAD = b"HTTP/1.1 200 OK\r\n"


def reply(code, phrase, body=b"", *headers):
    lines = [f"HTTP/1.1 {code} {phrase}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def until_closed(connection):
    """Waits for the other end to go away: a server that hangs, and leaves nothing behind."""
    try:
        while connection.recv(4096):
            pass
    except OSError:
        pass


def drip(connection, first, drop):
    """One byte each 20 ms, for as long as somebody listens."""
    connection.sendall(first)
    while not select.select([connection], [], [], 0.02)[0]:
        connection.sendall(drop)


def split(connection):
    """A chunked answer with the words "needle in hay" across two chunks and two packets."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n...needle\r\n")
    select.select([], [], [], 0.02)
    connection.sendall(b"8\r\n in hay.\r\n0\r\n\r\n")


def bytewise(connection):
    """Each byte in a packet of its own: an interim answer, folded lines, chunks, trailers."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Transfer-Encoding:\r\n chunked\n\r\n"
                 b"4;x=y\r\nneed\r\n2\r\nle\r\n0\r\nX: y\r\n\r\n"):
        connection.sendall(bytes([byte]))


def endless(connection, head, piece):
    connection.sendall(head)
    while True:
        connection.sendall(piece)


def huge(connection, start=b""):
    size = 4 << 20
    connection.sendall(HEAD + f"Content-Length: {size}\r\n\r\n".encode() + start)
    connection.sendall(b"x" * (size - len(start)))


def redirect(where):
    return reply(302, "Found", b"", f"Location: {where}")


def answer(connection, port, target, request):
    method = request.split(b" ", 1)[0].decode()
    simple = {
        "/ok": reply(200, "OK", b"fine"),
        "/204": b"HTTP/1.1 204 No Content\r\n\r\n",
        "/503": reply(503, "Service Unavailable", b"down"),
        "/rude": b"HTTP/1.1 500 \x1b[31mred\xff\x07\r\nContent-Length: 0\r\n\r\n",
        "/binary": reply(200, "OK", b"\0\0needle\0"),
        "/short": HEAD + b"Content-Length: 100\r\n\r\nshort",
        "/empty": b"",
        "/until-close": b"HTTP/1.0 200 OK\r\n\r\nall of it",
        "/upgrade": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "/bad-length": HEAD + b"Content-Length: many\r\n\r\n",
        "/bad-chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n",
        "/noise": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "/to-ok": redirect("/ok"),
        "/to-503": redirect("/503"),
        "/to-name": redirect(f"http://127.0.0.1:{port}/ok"),
        "/to-own": redirect(f"http://web.example:{port}/ok"),
        "/to-other": redirect("http://elsewhere.example/ok"),
        "/to-file": redirect("file:///etc/passwd"),
        "/to-nothing": reply(302, "Found"),
        "/to-nonsense": redirect("http://a b/"),
        "/deep/er/to-side": redirect("../side"),
        "/deep/side": reply(200, "Side"),
        "/loop": redirect("/loop"),
        "/echo": reply(200, "OK", request),
        "*": reply(505, "HTTP Version Not Supported"),  # the preface of HTTP/2
        "/head": reply(200 if method == "HEAD" else 405, "Method", b""),
    }
    if target in simple:
        connection.sendall(simple[target])
    elif target == "/hang":
        until_closed(connection)
    elif target == "/midheader":
        connection.sendall(HEAD + b"Content-Le")
        until_closed(connection)
    elif target == "/drip":
        drip(connection, HEAD + b"Content-Length: 1000000\r\n\r\n", b".")
    elif target == "/drip-header":
        drip(connection, HEAD, b"X: y\r\n")
    elif target == "/split":
        split(connection)
    elif target == "/bytewise":
        bytewise(connection)
    elif target == "/stalled-503":
        connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\n")
        until_closed(connection)
    elif target == "/reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif target == "/huge":
        huge(connection)
    elif target == "/huge-hit":
        huge(connection, b"needle")
    elif target == "/endless-header":
        endless(connection, HEAD, b"X-Filler: " + b"y" * 1000 + b"\r\n")


def serve_one(connection, port):
    with connection:
        try:
            request = b""
            while b"\r\n\r\n" not in request:
                piece = connection.recv(65536)
                if not piece:
                    return
                request += piece
            answer(connection, port, request.split(b" ")[1].decode(), request)
        except OSError:
            pass


def serve(listener, wrap=None):
    port = listener.getsockname()[1]

    def one(connection):
        try:
            serve_one(wrap(connection) if wrap else connection, port)
        except OSError:
            connection.close()

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=one, args=(connection,), daemon=True).start()


def listen(family=socket.AF_INET, address="127.0.0.1"):
    listener = socket.socket(family)
    listener.bind((address, 0))
    listener.listen(64)
    return listener


def start(name, listener, wrap=None):
    threading.Thread(target=serve, args=(listener, wrap), daemon=True).start()
    print(name, listener.getsockname()[1])


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def start_tls(folder):
    """Certificates of an authority of our own: one for a year, one for three days."""
    key, ca = f"{folder}/key.pem", f"{folder}/ca.pem"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", ca, "-days",
            "400", "-subj", "/CN=Test authority")
    for name, host, days in (("https", "localhost", 365), ("https-short", "localhost", 3),
                             ("https-wrong", "other.example", 365)):
        with open(f"{folder}/san", "w", encoding="ascii") as file:
            file.write(f"subjectAltName=DNS:{host}\n")
        openssl("req", "-new", "-key", key, "-out", f"{folder}/csr", "-subj", f"/CN={host}")
        openssl("x509", "-req", "-in", f"{folder}/csr", "-CA", ca, "-CAkey", key, "-CAcreateserial",
                "-out", f"{folder}/{name}.pem", "-days", str(days), "-extfile", f"{folder}/san")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/{name}.pem", key)
        start(name, listen(), lambda c, context=context: context.wrap_socket(c, server_side=True))


def start_grpc():
    import grpc

    answers = {"": b"\x08\x01", "down": b"\x08\x02", "odd": b"\x08\x63", "more": b"\x12\x01x\x08\x01",
               "rubbish": b"\xff"}

    def check(request, context):
        name = request[2:].decode()
        if name == "hang":
            threading.Event().wait(5)
        if name not in answers:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such\nservice 100%")
        return answers[name]

    class Health(grpc.GenericRpcHandler):
        def service(self, details):
            if details.method != "/grpc.health.v1.Health/Check":
                return None
            return grpc.unary_unary_rpc_method_handler(check)

    servers = []
    for name, handlers in (("grpc", [Health()]), ("grpc-bare", [])):
        server = grpc.server(futures.ThreadPoolExecutor(8))
        server.add_generic_rpc_handlers(handlers)
        print(name, server.add_insecure_port("127.0.0.1:0"))
        server.start()
        servers.append(server)
    return servers


def main(folder):
    start("http", listen())
    try:
        start("v6", listen(socket.AF_INET6, "::1"))
    except OSError:
        pass
    closed = listen()
    print("closed", closed.getsockname()[1])
    closed.close()
    try:
        start_tls(folder)
    except FileNotFoundError:
        pass
    try:
        servers = start_grpc()
    except ImportError:
        servers = []
    print(flush=True)
    sys.stdin.read()
    os._exit(0 if servers is not None else 1)


main(sys.argv[1])
