"""What a query of Prometheus names, and whether there is such a thing."""

import functools
import pathlib
import re

import metrics

KNOWN = pathlib.Path(__file__).resolve().parent / "known-metrics.txt"
WORDS = {"and", "or", "unless", "by", "on", "without", "ignoring", "group_left", "group_right", "offset",
         "bool", "inf", "nan"}
# What Prometheus adds to each series.
ADDED = {"job", "instance", "namespace", "pod", "service", "container", "le", "__name__"}


@functools.lru_cache(maxsize=None)
def known():
    """Names of series, each with its labels; None: not known here."""
    names = {line.strip(): None for line in KNOWN.read_text().splitlines()
             if re.fullmatch(r"[A-Za-z_:][\w:]*", line.strip())}
    for metric in metrics.metrics().values():
        for name in metric.series():
            names[name] = None if metric.labels is None else set(metric.labels)
    return names


def selectors(query):
    """Pairs of a metric's name and the text of its matchers."""
    strings = []

    def keep(match):
        strings.append(match[0])
        return f'"{len(strings) - 1}"'

    text = re.sub(r'"(?:[^"\\]|\\.)*"', keep, query)
    # Lists of labels are no names of metrics.
    text = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", text)
    text = re.sub(r"\[[^\]]*\]", " ", text)
    text = re.sub(r"\boffset\s+\w+", " ", text)
    found = []
    for match in re.finditer(r"(?<![\w:\"{,])([A-Za-z_:][\w:]*)\s*(\(|\{[^}]*\})?", text):
        name, after = match.groups()
        if after == "(" or name in WORDS or re.match(r"^\s*(=~|!~|!=|=(?!=))", text[match.end():]):
            continue
        found.append((name, after or ""))
    return found


def problems_of(query, recorded=()):
    """Why the query cannot answer: names and labels that nobody has."""
    problems = []
    for name, matchers in selectors(query):
        if name in recorded:
            continue
        if name not in known():
            problems.append(f"{name} is nobody's metric")
            continue
        labels = known()[name]
        if labels is None:
            continue
        for label in re.findall(r"([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)", matchers):
            if label not in labels | ADDED:
                problems.append(f"{name} has no label {label}")
    return problems
