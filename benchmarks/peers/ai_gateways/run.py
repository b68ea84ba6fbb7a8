#!/usr/bin/env python3
"""ai_pod beside nginx's proxy_pass and @portkey-ai/gateway, in the same place, seen from the client.

usage: run.py [--programs DIR] [--rounds N] [--seconds S] [--streams N] [--only NAME,NAME] [--rows FILE]

Each gateway runs alone on core 0; the client and the service behind it (nginx with a constant
answer, or a small server of streams here) on core 1. ai_pod has a key, a tenant's limits, a budget
and metering on, with the job store of --jobs-url behind them. Portkey comes from npm.

One line of JSON a figure on standard output, or in --rows for benchmarks/table.py.
"""

import argparse
import json
import os
import pathlib
import resource
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BODY = json.dumps({
    "model": "gpt-4o-mini", "max_completion_tokens": 64,
    "messages": [{"role": "user", "content": "Summarise this advert. " + "Nurse wanted in Leeds. " * 40}]}).encode()
ANSWER = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {
        "role": "assistant", "content": "A nurse is wanted in Leeds. " * 8}}],
    "usage": {"prompt_tokens": 220, "completion_tokens": 60, "total_tokens": 280}})
EVENT = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "delta": {"content": " nurse"}, "finish_reason": None}]})
LAST = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 220, "completion_tokens": 20, "total_tokens": 240}})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    def __init__(self, core, command, port, environment=None, cwd=None):
        self.port = port
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)], env=os.environ | (environment or {}),
            cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.said = []
        threading.Thread(target=self.read, daemon=True).start()
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    raise SystemExit(f"{command[0]} does not serve: " + "".join(self.said)[-2000:])
                time.sleep(0.02)

    def read(self):
        for line in self.process.stderr:
            self.said.append(line.decode(errors="replace"))
            del self.said[:-50]

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def nginx_file(folder, port, locations, more=""):
    folder.mkdir(exist_ok=True)
    paths = "".join(f"  {kind}_temp_path {folder}/{kind};\n"
                    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off;\nmaster_process off;\nerror_log stderr crit;\npid {folder}/nginx.pid;\n"
        f"worker_rlimit_nofile 40000;\nevents {{ worker_connections 39000; }}\nhttp {{\n  access_log off;\n"
        f"  keepalive_requests 1000000000;\n{paths}{more}  server {{\n    listen 127.0.0.1:{port};\n"
        f"{locations}  }}\n}}\n")
    return path


def upstream_nginx(folder):
    """Answers everything at once: a chat, or with the path's first part a stream."""
    port = free_port()
    stream = f"data: {EVENT}\\n\\n".replace('"', '\\"') * 8 + f"data: {LAST}\\n\\ndata: [DONE]\\n\\n".replace('"', '\\"')
    locations = (
        "    location /v1/chat/completions { default_type application/json; "
        f"return 200 '{ANSWER}'; }}\n"
        "    location /stream/v1/chat/completions { default_type text/event-stream; "
        f'return 200 "{stream}"; }}\n'
        "    location / { default_type application/json; "
        "return 200 '{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4o-mini\"}]}'; }\n")
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    return Process(1, [nginx, "-c", nginx_file(folder, port, locations), "-e", "stderr"], port)


class StreamUpstream:
    """Begins a stream for each connection and then says nothing; in a process of its own."""

    CODE = """
import asyncio, resource, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
EVENT = sys.argv[2].encode()
class Stream(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport; self.got = b""
    def data_received(self, data):
        self.got += data
        if self.got.startswith(b"GET") and self.got.endswith(b"\\r\\n\\r\\n"):
            body = b'{"object":"list","data":[{"id":"gpt-4o-mini"}]}'
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
            self.got = b""
            return
        head, found, body = self.got.partition(b"\\r\\n\\r\\n")
        if not found: return
        size = next(int(line.split(b":")[1]) for line in head.split(b"\\r\\n") if line.lower().startswith(b"content-length"))
        if len(body) < size: return
        self.got = b""
        piece = b"data: " + EVENT + b"\\n\\n"
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n%x\\r\\n%s\\r\\n" % (len(piece), piece))
async def main():
    server = await asyncio.get_running_loop().create_server(Stream, "127.0.0.1", int(sys.argv[1]), backlog=8192)
    await server.serve_forever()
asyncio.run(main())
"""

    @classmethod
    def start(cls):
        port = free_port()
        return Process(1, [sys.executable, "-c", cls.CODE, port, EVENT], port)


