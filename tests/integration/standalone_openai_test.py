#!/usr/bin/env python3
"""The sample adverts through an OpenAI-compatible service that often fails: all end well.

usage: standalone_openai_test.py STANDALONE FAKE_OPENAI SOURCE_ROOT
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.request

STANDALONE, FAKE, ROOT = sys.argv[1:4]
ADVERTS = pathlib.Path(ROOT) / "examples/data/job_ads.jsonl"
KEY = "sk-test-key-of-nobody"


class StandaloneOpenAiTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def serve(self, *flags):
        fake = subprocess.Popen([FAKE, "--listen", "127.0.0.1:0", "--key", KEY, *flags],
                                stdout=subprocess.PIPE, text=True)
        self.addCleanup(fake.stdout.close)
        self.addCleanup(fake.wait)
        self.addCleanup(fake.terminate)
        line = fake.stdout.readline()
        self.assertIn("serving", line)
        return line.split()[-1]

    def enrich(self, url, key=KEY, data="data"):
        environment = {"PATH": os.environ["PATH"], "RWP_AI_API_KEY": key}
        return subprocess.run(
            [STANDALONE, "--input", str(ADVERTS), "--ai-url", url, "--progress", "none",
             "--data-dir", os.path.join(self.folder.name, data)],
            env=environment, capture_output=True, text=True, timeout=240, check=False)

    def counts(self, url):
        with urllib.request.urlopen(url.replace("/v1", "/_fake/requests"), timeout=10) as answer:
            return json.load(answer)

    def records(self, data="data"):
        folder = pathlib.Path(self.folder.name) / data / "objects/enriched"
        return [json.loads(file.read_text()) for file in folder.glob("*.json")]

    def test_every_advert_ends_well_whatever_fails_on_the_way(self):
        url = self.serve("--every", "rate_limit:50=7", "--every", "server_error=11", "--every",
                         "cut=13", "--every", "malformed=17", "--every", "misfit=19")

        ended = self.enrich(url)

        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        records = self.records()
        self.assertEqual(len(records), 72)
        for record in records:
            self.assertEqual(record["enriched"]["provenance"]["model"], "fake-gpt")
            self.assertTrue(record["enriched"]["summary"])
        faults = self.counts(url)["by_fault"]
        for fault in ("rate_limit", "server_error", "cut", "malformed", "misfit"):
            self.assertGreater(faults.get(fault, 0), 0, fault)

    def test_one_call_an_advert_when_nothing_fails_and_none_when_it_is_known(self):
        url = self.serve()

        self.assertEqual(self.enrich(url).returncode, 0)
        self.assertEqual(self.enrich(url).returncode, 0)

        self.assertEqual(self.counts(url)["requests"], 72)

    def test_wrong_key_is_one_reason_and_stands_nowhere(self):
        url = self.serve()

        ended = self.enrich(url, key="sk-wrong-and-secret")

        self.assertEqual(ended.returncode, 1)
        self.assertIn("72 × ", ended.stdout)
        self.assertIn("invalid_api_key", ended.stdout)
        self.assertNotIn("wrong-and-secret", ended.stdout + ended.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
