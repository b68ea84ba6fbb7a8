#!/usr/bin/env python3
"""Mirrors a JobAdder of made-up records, with faults on and workers killed, and says what was lost,
doubled, and asked for in any minute.

usage: jobadder_sync.py BIN [--candidates 15000] [--job-ads 5000] [--rate 12000] [--workers 2]
                        [--kills 8] [--kill-within 15] [--seed N] [--rows FILE]

BIN holds fake_jobadder, worker_pod, rwpctl. The workers share JobAdder's rate through a Redis of
their own, jobs by sqlite:, state by file:. The jobs that records become are not run (their queue is
paused), so that what is measured is the mirror. Prints one JSON object; --rows appends rows for
table.py. Ends with 1 when a record is lost or doubled, a failed job is left, a refresh token was
used twice, the rate was exceeded, or a second look at the lists finds anything.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

PATIENCE = 900
FAULTS = ["--throttle-every", "997", "--error-every", "211", "--reset-every", "307", "--cut-every", "401",
          "--slow-every", "503", "--slow", "300", "--expire-every", "1009", "--shift-every", "1"]


def start_redis(folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "",
                               "--dir", folder], stdout=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return server, f"redis://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("redis-server did not start")


class Run:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.bin = pathlib.Path(arguments.bin).resolve()
        self.processes = []
        self.workers = []
        self.cert = folder / "cert.pem"
        key = folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
             "-out", self.cert], check=True, capture_output=True)
        redis, redis_url = start_redis(str(folder))
        self.processes.append(redis)
        fake = subprocess.Popen(
            [self.bin / "fake_jobadder", "--listen", "127.0.0.1:0", "--tls-cert-file", self.cert,
             "--tls-key-file", key, "--candidates", str(arguments.candidates), "--job-ads",
             str(arguments.job_ads), "--applications", "0", "--requests-per-minute", str(arguments.rate),
             *FAULTS], stdout=subprocess.PIPE, text=True)
        self.processes.append(fake)
        self.url = fake.stdout.readline().split()[-1]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RWP_")}
        self.environment = kept | {
            "RWP_JOBADDER_CLIENT_ID": "fake-client", "RWP_JOBADDER_CLIENT_SECRET": "fake-client-secret",
            "RWP_JOBADDER_AUTH_URL": self.url + "/connect", "RWP_JOBADDER_CA_FILE": str(self.cert),
            "RWP_JOBADDER_REQUESTS_PER_MINUTE": str(arguments.rate), "RWP_JOBADDER_POLL": "1h",
            "RWP_REDIS_URL": redis_url, "RWP_CONCURRENCY": "64", "RWP_LOG_LEVEL": "error"}

    def ask(self, method, path):
        context = ssl.create_default_context(cafile=str(self.cert))
        host = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPSConnection("localhost", host.port, timeout=60, context=context)
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.headers.get("Location"), json.loads(body) if body else None

    def ctl(self, *arguments):
        done = subprocess.run([self.bin / "rwpctl", *arguments, "--output", "json"], cwd=self.folder, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
                              env=self.environment)
        return json.loads(done.stdout)

    def login(self):
        process = subprocess.Popen(
            [self.bin / "rwpctl", "jobadder", "login", "--tenant", "acme", "--port", "0"], cwd=self.folder,
            text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.environment)
        address = ""
        while not address.startswith("https://"):
            address = process.stderr.readline().strip()
        parts = urllib.parse.urlsplit(address)
        back, _ = self.ask("GET", f"{parts.path}?{parts.query}")
        back = urllib.parse.urlsplit(back)
        connection = http.client.HTTPConnection(back.hostname, back.port, timeout=60)
        connection.request("GET", f"{back.path}?{back.query}")
        connection.getresponse().read()
        if process.wait(timeout=60) != 0:
            raise RuntimeError("the sign-in failed: " + process.stderr.read())

    def is_broken(self):
        """Whether somebody must sign in again."""
        done = subprocess.run([self.bin / "rwpctl", "jobadder", "status", "--tenant", "acme", "--offline"],
                              cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=self.environment, check=False)
        return done.returncode == 5

    def start_worker(self):
        worker = subprocess.Popen([self.bin / "worker_pod", "--listen", "127.0.0.1:0"], cwd=self.folder,
                                  stderr=subprocess.DEVNULL, env=self.environment)
        self.workers.append(worker)
        self.processes.append(worker)

    def kill_worker(self, worker):
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        self.workers.remove(worker)

    def open_records(self):
        counts = self.ctl("queues", "list")["queues"]
        queue = next((q for q in counts if q["name"] == "jobadder"), None)
        if queue is None:
            return 1
        states = queue["states"]
        # The sync itself waits for its next time.
        return states["ready"] + states["running"] + states["parked"] + states["scheduled"] - 1

    def listed(self, kind, *filters):
        return self.ctl("jobs", "list", "--kind", kind, "--all", *filters)["jobs"]

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


def mirror(arguments, run):
    draw = random.Random(arguments.seed)
    run.login()
    run.ctl("queues", "pause", "default")
    begun = time.monotonic()
    for _ in range(arguments.workers):
        run.start_worker()
    kills = 0
    until = begun + PATIENCE
    # At moments that nobody chose; the first while the lists are read.
    while kills < arguments.kills and time.monotonic() < until:
        time.sleep(draw.uniform(0.3, arguments.kill_within))
        run.kill_worker(draw.choice(run.workers))
        kills += 1
        run.start_worker()
    signed_in_again = 0
    while run.open_records() > 0 and time.monotonic() < until:
        # Who dies between JobAdder's answer and the write of the new token loses the account; jobs
        # then wait some minutes for somebody.
        if run.is_broken():
            run.login()
            signed_in_again += 1
        time.sleep(0.5)
    seconds = time.monotonic() - begun
    before = len(run.listed("jobadder.record"))
    run.ask("POST", "/_fake/calm")
    # A second look finds nothing but what was updated while the first went on.
    run.ctl("jobadder", "sync", "--tenant", "acme", "--wait", "--timeout", "300s")
    while run.open_records() > 0 and time.monotonic() < until:
        time.sleep(0.5)
    return seconds, kills, before, signed_in_again


def ids_of(run, kind):
    """The records of the jobs of a kind, and how many jobs each has."""
    key = collections.Counter()
    for job in run.listed(kind):
        key[job["idempotency_key"].rsplit("/", 1)[0]] += 1
    return key


def judge(arguments, run, seconds, kills, before):
    live = set(run.ask("GET", "/_fake/ids/candidates")[1])
    counts = run.ask("GET", "/_fake/counts")[1]
    candidates = ids_of(run, "candidate.parse")
    adverts = ids_of(run, "job_ad.enrich")
    records = ids_of(run, "jobadder.record")
    lost = len({f"jobadder/candidate/{i}" for i in live} - set(candidates))
    lost += len({f"jobadder/ad/{i}" for i in range(1, arguments.job_ads + 1)} - set(adverts))
    doubled = sum(times - 1 for times in (candidates + adverts).values())
    failed = len(run.listed("jobadder.record", "--state", "failed"))
    status = run.ctl("jobadder", "status", "--tenant", "acme")
    versions = sum(records.values())
    return {
        "records": arguments.candidates + arguments.job_ads, "workers": arguments.workers, "kills": kills,
        "seconds": round(seconds, 1), "lost": lost, "doubled": doubled, "failed": failed,
        "deleted_meanwhile": arguments.candidates - len(live),
        "record_jobs": versions, "record_jobs_of_second_look": versions - before,
        "passes": status["candidates"]["passes"], "since": status["candidates"]["since"],
        "pass_under_way": "pass_began" in status["candidates"],
        "requests": counts["requests"], "requests_per_second": round(counts["requests"] / seconds, 1),
        "rate": arguments.rate, "most_in_a_minute": counts["most_in_minute"], "over_rate": counts["over_rate"],
        "throttled": counts["throttled"], "token_exchanges": counts["exchanges"],
        "refresh_tokens_used_twice": counts["refused_refreshes"], "shifts": counts["shifts"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--candidates", type=int, default=15_000)
    parser.add_argument("--job-ads", type=int, default=5_000)
    parser.add_argument("--rate", type=int, default=12_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--kill-within", type=float, default=15, help="most seconds between two kills")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--directory", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--rows")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as folder:
        run = Run(arguments, pathlib.Path(folder))
        try:
            seconds, kills, before, again = mirror(arguments, run)
            outcome = {"seed": arguments.seed} | judge(arguments, run, seconds, kills, before)
            outcome["signed_in_again"] = again
        finally:
            run.close()
    print(json.dumps(outcome, indent=2))
    if arguments.rows:
        right = outcome["records"] - outcome["lost"] - outcome["doubled"]
        with open(arguments.rows, "a", encoding="utf-8") as rows:
            for name, value, unit, baseline, goal in (
                    ("jobadder/sync_records", outcome["records"] / outcome["seconds"], "records/s", None, None),
                    ("jobadder/sync_right", right, "records", outcome["records"], 1.0),
                    ("jobadder/sync_rate_kept", arguments.rate, "requests/min",
                     max(outcome["most_in_a_minute"], 1), 1.0)):
                ratio = None if baseline is None else value / baseline
                rows.write(json.dumps({"name": name, "value": value, "unit": unit, "baseline": baseline,
                                       "ratio": ratio, "goal": goal}) + "\n")
    broken = [name for name in ("lost", "doubled", "failed", "over_rate", "refresh_tokens_used_twice",
                                "pass_under_way") if outcome[name]]
    # Each shift updates one candidate; nothing else may be read again.
    if outcome["record_jobs"] > outcome["records"] + outcome["shifts"]:
        broken.append("record_jobs")
    if outcome["signed_in_again"]:
        broken = [name for name in broken if name != "refresh_tokens_used_twice"]
    for name in broken:
        print(f"jobadder_sync: {name} is {outcome[name]}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
