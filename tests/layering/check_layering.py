#!/usr/bin/env python3
"""Fails on an include that points upwards or sideways in the layers of docs/architecture.md, on a
public header that names what users must not need, and on code below `pods` that reads the
environment.

    check_layering.py [ROOT]
"""

import pathlib
import re
import sys

# Bottom up. A component may include those of lower rank and itself.
LAYERS = (
    ("core",),
    ("observability",),
    ("net", "net_sqlite", "net_postgres", "net_redis"),
    ("jobs", "ai", "analytics", "storage", "jobadder", "server"),
    # Backends, each of the domain before the first underscore: jobs_sqlite, storage_file, …
    ("recruitment",),
    ("rwp",),
    ("pods",),
)
NET, DOMAIN, BACKEND = 2, 3, 4
DOMAINS = LAYERS[DOMAIN]
# Sideways, and allowed: these spool through the jobs interface.
SPOOLING = ("ai", "analytics")

# Of third parties, in public headers.
FOREIGN = re.compile(
    r"^(sqlite3|libpq|postgresql/|hiredis|sw/|curl/|openssl/|prometheus/|spdlog/|fmt/|valijson/"
    r"|boost/asio\.hpp|boost/beast)")
JSON = re.compile(r"^nlohmann/(?!json_fwd\.hpp)")
JSON_HEADERS = ("include/rwp/core/json.hpp", "include/rwp/ai/extract.hpp")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ENVIRONMENT = re.compile(r"\b(?:secure_)?getenv\s*\(|\benviron\b")


def rank(component):
    for number, names in enumerate(LAYERS):
        if component in names:
            return number
    if component.split("_")[0] in DOMAINS:
        return BACKEND
    return None


def is_testing(component):
    return component.split("_")[0] == "testing"


def component_of(path):
    """The component of a path below include/rwp or src: net/sqlite is net_sqlite."""
    parts = pathlib.PurePosixPath(path).parts
    if len(parts) < 2:
        return None
    if parts[0] == "net" and len(parts) > 2:
        return f"net_{parts[1]}"
    return parts[0]


def target_of(kind, included, root, directory):
    """The path, below include/rwp or src, of one of our own headers; None for any other."""
    if included.startswith("rwp/"):
        return included[len("rwp/"):]
    if kind == '"':
        if (root / "src" / included).exists():
            return included
        beside = directory / included
        if beside.exists():
            return beside.resolve().relative_to((root / "src").resolve()).as_posix()
    return None


def why_not(source, target):
    """Why component `source` may not include `target`; None when it may."""
    if source == target:
        return None
    if is_testing(target):
        return None if is_testing(source) else "nothing in the library includes testing"
    target_rank = rank(target)
    if target_rank is None:
        return f"'{target}' is in no layer (tests/layering/check_layering.py)"
    if is_testing(source):
        return "testing stands below pods" if target == "pods" else None
    source_rank = rank(source)
    if source_rank is None:
        return f"'{source}' is in no layer (tests/layering/check_layering.py)"
    if target_rank > source_rank:
        return "upwards"
    if target_rank == source_rank:
        if source_rank == DOMAIN and source in SPOOLING and target == "jobs":
            return None
        if source_rank == NET and target == "net":
            return None
        return "sideways"
    domain = source.split("_")[0]
    if source_rank == BACKEND and domain in DOMAINS and target_rank == DOMAIN:
        if target != domain and not (domain in SPOOLING and target == "jobs"):
            return f"a backend of {domain} includes another domain"
    return None


def check_file(root, path):
    name = path.relative_to(root).as_posix()
    is_public = name.startswith("include/rwp/")
    source = component_of(name[len("include/rwp/" if is_public else "src/"):])
    problems = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            kind, included = match.groups()
            target = target_of(kind, included, root, path.parent)
            reason = None
            if target is not None and source is not None:
                reason = why_not(source, component_of(target))
            if is_public and reason is None:
                if kind == '"':
                    reason = "a public header includes a private one"
                elif FOREIGN.match(included):
                    reason = "not in a public header"
                elif JSON.match(included) and name not in JSON_HEADERS:
                    reason = "of JSON only json_fwd.hpp in a public header"
            if reason:
                problems.append(f"{name}:{number}: {included}: {reason}")
        elif ENVIRONMENT.search(line.split("//")[0]) and source != "pods":
            problems.append(f"{name}:{number}: only pods and examples read the environment")
    return problems


def check(root):
    problems = []
    for folder in (root / "include" / "rwp", root / "src"):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".hpp", ".cpp", ".h", ".c"):
                problems += check_file(root, path)
    return problems


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    problems = check(root.resolve())
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
