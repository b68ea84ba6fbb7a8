#!/usr/bin/env python3
"""Runs a fleet against the fake upstream and says what was used, refused and paid.

usage: ai_fleet.py PROGRAM [--pods DIR] [--jobs 3000] [--requests 500] [--tokens 100000]
                   [--minute SECONDS] [--answer MS] [--kill] [--check]

PROGRAM is ai_fleet_process. Four workers take jobs, of which a third repeat: two ask the upstream
themselves, two through two AI pods; what asks the upstream shares its limits, and the workers share
cache and single flight, through a Redis of their own. --pods: the pods are the ai_pod of that
folder, with a key, a budget on the jobs' store and a cache, and a minute has 60 s, as theirs has;
without, they are ai_fleet_process with the parts of one, and a minute has 6 s. --kill: a pod and a
worker are killed in the middle, and the worker is started anew; what the upstream was answering
then may be paid twice. --check: ends with 1 when a promise is not kept; the share of the allowance
that is used depends on the machine and is not one of them.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 900


class Process:
    """A process that answers a line with a line."""

    def __init__(self, command, environment=None):
        self.popen = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env=os.environ | (environment or {}))
        self.greeting = self.popen.stdout.readline().strip()
        if not self.greeting:
            raise RuntimeError(f"{command[1]} did not start")

    def ask(self):
        self.popen.stdin.write("\n")
        return json.loads(self.popen.stdout.readline())

    def kill(self):
        self.popen.kill()
        self.popen.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Pod:
    """An ai_pod, and where it serves."""

    def __init__(self, programs, folder, keys, jobs, redis_url, upstream, limits):
        port = free_port()
        self.greeting = f"http://127.0.0.1:{port}/v1"
        self.popen = subprocess.Popen([programs / "ai_pod"], cwd=folder, stdout=subprocess.DEVNULL, env=os.environ | {
            "RWP_LISTEN": f"127.0.0.1:{port}", "RWP_DATA_DIR": folder, "RWP_API_KEYS_FILE": keys,
            "RWP_JOBS_URL": jobs, "RWP_REDIS_URL": redis_url, "RWP_AI_URL": upstream, "RWP_AI_MODEL": "fake-gpt",
            "RWP_AI_REQUESTS_PER_MINUTE": limits[0], "RWP_AI_TOKENS_PER_MINUTE": limits[1],
            "RWP_AI_BUDGET_DAY": "100000", "RWP_AI_CACHE_MEGABYTES": "64", "RWP_LOG_LEVEL": "error"})
        deadline = time.monotonic() + 30
        while self.popen.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("ai_pod does not serve")

    def kill(self):
        self.popen.kill()
        self.popen.wait()


def start_redis(folder):
    for _ in range(5):
        port = free_port()
        server = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "",
             "--dir", folder], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while server.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return server, f"redis://127.0.0.1:{port}"
            except OSError:
                time.sleep(0.02)
        server.kill()
    raise RuntimeError("redis-server does not come up")


def run(options, folder, started):
    minute = str(int(options.minute * 1000))
    limits = [str(options.requests), str(options.tokens), minute]
    jobs = f"sqlite:{folder}/jobs.db"
    distinct = options.jobs * 2 // 3

    def start(*words, environment=None):
        started.append(Process([options.program, *words], environment))
        return started[-1]

    redis, redis_url = start_redis(folder)
    started.append(redis)
    fake = start("fake", *limits, str(options.answer))
    source = start("submit", jobs, str(options.jobs), str(distinct))
    if source.greeting != "submitted":
        raise RuntimeError(source.greeting)
    shared = [redis_url, fake.greeting, *limits]
    through = {}
    if options.pods:
        keys = pathlib.Path(folder, "keys")
        through["RWP_AI_API_KEY"] = subprocess.run(
            [options.pods / "api_pod", "--new-key", "fleet", "--scopes", "ai:use", "--api-keys-file", keys],
            check=True, text=True, capture_output=True).stdout.strip()
        pods = []
        for _ in range(2):
            pods.append(Pod(options.pods, folder, keys, jobs, redis_url, fake.greeting, limits))
            started.append(pods[-1])
    else:
        pods = [start("pod", *shared) for _ in range(2)]
    urls = [pod.greeting for pod in pods]
    begun = time.monotonic()
    workers = [start("worker", *shared, jobs), start("worker", *shared, jobs),
               start("worker", *shared, jobs, urls[0], urls[1], environment=through),
               start("worker", *shared, jobs, urls[1], urls[0], environment=through)]

    killed = False
    wire = 0
    warm, warm_at = None, None
    last, last_at = None, None
    while True:
        states, bill, now = source.ask(), fake.ask(), time.monotonic()
        # Until the upstream's stored minute and the fleet's start are behind it.
        if warm is None and now - begun > min(options.minute / 2, 5):
            warm, warm_at = bill, now
        # What is left at the end is too little to fill every process.
        if bill["answers"] <= distinct * 0.9:
            last, last_at = bill, now
        if options.kill and not killed and bill["answers"] > distinct // 2:
            killed = True
            before = fake.ask()
            pods[1].kill()
            workers[0].kill()
            # All that had reached the upstream and was not answered; the dead ask no more.
            wire = fake.ask()["requests"] - before["answers"] - before["limited"]
            start("worker", *shared, jobs)
        if states["open"] == 0:
            break
        if now - begun > PATIENCE:
            raise RuntimeError(f"not done in {PATIENCE} s: {states}")
        time.sleep(0.05)
    took = time.monotonic() - begun

    bill = fake.ask()
    used = None
    if warm and last_at > warm_at + 2:
        allowed = options.requests * (last_at - warm_at) / options.minute
        used = (last["answers"] - warm["answers"]) / allowed
    report = {
        "jobs": options.jobs, "distinct": distinct, "seconds": round(took, 2),
        "succeeded": states["succeeded"], "failed": states["failed"], "paid": bill["answers"],
        "paid_twice": bill["answers"] - bill["distinct"], "on_the_wire": wire,
        "refused_429": bill["limited"],
        "allowance_used": None if used is None else round(used, 4),
    }
    promises = {
        "every job succeeded": states["succeeded"] == options.jobs,
        "each distinct prompt was paid": bill["distinct"] == distinct,
        "no 429": bill["limited"] == 0,
        "paid once, but for what was on the wire": report["paid_twice"] <= wire,
    }
    return report, promises


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--jobs", type=int, default=3000)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--minute", type=float)
    parser.add_argument("--pods", type=lambda name: pathlib.Path(name).resolve())
    parser.add_argument("--answer", type=int, default=50, help="milliseconds an answer takes")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    options.minute = options.minute or (60 if options.pods else 6)
    if shutil.which("redis-server") is None:
        print("SKIPPED: redis-server is not installed")
        return 77
    started = []
    try:
        with tempfile.TemporaryDirectory(prefix="ai_fleet") as folder:
            report, promises = run(options, folder, started)
            for process in started:
                (process.popen if isinstance(process, (Process, Pod)) else process).kill()
    finally:
        for process in started:
            popen = process.popen if isinstance(process, (Process, Pod)) else process
            popen.kill()
            popen.wait()
    print(json.dumps(report))
    broken = [promise for promise, kept in promises.items() if not kept]
    for promise in broken:
        print(f"not kept: {promise}", file=sys.stderr)
    return 1 if options.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
