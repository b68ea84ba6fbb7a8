#!/usr/bin/env python3
"""Lines of include/ and src/ that the tests of a coverage build ran, by component.

    coverage.py BUILD_DIR"""

import collections
import json
import pathlib
import subprocess
import sys


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    root = pathlib.Path(__file__).resolve().parents[1]
    runs = collections.defaultdict(dict)  # {file: {line: whether it ran}}
    for data in sorted(build.rglob("*.gcda")):
        report = subprocess.run(["gcov", "--json-format", "--stdout", str(data)],
                                capture_output=True, text=True, check=True, cwd=build)
        for document in report.stdout.splitlines():
            for file in json.loads(document)["files"]:
                path = (build / file["file"]).resolve()
                if not path.is_relative_to(root) or path.relative_to(root).parts[0] not in ("include", "src"):
                    continue
                lines = runs[path.relative_to(root).as_posix()]
                for line in file["lines"]:
                    number = line["line_number"]
                    lines[number] = lines.get(number, False) or line["count"] > 0
    totals = collections.defaultdict(lambda: [0, 0])
    for name, lines in runs.items():
        parts = name.split("/")
        component = parts[2] if parts[0] == "include" else parts[1]
        for key in (component, "all"):
            totals[key][0] += sum(lines.values())
            totals[key][1] += len(lines)
    for component, (ran, known) in sorted(totals.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"{component:24} {ran:6} of {known:6} lines  {100 * ran / max(known, 1):5.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
