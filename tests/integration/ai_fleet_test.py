#!/usr/bin/env python3
"""Two ai_pods that share their limits, cache and flights by Redis, and two worker_pods that ask
them; a pod and a worker are killed in the middle.

The large one, which uses up its limit and tells figures, is benchmarks/ai_fleet.py.

usage: ai_fleet_test.py AI_POD WORKER_POD RWPCTL FAKE_OPENAI SAMPLE
"""

import http.client
import json
import pathlib
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest

import logged_pod
import redis_program

AI_POD, WORKER, CTL, FAKE, SAMPLE = (pathlib.Path(a).resolve() for a in sys.argv[1:6])
DISTINCT, JOBS = 48, 72
CONCURRENCY = 6
GUARD = 120


def start_redis(test, folder):
    for _ in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen(
            [redis_program.server(folder), "--bind", "127.0.0.1", "--port", str(port), "--save", "",
             "--dir", str(folder)], stdout=subprocess.DEVNULL)
        test.addCleanup(server.wait)
        test.addCleanup(server.kill)

        def answers():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return server.poll() is not None
        logged_pod.wait_for(answers)
        if server.poll() is None:
            return f"redis://127.0.0.1:{port}"
    raise AssertionError("redis-server does not come up")


class FleetTest(unittest.TestCase):
    def setUp(self):
        if not redis_program.is_installed():
            self.skipTest("redis-server is not installed")
        folder = tempfile.TemporaryDirectory(prefix="rwp-fleet-")
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)
        fake = subprocess.Popen(
            [FAKE, "--listen", "127.0.0.1:0", "--model", "gpt-4.1-mini", "--requests-per-minute",
             "600"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(fake.stdout.close)
        self.addCleanup(fake.wait)
        self.addCleanup(fake.kill)
        self.fake_url = re.search(r"http://\S+/v1", fake.stdout.readline()).group(0)
        self.redis = start_redis(self, self.here)
        self.jobs = f"sqlite:{self.here}/jobs.db"

    def fake(self, path):
        port = int(re.search(r":(\d+)/", self.fake_url).group(1))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GUARD)
        try:
            connection.request("GET", path)
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def pod(self):
        # What the service allows they hear from it, and share.
        return logged_pod.start(
            self, AI_POD, self.here, "--allow-anonymous", "--ai-url", self.fake_url, "--ai-model",
            "gpt-4.1-mini", "--redis-url", self.redis, "--ai-cache-megabytes", "16", "--drain-delay", "0s")

    def worker(self, first, second):
        return logged_pod.start(
            self, WORKER, self.here, "--jobs-url", self.jobs, "--ai-url", first.url + "/v1",
            "--ai-fallback-url", second.url + "/v1", "--ai-model", "gpt-4.1-mini", "--concurrency",
            str(CONCURRENCY), "--drain-delay", "0s")

    def ended(self):
        try:
            with sqlite3.connect(f"file:{self.here}/jobs.db?mode=ro", uri=True) as database:
                return dict(database.execute(
                    """SELECT ended.state, count(*) FROM ended JOIN job ON job.seq = ended.seq
                       JOIN lane ON lane.id = job.lane WHERE lane.kind = 'job_ad.enrich'
                       GROUP BY ended.state"""))
        except sqlite3.OperationalError:
            return {}

    def test_fleet_keeps_limit_and_bill_with_a_pod_and_a_worker_killed(self):
        adverts = [json.loads(line) for line in SAMPLE.read_text().splitlines()[:DISTINCT]]
        (self.here / "ads.jsonl").write_text("".join(
            json.dumps(adverts[i % DISTINCT] | {"id": f"ad-{i}"}) + "\n" for i in range(JOBS)))
        pods = [self.pod(), self.pod()]
        workers = [self.worker(*pods), self.worker(*reversed(pods))]
        submitted = subprocess.run(
            [CTL, "jobs", "submit", "--jobs-url", self.jobs, "--kind", "job_ad.enrich", "--file",
             "ads.jsonl"], cwd=self.here, capture_output=True, text=True, timeout=GUARD, check=False)
        self.assertEqual(submitted.returncode, 0, submitted.stderr)

        logged_pod.wait_for(lambda: self.fake("/_fake/bill")["answers"] >= DISTINCT // 3, GUARD)
        pods[1].kill()
        workers[0].kill()
        self.worker(*pods)
        logged_pod.wait_for(lambda: sum(self.ended().values()) == JOBS, GUARD)

        self.assertEqual(self.ended(), {4: JOBS}, "all succeeded")
        bill = self.fake("/_fake/bill")
        self.assertEqual(bill["distinct"], DISTINCT)
        self.assertEqual(self.fake("/_fake/requests")["limited"], 0)
        # What the killed had on the wire may be paid again: a worker's calls, and through the pod
        # those of two.
        self.assertLessEqual(bill["answers"], DISTINCT + 3 * CONCURRENCY)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[6:]])
