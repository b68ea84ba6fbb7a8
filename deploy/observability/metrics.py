#!/usr/bin/env python3
"""The metrics that the code makes, and docs/metrics.md, which is made from them.

usage: metrics.py           prints the page
       metrics.py --write   writes docs/metrics.md
       metrics.py --check   exit code 1 when the page tells of what the code does not make, or otherwise
"""

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/metrics.md"
# The name and its help; the labels may be variables, whose names are then found before the call.
MADE = re.compile(
    r'\b(counter|gauge|histogram|count)\(\s*"(rwp_\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+|[a-z_]+)')
LABEL = re.compile(r'\{\s*"([a-z_]+)",')
COMPONENTS = {
    "ai": "AI", "ai_batch": "Batches of AI calls", "analytics_ga4": "Google Analytics", "analytics_spool": "Spool of events",
    "jobadder": "JobAdder", "jobs": "Jobs and workers", "jobs_postgres": "`postgres:`",
    "jobs_sqlite": "`sqlite:`", "jobs_tiered": "`tiered:`",
    "net": "HTTP client, drivers", "pods": "Pods", "server": "HTTP server",
    "storage_s3": "`s3:`",
}


class Metric:
    def __init__(self, name, kind, text, labels, component):
        self.name = name
        self.kind = kind
        self.text = text
        self.labels = labels
        self.component = component

    def series(self):
        """The names under which Prometheus keeps it."""
        of_histogram = {f"{self.name}_{part}" for part in ("bucket", "count", "sum")}
        return {"histogram": of_histogram, "": of_histogram | {self.name}}.get(self.kind, {self.name})


def labels_near(source, start, end):
    """The label names of a call: in its arguments, or in what they are a variable of."""
    depth, at = 1, end
    while at < len(source) and depth > 0:
        depth += {"(": 1, ")": -1}.get(source[at], 0)
        at += 1
    arguments = source[end:at]
    labels = LABEL.findall(arguments)
    variable = re.search(r",\s*(labels\w*)\s*\)$", arguments)
    if not labels and variable:
        name = re.escape(variable[1])
        made = list(re.finditer(rf"Labels&?\s+{name}\s*(?:=|\{{|\()", source[:start]))
        if made:
            rest = source[made[-1].start():start]
            labels = LABEL.findall(rest[:rest.find(";")])
    return labels


def metrics():
    """All of them, by name."""
    found = {}
    for path in sorted((ROOT / "src").rglob("*.cpp")):
        source = path.read_text()
        for match in MADE.finditer(source):
            kind, name, text = match.groups()
            if not text.startswith('"'):  # A constant's name.
                value = re.search(rf'\b{text} = ((?:"(?:[^"\\]|\\.)*"\s*)+)', source)
                text = value[1] if value else ""
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
            kind = "counter" if kind == "count" else kind  # A helper's name.
            component = path.relative_to(ROOT / "src").parts[0]
            labels = labels_near(source, match.start(), match.end())
            if name in found:
                found[name].labels = list(dict.fromkeys(found[name].labels + labels))
                continue
            found[name] = Metric(name, kind, text.rstrip("."), labels, component)
    for name, component in unread(found).items():
        kind = "counter" if name.endswith("_total") else ""
        found[name] = Metric(name, kind, "", None, component)
    return found


def unread(known):
    """Names in the code that look like a metric's, made in a way that is not understood here."""
    names = {}
    for path in sorted((ROOT / "src").rglob("*.cpp")):
        component = path.relative_to(ROOT / "src").parts[0]
        for line in path.read_text().splitlines():
            found = re.findall(r'\b(?:counter|gauge|histogram)\("(rwp_\w+)"', line)
            found += re.findall(r'"(rwp_\w+(?:_total|_seconds|_bytes))"', line)
            names |= {name: component for name in found if name not in known}
    return names


def page():
    known = metrics()
    lines = [
        "# Metrics", "",
        "Made from the code by `deploy/observability/metrics.py --write`. Prometheus' text stands on",
        "`/metrics`. Counters only rise; a histogram has `_bucket`, `_sum` and `_count`, and times are in",
        "seconds. What the rules make of them stands in `deploy/kubernetes/base/platform/rules.yaml`.", ""]
    for component in sorted({m.component for m in known.values()}):
        lines += [f"## {COMPONENTS.get(component, component)}", "", "| metric | kind | labels | what |",
                  "|---|---|---|---|"]
        for metric in sorted(known.values(), key=lambda m: m.name):
            if metric.component == component:
                labels = ", ".join(f"`{label}`" for label in metric.labels or ())
                lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.text} |")
        lines.append("")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.write:
        PAGE.write_text(page())
    elif options.check:
        if PAGE.read_text() != page():
            sys.exit("docs/metrics.md is not what the code makes; run deploy/observability/metrics.py --write")
    else:
        print(page(), end="")


if __name__ == "__main__":
    main()
