#!/usr/bin/env python3
"""Fails when a file includes what stands above or beside it, with file:line for each.

usage: check_layering.py [SOURCE_ROOT] | --self-test

The order of the components is docs/architecture.md's:

    core < observability < net and its drivers < domains < backends, recruitment < rwp < pods
         < examples, bindings

Also: only pods and examples read the environment, private headers under src/ stay in their
component (but src/net's and src/core's, which backends share), and nothing includes testing.
"""

import pathlib
import re
import sys
import tempfile

DOMAINS = ["jobs", "ai", "analytics", "storage", "jobadder", "server", "documents"]
# A backend and the domains it includes.
BACKENDS = {
    "jobs_sqlite": ["jobs"],
    "jobs_postgres": ["jobs"],
    "jobs_tiered": ["jobs"],
    "storage_memory": ["storage"],
    "storage_file": ["storage"],
    "storage_s3": ["storage"],
    "ai_openai": ["ai"],
    "ai_batch": ["ai", "jobs"],
    "ai_local": ["ai"],
    "ai_redis": ["ai"],
    "analytics_jsonl": ["analytics"],
    "analytics_ga4": ["analytics"],
    "analytics_sqlite": ["analytics"],
    "analytics_postgres": ["analytics"],
    "analytics_spool": ["analytics", "jobs"],
    "recruitment": ["ai", "documents", "jobs"],
}
LIBRARY = ["core", "observability", "net", *DOMAINS, *BACKENDS]


def allowed_table():
    base = ["core", "observability", "net"]
    table = {"core": [], "observability": ["core"], "net": ["core", "observability"]}
    for domain in DOMAINS:
        # ai and analytics spool through the jobs interface.
        table[domain] = base + (["jobs"] if domain in ("ai", "analytics") else [])
    for backend, domains in BACKENDS.items():
        extra = {beyond for domain in domains for beyond in table[domain]}
        table[backend] = sorted({*domains, *extra})
    table["rwp"] = LIBRARY
    table["testing"] = LIBRARY + ["rwp"]
    table["pods"] = LIBRARY + ["rwp"]
    table["examples"] = table["bindings"] = LIBRARY + ["rwp", "pods", "testing"]
    return {name: set(lower) | {name} for name, lower in table.items()}


