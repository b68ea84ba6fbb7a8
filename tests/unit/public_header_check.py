#!/usr/bin/env python3
"""Fails when a public header includes, or names, what its users must not need.

usage: public_header_check.py [SOURCE_ROOT]
"""

import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
FOREIGN_HEADER = re.compile(
    r"^(libpq|libpq-fe\.h|postgres_ext\.h|hiredis/|hiredis\.h|curl/|sqlite3|openssl/|prometheus/|"
    r"spdlog/|fmt/|valijson/)")
FOREIGN_NAME = re.compile(
    r"\b(PGconn|PGresult|redisContext|redisAsyncContext|redisReply|CURL|CURLM|sqlite3|sqlite3_stmt|"
    r"SSL_CTX|EVP_\w+)\b|\b(prometheus|spdlog|valijson)::")
COMMENT = re.compile(r'//.*|"(?:[^"\\]|\\.)*"')
# The whole of json.hpp costs seconds a file: only the opt-in header has it.
JSON = "nlohmann/json.hpp"
JSON_HEADER = "rwp/core/json.hpp"


def problems_in(root):
    include = root / "include"
    for path in sorted(include.rglob("*.hpp")):
        name = path.relative_to(include).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            where = f"include/{name}:{number}"
            found = INCLUDE.match(line)
            if found:
                header = found.group(1)
                if FOREIGN_HEADER.match(header):
                    yield f"{where}: public header includes <{header}>"
                if header == JSON and name != JSON_HEADER:
                    yield f"{where}: only {JSON_HEADER} includes <{JSON}>"
                continue
            named = FOREIGN_NAME.search(COMMENT.sub("", line))
            if named:
                yield f"{where}: public header names {named.group(0)}"


def self_test():
    """Each kind of violation is found, and nothing else."""
    cases = {
        "#include <sqlite3.h>": 1,
        "# include <spdlog/spdlog.h>": 1,
        "#include <nlohmann/json.hpp>": 1,
        "  sqlite3* handle;": 1,
        "  prometheus::Counter& counter;": 1,
        "#include <nlohmann/json_fwd.hpp>": 0,
        "// written by prometheus::TextSerializer": 0,
        "#include <rwp/core/json.hpp>": 0,
        'throw "CURL";': 0,
    }
    for text, expected in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            header = pathlib.Path(folder) / "include/rwp/x/x.hpp"
            header.parent.mkdir(parents=True)
            header.write_text("#pragma once\n" + text + "\n", encoding="utf-8")
            found = list(problems_in(pathlib.Path(folder)))
            if len(found) != expected:
                sys.exit(f"self-test: {text!r} gave {found}")


def main():
    self_test()
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    if root.is_file():
        root = root.parents[2]
    found = list(problems_in(root))
    print("\n".join(found) if found else "public headers: no foreign headers or names")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
