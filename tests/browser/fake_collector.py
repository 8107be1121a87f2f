#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A collector that only pretends: the page's fast peer in its tests.

Speaks what docs/collector-api.md says of /api/v1, with values made up from a seed, and plays what
the real one is hard to bring to: names full of markup, a thousand services, a line that breaks.
As a program it shows the page by itself:

    tests/browser/fake_collector.py [--scenario demo|empty|hostile|many] [--port 5001] [--chart-js FILE]
"""

import argparse
import datetime
import hashlib
import http.server
import json
import math
import pathlib
import queue
import re
import socket
import threading
import time
import urllib.parse

PAGE = pathlib.Path(__file__).resolve().parents[2] / "collector" / "page"
CHART_JS = pathlib.Path("/usr/share/javascript/chart.js/chart.min.js")
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")

WORST_FIRST = ["held", "unhealthy", "failing", "starting", "maintenance", "frozen", "stopped", "healthy"]
CLASSES = ["cpu", "ram", "io", "disk"]
SAMPLE_EVERY = 10

# What somebody may have named a host, a service, a reason.
HOSTILE = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "\"><svg/onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "'; window.hacked=1; //",
    "{{constructor.constructor('window.hacked=1')()}}",
    "</title></style></textarea><script>window.hacked=1</script>",
    "\u202egnp.exe \u0301\u0301 \ufeff",
]


def noise(seed, at, slow=900.0):
    """A smooth value from 0 to 1 for each seed and time."""
    phase = int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16) / 2**32 * 2 * math.pi
    return 0.5 + 0.25 * math.sin(at / slow + phase) + 0.15 * math.sin(at / (slow / 4.3) + 2 * phase) + 0.1 * math.sin(at / 37 + 3 * phase)


def rfc3339(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text, default):
    if not text:
        return default
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def parse_span(text, default):
    found = re.fullmatch(r"([0-9.]+)(ms|s|min|h|d)?", text or "")
    return float(found[1]) * {"ms": 0.001, "s": 1, None: 1, "min": 60, "h": 3600, "d": 86400}[found[2]] if found else default


class Service:
    """One service with its past: episodes of (begin, state, reason), the newest last."""

    def __init__(self, host, name, episodes, born):
        self.host = host
        self.name = name
        self.episodes = episodes
        self.born = born
        self.dead_since = None

    def state_at(self, at):
        state, reason = "healthy", ""
        for begin, word, why in self.episodes:
            if begin <= at:
                state, reason = word, why
        return state, reason

    def worst_between(self, since, until):
        words = [self.state_at(since)[0]] + [word for begin, word, _ in self.episodes if since < begin < until]
        return min(words, key=lambda word: WORST_FIRST.index(word) if word in WORST_FIRST else 2)

    def values(self, at):
        seed = self.host + self.name
        state, reason = self.state_at(at)
        alive = state not in ("stopped", "held", "frozen")
        latency = (300 + 4000 * noise(seed, at) ** 3) * (6 if state in ("failing", "unhealthy") else 1)
        rate = 20 + 100 * round(noise(seed, 0) * 2) / 2
        return {
            "host": self.host, "name": self.name, "time": rfc3339(at), "state": state, "ready": state == "healthy",
            "restarts": sum(1 for begin, word, _ in self.episodes if word == "starting" and begin <= at),
            "beats": int((at - self.born) / 60 * rate), "beats_per_minute": rate if alive else 0.0,
            "latency_usec": int(latency) if alive else None,
            "cpu_percent": round(18 * noise(seed + "c", at, 400), 2) if alive else 0.0,
            "memory_bytes": int((20 + 300 * noise(seed + "m", at, 5000)) * 2**20) if state != "stopped" else 0,
            "reason": reason,
        }


class Model:
    def __init__(self, scenario, now):
        self.lock = threading.RLock()
        self.began = now
        self.hosts = {}
        self.services = []
        self.events = []
        self.history = 26 * 3600
        getattr(self, "make_" + scenario)(now)

    # The scenarios.

    def make_empty(self, now):
        pass

    def make_demo(self, now):
        names = ["api", "auth", "backup", "billing", "cache", "grafana", "mailer", "postgres", "queue", "search", "web", "worker"]
        self.add_host("web-1", now)
        self.add_host("db-1", now)
        for name in names:
            self.add_service("web-1", name, self.past(name, now), now)
        for name in ["postgres", "pgbouncer", "wal-archive", "exporter"]:
            self.add_service("db-1", name, self.past("db" + name, now), now)

    def make_many(self, now):
        self.add_host("big", now)
        for i in range(1000):
            self.add_service("big", f"service-{i:04}", self.past(str(i), now) if i % 50 == 0 else [], now)

    def make_hostile(self, now):
        for name in HOSTILE:
            self.add_host(name, now)
            self.add_service(name, name, [(now - 900, "failing", name), (now - 600, "healthy", name)], now)
        for word in HOSTILE:
            self.add_event(now - 30, HOSTILE[0], HOSTILE[0], word, word, word, word)

    def past(self, seed, now):
        """Episodes that look like a day of a service."""
        kinds = {
            "api": [(-2900, "failing", "GET /health: 503 Service Unavailable, 1 of 3"), (-2894, "unhealthy", "GET /health: 503 Service Unavailable, 3 of 3"),
                    (-2892, "starting", "started again by systemd"), (-2850, "healthy", ""),
                    (-640, "failing", "GET /health: no answer within 2 s, 1 of 3"), (-580, "healthy", "")],
            "mailer": [(-1500, "failing", "tcp 127.0.0.1:25: connection refused, 2 of 3"), (-1440, "unhealthy", "tcp 127.0.0.1:25: connection refused, 3 of 3"),
                       (-1430, "starting", "started again by systemd"), (-1380, "failing", "tcp 127.0.0.1:25: connection refused"),
                       (-1330, "unhealthy", "tcp 127.0.0.1:25: connection refused, 3 of 3"), (-1320, "held", "restarted 5 times within 10 min, tried again in 8 min")],
            "search": [(-3000, "frozen", "nobody connected for 10 min"), (-1900, "healthy", "woken by a connection, 18 ms"), (-1200, "frozen", "nobody connected for 10 min")],
            "billing": [(-70, "failing", "certificate ends in 2 days, at least 7 are wanted")],
            "backup": [(-3500, "stopped", ""), (-1800, "starting", ""), (-1790, "healthy", ""), (-1250, "stopped", "")],
            "queue": [(-2100, "maintenance", "by root: new disk"), (-900, "healthy", "")],
            "worker": [(-20, "starting", "started again by systemd")],
            "dbpgbouncer": [(-700, "starting", "plan changed"), (-660, "healthy", "")],
        }
        return [(now + begin, word, why) for begin, word, why in kinds.get(seed, [])]

    # What is in it.

    def add_host(self, name, now, born=None):
        self.hosts[name] = {"born": now - self.history if born is None else born, "last": now}

    def add_service(self, host, name, episodes, now):
        service = Service(host, name, list(episodes), now - self.history)
        self.services.append(service)
        for begin, word, why in episodes:
            self.add_event(begin, host, name, word, word, why, f"{name} is {word}" + (f": {why}" if why else ""))
        return service

    def add_event(self, at, host, service, event, state, reason, message):
        row = {"id": len(self.events) + 1, "time": rfc3339(at), "host": host, "service": service, "event": event,
               "state": state or None, "reason": reason or None, "message": message or None, "at": at}
        self.events.append(row)
        return self.told(row)

    @staticmethod
    def told(event):
        return {name: value for name, value in event.items() if name != "at"}

    def find(self, host, name):
        return next((s for s in self.services if (s.host, s.name) == (host, name)), None)

    # What is asked of it.

    def system(self, host, at):
        total = 31874
        used = int(total * (0.3 + 0.25 * noise(host + "mem", at, 3000)))
        return {"cpu_percent": round(6 + 40 * noise(host + "cpu", at, 700) ** 2, 2), "memory_used_mb": used,
                "memory_free_mb": total - used, "memory_total_mb": total}

    def classes(self, host, at):
        rows = []
        for i, word in enumerate(CLASSES):
            n = 1 + i % 3
            io = int((at - self.began + self.history) * 900 * (i == 2) + 9000 * noise(host + word, at, 200))
            disk = int((at - self.began + self.history) * 2400 * (i == 3) + 30000 * noise(host + word, at, 300))
            memory = 30.0 * noise(host + word + "m", at) if word == "ram" else 0.4
            rows.append({"class": word, "containers": n, "cpu_percent": round((95.0 * n if word == "cpu" else 12) * (0.7 + 0.3 * noise(host + word, at, 90)), 2),
                         "memory_percent": round(memory, 2), "memory_mb": int(memory * 318), "disk_write_kb": disk, "disk_read_kb": disk // 9,
                         "io_write_ops": io, "io_read_ops": io // 30})
        return rows

    def list_hosts(self):
        rows = []
        for name, host in sorted(self.hosts.items()):
            rows.append({"name": name, "first": rfc3339(host["born"]), "last": rfc3339(host["last"]), **self.system(name, host["last"]),
                         "containers": {word: 1 for word in CLASSES}, "services": sum(s.host == name for s in self.services)})
        return rows

    def list_services(self, host):
        return [s.values(self.hosts[s.host]["last"]) for s in self.services if not host or s.host == host]

    def series(self, query):
        if "series" in query:
            span = {name: value for name, value in query.items() if name != "series"}
            return {"series": [self.series(span | one) for one in json.loads(query["series"])]}
        now = time.time()
        since = parse_time(query.get("since"), now - 3600)
        until = parse_time(query.get("until"), now)
        step = max(1.0, parse_span(query.get("step"), (until - since) / 300))
        host = self.hosts[query["host"]]
        every = max(step, SAMPLE_EVERY)
        begin = math.floor(since / step) * step
        times = []
        at = begin
        while at < until:
            if host["born"] <= at + step and at <= host["last"]:
                times.append(at)
            at += math.ceil(every / step) * step
        answer = {"of": query["of"], "host": query["host"], "since": rfc3339(since), "until": rfc3339(until), "step_usec": int(step * 1e6)}
        newest = rfc3339(min(host["last"], until)) if times else None
        return {**answer, **getattr(self, "series_" + query["of"])(query, times, step), "newest": newest}

    def series_system(self, query, times, step):
        columns = ["time", "n", "cpu_percent", "cpu_percent_max", "memory_used_mb", "memory_used_mb_max", "memory_free_mb", "memory_total_mb"]
        rows = []
        for at in times:
            v = self.system(query["host"], at)
            rows.append([int(at * 1000), 1, v["cpu_percent"], round(v["cpu_percent"] * 1.2, 2), v["memory_used_mb"], v["memory_used_mb"], v["memory_free_mb"], v["memory_total_mb"]])
        return {"columns": columns, "rows": rows}

    def series_class(self, query, times, step):
        columns = ["time", "class", "n", "containers", "cpu_percent", "cpu_percent_max", "memory_percent", "memory_percent_max", "memory_mb",
                   "disk_write_kb", "disk_read_kb", "io_write_ops", "io_read_ops"]
        rows = []
        for at in times:
            for row in self.classes(query["host"], at):
                full = {"time": int(at * 1000), "n": 1, "cpu_percent_max": row["cpu_percent"], "memory_percent_max": row["memory_percent"], **row}
                rows.append([full[column] for column in columns])
        return {"columns": columns, "rows": rows}

    def series_service(self, query, times, step):
        columns = ["time", "n", "state", "restarts", "beats", "latency_usec", "latency_usec_max", "cpu_percent", "memory_bytes", "ready"]
        service = self.find(query["host"], query["name"])
        rows = []
        for at in times if service else []:
            v = service.values(at)
            v["state"] = service.worst_between(at, at + step)
            slow = None if v["latency_usec"] is None else int(v["latency_usec"] * 1.3)
            rows.append([int(at * 1000), 1, v["state"], v["restarts"], v["beats"], v["latency_usec"], slow, v["cpu_percent"], v["memory_bytes"], v["ready"]])
        return {"columns": columns, "rows": rows}

    def list_events(self, query):
        since, until = parse_time(query.get("since"), 0), parse_time(query.get("until"), math.inf)
        limit = int(query.get("limit", 100))
        found = [e for e in sorted(self.events, key=lambda e: (e["at"], e["id"]), reverse=True)
                 if query.get("host") in (None, e["host"]) and query.get("service") in (None, e["service"]) and since <= e["at"] < until]
        if "before" in query:
            at = next((i for i, e in enumerate(found) if e["id"] == int(query["before"])), -1)
            found = found[at + 1:]
        return {"events": [self.told(e) for e in found[:limit]], "more": len(found) > limit}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        fake = self.server.fake
        fake.requests.append(self.path)
        if url.path == "/api/v1/stream":
            self.stream(fake)
        elif fake.broken and url.path.startswith("/api/"):
            self.answer(503, "application/json", json.dumps({"error": fake.broken}).encode())
        elif url.path.startswith("/api/v1/") or url.path == "/health":
            self.api(fake, url.path, query)
        else:
            self.file(fake, url.path)

    def api(self, fake, path, query):
        with fake.model.lock:
            now = rfc3339(time.time())
            try:
                body = {
                    "/health": lambda: {},
                    "/api/v1/hosts": lambda: {"now": now, "hosts": fake.model.list_hosts()},
                    "/api/v1/services": lambda: {"now": now, "services": fake.model.list_services(query.get("host"))},
                    "/api/v1/series": lambda: fake.model.series(query),
                    "/api/v1/events": lambda: fake.model.list_events(query),
                }[path]()
            except KeyError as missing:
                self.answer(404, "application/json", json.dumps({"error": f"no {missing}"}).encode())
                return
        if fake.before_answer:
            fake.before_answer(path)
        self.answer(200, "application/json", json.dumps(body).encode())

    def file(self, fake, path):
        name = "index.html" if path == "/" else path[1:]
        if name == "chart.min.js":
            data = fake.chart_js.read_bytes()
        elif re.fullmatch(r"[a-z0-9.-]+\.(html|js|css|svg|png)", name) and (fake.page / name).is_file():
            data = (fake.page / name).read_bytes()
        else:
            self.answer(404, "application/json", b'{"error": "there is nothing of this name"}')
            return
        self.answer(200, TYPES[pathlib.Path(name).suffix], data)

    def answer(self, status, kind, data):
        self.send_response(status)
        self.send_header("Content-Type", kind + ("; charset=utf-8" if kind.startswith("text/") else ""))
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(data)

    def stream(self, fake):
        reader = fake.add_reader()
        self.close_connection = True
        try:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(b": hello\n\n")
            while True:
                message = reader.get()
                if message is None:
                    return
                self.wfile.write(message)
        except OSError:
            pass
        finally:
            fake.remove_reader(reader)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args):
        self.lines = set()
        super().__init__(*args)

    def process_request(self, request, client_address):
        self.lines.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.lines.discard(request)
        super().shutdown_request(request)

    def cut(self):
        for line in list(self.lines):
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # It has ended by itself.

    def handle_error(self, request, client_address):
        pass  # The browser has gone away.


class FakeCollector:
    def __init__(self, scenario="demo", port=0, page=PAGE, chart_js=CHART_JS):
        self.page = page
        self.chart_js = chart_js
        self.model = Model(scenario, time.time())
        self.broken = None
        self.before_answer = None  # called with the path when an answer is made and not sent yet
        self.requests = []
        self.readers = []
        self.ids = 0
        self.port = port
        self.server = None
        self.start()

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.fake = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.server.cut()
        for reader in list(self.readers):
            reader.put(None)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/"

    def add_reader(self):
        reader = queue.Queue()
        self.readers.append(reader)
        return reader

    def remove_reader(self, reader):
        if reader in self.readers:
            self.readers.remove(reader)

    def send(self, kind, data):
        self.ids += 1
        message = f"event: {kind}\nid: {self.ids}\ndata: {json.dumps(data)}\n\n".encode()
        for reader in list(self.readers):
            reader.put(message)

    def sample(self, host, at=None):
        at = time.time() if at is None else at
        with self.model.lock:
            self.model.hosts[host]["last"] = at
            services = [{k: v for k, v in s.values(at).items() if k != "host"} for s in self.model.services if s.host == host]
            data = {"host": host, "time": rfc3339(at), **self.model.system(host, at), "classes": self.model.classes(host, at), "services": services}
        self.send("sample", data)

    def event(self, host, service, state, reason="", event=None, tell=True):
        """A service goes into another state now."""
        at = time.time()
        with self.model.lock:
            found = self.model.find(host, service)
            if found:
                found.episodes.append((at, state, reason))
            row = self.model.add_event(at, host, service, event or state, state, reason, f"{service} is {state}" + (f": {reason}" if reason else ""))
        if tell:
            self.send("event", row)
        return row

    def play(self):
        """Lives: a sample of each host every few seconds, an event now and then."""
        turn = 0
        while True:
            for host in list(self.model.hosts):
                self.sample(host)
            turn += 1
            if turn % 4 == 2:
                self.event("web-1", "cache", "failing", "unix /run/cache.sock: no answer within 1 s, 1 of 3")
            if turn % 4 == 0:
                self.event("web-1", "cache", "healthy")
            time.sleep(5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="demo", choices=["demo", "empty", "hostile", "many"])
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--chart-js", type=pathlib.Path, default=CHART_JS)
    args = parser.parse_args()
    fake = FakeCollector(args.scenario, args.port, chart_js=args.chart_js)
    print(fake.address)
    if args.scenario == "demo":
        fake.play()
    threading.Event().wait()


if __name__ == "__main__":
    main()