class Gateway:
    """A gateway in front of `upstream`; `prefix` leads to its streams."""

    def __init__(self, name, process, headers=(), path="/v1/chat/completions", stream_path=None):
        self.name, self.process, self.path = name, process, path
        self.stream_path = stream_path or path
        self.headers = "".join(f"{key}: {value}\r\n" for key, value in headers)

    def request(self, body=BODY, path=None):
        return (f"POST {path or self.path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
                f"{self.headers}Content-Length: {len(body)}\r\n\r\n").encode() + body


def start_nginx(folder, upstream):
    port = free_port()
    locations = (
        "    location / {\n      proxy_pass http://behind;\n      proxy_http_version 1.1;\n"
        "      proxy_set_header Connection \"\";\n      proxy_buffering off;\n      proxy_read_timeout 600s;\n    }\n")
    more = f"  upstream behind {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }}\n"
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    path = nginx_file(folder, port, locations, more)
    return Gateway("nginx", Process(0, [nginx, "-c", path, "-e", "stderr"], port),
                   stream_path="/stream/v1/chat/completions")


def start_pod(folder, upstream, programs, jobs_url, redis_url, prefix="", **settings):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    keys = folder / "keys"
    key = subprocess.run([programs / "api_pod", "--new-key", "acme", "--scopes", "ai:use",
                          "--api-keys-file", keys], check=True, text=True, capture_output=True).stdout.strip()
    port = free_port()
    environment = {
        "RWP_LISTEN": f"127.0.0.1:{port}", "RWP_DATA_DIR": str(folder), "RWP_API_KEYS_FILE": str(keys),
        "RWP_AI_URL": f"http://127.0.0.1:{upstream}{prefix}/v1", "RWP_AI_MODEL": "gpt-4o-mini",
        "RWP_AI_TENANT_REQUESTS_PER_MINUTE": "900000000", "RWP_AI_TENANT_TOKENS_PER_MINUTE": "1000000000",
        "RWP_AI_REQUESTS_PER_MINUTE": "900000000", "RWP_AI_TOKENS_PER_MINUTE": "1000000000",
        "RWP_AI_BUDGET_DAY": "100000", "RWP_AI_TENANT_BUDGET_DAY": "100000", "RWP_LOG_LEVEL": "warn", "RWP_HTTP_THREADS": "1",
        "RWP_JOBS_URL": jobs_url or f"sqlite:{folder}/jobs.db", **settings}
    if redis_url:
        environment["RWP_REDIS_URL"] = redis_url
    return Gateway("pod", Process(0, [programs / "ai_pod"], port, environment, folder),
                   [("Authorization", "Bearer " + key)])


def start_portkey(upstream):
    installed = ROOT / "build/peers_ai_gateways"
    package = installed / "node_modules/@portkey-ai/gateway/build/start-server.js"
    if not package.exists():
        installed.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, installed / name)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
                       cwd=installed, check=True)
    port = free_port()
    process = Process(0, ["node", package, f"--port={port}", "--headless"], port, {"NODE_ENV": "production"})
    return Gateway("portkey", process, [
        ("Authorization", "Bearer sk-x"), ("x-portkey-provider", "openai"),
        ("x-portkey-custom-host", f"http://127.0.0.1:{upstream}/v1")])


