#!/usr/bin/env python3
"""Jobs that wait for a batch, and a program that is killed (SIGKILL) at each step of it: none is
lost, and none is paid twice.

usage: ai_batch_kill_test.py STANDALONE FAKE_OPENAI SAMPLE
"""

import concurrent.futures
import datetime
import http.client
import http.server
import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest

import pod_process

STANDALONE, FAKE, SAMPLE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
ADS = 6
GUARD = 120


class Fake:
    """fake_openai in a process of its own."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [FAKE, "--listen", "127.0.0.1:0", "--model", "gpt-4.1-mini", *arguments],
            stdout=subprocess.PIPE, text=True, env=pod_process.clean_environment())
        self.port = int(re.search(r":(\d+)/v1", self.process.stdout.readline()).group(1))

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD)
        try:
            connection.request("GET", path)
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def close(self):
        self.process.kill()
        self.process.communicate()


class Gate:
    """Stands between program and service. What `stops(method, path)` names is not answered: the
    service has been asked already ("after"), or never is ("before")."""

    def __init__(self, port):
        self.stops = lambda method, path: None
        self.reached = threading.Event()
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stop = gate.stops(self.command, self.path)
                if stop == "before":
                    return self.hold()
                onward = http.client.HTTPConnection("127.0.0.1", port, timeout=GUARD)
                onward.request(self.command, self.path, body, {
                    "Content-Type": self.headers.get("Content-Type") or "application/json"})
                answer = onward.getresponse()
                content = answer.read()
                onward.close()
                if stop == "after":
                    return self.hold()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.getheader("Content-Type"))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def hold(self):
                gate.reached.set()
                # Until the program is gone.
                self.connection.settimeout(GUARD)
                try:
                    self.connection.recv(1)
                except OSError:
                    pass
                self.close_connection = True

            do_GET = do_POST = do_DELETE = forward

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def is_step(method, path):
    return lambda m, p: m == method and re.fullmatch(path, p.split("?")[0])


STEPS = {
    "looking for the file": (is_step("GET", "/v1/files"), "before"),
    "upload is not sent": (is_step("POST", "/v1/files"), "before"),
    "upload has arrived": (is_step("POST", "/v1/files"), "after"),
    "looking for the batch": (is_step("GET", "/v1/batches"), "before"),
    "creation is not sent": (is_step("POST", "/v1/batches"), "before"),
    "creation has arrived": (is_step("POST", "/v1/batches"), "after"),
    "looking at the batch": (is_step("GET", "/v1/batches/[^/]+"), "after"),
    "reading the answers": (is_step("GET", "/v1/files/[^/]+/content"), "before"),
    "having read the answers": (is_step("GET", "/v1/files/[^/]+/content"), "after"),
    "removing the files": (is_step("DELETE", "/v1/files/[^/]+"), "after"),
}


class Trial:
    """One program with its data, its service and what stands between."""

    def __init__(self, folder):
        self.here = folder
        lines = [json.loads(line) for line in SAMPLE.read_text().splitlines()[:ADS]]
        (folder / "ads.jsonl").write_text("".join(
            json.dumps(line | {"id": f"ad-{i}"}) + "\n" for i, line in enumerate(lines)))
        self.fake = Fake("--batch-takes", "50")
        self.gate = Gate(self.fake.port)

    def command(self, **changes):
        settings = {"rows": str(ADS), "age": "30s", "takes": "25h"} | changes
        return [STANDALONE, "--input", "ads.jsonl", "--data-dir", "data", "--progress", "none",
                "--ai-url", self.gate.url, "--ai-model", "gpt-4.1-mini", "--ai-batch",
                "--ai-batch-rows", settings["rows"], "--ai-batch-age", settings["age"],
                "--ai-batch-takes", settings["takes"], "--ai-batch-poll-every", "20ms",
                "--ai-batch-request-timeout", "2s"]

    def start(self, **changes):
        return subprocess.Popen(self.command(**changes), cwd=self.here, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=pod_process.clean_environment())

    def finish(self, **changes):
        done = self.start(**changes)
        out, err = done.communicate(timeout=GUARD)
        assert done.returncode == 0, f"exit code {done.returncode}: {out}{err}"

    def query(self, text):
        with sqlite3.connect(f"file:{self.here}/data/jobs.db?mode=ro", uri=True) as database:
            return database.execute(text).fetchall()

    def check(self, batches):
        bill = self.fake.get("/_fake/bill")
        assert bill["answers"] == 0, bill
        assert bill["batch_answers"] == bill["distinct"] == ADS, bill
        made = len(self.fake.get("/v1/batches?limit=100")["data"])
        assert made == batches, f"{made} batches"
        booked, dollars = self.query("SELECT count(*), sum(micro_usd) FROM usage")[0]
        assert booked == ADS, f"{booked} answers are booked"
        # Half of $0.40 and $1.60 for a million tokens, each answer rounded up.
        half = (bill["input_tokens"] * 0.2 + bill["output_tokens"] * 0.8)
        assert half <= dollars <= half + ADS, (half, dollars)
        ended = self.query("""SELECT count(*) FROM ended JOIN job ON job.seq = ended.seq
                              JOIN lane ON lane.id = job.lane
                              WHERE lane.kind = 'job_ad.enrich' AND ended.state = 4""")[0][0]
        assert ended == ADS, f"{ended} jobs succeeded"
        assert not list((self.here / "data").glob("rejects.jsonl")) or not (
            self.here / "data/rejects.jsonl").read_text()

    def close(self):
        self.gate.close()
        self.fake.close()


def in_trial(work):
    with tempfile.TemporaryDirectory(prefix="rwp-batch-kill-") as folder:
        trial = Trial(pathlib.Path(folder))
        try:
            work(trial)
        finally:
            trial.close()


def killed_at(name):
    is_it, when = STEPS[name]

    def work(trial):
        trial.gate.stops = lambda method, path: when if is_it(method, path) else None
        process = trial.start()
        try:
            assert trial.gate.reached.wait(GUARD), "the step was never reached"
        finally:
            process.kill()
            process.communicate()
        trial.gate.stops = lambda method, path: None
        trial.finish()
        trial.check(batches=1)

    in_trial(work)


def killed_while_gathering(trial):
    process = trial.start(rows="100", age="1h")
    waiting = 0
    try:
        for _ in range(GUARD * 50):
            try:
                waiting = trial.query("SELECT count(*) FROM job JOIN lane ON lane.id = job.lane "
                                      "WHERE lane.kind = 'rwp.ai.batch.row'")[0][0]
            except sqlite3.OperationalError:
                waiting = 0
            if waiting == ADS:
                break
            threading.Event().wait(0.02)
        assert waiting == ADS, f"{waiting} requests wait"
    finally:
        process.kill()
        process.communicate()
    trial.finish()
    trial.check(batches=1)


class BatchKillTest(unittest.TestCase):
    def test_killed_at_each_step_nothing_is_lost_or_paid_twice(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            trials = {name: pool.submit(killed_at, name) for name in STEPS}
            trials["gathering"] = pool.submit(in_trial, killed_while_gathering)
            for name, trial in trials.items():
                with self.subTest(name):
                    trial.result()

    def test_a_jobs_mark_decides_between_now_and_batch(self):
        in_trial(self.submit_with_marks)

    def submit_with_marks(self, trial):
        command = trial.command(rows="1")[3:]
        serving = pod_process.Pod(
            self, STANDALONE, "--listen", "127.0.0.1:0", "--allow-anonymous", *command,
            cwd=trial.here)
        advert = json.loads((trial.here / "ads.jsonl").read_text().splitlines()[0])
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        late = soon + datetime.timedelta(days=3)
        tags = {"none": [], "soon": [f"ai:needed-by={soon:%Y-%m-%dT%H:%M:%SZ}"],
                "late": [f"ai:needed-by={late:%Y-%m-%dT%H:%M:%SZ}"], "any": ["ai:can-wait"],
                "bad": ["ai:needed-by=tomorrow"]}
        ends = {}
        for name, marks in tags.items():
            body = json.dumps({"kind": "job_ad.enrich", "tags": marks,
                               "payload": advert | {"id": name, "title": f"Nurse, ward {name}"}})
            id = self.ask(serving, "POST", "/v1/jobs", body)["id"]
            ends[name] = pod_process.wait_for(lambda: self.ended(serving, id), f"the end of {name}")

        self.assertEqual({name: end["state"] for name, end in ends.items()},
                         {"none": "succeeded", "soon": "succeeded", "late": "succeeded",
                          "any": "succeeded", "bad": "failed"})
        self.assertIn("ai:needed-by=tomorrow", json.dumps(ends["bad"]))
        self.assertEqual(len(ends["any"]["result"]["prompt_digest"]), 64)
        bill = trial.fake.get("/_fake/bill")
        self.assertEqual((bill["answers"], bill["batch_answers"]), (2, 2))

    def ask(self, pod, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=GUARD)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def ended(self, pod, id):
        job = self.ask(pod, "GET", f"/v1/jobs/{id}")
        return job if job["state"] in ("succeeded", "failed", "cancelled") else None

    def test_settings_that_cannot_be_are_refused_at_the_start(self):
        refused = subprocess.run(
            [STANDALONE, "--ai-batch", "--data-dir", tempfile.mkdtemp(prefix="rwp-batch-")],
            capture_output=True, text=True, timeout=GUARD, check=False,
            env=pod_process.clean_environment())
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("has no batches", refused.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
