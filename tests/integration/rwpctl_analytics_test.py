#!/usr/bin/env python3
"""Reports of events, from the request to the analytics pod to rwpctl's table and the pod's routes.

usage: rwpctl_analytics_test.py RWPCTL API_POD ANALYTICS_POD
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request
import uuid

import logged_pod

CTL, API_POD, ANALYTICS_POD = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
SINKS = "jsonl:events.jsonl sqlite:events.db"


def journey(client, *names, source="newsletter"):
    return {"client_id": client, "events": [
        {"name": name, "params": {"event_id": str(uuid.uuid4()), "job_id": "42",
                                  "source": source}} for name in names]}


class ReportsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-reports-")
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)

    def ctl(self, *arguments, code=0):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RWP_")}
        run = subprocess.run([CTL, "analytics", *arguments], cwd=self.here, text=True,
                             capture_output=True, timeout=60, check=False,
                             env=clean | {"RWP_ANALYTICS_URL": SINKS})
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        return run.stdout if code == 0 else run.stderr

    def report(self, *arguments):
        return json.loads(self.ctl(*arguments, "-o", "json"))

    def post(self, pod, key, body):
        request = urllib.request.Request(
            f"{pod.url}/mp/collect?measurement_id=G-TEST1&api_secret={key}",
            json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            self.assertEqual(answer.status, 204)

    def get(self, pod, path, key):
        request = urllib.request.Request(pod.url + path, headers={"Authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def test_a_funnel_goes_from_requests_to_the_table_and_the_routes(self):
        keys = self.here / "keys"
        acme = logged_pod.new_key(API_POD, keys, "acme", "events:write,events:read")
        other = logged_pod.new_key(API_POD, keys, "globex", "events:write,events:read")
        writer = logged_pod.new_key(API_POD, keys, "acme", "events:write")
        pod = logged_pod.start(self, ANALYTICS_POD, self.here, "--api-keys-file", keys,
                               "--drain-delay", "100ms", "--analytics-url", SINKS)
        self.post(pod, acme, journey("a", "job_viewed", "apply_completed", "application_screened",
                                     "application_placed"))
        for client in "bcd":
            self.post(pod, acme, journey(client, "job_viewed"))
        self.post(pod, acme, journey("e", "job_viewed", "apply_completed", source="search"))
        self.post(pod, other, journey("a", "job_viewed"))

        def counted(path, key):
            return sum(row["events"] for row in self.get(pod, path, key)[1]["hours"])
        logged_pod.wait_for(lambda: counted("/v1/analytics/hours", acme) == 9 and
                            counted("/v1/analytics/hours", other) == 1)

        status, funnel = self.get(pod, "/v1/analytics/funnel", acme)
        self.assertEqual(status, 200)
        self.assertEqual([row["source"] for row in funnel["sources"]], ["newsletter", "search"])
        total = funnel["total"]
        self.assertEqual([total[stage] for stage in ("viewed", "applied", "screened", "placed")],
                         [5, 2, 1, 1])
        self.assertEqual(total["to_applied"]["journeys"], 2)
        self.assertEqual(self.get(pod, "/v1/analytics/funnel", writer)[0], 403)
        self.assertEqual(self.get(pod, "/v1/analytics/funnel?tenant=globex", acme)[0], 403)
        self.assertEqual(self.get(pod, "/v1/analytics/hours?from=yesterday", acme)[0], 400)

        # Both sinks have every event, once.
        file = self.here / "events.jsonl"
        logged_pod.wait_for(
            lambda: file.exists() and len(file.read_text().splitlines()) == 10)
        lines = file.read_text().splitlines()
        self.assertEqual(len({json.loads(line)["id"] for line in lines}), 10)

        self.assertEqual(self.report("funnel", "--tenant", "acme")["total"], total | {
            "source": "(all)"})
        hours = self.report("hours")["hours"]
        self.assertEqual(sum(row["events"] for row in hours), 10)
        self.assertEqual(self.report("hours", "--until", "2020-01-01T00:00:00Z"), {"hours": []})
        table = self.ctl("funnel")
        self.assertIn("SOURCE", table)
        self.assertRegex(table, r"newsletter +5 +1 +1 +1 +20\.0 %")
        self.assertEqual(pod.stop(), 0, pod.log())

    def test_what_is_asked_wrongly_is_told(self):
        self.assertIn("events.db", self.ctl("funnel", code=3))
        self.assertIn("from", self.ctl("hours", "--from", "yesterday", code=2))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
