#!/usr/bin/env python3
"""rwpctl forget: nothing is left of a candidate, whatever held it, and nobody comes back.

usage: rwpctl_forget_test.py RWPCTL API_POD WORKER_POD SOURCE_ROOT [unittest arguments]
"""

import contextlib
import json
import signal
import sqlite3
import subprocess
import unittest

import redis_program
from pod_process import Pod, clean_environment, wait_for
from rwpctl_process import API, CTL, DONE, FINDINGS, NOT_FOUND, USAGE, WORKER, ADS, CtlTest, free_port, main

# Stands in nothing but what is the candidate's.
WHO = "Zyxelia Marquandt"
ID = "cv-zyx-4711"
CV = f"""{WHO}
zyxelia@example.org
Registered nurse with eight years of work on orthopaedic wards.

Experience
Staff Nurse, Leeds General Hospital, 2016 - 2024
Orthopaedics, medication rounds, training of new staff.

Skills
Nursing, wound care, Python
"""
OTHER = CV.replace(WHO, "Somebody Else").replace("zyxelia", "somebody")


class ForgetTest(CtlTest):
    def setUp(self):
        super().setUp()
        self.environment |= {"RWP_ANALYTICS_URL": "jsonl:events.jsonl", "RWP_AI_ARTEFACTS": "true",
                             "RWP_AI_CACHE_MEGABYTES": "8"}

    def start_redis(self):
        port = free_port()
        redis = subprocess.Popen([redis_program.server(self.here), "--port", str(port), "--bind", "127.0.0.1",
                                  "--dir", self.here, "--save", "", "--rdbcompression", "no"],
                                 stdout=subprocess.DEVNULL)
        self.addCleanup(redis.wait)
        self.addCleanup(redis.kill)
        self.redis_port = port
        wait_for(lambda: self.redis("PING") == "PONG", "Redis")
        self.environment["RWP_REDIS_URL"] = f"redis://127.0.0.1:{port}"

    def redis(self, *command):
        return subprocess.run(["redis-cli", "-p", str(self.redis_port), *command], text=True,
                              capture_output=True).stdout.strip()

    def start_worker(self):
        return Pod(self, WORKER, "--listen", "127.0.0.1:0", "--drain-delay", "0ms", cwd=self.here,
                   environment=self.environment)

    def submit(self, kind, payload, *more):
        return self.json("jobs", "submit", "--kind", kind, "--max-attempts", "1", "--payload", json.dumps(payload),
                         *more)

    def done(self, kind, payload):
        self.ctl("jobs", "submit", "--kind", kind, "--max-attempts", "1", "--payload", json.dumps(payload), "--wait",
                 "--timeout", "60s")

    def fill(self):
        """Jobs in every state, with and without documents; their results, events, answers."""
        ad = json.loads(ADS[0])
        self.done("job_ad.enrich", ad)
        for who, text in ((ID, CV), ("cv-other", OTHER)):
            self.done("candidate.parse", {"id": who, "text": text, "as_of": "2025-06-30"})
            self.done("match.score", {"candidate_id": who, "ad_id": ad["id"]})
        (self.here / "cv.txt").write_text(CV + "\nUploaded by hand.\n")
        self.ctl("objects", "put", "uploads/cv.txt", "--file", "cv.txt")
        (self.here / "cv.txt").unlink()
        self.done("candidate.parse", {"id": ID, "document": {"object": "uploads/cv.txt"}, "as_of": "2025-06-30"})
        self.submit("candidate.parse", {"id": ID, "text": CV, "as_of": "2025-06-29"}, "--delay", "1h",
                    "--idempotency-key", ID)
        wait_for(lambda: (self.here / "events.jsonl").exists()
                 and (self.here / "events.jsonl").read_text().count("match_scored") == 2, "the events")

    def holders(self):
        """Files that hold any of the candidate's marks."""
        marks = (WHO.encode(), ID.encode(), b"zyxelia", self.subject.encode())
        return sorted(str(path.relative_to(self.here)) for path in self.here.rglob("*") if path.is_file()
                      and any(mark in path.read_bytes() for mark in marks))

    def forget(self, *more, code=DONE):
        return self.json("forget", "--candidate", ID, *more, code=code)

    def counts(self, told):
        return {one["place"]: (one["found"], one["removed"], one["left"]) for one in told["places"]}

    @unittest.skipUnless(redis_program.is_installed(), "Redis is not installed")
    def test_nothing_is_left_and_nobody_comes_back(self):
        self.start_redis()
        self.subject = "none"
        worker = self.start_worker()
        self.fill()
        dry = self.forget("--dry-run", code=FINDINGS)
        self.subject = dry["summary"]["subject"]
        before = self.holders()
        self.assertIn("events.jsonl", before)
        self.assertIn(f"objects/candidates/{ID}.json", before)
        self.assertIn("objects/uploads/cv.txt", before)
        self.assertTrue(any(name.startswith(f"objects/ai-results/-/{self.subject}/") for name in before), before)
        answers = f"rwp:ai:{{answers}}:{self.subject}/*"
        self.assertGreater(len(self.redis("KEYS", answers).split()), 1)

        told = self.forget()

        counts = self.counts(told)
        self.assertTrue(told["summary"]["nothing_left"], told)
        # Two CVs, a match, one that waits; an event's job each of those that ran.
        self.assertEqual(counts["jobs"], (7, 7, 0), told)
        self.assertEqual(counts["events"], (3, 3, 0), told)
        self.assertGreater(counts["objects"][1], 3)
        self.assertGreater(counts["cached answers"][1], 1)
        self.redis("SAVE")
        tombstone = f"objects/forgotten/{self.subject}.json"
        self.assertTrue((self.here / tombstone).exists())
        self.assertEqual(self.holders(), [])
        self.assertEqual(self.redis("KEYS", answers), "")
        self.assertTrue((self.here / "objects/candidates/cv-other.json").exists())
        for line in (self.here / "events.jsonl").read_text().splitlines():
            self.assertIn(json.loads(line).get("name", "forgotten"),
                          ("job_ad_enriched", "candidate_parsed", "match_scored", "forgotten"))
        self.assertEqual(self.ctl("verify").returncode, DONE)
        self.assertEqual(self.ctl("objects", "verify").returncode, DONE)

        # Again: nothing is found. What comes in by another way is not kept; forgetting removes the job.
        self.assertEqual(self.counts(self.forget())["jobs"], (0, 0, 0))
        self.submit("candidate.parse", {"id": ID, "text": CV, "as_of": "2025-06-28"})
        wait_for(lambda: [job["state"] for job in self.json("jobs", "list", "--kind", "candidate.parse")["jobs"]
                          if job["state"] == "failed"], "the job to be refused")
        self.assertFalse((self.here / f"objects/candidates/{ID}.json").exists())
        self.assertEqual(self.counts(self.forget())["jobs"], (1, 1, 0))
        self.assertEqual(self.holders(), [])

        keyless = {name: value for name, value in self.environment.items() if name != "RWP_API_KEYS_FILE"}
        api = Pod(self, API, "--listen", "127.0.0.1:0", "--allow-anonymous", cwd=self.here, environment=keyless)
        job = {"kind": "candidate.parse", "payload": {"id": ID, "text": CV}}
        self.assertEqual(api.ask("POST", "/v1/jobs", job).status, 403)
        many = api.ask("POST", "/v1/jobs", {"jobs": [{"kind": "job_ad.enrich", "payload": {}}, job]})
        self.assertEqual((many.status, many.json()["field"]), (403, "jobs[1].payload"))
        self.assertEqual(self.holders(), [])
        self.ctl("forget", "--candidate", ID, "--lift")
        self.assertEqual(api.ask("POST", "/v1/jobs?wait=60s", job).status, 201)
        wait_for(lambda: (self.here / f"objects/candidates/{ID}.json").exists(), "the candidate who came back")
        self.assertEqual(worker.end(signal.SIGTERM), 0)

    def test_events_that_wait_in_parcels_and_stand_in_tables_go(self):
        self.environment["RWP_ANALYTICS_URL"] = "jsonl:events.jsonl sqlite:events.db"
        worker = self.start_worker()
        self.fill()

        def rows():
            with contextlib.closing(sqlite3.connect(self.here / "events.db")) as table:
                return [one for (one,) in table.execute("SELECT candidate FROM event WHERE candidate IS NOT NULL")]

        wait_for(lambda: len(rows()) == 5, "the table")
        subject = self.forget("--dry-run", code=FINDINGS)["summary"]["subject"]
        self.assertEqual(rows().count(subject), 3)
        parcels = self.json("jobs", "list", "--tag", f"subject:{subject}", "--kind", "rwp.collect.parcel")["jobs"]
        self.assertEqual(len(parcels), 6)

        told = self.forget()

        self.assertTrue(told["summary"]["nothing_left"], told)
        self.assertEqual(self.counts(told)["events"], (6, 6, 0), told)
        self.assertEqual((rows().count(subject), len(rows())), (0, 2))
        self.assertNotIn(subject, (self.here / "events.jsonl").read_text())
        self.assertEqual(self.json("jobs", "list", "--tag", f"subject:{subject}")["jobs"], [])
        self.assertEqual(worker.end(signal.SIGTERM), 0)

    def test_killed_at_any_moment_it_is_taken_up_again(self):
        self.subject = "none"
        worker = self.start_worker()
        self.fill()
        self.subject = self.forget("--dry-run", code=FINDINGS)["summary"]["subject"]
        for _ in range(6):
            run = subprocess.Popen([CTL, "forget", "--candidate", ID], cwd=self.here, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=clean_environment() | self.environment)
            try:
                wait_for(lambda: run.poll() is not None or (self.here / f"objects/forgotten/{self.subject}.json").exists(),
                         "the list")
            finally:
                run.kill()
                run.wait()

        self.assertTrue(self.forget()["summary"]["nothing_left"])

        self.assertEqual(self.holders(), [])
        self.assertEqual(worker.end(signal.SIGTERM), 0)

    def test_slips_are_told_and_nobody_is_listed(self):
        for arguments, code, meant in (((), USAGE, "--candidate"), (("--candidate", "x" * 300), USAGE, "256"),
                                       (("--candidate", "x", "--lift", "--dry-run"), USAGE, "--lift"),
                                       (("--candidate", "x", "--timeout", "soon"), USAGE, "--timeout"),
                                       (("--candidate", "x"), NOT_FOUND, "RWP_OBJECTS_URL")):
            with self.subTest(arguments):
                self.assertIn(meant, self.ctl("forget", *arguments, code=code).stderr)
        self.assertEqual(list(self.here.iterdir()), [])


if __name__ == "__main__":
    main()