ALLOWED = allowed_table()
READS_ENVIRONMENT = {"pods", "examples"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ENVIRONMENT = re.compile(r"\b(?:getenv|secure_getenv|environ)\b")
NOT_CODE = re.compile(r'//.*|"(?:[^"\\]|\\.)*"')
SUFFIXES = {".hpp", ".h", ".cpp", ".cc", ".c", ".ipp"}
# The component "rwp" has no folder of its own under include/rwp.
TOP_HEADERS = {"rwp.hpp": "rwp", "builtin_schemes.hpp": "rwp"}


def component_of(path):
    """The component of a path relative to the root; None where there is none, "" unknown."""
    parts = path.parts
    if parts[0] in ("examples", "bindings"):
        return parts[0]
    if parts[:2] == ("include", "rwp"):
        return TOP_HEADERS.get(parts[2], "") if len(parts) == 3 else whole(parts[2])
    if parts[0] == "src":
        return whole(parts[1]) if len(parts) > 2 else None
    return None


def whole(folder):
    """testing comes in parts, so that a user links only what his tests need."""
    return "testing" if folder.startswith("testing_") else folder


def included(root, source, quote, header):
    """The path, relative to the root, of a header of this project; None for a foreign one."""
    if header.startswith("rwp/"):
        return pathlib.Path("include") / header
    if quote == "<":
        return None
    # Beside the file, as the compiler looks first, else from src/.
    for folder in (source.parent, root / "src"):
        candidate = (folder / header).resolve()
        if candidate.is_file() and candidate.is_relative_to(root):
            return candidate.relative_to(root)
    return None


def refusal(own, target):
    """Why `own` may not include the project's header `target`; None when it may."""
    other = component_of(target)
    if other is None:
        return f"includes {target.as_posix()}, which is in no component"
    if other not in ALLOWED:
        return f"includes component {other or target.name!r}, which is not in the table"
    if other not in ALLOWED[own]:
        return f"component {own} must not include {other}"
    if target.parts[0] == "src" and other != own:
        # Drivers of databases and HTTP, and core's on files, are shared by the backends above them;
        # the latter by pods, too, which keep files of their own (API keys).
        shared = ("net", "core") if own in BACKENDS else ("core",) if own == "pods" else ()
        if other not in shared:
            return f"component {own} must not include a private header of {other}"
    return None


def problems_in_file(root, path):
    relative = path.relative_to(root)
    own = component_of(relative)
    if own is None:
        return
    if own not in ALLOWED:
        yield f"{relative.as_posix()}:1: component {own or relative.name!r} is not in the table"
        return
    in_comment = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{relative.as_posix()}:{number}"
        if in_comment:
            if "*/" not in line:
                continue
            line = line.split("*/", 1)[1]
            in_comment = False
        found = INCLUDE.match(line)
        if found:
            target = included(root, path, *found.groups())
            reason = refusal(own, target) if target else None
            if reason:
                yield f"{where}: {reason} ({found.group(2)})"
            continue
        code = re.sub(r"/\*.*?\*/", "", NOT_CODE.sub("", line))
        if "/*" in code:
            code = code.split("/*", 1)[0]
            in_comment = True
        if own not in READS_ENVIRONMENT and ENVIRONMENT.search(code):
            yield f"{where}: only pods and examples read the environment"


def check(root):
    root = root.resolve()
    found = []
    for top in ("include/rwp", "src", "examples", "bindings"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                found.extend(problems_in_file(root, path))
    return found


def self_test():
    """One violation of each kind is found; what is allowed is not."""
    headers = [
        "include/rwp/rwp.hpp", "include/rwp/builtin_schemes.hpp", "src/net/sqlite/database.hpp",
        "src/core/private.hpp", "src/jobs_sqlite/schema.hpp",
    ] + [f"include/rwp/{name}/x.hpp" for name in ALLOWED if name not in
         ("rwp", "examples", "bindings")]
    # File, its text, and the line that is refused (0: none).
    cases = [
        ("src/core/a.cpp", "\n#include <rwp/observability/x.hpp>", 2),      # Upward.
        ("include/rwp/jobs/a.hpp", "#include <rwp/storage/x.hpp>", 1),      # Sideways.
        ("src/jobs/a.cpp", "#include <rwp/ai/x.hpp>", 1),
        ("src/net/a.cpp", "#include <rwp/jobs/x.hpp>", 1),
        ("src/ai/a.cpp", "#include <rwp/ai_local/x.hpp>", 1),               # Upward to a backend.
        ("src/jobs_tiered/a.cpp", "#include <rwp/jobs_postgres/x.hpp>", 1),  # Between backends.
        ("src/storage_file/a.cpp", "#include <rwp/jobs/x.hpp>", 1),         # Not its interface.
        ("src/recruitment/a.cpp", "#include <rwp/ai_local/x.hpp>", 1),
        ("src/recruitment/a.cpp", "#include <rwp/storage/x.hpp>", 1),
        ("src/jobs_sqlite/a.cpp", "#include <rwp/rwp.hpp>", 1),
        ("src/rwp/a.cpp", "#include <rwp/pods/x.hpp>", 1),
        ("src/rwp/a.cpp", "#include <rwp/testing/x.hpp>", 1),
        ("src/pods/a.cpp", "#include <rwp/testing/x.hpp>", 1),
        ("include/rwp/testing/a.hpp", "#include <rwp/pods/x.hpp>", 1),
        ("src/jobs/a.cpp", '#include "core/private.hpp"', 1),               # Private headers.
        ("src/jobs/a.cpp", '#include "../core/private.hpp"', 1),
        ("src/jobs/a.cpp", '#include "net/sqlite/database.hpp"', 1),
        ("src/pods/a.cpp", '#include "jobs_sqlite/schema.hpp"', 1),
        ("src/jobs/a.cpp", 'int n;\nauto* v = std::getenv("HOME");', 2),     # The environment.
        ("src/net/a.cpp", 'auto* v = secure_getenv("HOME");', 1),
        ("bindings/python/a.cpp", 'auto* v = getenv("HOME");', 1),
        ("src/new_part/a.cpp", "#include <rwp/core/x.hpp>", 1),             # Not in the table.
        ("include/rwp/stray.hpp", "int n;", 1),
        ("src/core/a.cpp", "#include <rwp/absent/x.hpp>", 1),
        ("src/observability/a.cpp", "#include <rwp/core/x.hpp>", 0),
        ("src/core/a.cpp", '#include "private.hpp"\n#include "core/private.hpp"', 0),
        ("src/ai/a.cpp", "#include <rwp/jobs/x.hpp>\n#include <rwp/net/x.hpp>", 0),
        ("src/analytics/a.cpp", "#include <rwp/jobs/x.hpp>", 0),
        ("src/jobs_sqlite/a.cpp", '#include <rwp/jobs/x.hpp>\n#include "net/sqlite/database.hpp"', 0),
        ("src/storage_file/a.cpp", '#include "core/private.hpp"', 0),
        ("src/recruitment/a.cpp", "#include <rwp/ai/x.hpp>\n#include <rwp/jobs/x.hpp>", 0),
        ("src/rwp/a.cpp", "#include <rwp/jobs_sqlite/x.hpp>\n#include <rwp/rwp.hpp>", 0),
        ("src/pods/a.cpp", '#include <rwp/rwp.hpp>\nauto* v = getenv("HOME");', 0),
        ("examples/standalone/main.cpp", "#include <rwp/pods/x.hpp>\nauto* v = getenv(a);", 0),
        ("include/rwp/testing/a.hpp", "#include <rwp/jobs/x.hpp>", 0),
        ("src/testing_ai/a.cpp", "#include <rwp/testing/x.hpp>\n#include <rwp/ai/x.hpp>", 0),
        ("src/testing_ai/a.cpp", "#include <rwp/pods/x.hpp>", 1),
        ("src/jobs/a.cpp", '// getenv\n/* getenv\n getenv */\nauto* v = "getenv";', 0),
        ("src/jobs/a.cpp", "#include <vector>\n#include <sqlite3.h>", 0),
    ]
    for file, text, line in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder).resolve()
            for name in [*headers, file]:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text("#pragma once\n", encoding="utf-8")
            (root / file).write_text(text + "\n", encoding="utf-8")
            found = check(root)
            expected = [f"{file}:{line}:"] if line else []
            if [problem.split(" ", 1)[0] for problem in found] != expected:
                sys.exit(f"self-test: {file} with {text!r} gave {found}")
    print(f"self-test: {len(cases)} cases as expected")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    default = pathlib.Path(__file__).resolve().parents[1]
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    if not (root / "include/rwp/core").is_dir():
        print(f"{root} is not the root of the sources", file=sys.stderr)
        return 2
    found = check(root)
    print("\n".join(found) if found else "layering: no upward or sideways include")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
