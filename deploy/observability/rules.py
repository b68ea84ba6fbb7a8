#!/usr/bin/env python3
"""The rules of the PrometheusRule as a file for Prometheus itself, or for promtool.

usage: rules.py [--scale N] [--plain]    to standard output
  --scale N   divides every time by N (60: hours become minutes)
  --plain     without annotations, as promtool's tests compare them
Needs Debian's python3-yaml.
"""

import argparse
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "deploy/kubernetes/base/platform/rules.yaml"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def groups():
    return yaml.safe_load(RULES.read_text())["spec"]["groups"]


def scaled_duration(text, by):
    """"5m" by 60 is "5s"; never below a second."""
    seconds = sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))
    return f"{max(1, round(seconds / by))}s"


def scaled_expression(text, by):
    text = re.sub(r"\[(\d+[smhd])\]", lambda m: f"[{scaled_duration(m[1], by)}]", text)
    text = re.sub(r"offset (\d+[smhd])", lambda m: f"offset {scaled_duration(m[1], by)}", text)
    # Times as numbers are written as so many minutes: 5 * 60.
    return re.sub(r"\* 60\b(?!\s*\* 60)", f"* {60 / by:g}", text)


def scaled(by):
    result = []
    for group in groups():
        rules = []
        for rule in group["rules"]:
            rule = dict(rule, expr=scaled_expression(rule["expr"], by))
            if "for" in rule:
                rule["for"] = scaled_duration(rule["for"], by)
            rules.append(rule)
        result.append(dict(group, rules=rules))
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    found = groups() if options.scale == 1 else scaled(options.scale)
    if options.plain:
        for rule in (rule for group in found for rule in group["rules"]):
            rule.pop("annotations", None)
    print(yaml.safe_dump({"groups": found}, sort_keys=False, width=1000), end="")


if __name__ == "__main__":
    main()
