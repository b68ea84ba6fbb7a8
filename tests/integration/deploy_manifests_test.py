#!/usr/bin/env python3
"""The manifests of deploy/kubernetes: each overlay builds, validates strictly, gives the programs what they
take, and fits the minimum cluster; and what is wrong with one is found.

usage: deploy_manifests_test.py ROOT RWPCTL
"""

import copy
import io
import contextlib
import pathlib
import sys
import unittest

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
RWPCTL = str(pathlib.Path(sys.argv.pop(1)).resolve())
sys.path.insert(0, str(ROOT / "deploy/kubernetes"))

import manifests
import packing
import settings

RENDERED = {name: manifests.render(folder) for name, folder in manifests.FOLDERS.items()}


def changed(overlay, kind, name, change):
    """The overlay's documents, one of them changed."""
    documents = copy.deepcopy(RENDERED[overlay])
    found = [d for d in documents if (d["kind"], d["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{kind}/{name} of {overlay}"
    change(found[0])
    return documents


def put(path, value):
    """Sets what the path (keys and indexes) leads to."""
    def change(document):
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value
    return change


POD = ["spec", "template", "spec"]
CONTAINER = POD + ["containers", 0]


class SchemaTest(unittest.TestCase):
    def test_every_overlay_validates_strictly(self):
        for name, documents in RENDERED.items():
            self.assertGreater(len(documents), 60)
            for document in documents:
                self.assertEqual(manifests.problems_of(document), [], name)

    def test_optional_files_validate_strictly(self):
        for path in sorted((ROOT / "deploy/kubernetes/optional").glob("*.yaml")):
            if path.name.startswith("old-"):
                continue  # Of an operator that is past its end; nobody has a schema.
            for document in manifests.load(path.read_text()):
                self.assertEqual(manifests.problems_of(document), [], path.name)

    def test_a_planted_typo_is_caught(self):
        for kind, name, change, told in (
                ("Deployment", "api-deployment",
                 put(CONTAINER + ["livenessProbe", "periodSecond"], 3), "periodSecond"),
                ("HorizontalPodAutoscaler", "api-hpa", put(["spec", "maxReplicas"], "10"), "maxReplicas"),
                ("ScaledObject", "worker-scaler", put(["spec", "cooldownPeriodd"], 3), "cooldownPeriodd"),
                ("ServiceMonitor", "api-monitor", put(["spec", "endpoint"], []), "endpoint"),
                ("NetworkPolicy", "default-deny", put(["spec", "policyType"], []), "policyType"),
                ("StatefulSet", "postgres", put(["spec", "replica"], 3), "replica"),
                ("ExternalSecret", "ai-secrets", put(["spec", "refreshIntervall"], "1h"), "refreshIntervall"),
        ):
            problems = [problem for document in changed("base", kind, name, change)
                        for problem in manifests.problems_of(document)]
            self.assertEqual(len(problems), 1, problems)
            self.assertIn(told, problems[0])

    def test_an_unknown_kind_and_a_key_that_stands_twice_are_refused(self):
        document = {"kind": "Deploymentt", "apiVersion": "apps/v1", "metadata": {"name": "x"}}
        self.assertIn("no schema", manifests.problems_of(document)[0])
        with self.assertRaises(Exception):
            manifests.load("a: 1\na: 2\n")


def set_variable(name, value):
    def change(document):
        entries = document["spec"]["template"]["spec"]["containers"][0]["env"]
        entries[:] = [e for e in entries if e["name"] != name]
        if value is not None:
            entries.append({"name": name, "value": value})
    return change


class SettingsTest(unittest.TestCase):
    def test_the_programs_take_what_the_manifests_give_them(self):
        for name, documents in RENDERED.items():
            programs = list(settings.programs_of(name, documents))
            self.assertEqual(len(programs), 6)
            self.assertEqual(settings.problems_of(RWPCTL, programs), [])

    def test_the_programs_take_what_compose_gives_them(self):
        programs = list(settings.compose_programs())
        self.assertEqual({p.role for p in programs}, {"ctl", "api", "worker", "ai", "analytics"})
        self.assertEqual(settings.problems_of(RWPCTL, programs), [])

    def test_what_a_program_would_not_take_is_found(self):
        for name, variable, value, told in (
                ("api", "RWP_HTTP_THREAD", "2", "RWP_HTTP_THREAD is no setting of its program"),
                ("api", "RWP_CONCURRENCY", "2", "RWP_CONCURRENCY is no setting of its program"),
                ("worker", "RWP_CONCURRENCY", "0", "RWP_CONCURRENCY='0': must be"),
                ("ai", "OPENAI_API_KEY", None, "OPENAI_API_KEY: is not set"),
                ("ai", "RWP_AI_FILES", None, "--ai-batch: is for lines of batches"),
                ("ai", "RWP_REDIS_URL_FILE", "/etc/rwp/redis/urls", "no volume brings that file"),
                ("api", "RWP_API_KEYS_FILE", "/etc/rwp/keys", "no volume brings that file"),
                ("api", "RWP_OBJECTS_URL", None, "RWP_OBJECTS_URL must be set"),
                ("worker", "RWP_OBJECTS_URL", "file:/tmp/objects", "is each pod's own"),
        ):
            documents = changed("base", "Deployment", f"{name}-deployment", set_variable(variable, value))
            programs = [p for p in settings.programs_of("base", documents) if p.role == name]
            problems = settings.problems_of(RWPCTL, programs)
            self.assertTrue(any(told in problem for problem in problems), (told, problems))

    def test_a_database_url_that_is_none_is_found(self):
        def change(document):
            data = document["spec"]["target"]["template"]["data"]
            data["jobs-url"] = data["jobs-url"].replace("tiered:", "teired:")
        documents = changed("base", "ExternalSecret", "postgres-app", change)
        programs = [p for p in settings.programs_of("base", documents) if p.role == "api"]
        self.assertTrue(any("RWP_JOBS_URL" in p for p in settings.problems_of(RWPCTL, programs)))


class PackingTest(unittest.TestCase):
    def check(self, name, documents):
        with contextlib.redirect_stdout(io.StringIO()):
            return packing.check(name, documents)

    def test_the_minimum_fits_six_nodes_in_any_order(self):
        for name in ("base", "production"):
            self.assertEqual(self.check(name, RENDERED[name]), [])

    def test_one_core_too_many_is_found(self):
        bigger = changed("base", "Deployment", "worker-deployment",
                         put(CONTAINER + ["resources", "requests", "cpu"], "3"))
        self.assertTrue(any("worker finds no node" in p for p in self.check("base", bigger)))

    def test_a_quota_below_the_maximum_is_found(self):
        small = changed("base", "ResourceQuota", "rwp-quota",
                        put(["spec", "hard", "requests.cpu"], "60"))
        self.assertTrue(any("requests.cpu" in p for p in self.check("base", small)))


if __name__ == "__main__":
    unittest.main()
