#!/usr/bin/env python3
"""rwpctl doctor and rwpctl verify.

usage: rwpctl_checks_test.py RWPCTL API_POD WORKER_POD SOURCE_ROOT [unittest arguments]
"""

import os
import signal
import socket
import time

from pod_process import Pod, wait_for
from rwpctl_process import API, WORKER, ADS, NOBODYS, DONE, FINDINGS, CtlTest, main


class DoctorTest(CtlTest):
    def checks(self, code=DONE, **environment):
        return {row["check"]: row for row in self.rows("doctor", code=code, **environment)}

    def test_what_is_well_is_ok(self):
        self.ctl("keys", "create", "--tenant", "a", "--scopes", "jobs:read")
        self.json("jobs", "submit", "--kind", "k")
        (self.here / "objects").mkdir()
        checks = self.checks(RWP_ANALYTICS_URL="jsonl:events.jsonl")
        for name in ("settings", "job store", "object store", "model", "analytics", "keys file"):
            self.assertEqual(checks[name]["status"], "ok", checks[name])
        self.assertEqual(list((self.here / "objects/rwp-doctor").iterdir()), [])

    def test_what_is_amiss_is_told_with_what_to_do(self):
        (self.here / "keys").write_text("nonsense\n")
        (self.here / "jobs.db").write_bytes(b"not a database, but long enough to look at" * 100)
        (self.here / "objects").write_text("a file")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            checks = self.checks(code=FINDINGS, RWP_LISTEN=f"127.0.0.1:{port}")
        dead = f"http://127.0.0.1:{port}"
        checks |= {name: check for name, check in self.checks(
            code=FINDINGS, RWP_AI_URL=dead + "/v1", RWP_ANALYTICS_URL=dead, RWP_API_URL=dead).items()
            if name in ("model", "analytics", "API pod")}
        for name in ("job store", "object store", "keys file", "model", "analytics", "API pod"):
            self.assertEqual(checks[name]["status"], "failed", checks[name])
            self.assertTrue(checks[name]["fix"], name)
        self.assertEqual(checks["port"]["status"], "warning", checks["port"])
        self.assertEqual(self.checks(code=FINDINGS, RWP_AI_URL="openai:")["model"]["status"], "failed")
        self.assertEqual(self.checks(code=FINDINGS, RWP_AI_URL="gopher:")["settings"]["status"], "failed")

    def test_jobs_that_nobody_runs_are_told(self):
        self.json("jobs", "submit", "--kind", "k")
        self.ctl("keys", "create", "--tenant", "a", "--scopes", "jobs:read")
        self.sql("UPDATE ready SET run_at = run_at - 3600000")
        check = self.checks()["job store"]
        self.assertEqual(check["status"], "warning")
        self.assertIn("worker", check["fix"])

    def test_pods_and_their_keys_are_tried(self):
        (self.here / "key").write_text(
            self.ctl("keys", "create", "--tenant", "a", "--scopes", "jobs:read").stdout)
        pod = Pod(self, API, "--listen", "127.0.0.1:0", "--log-level", "error", "--drain-delay",
                  "0ms", "--api-keys-file", "keys", "--jobs-url", "sqlite:jobs.db", cwd=self.here)
        url = f"http://127.0.0.1:{pod.port}"
        self.assertEqual(self.checks(RWP_API_URL=url, RWP_API_KEY_FILE="key")["API pod"]["status"], "ok")
        no_key = self.checks(code=FINDINGS, RWP_API_URL=url)["API pod"]
        self.assertIn("RWP_API_KEY_FILE", no_key["fix"])