class Reader:
    """Reads one answer after another from a socket."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def done(self):
        """Whether a whole answer has come; takes it off."""
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.buffer[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise SystemExit(self.buffer[:600])
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            size = int(head[at + 17:].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + size:
                return False
            self.buffer = self.buffer[end + 4 + size:]
            return True
        if not self.buffer.endswith(b"0\r\n\r\n"):
            return False
        self.buffer = b""
        return True

    def ask(self, request):
        self.socket.sendall(request)
        while not self.done():
            piece = self.socket.recv(65536)
            if not piece:
                raise SystemExit("closed")
            self.buffer += piece


def latencies(port, request, seconds):
    reader = Reader(port)
    took = []
    until = time.monotonic() + seconds
    warm = time.monotonic() + seconds / 5
    while (now := time.monotonic()) < until:
        began = time.perf_counter_ns()
        reader.ask(request)
        if now > warm:
            took.append((time.perf_counter_ns() - began) / 1000)
    return sorted(took)


def first_bytes(port, request, seconds):
    """Microseconds until the first event of a stream, on a connection that is kept."""
    reader = Reader(port)
    took = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter_ns()
        reader.socket.sendall(request)
        first = None
        while not reader.done():
            reader.buffer += reader.socket.recv(65536)
            if first is None and b"data: " in reader.buffer:
                first = time.perf_counter_ns()
        took.append(((first or time.perf_counter_ns()) - began) / 1000)
    return sorted(took[len(took) // 5:])


def at(values, share):
    return values[min(int(len(values) * share), len(values) - 1)]


def rate(gateway, request, connections, seconds):
    """Requests a second, and for each second of the gateway's CPU."""
    readers = [Reader(gateway.process.port) for _ in range(connections)]
    poll = select.epoll()
    by_number = {}
    for reader in readers:
        poll.register(reader.socket, select.EPOLLIN)
        by_number[reader.socket.fileno()] = reader
        reader.socket.sendall(request)
    start = time.monotonic()
    warm, until = start + seconds / 5, start + seconds
    answered, cpu = 0, None
    while (now := time.monotonic()) < until:
        if cpu is None and now > warm:
            cpu, answered, begun = gateway.process.cpu_seconds(), 0, now
        for number, _ in poll.poll(1):
            reader = by_number[number]
            reader.buffer += reader.socket.recv(65536)
            if reader.done():
                answered += 1
                reader.socket.sendall(request)
    used = gateway.process.cpu_seconds() - cpu
    for reader in readers:
        reader.socket.close()
    return answered / (time.monotonic() - begun), answered / used


