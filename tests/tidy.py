#!/usr/bin/env python3
"""Runs clang-tidy on the source files named on standard input, one a line, two at once.

    tidy.py BUILD_DIR --seconds N

Files that the time does not reach are named, and are no failure; findings are."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time


def check(path, build, deadline):
    """(path, findings), or (path, None) when the time was over."""
    if time.monotonic() > deadline:
        return path, None
    done = subprocess.run(
        ["clang-tidy-14", "--quiet", "--warnings-as-errors=*", "-p", build, path],
        capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return path, ""
    return path, done.stdout or done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    database = pathlib.Path(arguments.build) / "compile_commands.json"
    known = {entry["file"] for entry in json.loads(database.read_text(encoding="utf-8"))}
    files = [line.strip() for line in sys.stdin if line.strip()]
    files = [name for name in files if str(pathlib.Path(name).resolve()) in known]
    deadline = time.monotonic() + arguments.seconds
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        results = list(pool.map(lambda name: check(name, arguments.build, deadline), files))
    seen = set()  # A finding in a header comes with each source that includes it.
    bad = 0
    for name, findings in results:
        if findings:
            bad += 1
            for line in findings.splitlines():
                if line not in seen or not line.startswith("/"):
                    print(line)
                seen.add(line)
    late = [name for name, findings in results if findings is None]
    print(f"clang-tidy: {len(files) - len(late)} files checked, {bad} with findings")
    if late:
        print(f"not reached within {arguments.seconds:.0f} s: {' '.join(late)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