class VerifyTest(CtlTest):
    """Runs adverts, kills the worker, and plants damage of each kind."""

    def setUp(self):
        super().setUp()
        self.write("ads", ADS[:12])
        self.submit = self.json("jobs", "submit", "--file", "ads", "--kind", "job_ad.enrich", "--queue", "ads")

    def start_worker(self):
        return Pod(self, WORKER, "--listen", "127.0.0.1:0", "--log-level", "error", "--drain-delay",
                   "0ms", "--analytics-url", "jsonl:events.jsonl", "--objects-url", "file:objects",
                   "--jobs-url", "sqlite:jobs.db", cwd=self.here)

    def run_all(self):
        worker = self.start_worker()
        self.json("jobs", "wait", "--submit", self.submit["submit"], "--timeout", "100s")
        return worker

    def kinds(self, code=FINDINGS):
        told = self.json("verify", code=code)
        self.assertEqual(sum(told["summary"]["kinds"].values()), len(told["findings"]))
        return {finding["kind"] for finding in told["findings"]}

    def test_kill_of_a_worker_leaves_nothing_to_find(self):
        worker = self.start_worker()
        wait_for(lambda: self.states()["ads"].get("succeeded", 0) > 0, "the first advert")
        worker.kill()
        self.assertEqual(self.kinds(DONE), set())
        self.run_all()
        told = self.json("verify")
        self.assertEqual(told["findings"], [])
        self.assertTrue(told["summary"]["complete"])
        self.assertTrue(told["summary"]["objects_checked"])
        self.assertGreaterEqual(told["summary"]["jobs"], 12)
        self.assertIn("nothing is wrong", self.ctl("verify").stdout)

    def test_each_kind_of_planted_damage_is_named(self):
        self.run_all().end(signal.SIGTERM)
        clean = (self.here / "jobs.db").read_bytes()
        record = next((self.here / "objects/enriched").glob("*.json"))
        kept = record.read_bytes()

        def planted(*statements):
            (self.here / "jobs.db").write_bytes(clean)
            for extra in ("-wal", "-shm"):
                (self.here / f"jobs.db{extra}").unlink(missing_ok=True)
            self.sql(*statements)
            return self.kinds()

        ended = "SELECT min(seq) FROM ended"
        self.assertIn("job_without_state", planted(f"DELETE FROM ended WHERE seq = ({ended})"))
        self.assertIn("state_without_job", planted(f"DELETE FROM job WHERE seq = ({ended})"))
        self.assertIn("job_in_two_states", planted(
            "INSERT INTO waiting SELECT seq, 0, 1, priority, attempt, max_attempts, marks, crashes,"
            f" token, finished_token, run_at, started_at, more FROM ended WHERE seq = ({ended})"))
        self.assertIn("state_invalid", planted(f"UPDATE ended SET state = 1 WHERE seq = ({ended})"))
        self.assertIn("document_corrupt", planted(f"UPDATE job SET payload = '{{' WHERE seq = ({ended})"))
        self.assertIn("token_invalid", planted("UPDATE ended SET finished_token = token + 1"))
        running = ("INSERT INTO running SELECT seq, (SELECT lane FROM job WHERE job.seq = ended.seq), priority, 0,"
                   " attempt, max_attempts, 0, 0, token + 1, 0, run_at, started_at, {holder}, {until}, NULL"
                   f" FROM ended WHERE seq = ({ended})")
        gone = f"DELETE FROM ended WHERE seq = (SELECT seq FROM running)"
        self.assertIn("lease_without_holder", planted(running.format(holder=99_999, until=1 << 62), gone))
        self.assertEqual({"counts_differ"}, planted("UPDATE lane_count SET jobs = jobs + 1 WHERE lane = 1"))
        self.assertIn("sequence_behind", planted("UPDATE lane_count SET jobs = 1 WHERE lane = 0"))
        self.assertEqual({"ledger_missing"}, planted("DELETE FROM ledger"))
        self.assertIn("ledger_differs", planted("UPDATE job SET payload = '{}'"))
        self.assertIn("ledger_malformed", planted("UPDATE ledger SET digest = x'00'"))
        self.assertEqual({"unique_stray"}, planted("INSERT INTO unique_key VALUES ('u', 99999)"))
        self.assertIn("usage_differs", planted(
            "INSERT INTO reservation VALUES (x'00112233445566778899aabbccddeeff', 'a', 5, 1, 0)"))
        self.assertIn("store_corrupt", planted("DROP TABLE unique_key"))

        record.unlink()
        self.assertEqual({"object_missing"}, planted())
        record.write_bytes(b"")
        self.assertIn(next(iter(planted())), ("object_corrupt", "object_missing"))
        record.write_bytes(kept)
        stray = self.here / "objects/payloads" / NOBODYS / ("0" * 64 + "@")
        stray.parent.mkdir(parents=True)
        stray.write_bytes(b"{}")
        os.utime(stray, (time.time() - 7_200,) * 2)
        self.assertEqual({"object_without_job"}, planted())
        stray.unlink()
        self.assertIn("object_missing", planted(
            f"UPDATE job SET payload = NULL, payload_blob = 'payloads/{NOBODYS}/00' WHERE seq = ({ended})"))

    def test_file_that_is_cut_off_is_found(self):
        database = self.here / "jobs.db"
        content = bytearray(database.read_bytes())
        for at in range(8192, len(content), 4096):
            content[at:at + 512] = b"\xa5" * 512
        database.write_bytes(content)
        self.assertIn("store_corrupt", self.kinds())
        database.write_bytes(b"\xa5" * len(content))
        self.assertEqual(self.kinds(), {"store_corrupt"})


if __name__ == "__main__":
    main()
