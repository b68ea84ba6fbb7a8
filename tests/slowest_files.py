#!/usr/bin/env python3
"""The slowest compiled files of a Ninja build, from its log; fails when one took too long.

    slowest_files.py BUILD_DIR --since SECONDS_OF_THE_EPOCH --limit SECONDS [--count N]

The build time is part of the design: Asio's operations, Beast and json.hpp are instantiated in few
sources. A file over the limit has usually included one of them. The log knows the time on the clock,
which a busy machine stretches; so a file over the limit is compiled once more, and judged by the CPU
time that it takes."""

import argparse
import os
import pathlib
import resource
import subprocess
import sys


def compiled(log, since):
    """{object file: seconds} of what was made since then; of several, the last."""
    times = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        if len(fields) != 5 or not fields[3].endswith(".o"):
            continue
        start, end, made, output = int(fields[0]), int(fields[1]), int(fields[2]), fields[3]
        if made >= since * 1_000_000_000:
            times[output] = (end - start) / 1000
    return times


def source_name(output):
    """src/core/CMakeFiles/rwp_core.dir/async.cpp.o -> src/core/async.cpp"""
    parts = pathlib.PurePosixPath(output).with_suffix("").parts
    if "CMakeFiles" in parts:
        at = parts.index("CMakeFiles")
        parts = parts[:at] + parts[at + 2:]
    return "/".join(parts)


def cpu_seconds(build, output):
    """Of compiling the file again, without ccache."""
    command = subprocess.run(["ninja", "-C", build, "-t", "commands", "-s", output],
                             capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, shell=True, check=True, cwd=build, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, env={**os.environ, "CCACHE_DISABLE": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("--since", type=float, required=True)
    parser.add_argument("--limit", type=float, required=True)
    parser.add_argument("--count", type=int, default=5)
    arguments = parser.parse_args()
    times = compiled(pathlib.Path(arguments.build) / ".ninja_log", arguments.since)
    slowest = sorted(times.items(), key=lambda item: -item[1])
    print(f"{arguments.build}: {len(times)} files compiled in {sum(times.values()):.0f} s of jobs")
    for output, seconds in slowest[:arguments.count]:
        print(f"  {seconds:6.1f} s  {source_name(output)}")
    slow = 0
    for output, seconds in slowest:
        if seconds <= arguments.limit:
            break
        alone = cpu_seconds(arguments.build, output)
        too_slow = alone > arguments.limit
        slow += too_slow
        verdict = f"over {arguments.limit:.0f} s" if too_slow else "the machine was busy"
        print(f"  {source_name(output)}: {alone:.1f} s of CPU: {verdict}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