def hold_streams(gateway, count):
    """Opens so many streams and leaves them; the gateway's memory then."""
    body = json.dumps(json.loads(BODY) | {"stream": True}).encode()
    request = gateway.request(body)
    held = []
    for begin in range(0, count, 200):
        batch = []
        for _ in range(min(200, count - begin)):
            one = socket.create_connection(("127.0.0.1", gateway.process.port), 30)
            one.sendall(request)
            batch.append(one)
        for one in batch:
            got = b""
            while b"data: " not in got:
                piece = one.recv(65536)
                if not piece:
                    raise SystemExit(f"stream {len(held)} closed: {got[:500]}")
                got += piece
        held += batch
    time.sleep(1)
    memory = gateway.process.resident_mb()
    for one in held:
        one.close()
    return memory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--streams", type=int, default=9000)
    parser.add_argument("--only", default="latency,rate,first,memory,streams,cache,portkey")
    parser.add_argument("--jobs-url", default="")
    parser.add_argument("--redis-url", default="")
    parser.add_argument("--rows")
    arguments = parser.parse_args()
    only = set(arguments.only.split(","))
    os.sched_setaffinity(0, {1})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rows = []
    running = []

    def row(name, value, unit, baseline=None, goal=None, lower=False, **details):
        one = {"name": "ai_pod/" + name, "value": round(value, 2), "unit": unit}
        if baseline is not None:
            one["baseline"] = round(baseline, 2)
        if goal is not None:
            one |= {"goal": goal, "lower_is_better": lower}
        if details:
            one["details"] = {key: round(number, 2) for key, number in details.items()}
        rows.append(one)
        print(json.dumps(one), flush=True)

    def started(gateway):
        running.append(gateway.process)
        return gateway

    def pod_of(folder, upstream, **more):
        return started(start_pod(folder, upstream, arguments.programs, arguments.jobs_url,
                                 arguments.redis_url, **more))

    def end_all():
        while running:
            running.pop().stop()

    def median(values):
        return sorted(values)[len(values) // 2]

    with tempfile.TemporaryDirectory(prefix="rwp-ai-bench-", dir=ROOT / "build") as name:
        folder = pathlib.Path(name)
        try:
            behind = upstream_nginx(folder / "upstream")
            running.append(behind)
            pod = pod_of(folder / "pod", behind.port)
            time.sleep(0.5)
            if "memory" in only:
                row("idle_memory", pod.process.resident_mb(), "MB", 20, 1, True)
            direct = Gateway("direct", behind)
            nginx = started(start_nginx(folder / "nginx", behind.port))
            if "latency" in only:
                found = {one.name: {"p50": [], "p99": []} for one in (direct, nginx, pod)}
                for _ in range(arguments.rounds):
                    for one in (direct, nginx, pod):
                        took = latencies(one.process.port, one.request(), arguments.seconds)
                        found[one.name]["p50"].append(at(took, 0.5))
                        found[one.name]["p99"].append(at(took, 0.99))
                p50 = {key: median(value["p50"]) for key, value in found.items()}
                p99 = {key: median(value["p99"]) for key, value in found.items()}
                row("added_p50", p50["pod"] - p50["direct"], "us", p50["nginx"] - p50["direct"], 1 / 1.8,
                    True, direct=p50["direct"], nginx=p50["nginx"], pod=p50["pod"])
                row("p99", p99["pod"], "us", p99["nginx"], 1 / 1.5, True, direct=p99["direct"])
            if "rate" in only:
                found = {one.name: [rate(one, one.request(), 64, arguments.seconds)
                                    for _ in range(arguments.rounds)] for one in (nginx, pod)}
                per_cpu = {key: median([one[1] for one in value]) for key, value in found.items()}
                row("requests_per_cpu_second", per_cpu["pod"], "requests", per_cpu["nginx"], 0.3,
                    a_second=median([one[0] for one in found["pod"]]),
                    nginx_a_second=median([one[0] for one in found["nginx"]]))
                if "portkey" in only:
                    portkey = started(start_portkey(behind.port))
                    theirs = median([rate(portkey, portkey.request(), 64, arguments.seconds)[1]
                                     for _ in range(arguments.rounds)])
                    row("requests_per_cpu_second_portkey", per_cpu["pod"], "requests", theirs, 12)
                    running.pop().stop()
            if "first" in only:
                body = json.dumps(json.loads(BODY) | {"stream": True}).encode()
                streaming = pod_of(folder / "pod-stream", behind.port, prefix="/stream")
                found = {}
                for one in (nginx, streaming):
                    took = [first_bytes(one.process.port, one.request(body, one.stream_path), arguments.seconds)
                            for _ in range(arguments.rounds)]
                    found[one.name] = (median([at(t, 0.5) for t in took]), median([at(t, 0.99) for t in took]))
                row("first_event_p99", found["pod"][1], "us", found["nginx"][1], 1 / 1.5, True,
                    p50=found["pod"][0], nginx_p50=found["nginx"][0])
            if "cache" in only:
                cached = pod_of(folder / "pod-cache", behind.port, RWP_AI_CACHE_MEGABYTES="64")
                hit = rate(cached, cached.request(), 64, arguments.seconds)
                health = Gateway("pod", cached.process)
                health.request = None
                probe = b"GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n"
                healthy = rate(health, probe, 64, arguments.seconds)
                row("cache_hit_cpu", 1e6 / hit[1], "us", 1e6 / healthy[1], 1 / 3, True)
            end_all()
            if "streams" in only:
                behind = StreamUpstream.start()
                running.append(behind)
                pod = pod_of(folder / "pod-idle", behind.port)
                row("idle_streams", hold_streams(pod, arguments.streams), "MB",
                    270 * arguments.streams / 9000, 1, True, streams=arguments.streams)
        finally:
            end_all()
    if arguments.rows:
        with open(arguments.rows, "a") as out:
            out.writelines(json.dumps(one) + "\n" for one in rows)


if __name__ == "__main__":
    main()
