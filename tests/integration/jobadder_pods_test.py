#!/usr/bin/env python3
"""JobAdder mirrored by the pods, against a JobAdder of our own over TLS: sign-in with rwpctl, looks at
the lists with faults on and workers killed, webhooks through the API pod, results written back.

usage: jobadder_pods_test.py FAKE_JOBADDER WORKER_POD API_POD RWPCTL SOURCE_ROOT
"""

import collections
import http.client
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

from pod_process import Pod, clean_environment, wait_for

FAKE, WORKER, API, CTL, ROOT = (pathlib.Path(a).resolve() for a in sys.argv[1:6])
OPENAPI = pathlib.Path(os.environ.get("RWP_JOBADDER_OPENAPI",
                                      ROOT.parent / "shared/specs/jobadder.openapi.json"))
WEBHOOK_SECRET = "a-secret-of-nobody-0123456789"


class Fake:
    """A fake_jobadder of its own, with a certificate of its own."""

    def __init__(self, test, folder, *arguments):
        self.cert = folder / "cert.pem"
        key = folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-keyout", key, "-out", self.cert],
            check=True, capture_output=True, timeout=60)
        self.process = subprocess.Popen(
            [FAKE, "--listen", "127.0.0.1:0", "--tls-cert-file", self.cert, "--tls-key-file", key,
             *map(str, arguments)], text=True, stdout=subprocess.PIPE)
        test.addCleanup(self.process.stdout.close)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        self.url = self.process.stdout.readline().split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and body; without following anything."""
        context = ssl.create_default_context(cafile=str(self.cert))
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=60, context=context)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def json(self, method, path):
        status, _, body = self.ask(method, path)
        assert status < 300, (method, path, status)
        return json.loads(body) if body else None

    def token(self):
        """An access token, as any client gets one."""
        query = urllib.parse.urlencode({"response_type": "code", "client_id": "fake-client",
                                        "scope": "read", "redirect_uri": "http://localhost/cb"})
        _, headers, _ = self.ask("GET", "/connect/authorize?" + query)
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(headers["Location"]).query)["code"][0]
        form = urllib.parse.urlencode({"grant_type": "authorization_code", "code": code,
                                       "client_id": "fake-client",
                                       "client_secret": "fake-client-secret"})
        _, _, body = self.ask("POST", "/connect/token", form,
                              {"Content-Type": "application/x-www-form-urlencoded"})
        return json.loads(body)["access_token"]


class JobAdderTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def start(self, *arguments):
        self.fake = Fake(self, self.folder, *arguments)
        self.environment = {
            "RWP_JOBADDER_CLIENT_ID": "fake-client",
            "RWP_JOBADDER_CLIENT_SECRET": "fake-client-secret",
            "RWP_JOBADDER_AUTH_URL": self.fake.url + "/connect",
            "RWP_JOBADDER_CA_FILE": str(self.fake.cert),
            "RWP_JOBADDER_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "RWP_JOBADDER_REQUESTS_PER_MINUTE": "0",
            "RWP_JOBADDER_POLL": "1h",
        }

    def ctl(self, *arguments, expect=0):
        done = subprocess.run([CTL, *map(str, arguments), "--output", "json"], cwd=self.folder, text=True,
                              capture_output=True, timeout=120, stdin=subprocess.DEVNULL,
                              env=clean_environment() | self.environment)
        self.assertEqual(done.returncode, expect, done.stderr + done.stdout)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def browse(self, address):
        """What the browser of somebody who approves does; answers the last page's status."""
        parts = urllib.parse.urlsplit(address)
        status, headers, _ = self.fake.ask("GET", f"{parts.path}?{parts.query}")
        self.assertEqual(status, 302)
        back = urllib.parse.urlsplit(headers["Location"])
        connection = http.client.HTTPConnection(back.hostname, back.port, timeout=60)
        connection.request("GET", f"{back.path}?{back.query}")
        answered = connection.getresponse().status
        connection.close()
        return answered

    def login(self, *arguments):
        """Signs in, as a person with a browser."""
        process = subprocess.Popen(
            [CTL, "jobadder", "login", "--port", "0", "--timeout", "100s", "--output", "json",
             *arguments], cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=clean_environment() | self.environment)
        try:
            address = ""
            while not address.startswith("https://"):
                address = process.stderr.readline()
                self.assertTrue(address, "rwpctl ended")
            address = address.strip()
            # Somebody else's way back is not taken.
            redirect = urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)["redirect_uri"][0]
            forged = urllib.parse.urlsplit(redirect)
            for query in ("?code=of-another&state=guessed", "?error=access_denied",
                          "?error=access_denied&state=guessed"):
                connection = http.client.HTTPConnection(forged.hostname, forged.port, timeout=60)
                connection.request("GET", forged.path + query)
                self.assertEqual(connection.getresponse().status, 400)
                connection.close()
            self.assertEqual(self.browse(address), 200)
            out, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, errors)
            return json.loads(out)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()

    def worker(self, **environment):
        return Pod(self, WORKER, "--listen", "127.0.0.1:0", cwd=self.folder,
                   environment=self.environment | environment)

    def api(self):
        return Pod(self, API, "--listen", "127.0.0.1:0", "--allow-anonymous", cwd=self.folder,
                   environment=self.environment)

    def jobs(self, kind, *filters):
        return self.ctl("jobs", "list", "--kind", kind, "--all", *filters)["jobs"]

    def settled(self):
        """Nothing of JobAdder waits or runs but the sync."""
        open_states = "ready,running,parked,scheduled"
        return all(not self.jobs(kind, "--state", open_states) for kind in
                   ("jobadder.record", "candidate.parse", "job_ad.enrich", "match.score",
                    "jobadder.write_back"))

    def test_records_become_jobs_and_results_go_back(self):
        self.start("--candidates", 30, "--job-ads", 12, "--applications", 10)
        signed_in = self.login()
        self.assertEqual(signed_in["account"], "4242")
        kept = b"".join(f.read_bytes() for f in (self.folder / "rwp-data/objects").rglob("*") if f.is_file())
        self.assertNotIn(b"access-", kept)
        self.assertNotIn(b"refresh-", kept)

        worker = self.worker(RWP_JOBADDER_WRITE_BACK="notes")
        self.ctl("jobadder", "sync", "--wait", "--timeout", "100s")
        wait_for(self.settled, "the jobs to end", 120)

        for kind, count in (("candidate.parse", 30), ("job_ad.enrich", 12), ("match.score", 10)):
            states = collections.Counter(job["state"] for job in self.jobs(kind))
            self.assertEqual(states, {"succeeded": count}, kind)
        notes = self.fake.json("GET", "/_fake/notes")
        self.assertEqual(len(notes), 10)
        self.assertEqual(len({note["owner"] for note in notes}), 10)
        self.assertRegex(notes[0]["text"], r"^Match \d+ of 100, tier [ABC]\.")
        # A résumé was read as a document, a profile as text.
        sources = [job["payload"] for job in self.jobs("candidate.parse")]
        self.assertEqual(sum("document" in s and s["document"] is not None for s in sources), 10)

        # The notes have updated nothing that is scored anew; what is touched is.
        self.fake.ask("POST", "/_fake/touch/candidates/1")
        self.ctl("jobadder", "sync", "--wait", "--timeout", "100s")
        wait_for(self.settled, "the jobs to end", 120)
        self.assertEqual(len(self.fake.json("GET", "/_fake/notes")), 10)
        # The record was read again; as its CV says the same, it is not parsed again.
        records = [job["payload"] for job in self.jobs("jobadder.record")]
        self.assertEqual(sum(r["entity"] == "candidate" and r["id"] == 1 for r in records), 2)
        self.assertEqual(len(self.jobs("candidate.parse")), 30)

        # Whom JobAdder has deleted goes here, too.
        stored = self.folder / "rwp-data/objects"
        kept = stored / "candidates/jobadder-3.json"
        self.assertTrue(kept.exists())
        self.assertTrue((stored / "uploads/jobadder-3").exists())
        self.fake.ask("DELETE", "/_fake/candidates/3")
        self.ctl("jobadder", "sync", "--wait", "--timeout", "100s")
        self.assertFalse(kept.exists())
        self.assertEqual([f for f in (stored / "uploads").rglob("jobadder-3/*") if f.is_file()], [])

        status = self.ctl("jobadder", "status")
        self.assertEqual(status["account_name"], "Fake Agency")
        self.assertGreaterEqual(status["candidates"]["passes"], 3)
        metrics = worker.ask("GET", "/metrics").body.decode()
        self.assertIn('rwp_jobadder_records_total{entity="candidate",outcome="submitted"}', metrics)
        self.assertNotIn("fake-client-secret", metrics)
        self.assertFalse(worker.said("access-"))

    def test_stages_of_applications_become_events_once(self):
        self.start("--candidates", 6, "--job-ads", 3, "--applications", 5)
        self.environment["RWP_ANALYTICS_URL"] = f"sqlite:{self.folder}/events.db"
        self.login("--tenant", "acme")
        for step in ("1/client/web-1", "1/status/Interview", "2/status/Interview", "3/status/Rejected",
                     "1/place"):
            self.assertLess(self.fake.ask("POST", "/_fake/applications/" + step)[0], 300)
        self.worker()

        def counted():
            hours = self.ctl("analytics", "hours", "--tenant", "acme")["hours"]
            counts = collections.Counter()
            for row in hours:
                if row["name"].startswith("application_"):
                    counts[row["name"]] += row["events"]
            return counts
        once = {"application_screened": 2, "application_rejected": 1, "application_placed": 1}
        wait_for(lambda: counted() == once, "the stages", 120)

        # Nothing is told again of what is only touched; what has moved on is told.
        for id in range(1, 6):
            self.fake.ask("POST", f"/_fake/touch/applications/{id}")
        self.fake.ask("POST", "/_fake/applications/4/status/Interview")
        self.ctl("jobadder", "sync", "--tenant", "acme", "--wait", "--timeout", "100s")
        wait_for(self.settled, "the jobs to end", 120)
        wait_for(lambda: counted() == once | {"application_screened": 3}, "the fourth's", 120)
        told = self.jobs("rwp.outbox.analytics")
        events = [message["body"] for job in told for message in job["payload"]["messages"]
                  if message["body"]["name"].startswith("application_")]
        self.assertEqual(len(events), 5)
        by_client = collections.Counter(event["client_id"] for event in events)
        self.assertEqual(by_client, {"web-1": 2, "jobadder-application-2": 1,
                                     "jobadder-application-3": 1, "jobadder-application-4": 1})
        self.assertEqual({event["parameters"]["job_id"] for event in events},
                         {f"jobadder-acme-{id}" for id in (1, 2, 3)})
        # Of the browser's journey; where it came from says JobAdder.
        total = self.ctl("analytics", "funnel", "--tenant", "acme")["total"]
        self.assertEqual((total["screened"], total["placed"]), (3, 1))

    def test_what_is_read_of_a_forgotten_candidates_applications_goes_with_them(self):
        self.start("--candidates", 4, "--job-ads", 2, "--applications", 3)
        self.assertLess(self.fake.ask("POST", "/_fake/applications/1/place")[0], 300)
        self.environment["RWP_ANALYTICS_URL"] = f"sqlite:{self.folder}/events.db"
        self.login()
        self.worker(RWP_JOBADDER_WRITE_BACK="field", RWP_JOBADDER_SCORE_FIELD="5")
        self.ctl("jobadder", "sync", "--wait", "--timeout", "100s")
        wait_for(self.settled, "the jobs to end", 120)
        # The scores stand in the custom field.
        headers = {"Authorization": "Bearer " + self.fake.token()}
        def application(id):
            status, _, body = self.fake.ask("GET", f"/v2/applications/{id}", None, headers)
            self.assertEqual(status, 200)
            return json.loads(body)
        scores = {job["payload"]["candidate_id"]: job["result"]["score"] for job in self.jobs("match.score")}
        self.assertEqual(len(scores), 3)
        for id in (1, 2, 3):
            whose = application(id)["candidate"]["candidateId"]
            custom = [(field["fieldId"], field["value"]) for field in application(id)["custom"]]
            self.assertEqual(custom, [(5, str(scores[f"jobadder-{whose}"]))])

        # All that is read for a candidate is found by the tag, while it runs, too.
        who = f"jobadder-{application(1)['candidate']['candidateId']}"
        subject = self.ctl("forget", "--candidate", who, "--dry-run", expect=6)["summary"]["subject"]
        def found():
            jobs = self.jobs("jobadder.record", "--tag", f"subject:{subject}")
            return collections.Counter((job["payload"]["entity"], job["state"]) for job in jobs)
        tagged = found()
        self.assertEqual({entity for entity, _ in tagged}, {"candidate", "application", "placement"})
        # Who submitted these did not know whose they are: they go on under the tag.
        for entity in ("application", "placement"):
            payload = json.dumps({"entity": entity, "id": 1, "version": "by-hand"})
            self.ctl("jobs", "submit", "--kind", "jobadder.record", "--queue", "jobadder",
                     "--payload", payload)
        wait_for(self.settled, "the jobs to end", 120)
        more = found() - tagged
        self.assertEqual(more, {("application", "succeeded"): 1, ("placement", "succeeded"): 1})

        told = self.ctl("forget", "--candidate", who)
        self.assertTrue(told["summary"]["nothing_left"], told)
        self.assertEqual(found(), {})
        self.fake.ask("POST", "/_fake/touch/applications/1")
        self.ctl("jobadder", "sync", "--wait", "--timeout", "100s")
        wait_for(self.settled, "the jobs to end", 120)
        self.assertNotIn(who, {job["payload"]["candidate_id"] for job in self.jobs("match.score")})
        events = self.jobs("rwp.outbox.analytics") + self.jobs("rwp.collect.parcel")
        self.assertNotIn(subject, json.dumps(events))

    def test_nothing_is_lost_or_doubled_when_workers_are_killed_amid_faults(self):
        count = 600
        self.start("--candidates", count, "--job-ads", 30, "--applications", 0,
                   "--throttle-every", 397, "--error-every", 31, "--reset-every", 37, "--cut-every", 41,
                   "--shift-every", 1, "--slow-every", 43, "--slow", 50)
        self.login("--tenant", "acme")
        self.ctl("queues", "pause", "default")
        seen = -1
        for _ in range(3):
            worker = self.worker()
            # Kill it when it has come forward.
            def forward():
                return len(self.jobs("jobadder.record", "--state", "succeeded")) > seen
            wait_for(forward, "progress", 120)
            seen = len(self.jobs("jobadder.record", "--state", "succeeded")) + 20
            worker.kill()
        # Not while they are killed: who dies between JobAdder's answer and the write loses the account.
        self.fake.ask("POST", "/_fake/expire")
        self.worker()
        self.ctl("jobadder", "sync", "--tenant", "acme", "--wait", "--timeout", "110s")
        self.fake.ask("POST", "/_fake/calm")

        def read():
            return not self.jobs("jobadder.record", "--state", "ready,running,scheduled")
        wait_for(read, "the records to be read", 240)

        live = set(self.fake.json("GET", "/_fake/ids/candidates"))
        parsed = collections.Counter(
            job["payload"]["id"] for job in self.jobs("candidate.parse"))
        self.assertLessEqual({f"jobadder-{id}" for id in live}, set(parsed))
        self.assertEqual([id for id, times in parsed.items() if times != 1], [])
        enriched = collections.Counter(job["payload"]["id"] for job in self.jobs("job_ad.enrich"))
        self.assertEqual(enriched, {f"jobadder-acme-{id}": 1 for id in range(1, 31)})
        self.assertEqual(self.jobs("jobadder.record", "--state", "failed"), [])
        counts = self.fake.json("GET", "/_fake/counts")
        self.assertEqual(counts["refused_refreshes"], 0)
        self.assertGreater(counts["shifts"], 0)

    def test_webhooks_become_jobs_once_and_are_watched(self):
        self.start("--candidates", 5, "--job-ads", 2, "--applications", 0)
        self.login("--tenant", "acme")
        api = self.api()
        url = f"http://127.0.0.1:{api.port}/v1/jobadder/webhooks/acme"
        made = self.ctl("jobadder", "webhooks", "--tenant", "acme", "--register", url)["webhooks"]
        again = self.ctl("jobadder", "webhooks", "--tenant", "acme", "--register", url)["webhooks"]
        self.assertEqual(made, again)
        self.assertTrue(made[0]["ours"])

        statuses = self.fake.json("POST", "/_fake/deliver?event=candidate_updated&id=2&times=3")
        self.assertEqual(statuses, [202, 202, 202])
        records = self.jobs("jobadder.record")
        self.assertEqual([(job["payload"]["entity"], job["payload"]["id"], job["tenant"])
                          for job in records], [("candidate", 2, "acme")])

        body = json.dumps({"event": "candidate_updated", "eventId": "1",
                           "candidate": {"candidateId": 1}}).encode()
        path = "/v1/jobadder/webhooks/acme"
        known = {"x-jobadder-webhookid": made[0]["webhook_id"]}
        for headers in ({}, known, known | {"Authorization": "Bearer wrong"}):
            self.assertEqual(api.ask("POST", path, body, headers=headers).status, 401)
        import hashlib
        value = "Bearer " + hashlib.sha256(
            f"rwp/jobadder/webhook/1\n{WEBHOOK_SECRET}\nacme".encode()).hexdigest()
        self.assertEqual(api.ask("POST", path, body, headers={"Authorization": value}).status, 401)
        stranger = {"Authorization": value, "x-jobadder-webhookid": "of-another"}
        self.assertEqual(api.ask("POST", path, body, headers=stranger).status, 401)
        good = known | {"Authorization": value}
        self.assertEqual(api.ask("POST", path, b"rubbish", headers=good).status, 400)
        self.assertEqual(api.ask("POST", path, b"x" * 300_000, headers=good).status, 413)
        other = json.dumps({"event": "sms_sent", "eventId": "2"}).encode()
        self.assertEqual(api.ask("POST", path, other, headers=good).status, 202)
        self.assertEqual(len(self.jobs("jobadder.record")), 1)
        self.assertEqual(api.ask("POST", path, body, headers=good).status, 202)
        self.assertEqual(len(self.jobs("jobadder.record")), 2)
        self.assertFalse(api.said(value))

        # Suspended: the event is lost; the watchdog enables it, and the look finds what was missed.
        self.ctl("queues", "pause", "default")
        self.worker()
        self.ctl("jobadder", "sync", "--tenant", "acme", "--wait", "--timeout", "100s")
        self.fake.ask("POST", "/_fake/webhooks/Suspended")
        self.fake.ask("POST", "/_fake/touch/candidates/4")
        self.assertEqual(self.fake.json("POST", "/_fake/deliver?event=candidate_updated&id=4"), [])
        self.ctl("jobadder", "sync", "--tenant", "acme", "--wait", "--timeout", "100s")
        status = self.ctl("jobadder", "status", "--tenant", "acme")
        self.assertEqual([w["status"] for w in status["webhooks"]], ["Enabled"])
        versions = {job["payload"]["version"] for job in self.jobs("jobadder.record")
                    if job["payload"]["id"] == 4 and job["payload"]["entity"] == "candidate"}
        self.assertEqual(len(versions), 2)
        self.assertEqual(self.fake.json("POST", "/_fake/deliver?event=candidate_updated&id=4"), [202])
        gone = self.ctl("jobadder", "webhooks", "--tenant", "acme", "--remove", made[0]["webhook_id"])
        self.assertEqual(gone["webhooks"], [])

    def test_who_has_not_signed_in_is_told(self):
        self.start()
        self.ctl("jobadder", "status", expect=3)
        self.ctl("jobadder", "sync", expect=3)
        self.ctl("jobadder", "status", "--tenant", "../x", expect=2)
        self.environment["RWP_JOBADDER_CLIENT_ID"] = "another"
        del self.environment["RWP_JOBADDER_CLIENT_SECRET"]
        self.ctl("jobadder", "status", expect=2)

    @unittest.skipUnless(OPENAPI.exists(), "JobAdder's OpenAPI document is not here")
    def test_fake_answers_as_the_openapi_document_says(self):
        import jsonschema
        document = json.loads(OPENAPI.read_text())

        def plain(node):
            """OpenAPI 3.0's nullable as JSON Schema's null; formats are left out."""
            if isinstance(node, list):
                return [plain(n) for n in node]
            if not isinstance(node, dict):
                return node
            made = {k: plain(v) for k, v in node.items() if k not in ("format", "nullable", "example")}
            if node.get("nullable") and isinstance(made.get("type"), str):
                made["type"] = [made["type"], "null"]
                if "enum" in made:
                    made["enum"].append(None)
            return made

        schemas = {"components": {"schemas": plain(document["components"]["schemas"])}}
        self.start("--candidates", 9, "--job-ads", 3, "--applications", 3)
        token = self.fake.token()
        headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        hook = json.dumps({"name": "n", "events": ["candidate_updated"], "url": "https://a.example"})
        note = json.dumps({"text": "t", "type": "x", "reference": "r"})
        field = json.dumps({"custom": [{"fieldId": 1, "value": "7"}]})
        asked = [
            ("GET", "/candidates?sort=createdAt&limit=4", "/candidates", None),
            ("GET", "/candidates?embed=self", "/candidates", None),
            ("GET", "/candidates?limit=0", "/candidates", None),
            ("GET", "/candidates/3", "/candidates/{candidateId}", None),
            ("GET", "/candidates/99", "/candidates/{candidateId}", None),
            ("GET", "/candidates/3/attachments", "/candidates/{candidateId}/attachments", None),
            ("POST", "/candidates/3/notes", "/candidates/{candidateId}/notes", note),
            ("GET", "/candidates/3/notes", "/candidates/{candidateId}/notes", None),
            ("POST", "/applications/1/notes", "/applications/{applicationId}/notes", note),
            ("GET", "/applications/1/notes?reference=r", "/applications/{applicationId}/notes", None),
            ("PUT", "/applications/1", "/applications/{applicationId}", field),
            ("GET", "/applications/1", "/applications/{applicationId}", None),
            ("GET", "/applications", "/applications", None),
            ("GET", "/jobads", "/jobads", None),
            ("GET", "/jobads/1", "/jobads/{adId}", None),
            ("GET", "/applications?candidateId=2&jobId=2&embed=self", "/applications", None),
            ("GET", "/placements?approved=true", "/placements", None),
            ("GET", "/placements/1", "/placements/{placementId}", None),
            ("GET", "/users/current", "/users/current", None),
            ("POST", "/webhooks", "/webhooks", hook),
            ("POST", "/webhooks", "/webhooks", json.dumps({"events": ["x"]})),
            ("GET", "/webhooks", "/webhooks", None),
        ]
        self.fake.ask("DELETE", "/_fake/candidates/9")
        self.fake.ask("POST", "/_fake/applications/1/client/web-1")
        self.fake.ask("POST", "/_fake/applications/2/place")
        asked.append(("GET", "/candidates/deleted", "/candidates/deleted", None))
        seen = collections.Counter()
        for method, path, template, body in asked:
            status, _, answer = self.fake.ask(method, "/v2" + path, body, headers)
            operation = document["paths"][template][method.lower()]
            with self.subTest(f"{method} {path}"):
                self.assertIn(str(status), operation["responses"])
                content = operation["responses"][str(status)].get("content", {})
                if not content:
                    self.assertEqual(answer, b"")
                    continue
                schema = plain(next(iter(content.values()))["schema"])
                jsonschema.Draft4Validator(schemas | schema).validate(json.loads(answer))
                seen[status] += 1
        self.assertGreater(seen[200], 10)
        self.assertGreater(seen[201], 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
