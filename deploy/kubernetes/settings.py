#!/usr/bin/env python3
"""Asks the programs themselves what they make of the settings that the manifests give them.

usage: settings.py --rwpctl PROGRAM [OVERLAY]...     the overlays, and `compose`; all without an argument
Finds a setting that the program of that image does not know, a value that it refuses, one that it needs and
does not get, a file that no volume brings, and a store that would lie on a pod's own disk.
Exit code 1 with a line for each. Secrets are stand-ins, in the form that the vault's keys are documented.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

import manifests
import policy

ROLES = {"rwp/api": "api", "rwp/worker": "worker", "rwp/ai-processor": "ai",
         "rwp/analytics": "analytics", "rwp/ctl": "ctl"}
STAND_IN = "stand-in-of-32-characters-0123456"
STAND_INS = {
    ("objects-secrets", "url"): "s3://rwp?endpoint=https://s3.example.com&region=eu-central-1",
    ("analytics-secrets", "url"): "ga4:G-0123456789",
}
# A setting that is another one's, where the role has it: without it a pod would keep things to itself.
SHARED = ("RWP_JOBS_URL", "RWP_OBJECTS_URL", "RWP_AI_URL", "RWP_ANALYTICS_URL")
OWN_DISK = ("file:", "sqlite:", "jsonl:")


def made_secrets(documents):
    """What the ExternalSecrets make: the secret's name and its key, to a stand-in."""
    made = {}
    for document in documents:
        if document["kind"] != "ExternalSecret":
            continue
        target = document["spec"]["target"]
        template = target.get("template", {}).get("data")
        keys = template or {entry["secretKey"]: None for entry in document["spec"]["data"]}
        for key, text in keys.items():
            stand_in = STAND_INS.get((target["name"], key), STAND_IN)
            made[target["name"], key] = (re.sub(r"{{.*?}}", STAND_IN, text) if text else stand_in)
    return made


class Program:
    """A container: its role, what it finds in its environment, which of it is its own."""

    def __init__(self, what, role):
        self.what = what
        self.role = role
        self.values = {}
        self.own = set()
        self.problems = []

    def problem(self, text):
        self.problems.append(f"{self.what}: {text}")


def mounted(pod, container, path, made):
    """What a file holds, by the volumes of secrets; None where there is none."""
    for mount in container.get("volumeMounts", []):
        if not path.startswith(mount["mountPath"] + "/"):
            continue
        secret = next((v["secret"] for v in pod["volumes"]
                       if v["name"] == mount["name"] and "secret" in v), None)
        if secret is None:
            continue
        name = path[len(mount["mountPath"]) + 1:]
        items = {item["path"]: item["key"] for item in secret.get("items", [])}
        return made.get((secret["secretName"], items.get(name, None if items else name)))
    return None


def programs_of(name, documents):
    made = made_secrets(documents)
    bundle = policy.Bundle(name, documents)
    for document in bundle.of(*policy.WORKLOADS):
        pod = policy.template_of(document)["spec"]
        for container in pod["containers"]:
            role = ROLES.get(container["image"].split(":")[0])
            if role is None:
                continue
            program = Program(f"{name} {manifests.name_of(document)}", role)
            program.own = {entry["name"] for entry in container.get("env", [])}
            for key, value in policy.environment(bundle, container).items():
                if isinstance(value, dict):
                    ref = value["secretKeyRef"]
                    value = made.get((ref["name"], ref["key"]))
                    if value is None:
                        program.problem(f"nothing makes {ref['name']}/{ref['key']} for {key}")
                        continue
                if key.endswith("_FILE") and key != "RWP_API_KEYS_FILE":
                    value = mounted(pod, container, value, made)
                    if value is None:
                        # The shared settings also name what a pod has no use for.
                        if key in program.own:
                            program.problem(f"{key}: no volume brings that file")
                        continue
                program.values[key] = value
            keys = program.values.get("RWP_API_KEYS_FILE")
            if role in ("api", "ai", "analytics"):
                if keys and mounted(pod, container, keys, made) is None:
                    program.problem("RWP_API_KEYS_FILE: no volume brings that file")
            yield program


def compose_programs():
    path = manifests.HERE.parent / "images/compose.yaml"
    for name, service in yaml.safe_load(path.read_text())["services"].items():
        target = service.get("build", {}).get("target")
        role = ROLES.get(f"rwp/{target}")
        if role is None:
            continue
        program = Program(f"compose {name}", role)
        folders = [volume.split(":")[1] for volume in service.get("volumes", [])]
        # There, all share an environment.
        for key, value in service.get("environment", {}).items():
            shared = any(value.partition(":")[2].startswith(folder) for folder in folders)
            if key.endswith("_FILE"):
                if not any(value.startswith(folder + "/") for folder in folders):
                    program.problem(f"{key}: no volume brings that file")
                if key != "RWP_API_KEYS_FILE":
                    value = STAND_IN
            elif value.startswith(OWN_DISK) and shared:
                value = "s3://a-volume-of-all" if key == "RWP_OBJECTS_URL" else "ga4:G-0123456789"
            program.values[key] = str(value)
        yield program


def effective(rwpctl, role, values):
    """What the program says: its settings by name, or what it finds wrong."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {}
        for key, value in values.items():
            if key.endswith("_FILE") and key != "RWP_API_KEYS_FILE":
                file = pathlib.Path(folder) / key
                file.write_text(value)
                value = str(file)
            environment[key] = value
        command = [rwpctl, "config", "--output", "json"]
        if role != "ctl":
            command += ["--role", role]
        result = subprocess.run(command, env=environment, cwd=folder, text=True, capture_output=True,
                                timeout=60)
    if result.returncode != 0:
        return {}, result.stderr.strip().splitlines()
    return {s["name"]: s for s in json.loads(result.stdout)["settings"]}, []


def known_names(rwpctl):
    """All settings of the roles, by role."""
    needed = {"RWP_API_KEYS_FILE": "/keys"}
    return {role: set(effective(rwpctl, role, needed)[0]) for role in ROLES.values()}


def problems_of(rwpctl, programs):
    known = known_names(rwpctl)
    anybody = set().union(*known.values())
    problems = []
    for program in programs:
        settings, told = effective(rwpctl, program.role, program.values)
        for line in told:
            program.problem(line)
        for name in sorted(program.values):
            plain = name.removesuffix("_FILE") if name not in anybody else name
            allowed = known[program.role] if name in program.own else anybody
            if plain not in allowed:
                program.problem(f"{name} is no setting of its program")
        for name in SHARED if program.role != "ctl" else SHARED[:1]:
            setting = settings.get(name)
            if setting and setting["source"] == "default":
                program.problem(f"{name} must be set: {setting['value']} is each pod's own")
            elif setting and setting["value"].startswith(OWN_DISK):
                program.problem(f"{name}: {setting['value']} is each pod's own")
        problems += program.problems
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rwpctl", required=True, type=os.path.abspath)
    parser.add_argument("overlay", nargs="*")
    arguments = parser.parse_args()

    def judge(name):
        programs = list(compose_programs() if name == "compose" else
                        programs_of(name, manifests.render(manifests.FOLDERS[name])))
        return f"{len(programs)} programs", problems_of(arguments.rwpctl, programs)

    sys.exit(manifests.report(arguments.overlay or [*manifests.FOLDERS, "compose"], judge))


if __name__ == "__main__":
    main()
