#!/usr/bin/env python3
"""Judges the tests that failed at their first try in a log of `ctest --repeat until-pass:2`.

  second_tries.py LOG MAY_RETRY    MAY_RETRY: what `ctest -N` printed of the tests with a label that may

A test of stores and servers may pass at its second try, since a machine that stalls for seconds can break what it
assumes of time; it is named, with what it said at first. Nothing else may: no other test, no crash, no
finding of a sanitizer, and no more than three tests. Exit code 1 when one failed for good. The sayings come last, and
few, so that whoever sees only the end of a long output sees why.
"""

import collections
import re
import sys

MOST_SECOND_TRIES = 3
LINES_A_TEST = 14

# "Passed", "***Failed", "***Timeout", "***Exception: SegFault", "Subprocess aborted***Exception:", …
RESULT = re.compile(r"^ *(?:\d+/\d+ )?Test +#(\d+): (.*?) \.{3,}(.*?) +[\d.]+ sec")
START = re.compile(r"^ +Start +(\d+): ")
TELLING = re.compile(r"^crashed: |Failure$|error:|Error:|ERROR:|Traceback|broken:|cluster:|ASSERT|FAILED|Assertion")
SANITIZER = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:|^crashed: ")


def failures(lines):
    """The runs that failed, as number, name and what they printed; and the numbers that passed."""
    failed, passed, block, runs = [], set(), None, collections.Counter()
    for line in lines:
        result, start = RESULT.match(line), START.match(line)
        if result:
            number, name, word = result.groups()
            block = None
            if word.strip() == "Passed":
                passed.add(int(number))
            elif "***Skipped" not in word:
                block = [f"crashed: {word.strip()}"] if "Exception" in word else []
                failed.append((int(number), name.strip(), block))
        elif start:
            block = None
            runs[int(start[1])] += 1
        elif re.match(r"^\d+% tests passed", line):
            block = None
        elif block is not None:
            block.append(line)
    known = {number for number, _, _ in failed}
    failed += [(number, f"test {number}", []) for number in runs if runs[number] > 1 and number not in known]
    return failed, passed


def telling(block):
    """The lines from the first that tells of a failure on, or the last ones."""
    lines = [line for line in block if line.strip()]
    first = next((i for i, line in enumerate(lines) if TELLING.search(line)), None)
    return lines[-LINES_A_TEST:] if first is None else lines[first:first + LINES_A_TEST]


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        failed, passed = failures(log.read().splitlines())
    with open(sys.argv[2], encoding="utf-8") as listing:
        may_retry = {int(number) for number in re.findall(r"^ *Test +#(\d+):", listing.read(), re.MULTILINE)}
    names = {number: name for number, name, _ in failed}
    bad = {}
    for number, _, block in failed:
        if number not in passed:
            bad[number] = "failed twice"
        elif number not in may_retry:
            bad[number] = "failed once, and waits for nobody"
        elif any(SANITIZER.search(line) for line in block):
            bad[number] = "crashed, or a sanitizer found something"
    forgiven = [number for number in names if number not in bad]
    if len(forgiven) > MOST_SECOND_TRIES:
        bad |= {number: f"failed once, as more than {MOST_SECOND_TRIES} did" for number in forgiven}
    shown = set()
    for number, name, block in failed:
        if number in shown or len(shown) >= 2 * MOST_SECOND_TRIES:
            continue
        shown.add(number)
        print(f"{name}: {bad.get(number, 'passed at its second try; at the first it said:')}")
        for line in telling(block):
            print(f"  | {line}")
    for number in sorted(bad):
        print(f"failed: {names[number]}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
