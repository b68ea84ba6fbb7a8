"""Drains jobs that do nothing through each peer's workers, and prints one table; see run.sh."""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, Type

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from drivers import PEERS  # noqa: E402
from peer import Peer  # noqa: E402

OURS = "rwp"
GOAL = 3.0
LIMIT = 300.0
FROM, UP_TO = 0.10, 0.95


def watch(peer: Peer, workers: List["subprocess.Popen[bytes]"]) -> float:
    """Jobs a second between the moments when FROM and when UP_TO of the jobs had gone."""
    until = time.monotonic() + LIMIT
    begin = None
    while True:
        remaining = peer.remaining()
        now = time.monotonic()
        gone = peer.jobs - remaining
        if begin is None and gone >= FROM * peer.jobs:
            begin = (now, gone)
        if gone >= UP_TO * peer.jobs:
            if begin is None or begin[0] == now:
                raise RuntimeError(f"{peer.name}: too few jobs to take a rate of")
            break
        if now > until:
            raise RuntimeError(f"{peer.name}: {remaining} jobs remain after {LIMIT:.0f} s")
        if all(worker.poll() is not None for worker in workers):
            raise RuntimeError(f"{peer.name}: its workers ended with {remaining} jobs left")
        time.sleep(0.005)
    rate = (gone - begin[1]) / (now - begin[0])
    while peer.remaining() > 0:  # All of them, or the rate is of something else.
        if time.monotonic() > until:
            raise RuntimeError(f"{peer.name}: not all jobs ended")
        time.sleep(0.005)
    return rate


def stop(workers: List["subprocess.Popen[bytes]"]) -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.send_signal(signal.SIGTERM)
    for worker in workers:
        try:
            worker.wait(30)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def one_round(kind: Type[Peer], where: pathlib.Path) -> float:
    with tempfile.TemporaryDirectory(dir=where, prefix=f"{kind.name}-") as directory:
        peer = kind(pathlib.Path(directory))
        peer.open()
        try:
            peer.submit(peer.jobs)
            if peer.remaining() != peer.jobs:
                raise RuntimeError(f"{peer.name}: {peer.remaining()} of {peer.jobs} jobs stand")
            log = open(pathlib.Path(directory) / "workers.log", "wb")
            # As this program finds them, from another directory.
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(
                [str(HERE), *map(os.path.abspath, filter(None, os.environ.get(
                    "PYTHONPATH", "").split(os.pathsep)))])}
            workers = [subprocess.Popen(command, cwd=HERE, env=environment, stdout=log, stderr=log)
                       for command in peer.worker_commands()]
            try:
                return watch(peer, workers)
            except RuntimeError:
                sys.stderr.write((pathlib.Path(directory) / "workers.log").read_text()[-4_000:])
                raise
            finally:
                stop(workers)
                log.close()
        finally:
            peer.close()


def rows_of(rates: Dict[str, float]) -> List[Dict[str, Any]]:
    best: Dict[str, str] = {}
    for name, rate in rates.items():
        group = PEERS[name].group
        if group and rate > rates.get(best.get(group, ""), 0.0):
            best[group] = name
    rows = []
    for name, rate in rates.items():
        row: Dict[str, Any] = {
            "name": f"peers/drain/{name}", "value": rate, "unit": "jobs/s", "baseline": None,
            "ratio": None, "goal": None, "settings": PEERS[name].settings,
            "versions": PEERS[name].versions(), "jobs": PEERS[name].jobs}
        rows.append(row)
    for group, name in best.items():
        if OURS not in rates:
            continue
        rows.append({
            "name": f"peers/ours_to_{group.lower()}", "value": rates[OURS], "unit": "jobs/s",
            "baseline": rates[name], "ratio": rates[OURS] / rates[name], "goal": GOAL,
            "settings": f"ours against {name}, the quickest of its kind", "versions": {},
            "jobs": PEERS[OURS].jobs})
    return rows


def print_table(rows: List[Dict[str, Any]]) -> None:
    width = max(len(row["name"]) for row in rows)
    print(f"{'name':{width}}  {'jobs/s':>9}  {'peer':>9}  {'ratio':>7}  goal")
    for row in rows:
        baseline = "-" if row["baseline"] is None else f"{row['baseline']:,.0f}"
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.1f}"
        goal = "-" if row["goal"] is None else f"{row['goal']:.0f}"
        missed = " !" if row["goal"] is not None and row["ratio"] < row["goal"] else ""
        print(f"{row['name']:{width}}  {row['value']:>9,.0f}  {baseline:>9}  {ratio:>7}  "
              f"{goal}{missed}")
    print()
    for row in rows:
        versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        print(f"{row['name']}: {row['settings']}" + (f" ({versions})" if versions else ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="PEER",
                        help=f"of {', '.join(PEERS)}; none named: all; ours always runs")
    parser.add_argument("--rounds", type=int, default=3, help="the median counts; default 3")
    parser.add_argument("--directory", default=".", help="for the files; on a real disk")
    parser.add_argument("--json", metavar="FILE", help="also write the rows there")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.peers if name not in PEERS]
    if unknown or arguments.rounds < 1:
        parser.error(f"no such peer: {unknown[0]}" if unknown else "--rounds: at least 1")
    names = [name for name in PEERS
             if not arguments.peers or name in arguments.peers or name == OURS]
    measured: Dict[str, List[float]] = {name: [] for name in names}
    for number in range(arguments.rounds):
        for name in names:
            rate = one_round(PEERS[name], pathlib.Path(arguments.directory).resolve())
            measured[name].append(rate)
            print(f"round {number + 1}: {name} {rate:,.0f}/s", file=sys.stderr)
    rows = rows_of({name: statistics.median(rates) for name, rates in measured.items()})
    print_table(rows)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as out:
            json.dump(rows, out, indent=1)
            out.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
