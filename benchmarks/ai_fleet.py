#!/usr/bin/env python3
"""Runs a fleet against the fake upstream and says what was used, refused and paid.

usage: ai_fleet.py PROGRAM [--jobs 3000] [--requests 500] [--tokens 100000] [--minute 6] [--kill]
                   [--check]

PROGRAM is ai_fleet_process. Four workers take jobs, of which a third repeat: two ask the upstream
themselves, two through two AI pods; what asks the upstream shares its limits, and all share cache
and single flight, through a Redis of their own. --kill: a pod and a worker are killed in the
middle, and the worker is started anew. --check: ends with 1 when a promise is not kept; the share
of the allowance that is used depends on the machine and is not one of them.
"""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 300


class Process:
    """A process that answers a line with a line."""

    def __init__(self, command):
        self.popen = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.greeting = self.popen.stdout.readline().strip()
        if not self.greeting:
            raise RuntimeError(f"{command[1]} did not start")

    def ask(self):
        self.popen.stdin.write("\n")
        return json.loads(self.popen.stdout.readline())

    def kill(self):
        self.popen.kill()
        self.popen.wait()


def start_redis(folder):
    for _ in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
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

    def start(*words):
        started.append(Process([options.program, *words]))
        return started[-1]

    redis, redis_url = start_redis(folder)
    started.append(redis)
    fake = start("fake", *limits, "50")
    source = start("submit", jobs, str(options.jobs), str(distinct))
    if source.greeting != "submitted":
        raise RuntimeError(source.greeting)
    shared = [redis_url, fake.greeting, *limits]
    pods = [start("pod", *shared) for _ in range(2)]
    urls = [pod.greeting for pod in pods]
    begun = time.monotonic()
    workers = [start("worker", *shared, jobs), start("worker", *shared, jobs),
               start("worker", *shared, jobs, urls[0], urls[1]),
               start("worker", *shared, jobs, urls[1], urls[0])]

    killed = False
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
            pods[1].kill()
            workers[0].kill()
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
    # Killed: what a worker had on the wire, and what two workers had through the pod.
    wire = 3 * 64 if options.kill else 0
    report = {
        "jobs": options.jobs, "distinct": distinct, "seconds": round(took, 2),
        "succeeded": states["succeeded"], "failed": states["failed"], "paid": bill["answers"],
        "paid_twice": bill["answers"] - bill["distinct"], "refused_429": bill["limited"],
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
    parser.add_argument("--minute", type=float, default=6)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if shutil.which("redis-server") is None:
        print("SKIPPED: redis-server is not installed")
        return 77
    started = []
    try:
        with tempfile.TemporaryDirectory(prefix="ai_fleet") as folder:
            report, promises = run(options, folder, started)
            for process in started:
                (process.popen if isinstance(process, Process) else process).kill()
    finally:
        for process in started:
            popen = process.popen if isinstance(process, Process) else process
            popen.kill()
            popen.wait()
    print(json.dumps(report))
    broken = [promise for promise, kept in promises.items() if not kept]
    for promise in broken:
        print(f"not kept: {promise}", file=sys.stderr)
    return 1 if options.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
