#!/usr/bin/env python3
"""Runs the standalone program as its users do.

usage: standalone_test.py PROGRAM SOURCE_ROOT [unittest arguments]
"""

import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

from pod_process import Pod, wait_for

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(sys.argv[2]).resolve()
SAMPLE = ROOT / "examples/data/job_ads.jsonl"


class StandaloneTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rwp-standalone-")
        self.addCleanup(self.folder.cleanup)
        self.here = pathlib.Path(self.folder.name)
        self.data = self.here / "rwp-data"

    def run_it(self, *arguments, **environment):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RWP_", "OPENAI_"))}
        return subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.here, text=True, timeout=100,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              env=clean | environment)

    def write(self, name, content):
        path = self.here / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def one_line(self, result, code):
        """The program ended with this code and one line that says why."""
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        lines = result.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("standalone: "), lines[0])
        return lines[0]

    def objects(self, folder):
        return sorted((self.data / "objects" / folder).glob("*"))


class RunTest(StandaloneTest):
    def test_sample_becomes_records_events_and_a_report(self):
        result = self.run_it("--input", SAMPLE)

        self.assertEqual(result.returncode, 0, result.stderr)
        ads = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
        records = [json.loads(path.read_text()) for path in self.objects("enriched")]
        self.assertEqual({r["ad"]["id"] for r in records}, {ad["id"] for ad in ads})
        for record in records:
            self.assertEqual(record["enriched"]["provenance"]["model"], "rwp-local")
            self.assertTrue(record["enriched"]["summary"])
        events = [json.loads(line) for line in (self.data / "events.jsonl").read_text().splitlines()]
        self.assertEqual({e["name"] for e in events}, {"job_ad_enriched"})
        self.assertEqual(len({e["id"] for e in events}), len(ads))
        self.assertEqual((self.data / "rejects.jsonl").read_text(), "")
        reports = self.objects("reports")
        self.assertEqual(len(reports), 1)
        self.assertIn(str(reports[0].relative_to(self.here)), result.stdout)
        page = reports[0].read_text()
        self.assertEqual(page.count('<details class="ad"'), len(ads))
        self.assertNotIn("http://", page)
        self.assertNotIn("https://", page)

    def test_running_it_again_enriches_nothing_twice(self):
        first = self.run_it("--input", SAMPLE)
        again = self.run_it("--input", SAMPLE)

        self.assertEqual((first.returncode, again.returncode), (0, 0), again.stderr)
        ads = len(SAMPLE.read_text().splitlines())
        events = (self.data / "events.jsonl").read_text().splitlines()
        self.assertEqual(len(events), ads)
        self.assertEqual(len(self.objects("reports")), 1)

    def test_run_with_a_name_of_its_own_enriches_anew(self):
        self.run_it("--input", SAMPLE)
        self.run_it("--input", SAMPLE, "--run", "again")

        ads = len(SAMPLE.read_text().splitlines())
        events = (self.data / "events.jsonl").read_text().splitlines()
        self.assertEqual(len(events), 2 * ads)
        self.assertTrue((self.data / "objects/reports/again.html").exists())

    def test_csv_gives_the_same_records_as_json_lines(self):
        self.run_it("--input", ROOT / "examples/data/job_ads.csv")
        of_csv = {path.name: path.read_text() for path in self.objects("enriched")}
        self.run_it("--input", SAMPLE, "--run", "json")

        self.assertGreater(len(of_csv), 5)
        for name, text in of_csv.items():
            other = (self.data / "objects/enriched" / name).read_text()
            self.assertEqual(json.loads(text)["enriched"], json.loads(other)["enriched"], name)

    def test_bad_lines_are_reported_and_the_rest_goes_on(self):
        good = SAMPLE.read_text().splitlines()[:3]
        path = self.write("mixed.jsonl", "\n".join(
            [good[0], '{"id": "broken', good[1], '{"id": "empty", "title": ""}', good[1], "[]",
             good[2], '{"id": "../../evil", "title": "T", "description": "D"}']) + "\n")

        result = self.run_it("--input", path)

        self.assertEqual(result.returncode, 0, result.stderr)
        rejects = [json.loads(l) for l in (self.data / "rejects.jsonl").read_text().splitlines()]
        self.assertEqual([r["line"] for r in rejects], [2, 4, 5, 6])
        self.assertEqual(rejects[1]["id"], "empty")
        self.assertTrue(all(r["reason"] for r in rejects))
        self.assertEqual(len(self.objects("enriched")), 4)
        self.assertEqual({p.name for p in self.here.iterdir()}, {"mixed.jsonl", "rwp-data"})

    def test_first_sigterm_drains_and_the_next_run_continues(self):
        big = self.write("big.jsonl", "".join(
            json.dumps(json.loads(line) | {"id": f"{n}-{i}"}) + "\n"
            for n in range(20) for i, line in enumerate(SAMPLE.read_text().splitlines())))
        process = subprocess.Popen([PROGRAM, "--input", big], cwd=self.here, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        deadline = time.monotonic() + 60
        while not self.objects("enriched") and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=60)
        again = self.run_it("--input", big)

        # A machine that is quicker than this test has finished before the signal.
        self.assertIn(code, (0, 1))
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(len(self.objects("enriched")), 20 * len(SAMPLE.read_text().splitlines()))

    def test_without_input_it_works_until_it_is_told_to_stop(self):
        process = subprocess.Popen([PROGRAM], cwd=self.here, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.assertIn("working on sqlite:", process.stderr.readline())
        other = self.run_it("--input", SAMPLE)  # A second process on the same file.
        process.send_signal(signal.SIGINT)

        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(other.returncode, 0, other.stderr)


class ServeTest(StandaloneTest):
    def test_all_routes_are_served_on_one_port_beside_the_worker(self):
        pod = Pod(self, PROGRAM, "--listen", "127.0.0.1:0", "--allow-anonymous", "--drain-delay",
                  "0ms", cwd=self.here)
        ad = json.loads(SAMPLE.read_text().splitlines()[0])

        self.assertEqual(pod.ask("GET", "/ready").json()["status"], "ready")
        made = pod.ask("POST", "/v1/jobs?wait=30s", {"kind": "job_ad.enrich", "payload": ad})
        self.assertEqual((made.status, made.json()["state"]), (201, "succeeded"), made.body)
        self.assertEqual(pod.ask("GET", "/v1/models").json()["data"][0]["id"], "rwp-local")
        chat = pod.ask("POST", "/v1/chat/completions", {
            "model": "rwp-local", "messages": [{"role": "user", "content": ad["description"]}]})
        self.assertEqual(chat.status, 200, chat.body)
        sent = pod.ask("POST", "/mp/collect?measurement_id=G-TEST123456&api_secret=anything",
                       {"client_id": "1.2", "events": [{"name": "seen"}]})
        self.assertEqual(sent.status, 204, sent.body)
        events = self.data / "events.jsonl"
        wait_for(lambda: events.exists() and '"seen"' in events.read_text(), "the event")
        self.assertEqual(pod.end(signal.SIGTERM), 0)

    def test_port_in_use_is_one_line(self):
        pod = Pod(self, PROGRAM, "--listen", "127.0.0.1:0", "--allow-anonymous", cwd=self.here)
        line = self.one_line(self.run_it("--listen", f"127.0.0.1:{pod.port}", "--allow-anonymous"), 1)
        self.assertIn(str(pod.port), line)


class BadInputTest(StandaloneTest):
    def test_all_bad_settings_are_told_at_once(self):
        result = self.run_it("--concurrency", "lots", "--nonsense", RWP_LOG_FORMAT="xml",
                             RWP_JOBS_URL="oracle:x", OPENAI_API_KEY="bad key")

        self.assertEqual(result.returncode, 2)
        lines = result.stderr.strip().splitlines()
        self.assertEqual(len(lines), 5, result.stderr)
        self.assertNotIn("bad key", result.stderr)
        self.assertFalse(self.data.exists())

    def test_unknown_scheme_names_those_that_are_there(self):
        line = self.one_line(self.run_it("--jobs-url", "oracle:jobs"), 2)
        self.assertIn("sqlite:", line)

    def test_input_that_is_not_there(self):
        self.assertIn("nowhere.jsonl", self.one_line(self.run_it("--input", "nowhere.jsonl"), 2))

    def test_input_that_is_no_text(self):
        path = self.write("ads.jsonl", b"\xff\xfe{\x00}\x00")
        self.assertIn("iconv", self.one_line(self.run_it("--input", path), 2))

    def test_csv_without_the_columns(self):
        path = self.write("ads.csv", "a,b\n1,2\n")
        self.assertIn("title", self.one_line(self.run_it("--input", path), 2))

    def test_job_store_that_is_no_database(self):
        self.data.mkdir()
        (self.data / "jobs.db").write_bytes(b"not a database, but long enough to be read" * 100)
        line = self.one_line(self.run_it("--input", SAMPLE), 1)
        self.assertIn("jobs.db", line)
        self.assertIn("--data-dir", line)

    def test_database_of_somebody_else(self):
        self.data.mkdir()
        with sqlite3.connect(self.data / "jobs.db") as database:
            database.execute("CREATE TABLE customers (name TEXT)")
        database.close()
        line = self.one_line(self.run_it("--input", SAMPLE), 1)
        self.assertIn("jobs.db", line)
        with sqlite3.connect(self.data / "jobs.db") as database:
            tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master")]
        database.close()
        self.assertEqual(tables, ["customers"])

    def test_data_directory_that_cannot_be_made(self):
        self.write("file", "")
        line = self.one_line(self.run_it("--input", SAMPLE, "--data-dir", "file/sub"), 1)
        self.assertIn("file/sub", line)

    def test_full_disk_ends_with_one_line_and_loses_nothing(self):
        full = self.run_it("--input", SAMPLE, "--progress", "none", "--jobs-url",
                           f"sqlite:{self.data}/jobs.db?max_pages=60")
        line = self.one_line(full, 1)
        self.assertIn("free space", line)
        again = self.run_it("--input", SAMPLE)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(len(self.objects("enriched")), len(SAMPLE.read_text().splitlines()))

    def test_object_store_that_cannot_be_written_ends_the_run(self):
        self.data.mkdir()
        (self.data / "objects").mkdir()
        (self.data / "objects/enriched").symlink_to(self.here)
        line = self.one_line(self.run_it("--input", SAMPLE, "--progress", "none"), 1)
        self.assertIn("object store", line)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
