#!/usr/bin/env python3
"""Runs examples/four_pods.sh: four pods, each killed twice while adverts that rwpctl submits run
through them, and stopped once under clients; nothing may be lost, doubled, or unlike what one
process makes, and `rwpctl verify` may find nothing. Then a few adverts, calmly, with curl.

usage: four_pods_test.py SCRIPT PROGRAMS SAMPLE [--ads N]
"""

import argparse
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile

PORTS = 5


def free_ports():
    """The first of five ports in a row that nobody uses, outside those given to clients."""
    for _ in range(200):
        first = random.randrange(10_000, 30_000)
        taken = []
        try:
            for port in range(first, first + PORTS):
                taken.append(socket.create_server(("127.0.0.1", port)))
            return first
        except OSError:
            continue
        finally:
            for server in taken:
                server.close()
    sys.exit("no five free ports in a row")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("script", type=pathlib.Path)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("sample", type=pathlib.Path)
    parser.add_argument("--ads", type=int, default=500)
    options = parser.parse_args()

    run(options, options.ads, 8)
    run(options, 40, 0, "--client", "curl", "--calm")


def run(options, ads, kills, *arguments):
    with tempfile.TemporaryDirectory(prefix="rwp-four-pods-") as folder:
        here = pathlib.Path(folder)
        lines = [json.loads(line) for line in options.sample.read_text().splitlines()]
        with (here / "ads.jsonl").open("w", encoding="utf-8") as out:
            for number in range(ads):
                ad = lines[number % len(lines)] | {"id": f"ad-{number}"}
                out.write(json.dumps(ad, ensure_ascii=False) + "\n")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RWP_", "OPENAI_"))}
        result = subprocess.run(
            ["bash", options.script.resolve(), "--programs", options.programs.resolve(), "--input",
             here / "ads.jsonl", "--data-dir", here / "data", "--port", str(free_ports()), *arguments],
            cwd=here, text=True, capture_output=True, stdin=subprocess.DEVNULL, env=clean,
            timeout=270)
        print(result.stdout, result.stderr)
        logs = "\n".join(f"{path.name}: {path.read_text()[-1500:]}"
                         for path in sorted((here / "data/log").glob("*.log")))
        if result.returncode != 0:
            print(logs)
            sys.exit(f"exit code {result.returncode}")
        problems = []
        asked = re.findall(r"^(\w+) +(\d+) requests, (\d+) failed$", result.stdout, re.M)
        if kills and [pod for pod, _, _ in asked] != ["api", "worker", "ai", "analytics"]:
            problems.append("not each pod was stopped under clients")
        if any(int(count) < 4 or int(failed) > 0 for _, count, failed in asked):
            problems.append(f"requests: {asked}")
        for line in (f"Adverts posted +{ads}", f"Enriched +{ads}", f"Events, by their id +{ads}",
                     f"Pods killed +{kills}"):
            if not re.search(rf"^ +{line}$", result.stdout, re.M):
                problems.append(f"no line '{line}'")
        # The keys are nowhere but in their files.
        for path in (here / "data").glob("key-*"):
            key = path.read_text().strip()
            if len(key) < 20:
                problems.append(f"{path.name} holds no key")
            if key in logs + result.stdout + result.stderr:
                problems.append(f"{path.name} is told")
        if problems:
            sys.exit("; ".join(problems))


if __name__ == "__main__":
    main()
