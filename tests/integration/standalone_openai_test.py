#!/usr/bin/env python3
"""The sample adverts through an OpenAI-compatible service that often fails: all end well.

usage: standalone_openai_test.py STANDALONE FAKE_OPENAI SOURCE_ROOT
"""

import http.server
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

from pod_process import Pod, wait_for

STANDALONE, FAKE, ROOT = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
ADVERTS = pathlib.Path(ROOT) / "examples/data/job_ads.jsonl"
KEY = "sk-test-key-of-nobody"


class Between:
    """Stands before a server: notes each `traceparent`, and refuses some POSTs."""

    def __init__(self, url, refusal):
        self.traces = []
        numbers = itertools.count(1)
        traces = self.traces

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.pass_on(0, None)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                traces.append(self.headers.get("traceparent", "none"))
                self.pass_on(refusal(next(numbers)), body)

            def pass_on(self, status, body):
                answer = b"{}"
                if not status:
                    request = urllib.request.Request(
                        url + self.path.removeprefix("/v1"), body,
                        {name: self.headers[name] for name in ("Authorization", "Content-Type")
                         if name in self.headers})
                    with urllib.request.urlopen(request, timeout=60) as answered:
                        status, answer = answered.status, answered.read()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


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
                         "cut=13", "--every", "malformed=17", "--every", "misfit=61")
        # One misfit in all: an advert whose repair came to be another one would fail, and rightly so.

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

        for _ in range(2):
            ended = self.enrich(url)
            self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)

        self.assertEqual(self.counts(url)["requests"], 72)

    def one_line(self, ended):
        self.assertEqual(ended.returncode, 1, ended.stdout + ended.stderr)
        lines = ended.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, ended.stderr)
        return lines[0]

    def test_wrong_key_ends_the_run_with_one_line_and_a_right_one_continues_it(self):
        url = self.serve()

        line = self.one_line(self.enrich(url, key="sk-wrong-and-secret"))

        self.assertTrue(line.startswith(f"standalone: model {url}: "), line)
        self.assertIn("invalid_api_key", line)
        self.assertIn("check the key", line)
        self.assertNotIn("wrong-and-secret", line)
        self.assertLess(self.counts(url)["requests"], 72)
        self.assertEqual(self.enrich(url).returncode, 0)
        self.assertEqual(len(self.records()), 72)

    def test_model_that_is_not_there_ends_the_run_after_a_minute(self):
        begun = time.monotonic()

        line = self.one_line(self.enrich("http://127.0.0.1:1/v1"))

        self.assertTrue(line.startswith("standalone: model http://127.0.0.1:1/v1: "), line)
        self.assertIn("--ai-url", line)
        self.assertGreater(time.monotonic() - begun, 50)
        self.assertLess(time.monotonic() - begun, 110)

    def test_one_advert_that_is_forbidden_does_not_end_the_run(self):
        url = self.serve()

        with Between(url, lambda number: 403 if number == 3 else 0) as between:
            ended = self.enrich(between.url)

        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertIn("1 × ", ended.stdout, ended.stderr)
        self.assertEqual(len(self.records()), 71)

    def test_trace_of_a_job_reaches_the_model(self):
        url = self.serve()
        trace = "0af7651916cd43dd8448eb211c80319c"
        with Between(url, lambda number: 0) as between:
            pod = Pod(self, STANDALONE, "--listen", "127.0.0.1:0", "--allow-anonymous",
                      "--drain-delay", "0ms", "--ai-url", between.url, cwd=self.folder.name,
                      environment={"RWP_AI_API_KEY": KEY})
            ad = json.loads(ADVERTS.read_text().splitlines()[0])
            posted = pod.ask("POST", "/v1/jobs", {"kind": "job_ad.enrich", "queue": "ads", "payload": ad},
                             headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
            self.assertEqual(posted.status, 201, posted.body)
            asked = pod.ask("POST", "/v1/chat/completions",
                            {"model": "fake-gpt", "messages": [{"role": "user", "content": "Hi"}]},
                            headers={"traceparent": f"00-{trace[::-1]}-b7ad6b7169203331-01"})
            self.assertEqual(asked.status, 200, asked.body)
            wait_for(lambda: len(between.traces) >= 2, "two calls of the model")

        self.assertEqual({seen.split("-")[1] for seen in between.traces}, {trace, trace[::-1]})
        self.assertNotIn("b7ad6b7169203331", "".join(between.traces))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
