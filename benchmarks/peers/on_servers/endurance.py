#!/usr/bin/env python3
"""Whether `postgres:` stays as quick as it is: with many jobs waiting, over many jobs, and while somebody
holds a snapshot open, which keeps vacuum from the hot tables. Rows are for benchmarks/table.py too.

    benchmarks/peers/on_servers/endurance.py [--waiting N] [--jobs N] [--held SECONDS] [--rate N] [--rows FILE]

--waiting: rates with so many jobs waiting, to those of an empty queue (1000000; 0: not measured)
--jobs:    submitted and run in lots of 100,000, autovacuum as it comes (0: not measured)
--held:    jobs at --rate a second while a snapshot is held for so long (0: not measured)
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import run
import servers

LOT = 100_000
WAITING_ROUNDS = 3
HOT = ("ready", "running", "tally")
SIZES = "SELECT " + " || ' ' || ".join(f"pg_total_relation_size('rwp.{table}')" for table in HOT)


def tell(what, sizes):
    """Standard error says how a long run is getting on."""
    kept = ", ".join(f"{table} {kib}" for table, kib in zip(HOT, sizes))
    print(f"{what}; KiB of {kept}", file=sys.stderr, flush=True)


def rows_of(options, postgres, peer):
    """Yields name, value, unit, baseline and goal."""

    def load(count):
        return count / peer.ask("load", count=count, bytes=run.BYTES)["seconds"]

    def work_off(count):
        done = peer.ask("work_off", count=count)
        return done["done"] / done["seconds"]

    def sizes():
        return [int(size) // 1024 for size in postgres.query(SIZES).split()]

    if options.waiting:
        lot = min(LOT, options.waiting)
        # As many wait after each round as before it.
        empty = [(load(lot), work_off(lot)) for _ in range(WAITING_ROUNDS)]
        load(options.waiting - lot)
        waiting = [(load(lot), work_off(lot)) for _ in range(WAITING_ROUNDS)]
        for i, what in enumerate(("submit", "drain")):
            medians = [statistics.median(rates[i] for rates in rounds) for rounds in (waiting, empty)]
            yield f"waiting/{what}", medians[0], "jobs/s", medians[1], 0.8
        peer.ask("drain", count=int(postgres.query("SELECT count(*) FROM rwp.ready")))
    if options.jobs:
        rates = []
        for _ in range(max(2, options.jobs // LOT)):
            submitted = load(LOT)
            rates.append(LOT / peer.ask("drain", count=LOT)["seconds"])
            tell(f"{len(rates) * LOT} jobs: submitted {submitted:.0f}/s, drained {rates[-1]:.0f}/s", sizes())
        part = max(1, len(rates) // 5)
        yield ("many/drain", statistics.median(rates[-part:]), "jobs/s", statistics.median(rates[:part]), 0.8)
        for table, kib in zip(HOT, sizes()):
            yield f"many/{table}", kib, "KiB", None, None
    if options.held:
        with subprocess.Popen([postgres.programs / "psql", "-X", "-q", postgres.url], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, text=True) as snapshot:
            snapshot.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM rwp.queue;\n")
            snapshot.stdin.flush()
            before = sizes()
            ended, used = [], postgres.usage()["cpu"]
            while len(ended) < options.held:
                seconds = min(60, options.held - len(ended))
                ended += peer.ask("sustain", count=options.rate, seconds=seconds, bytes=run.BYTES)["ended"]
                used_before, used = used, postgres.usage()["cpu"]
                tell(f"{len(ended)} s: {statistics.mean(ended[-seconds:]):.0f} jobs/s, the server's CPU "
                     f"{(used - used_before) / seconds:.2f}", sizes())
            after = sizes()
            part = max(1, len(ended) // 5)
            yield ("held/rate", statistics.mean(ended[-part:]), "jobs/s", options.rate, 0.7)
            for table, kib, kib_before in zip(HOT, after, before):
                yield f"held/{table}", kib - kib_before, "KiB grown", None, None
            snapshot.stdin.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--held", type=int, default=0)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--rows", metavar="FILE")
    options = parser.parse_args()
    run.BUILD.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="servers-", dir=run.BUILD)
    os.chmod(folder, 0o755)
    text = ""
    try:
        postgres = servers.Postgres(pathlib.Path(folder) / "postgres")
        try:
            peer = run.Peer(run.OURS, run.PEERS[run.OURS][0](), postgres, argparse.Namespace(url=""))
            for name, value, unit, baseline, goal in rows_of(options, postgres, peer):
                ratio = value / baseline if baseline else None
                text += json.dumps({"name": f"endurance/{name}", "value": value, "unit": unit,
                                    "baseline": baseline, "ratio": ratio, "goal": goal}) + "\n"
            peer.stop()
        finally:
            postgres.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.rows:
        with open(options.rows, "a", encoding="utf-8") as out:
            out.write(text)
        return 0
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        return subprocess.run([sys.executable, run.BENCHMARKS / "table.py", out.name], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
