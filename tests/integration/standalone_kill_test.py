#!/usr/bin/env python3
"""Kills the standalone program at random moments and starts it again, until its input is done:
each advert must be enriched exactly once in the results, none lost, none quarantined.

usage: standalone_kill_test.py PROGRAM SAMPLE [--rounds N] [--ads N] [--seed N] [--input FILE]
"""

import argparse
import collections
import json
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time


def make_input(sample, path, count):
    """`count` adverts, each with an id of its own."""
    lines = [json.loads(line) for line in sample.read_text().splitlines()]
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            ad = lines[number % len(lines)] | {"id": f"ad-{number}"}
            out.write(json.dumps(ad) + "\n")


def counts_in(database):
    """How often each advert has an accepted result, and how many jobs ended otherwise."""
    query = """SELECT ended.state, ended.result FROM ended JOIN job ON job.seq = ended.seq
               JOIN lane ON lane.id = job.lane WHERE lane.kind = 'job_ad.enrich'"""
    results = collections.Counter()
    others = 0
    for state, result in database.execute(query):
        if state == 4:
            results[json.loads(result)["ad_id"]] += 1
        else:
            others += 1
    jobs = database.execute("""SELECT count(*) FROM job JOIN lane ON lane.id = job.lane
                               WHERE lane.kind = 'job_ad.enrich'""").fetchone()[0]
    return results, others, jobs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("sample", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--ads", type=int, default=600)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--input", type=pathlib.Path)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    chance = random.Random(options.seed)

    with tempfile.TemporaryDirectory(prefix="rwp-kill-") as folder:
        here = pathlib.Path(folder)
        path = here / "ads.jsonl"
        if options.input:
            path.write_bytes(options.input.read_bytes())
        else:
            make_input(options.sample, path, options.ads)
        wanted = {json.loads(line)["id"] for line in path.read_text().splitlines()}
        command = [options.program.resolve(), "--input", path, "--data-dir", here / "data",
                   "--progress", "none"]
        killed = 0
        finished_early = 0
        started = time.monotonic()
        while killed < options.rounds:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            try:
                # Early enough that there is work left for the later rounds.
                process.wait(timeout=chance.uniform(0.01, 0.45))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            error = process.communicate()[1]
            if process.returncode == -signal.SIGKILL:
                killed += 1
            elif process.returncode == 0:
                finished_early += 1
                killed += 1  # Nothing is left to be interrupted; a restart must still do no harm.
            else:
                sys.exit(f"exit code {process.returncode}: {error}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        print(done.stdout, done.stderr)
        print(f"{options.rounds} kills, {finished_early} after the end, "
              f"{time.monotonic() - started:.1f} s")
        if done.returncode != 0:
            sys.exit(f"the last run ended with {done.returncode}")

        objects = list((here / "data/objects/enriched").glob("*.json"))
        stored = collections.Counter(json.loads(o.read_text())["ad"]["id"] for o in objects)
        with sqlite3.connect(here / "data/jobs.db") as database:
            results, others, jobs = counts_in(database)
        database.close()
        events = {}
        for line in (here / "data/events.jsonl").read_text().splitlines():
            event = json.loads(line)
            events.setdefault(event["parameters"]["ad_id"], set()).add(event["id"])
        problems = []
        if stored != collections.Counter(wanted):
            problems.append(f"objects: {len(stored)} of {len(wanted)}")
        if results != collections.Counter(wanted):
            problems.append(f"results: {len(results)} of {len(wanted)}, "
                            f"{sum(1 for n in results.values() if n > 1)} more than once")
        if others or jobs != len(wanted):
            problems.append(f"{jobs} jobs, {others} ended otherwise")
        if set(events) != wanted or any(len(ids) != 1 for ids in events.values()):
            problems.append("events: not exactly one id for each advert")
        if problems:
            sys.exit("; ".join(problems))
        print(f"{len(wanted)} adverts, each enriched once")


if __name__ == "__main__":
    main()
