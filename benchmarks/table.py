#!/usr/bin/env python3
"""Gathers the rows of the benchmark programs (JSON lines) into one table for people, and with
--json FILE into an array of objects for programs."""

import argparse
import json
import sys

KEYS = ("name", "value", "unit", "baseline", "ratio", "goal")


def read_rows(path, name_filter):
    rows = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}:{number}: not JSON: {error}") from error
            missing = [key for key in KEYS if key not in row]
            if missing:
                raise ValueError(f"{path}:{number}: row without {', '.join(missing)}")
            if name_filter in row["name"]:
                rows.append(row)
    return rows


def number_text(value):
    """Three digits that count, thousands grouped: 214,217  3.41  0.98."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio_text(row):
    text = "-" if row["ratio"] is None else f"{row['ratio']:.2f}"
    return text + " !" if is_missed(row) else text


def is_missed(row):
    return row["goal"] is not None and (row["ratio"] is None or row["ratio"] < row["goal"])


def table_text(rows):
    details = []
    for row in rows:
        details += [key for key in row if key not in KEYS and key not in details]
    header = list(KEYS) + [key.replace("_", " ") for key in details]
    lines = [header]
    for row in rows:
        lines.append(
            [row["name"], number_text(row["value"]), row["unit"], number_text(row["baseline"]),
             ratio_text(row), "-" if row["goal"] is None else f"{row['goal']:.2f}"]
            + [number_text(row.get(key)) for key in details])
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    left = (0, 2)  # Name and unit are words, the rest numbers.
    return "\n".join(
        "  ".join(cell.ljust(width) if column in left else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths))).rstrip()
        for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filter", default="", help="only rows whose name contains this")
    parser.add_argument("--json", metavar="FILE", help="also write the rows there")
    parser.add_argument("rows", help="file of JSON lines")
    arguments = parser.parse_args()
    try:
        rows = read_rows(arguments.rows, arguments.filter)
    except (OSError, ValueError) as error:
        print(f"table.py: {error}", file=sys.stderr)
        return 1
    if not rows:
        print(f"table.py: no row's name contains '{arguments.filter}'", file=sys.stderr)
        return 1
    print(table_text(rows))
    missed = sum(is_missed(row) for row in rows)
    judged = sum(row["goal"] is not None for row in rows)
    if judged:
        print(f"\n{judged - missed} of {judged} goals reached" + (" (! marks the rest)" if missed else ""))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as out:
            json.dump(rows, out, indent=1)
            out.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
