#!/usr/bin/env python3
"""A candidate whom JobAdder gave, forgotten in a deployment's stores: PostgreSQL, Redis, an S3 bucket that
keeps versions, tables of events. All bytes of all of them are searched, and JobAdder still has them.

usage: rwpctl_forget_everywhere_test.py RWPCTL API_POD WORKER_POD SOURCE_ROOT [unittest arguments]
"""

import http.client
import json
import signal
import subprocess
import unittest
import urllib.parse

import postgres_process
import radosgw_process
import redis_program
from pod_process import Pod, clean_environment, wait_for
from rwpctl_process import CTL, DONE, FINDINGS, WORKER, CtlTest, free_port, main

FAKE = CTL.with_name("fake_jobadder")
WHO = "jobadder-6"
OPEN = "ready,running,parked,scheduled"
KINDS = ("jobadder.record", "candidate.parse", "job_ad.enrich", "match.score", "jobadder.write_back",
         "rwp.collect", "rwp.collect.parcel")


@unittest.skipUnless(postgres_process.is_installed() and redis_program.is_installed()
                     and radosgw_process.is_installed() and FAKE.exists(), "a server is not installed")
class ForgetEverywhereTest(CtlTest):
    def setUp(self):
        super().setUp()
        self.database = postgres_process.PostgresProcess(self, self.here)
        self.bucket = radosgw_process.RadosgwProcess(self, self.here)
        self.start_redis()
        (self.here / "secret").write_text(radosgw_process.SECRET)
        redis = f"redis://127.0.0.1:{self.redis_port}"
        self.environment |= {
            "RWP_JOBS_URL": f"tiered:{self.database.url},{redis}/1", "RWP_REDIS_URL": redis,
            "RWP_OBJECTS_URL": self.bucket.url("rwp"), "AWS_ACCESS_KEY_ID": radosgw_process.KEY,
            "AWS_SECRET_ACCESS_KEY_FILE": "secret", "RWP_AI_ARTEFACTS": "true", "RWP_AI_CACHE_MEGABYTES": "8",
            "RWP_ANALYTICS_URL": f"{self.database.url} sqlite:events.db jsonl:events.jsonl"}

    def start_redis(self):
        self.redis_port = free_port()
        redis = subprocess.Popen([redis_program.server(self.here), "--port", str(self.redis_port), "--bind",
                                  "127.0.0.1", "--dir", self.here, "--save", "", "--rdbcompression", "no"],
                                 stdout=subprocess.DEVNULL)
        self.addCleanup(redis.wait)
        self.addCleanup(redis.kill)
        wait_for(lambda: self.redis("PING") == "PONG", "Redis")

    def redis(self, *command):
        return subprocess.run(["redis-cli", "-p", str(self.redis_port), *command], text=True,
                              capture_output=True).stdout.strip()

    def start_jobadder(self):
        fake = subprocess.Popen([FAKE, "--listen", "127.0.0.1:0", "--candidates", "9", "--job-ads", "3",
                                 "--applications", "9"], text=True, stdout=subprocess.PIPE)
        self.addCleanup(fake.stdout.close)
        self.addCleanup(fake.wait)
        self.addCleanup(fake.kill)
        self.jobadder = fake.stdout.readline().split()[-1]
        self.environment |= {
            "RWP_JOBADDER_CLIENT_ID": "fake-client", "RWP_JOBADDER_CLIENT_SECRET": "fake-client-secret",
            "RWP_JOBADDER_AUTH_URL": self.jobadder + "/connect", "RWP_JOBADDER_REQUESTS_PER_MINUTE": "0",
            "RWP_JOBADDER_POLL": "1h", "RWP_JOBADDER_WRITE_BACK": "notes"}

    def ask(self, method, url):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            connection.request(method, f"{parts.path}?{parts.query}")
            answer = connection.getresponse()
            answer.read()
            return answer
        finally:
            connection.close()

    def login(self):
        """As a person with a browser, who approves."""
        login = subprocess.Popen([CTL, "jobadder", "login", "--port", "0", "--timeout", "100s"], cwd=self.here,
                                 text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                 env=clean_environment() | self.environment)
        try:
            address = next(line.strip() for line in login.stderr if line.startswith("http"))
            self.assertLess(self.ask("GET", self.ask("GET", address).headers["Location"]).status, 300)
            _, told = login.communicate(timeout=60)
            self.assertEqual(login.returncode, DONE, told)
        finally:
            login.kill()
            login.communicate()

    def start_worker(self):
        return Pod(self, WORKER, "--listen", "127.0.0.1:0", "--drain-delay", "0ms", cwd=self.here,
                   environment=self.environment)

    def sync(self, *more):
        self.ctl("jobadder", "sync", "--wait", "--timeout", "100s", *more)
        self.settle()

    def settle(self):
        wait_for(lambda: not any(self.json("jobs", "list", "--kind", kind, "--state", OPEN)["jobs"] for kind in KINDS),
                 "the jobs to end", 120)

    def holders(self, *marks):
        """Where any of the marks stands, in whatever the stores hold."""
        held = []

        def look(place, content):
            if any(mark.encode() in content for mark in marks):
                held.append(place)

        dump = subprocess.run([postgres_process.PROGRAMS / "pg_dump", "-h", "127.0.0.1", "-p",
                               str(self.database.port), "-U", "rwp", "postgres"], capture_output=True, check=True)
        table = ""
        for line in dump.stdout.splitlines():
            if line.startswith(b"COPY "):
                table = line.split()[1].decode()
            look(table, line)
        self.assertEqual(self.redis("SAVE"), "OK")
        for key, content in self.bucket.everything():
            look("s3:" + key, key.encode() + content)
        for path in self.here.iterdir():
            if path.is_file():
                look(path.name, path.read_bytes())
        return sorted(set(held))

    def submit(self, payload):
        (self.here / "payload.json").write_text(json.dumps(payload))
        self.ctl("jobs", "submit", "--kind", "candidate.parse", "--max-attempts", "1", "--payload",
                 "@payload.json")
        (self.here / "payload.json").unlink()
        self.settle()

    def rewrite_tables(self):
        """So that PostgreSQL's free space is none, its statistics have no samples, and its pages are on the disk."""
        def done(program, *arguments):
            return subprocess.run([postgres_process.PROGRAMS / program, "-h", "127.0.0.1", "-p",
                                   str(self.database.port), "-U", "rwp", "-q", *arguments, "postgres"]).returncode == 0
        self.assertTrue(done("psql", "-c", "DELETE FROM pg_statistic"))
        # The worker goes on: of a deadlock over the catalogue, the vacuum may be the victim.
        wait_for(lambda: done("vacuumdb", "--full"), "the tables to be written anew", 60)
        self.assertTrue(done("psql", "-c", "CHECKPOINT"))

    def bytes_of_tables(self):
        for path in (self.database.folder / "data/base").rglob("*"):
            try:
                yield path, path.read_bytes()
            except (FileNotFoundError, IsADirectoryError):
                pass  # A server at work removes files.

    def test_nothing_is_left_in_any_store_and_nobody_comes_back(self):
        self.start_jobadder()
        self.login()
        worker = self.start_worker()
        self.sync()
        self.ask("POST", self.jobadder + "/_fake/touch/candidates/6")
        self.sync()
        # Too large for a row; its job fails.
        self.submit({"id": WHO, "text": "Ada6 " * 300_000})
        subject = self.json("forget", "--candidate", WHO, "--dry-run", code=FINDINGS)["summary"]["subject"]
        marks = (WHO, "Ada6", "Sample6", "candidate6@example.com", subject)
        before = self.holders(*marks)
        for place in ("rwp.job", "rwp_events.", "events.db", "events.jsonl", "dump.rdb",
                      f"s3:rwp/candidates/{WHO}.json", f"s3:rwp/uploads/{WHO}/", "s3:rwp/payloads/",
                      f"s3:rwp/ai-results/-/{subject}/"):
            self.assertTrue(any(one.startswith(place) for one in before), (place, before))

        told = self.json("forget", "--candidate", WHO)

        self.assertTrue(told["summary"]["nothing_left"], told)
        self.assertEqual(self.holders(*marks), [f"s3:rwp/forgotten/{subject}.json"])
        self.assertNotEqual(self.holders("jobadder-4", "Sample4"), [])
        self.rewrite_tables()
        for path, content in self.bytes_of_tables():
            self.assertEqual([mark for mark in marks if mark.encode() in content], [], path)

        # JobAdder still tells of them, and of a new version.
        self.ask("POST", self.jobadder + "/_fake/touch/candidates/6")
        self.sync("--full")
        self.assertEqual(self.holders(*marks[:4]), [])
        self.assertEqual(worker.end(signal.SIGTERM), 0)

    def test_versions_that_a_bucket_keeps_go_as_well(self):
        self.bucket.keep_versions()
        self.environment["RWP_JOBS_URL"] = self.database.url
        worker = self.start_worker()
        cv = "Ada6 Sample6, registered nurse, candidate6@example.com. Ward of Leeds General, 2016 - 2024."
        for year in (2023, 2024, 2025):
            self.submit({"id": WHO, "text": cv, "as_of": f"{year}-06-30"})
        subject = self.json("forget", "--candidate", WHO, "--dry-run", code=FINDINGS)["summary"]["subject"]
        # Removed already, as anybody does it who does not know of versions.
        self.bucket.ask("DELETE", f"rwp/candidates/{WHO}.json")
        kept = [key for key, content in self.bucket.everything() if b"Ada6" in content]
        self.assertEqual(kept.count(f"rwp/candidates/{WHO}.json"), 3, kept)
        self.assertGreater(len(kept), 5)

        told = self.json("forget", "--candidate", WHO)

        self.assertTrue(told["summary"]["nothing_left"], told)
        self.assertEqual(self.holders(WHO, "Ada6", "Sample6", "candidate6@example.com", subject),
                         [f"s3:rwp/forgotten/{subject}.json"])
        self.assertEqual(worker.end(signal.SIGTERM), 0)


if __name__ == "__main__":
    main()
