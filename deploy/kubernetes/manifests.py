#!/usr/bin/env python3
"""Renders the overlays with kubectl and validates what comes out against strict schemas.

usage: manifests.py [OVERLAY]...     `base`, `dev`, `staging`, `production`; all without an argument
Exit code 1 when a document is invalid or of a kind that has no schema here.
Needs kubectl (1.20 or later) and Debian's python3-yaml and python3-jsonschema.
"""

import functools
import json
import os
import pathlib
import subprocess
import sys

import jsonschema
import yaml

HERE = pathlib.Path(__file__).resolve().parent
FOLDERS = {"base": HERE / "base"} | {
    name: HERE / "overlays" / name for name in ("dev", "staging", "production")}


class StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Refuses a key that stands twice, of which YAML would keep the last."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load(text):
    return [document for document in yaml.load_all(text, StrictLoader) if document]


def render(folder):
    """The documents of an overlay, as kubectl builds them."""
    kubectl = os.environ.get("KUBECTL", "kubectl")
    result = subprocess.run([kubectl, "kustomize", str(folder)], text=True, capture_output=True,
                            timeout=120)
    if result.returncode != 0:
        raise RuntimeError(f"kubectl kustomize {folder}: {result.stderr.strip()}")
    return load(result.stdout)


def name_of(document):
    return f"{document.get('kind')}/{(document.get('metadata') or {}).get('name')}"


@functools.lru_cache(maxsize=None)
def validator(name):
    path = HERE / "schemas" / name
    if not path.exists():
        return None
    return jsonschema.Draft7Validator(json.loads(path.read_text()))


def problems_of(document):
    """What is wrong with a document, by the schema of its kind."""
    parts = [str(document.get("kind", "")).lower(), *str(document.get("apiVersion", "")).split("/")]
    schema = validator("_".join(parts) + ".json")
    if schema is None:
        return [f"{name_of(document)}: no schema of {document.get('apiVersion')}"]
    return [f"{name_of(document)}: /{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error in sorted(schema.iter_errors(document), key=str)]


def report(names, judge):
    """Prints what `judge` answers of each, a number of things and their problems; 1: there are some."""
    failed = False
    for name in names:
        judged, problems = judge(name)
        print(f"{name}: {judged}, {len(problems)} problems")
        for problem in problems:
            print(f"  {problem}")
        failed = failed or bool(problems)
    return 1 if failed else 0


def judge_overlay(name):
    documents = render(FOLDERS[name])
    return f"{len(documents)} documents", [problem for document in documents for problem in problems_of(document)]


if __name__ == "__main__":
    sys.exit(report(sys.argv[1:] or FOLDERS, judge_overlay))
