#!/usr/bin/env python3
"""Talks to api_pod, and to worker_pod beside it, as their users and their operators do.

usage: api_pod_test.py API_POD WORKER_POD SOURCE_ROOT [unittest arguments]
"""

import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import postgres_process
from pod_process import Pod, ask_on, clean_environment, folder_of, new_key, wait_for

API = pathlib.Path(sys.argv[1]).resolve()
WORKER = pathlib.Path(sys.argv[2]).resolve()
ROOT = pathlib.Path(sys.argv[3]).resolve()
AD = json.loads((ROOT / "examples/data/job_ads.jsonl").read_text().splitlines()[0])
ALL = "jobs:read,jobs:write,queues:write"
NOBODYS = "01a21718-6d91-7715-93b6-3af21d441f08"


class PodTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="rwp-api-")
        self.addCleanup(temporary.cleanup)
        self.here = folder_of(temporary)

    def start_api(self, *arguments, keys=True):
        access = ("--api-keys-file", "keys") if keys else ("--allow-anonymous",)
        return Pod(self, API, "--listen", "127.0.0.1:0", "--log-level", "error", "--drain-delay",
                   "0ms", *access, *arguments, cwd=self.here)

    def start_worker(self, *arguments):
        return Pod(self, WORKER, "--listen", "127.0.0.1:0", "--log-level", "error",
                   "--drain-delay", "0ms", *arguments, cwd=self.here)


class ApiTest(PodTest):
    def setUp(self):
        super().setUp()
        self.key = new_key(API, self.here, "acme", ALL)
        self.other = new_key(API, self.here, "globex", ALL)
        self.pod = self.start_api()

    def ask(self, method, path, body=None, key=None, **headers):
        fields = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.pod.ask(method, path, body, key or self.key, fields)

    def post(self, body, key=None, path="/v1/jobs", **headers):
        return self.ask("POST", path, body, key, **headers)

    def problem(self, answer, status, code):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        told = answer.json()
        self.assertEqual((told["status"], told["code"]), (status, code), told)
        self.assertEqual(told["request_id"], answer.headers["X-Request-Id"])
        return told

    def ids(self, answer):
        self.assertEqual(answer.status, 200, answer.body)
        return [job["id"] for job in answer.json()["jobs"]]


class SubmitTest(ApiTest):
    def test_job_is_made_and_shown_as_it_was_given(self):
        made = self.post({"kind": "k", "payload": {"b": 1}, "priority": "high", "tags": ["x"],
                          "delay": "1h", "max_attempts": 3, "unique": {"key": "u"}})

        self.assertEqual(made.status, 201)
        job = self.ask("GET", made.headers["Location"]).json()
        self.assertEqual(job["id"], made.json()["id"])
        self.assertEqual((job["kind"], job["payload"], job["priority"], job["tags"], job["state"],
                          job["max_attempts"], job["unique_key"]),
                         ("k", {"b": 1}, "high", ["x"], "scheduled", 3, "u"))
        again = self.post({"kind": "k", "unique": {"key": "u"}})
        self.assertEqual((again.status, again.json()),
                         (200, {"id": job["id"], "outcome": "collapsed"}))

    def test_many_are_made_and_each_is_answered(self):
        body = {"jobs": [{"kind": "a", "idempotency_key": "i"}, {"kind": "b"}]}
        first = self.post(body)
        body["jobs"][0]["payload"] = "another"
        second = self.post(body)

        self.assertEqual(first.status, 201)
        self.assertEqual([job["outcome"] for job in first.json()["jobs"]], ["created", "created"])
        self.assertEqual(second.status, 207)
        told = second.json()["jobs"]
        self.assertEqual((told[0]["problem"]["code"], told[0]["problem"]["field"]),
                         ("conflict", "jobs[0]"))
        self.assertEqual(told[1]["outcome"], "created")

    def test_idempotency_key_answers_the_same_job_and_another_payload_is_a_conflict(self):
        first = self.post({"kind": "k", "payload": 1}, Idempotency_Key="one")
        again = self.post({"kind": "k", "payload": 1}, Idempotency_Key="one")
        other = self.post({"kind": "k", "payload": 2}, Idempotency_Key="one")
        globex = self.post({"kind": "k", "payload": 2}, key=self.other, Idempotency_Key="one")

        self.assertEqual((first.status, again.status), (201, 200))
        self.assertEqual(first.json()["id"], again.json()["id"])
        self.assertEqual(self.problem(other, 409, "conflict")["field"], "Idempotency-Key")
        self.assertEqual(globex.status, 201)

    def test_key_of_a_request_with_many_makes_each_of_them_repeatable(self):
        body = {"jobs": [{"kind": "a"}, {"kind": "b"}]}
        first = self.post(body, Idempotency_Key="batch").json()["jobs"]
        again = self.post(body, Idempotency_Key="batch")

        self.assertEqual(again.status, 200)
        self.assertEqual([j["id"] for j in again.json()["jobs"]], [j["id"] for j in first])

    def test_hostile_bodies_are_refused_by_field_and_rule_and_nothing_is_made(self):
        deep = b'{"kind":"k","payload":' + b"[" * 100 + b"]" * 100 + b"}"
        cases = [
            (b"", ""), (b"nonsense", ""), (b"[]", ""), (b'"kind"', ""), (b"\xff\xfe{}", ""),
            (b'{"kind":"k"', ""), (b'{"kind":"k"} x', ""), (b'{"kind":"k\x00"}', ""), (deep, ""),
            (b'{"kind":"\xed\xa0\x80"}', ""), (b"\xef\xbb\xbf{\"kind\":\"k\"}", ""),
            (b'{"kind":7}', "kind"), (b"{}", "kind"), (b'{"kind":"k","kind":"l"}', "kind"),
            (b'{"kind":"k","id":"' + NOBODYS.encode() + b'"}', "id"),
            (b'{"kind":"k","tenant":"globex"}', "tenant"),
            (b'{"kind":"k","payload":{"a":1,"\\u0061":2}}', "payload.a"),
            (b'{"kind":"two words"}', "kind"), (b'{"kind":"k\\u0000"}', "kind"),
            (b'{"kind":"rwp.outbox.analytics"}', "kind"),
            (b'{"jobs":[{"kind":"a"},{"kind":"rwp.collect.event"}]}', "jobs[1].kind"),
            (b'{"jobs":[{"kind":"a"},{"kind":"b","queue":""}]}', "jobs[1].queue"),
            (b'{"jobs":[{"kind":"a"},{"kind":"b","tags":[null]}]}', "jobs[1].tags[0]"),
            (b'{"jobs":[{"kind":"a"},{"kind":"b","x":1}]}', "jobs[1].x"),
            (b'{"jobs":[]}', "jobs"),
            (json.dumps({"kind": "k", "tags": ["t"] * 17}).encode(), "tags"),
        ]
        for body, field in cases:
            with self.subTest(body=body[:60]):
                told = self.problem(self.post(body), 400, "invalid_argument")
                self.assertEqual(told.get("field", ""), field, told)
        long = self.post({"kind": "k", "x" * 1_000_000: 1})
        self.problem(long, 400, "invalid_argument")
        self.assertLess(len(long.body), 1000)
        self.assertEqual(self.ids(self.ask("GET", "/v1/jobs")), [])

    def test_hostile_requests_are_refused(self):
        good = {"kind": "k"}
        plain = self.post(b'{"kind":"k"}', Content_Type="text/plain")
        self.problem(plain, 415, "unsupported_media_type")
        for query, field in [("wait=1", "wait"), ("wait=2m", "wait"), ("wait=-1s", "wait"),
                             ("wat=1s", "wat"), ("wait=1s&wait=1s", "wait")]:
            told = self.problem(self.post(good, path="/v1/jobs?" + query), 400, "invalid_argument")
            self.assertEqual(told["field"], field)
        told = self.problem(self.post({"jobs": [good]}, path="/v1/jobs?wait=1s"), 400,
                            "invalid_argument")
        self.assertEqual(told["field"], "wait")
        told = self.problem(self.post(good, Idempotency_Key="k" * 201), 400, "invalid_argument")
        self.assertEqual(told["field"], "Idempotency-Key")
        told = self.problem(self.post(good, Idempotency_Key="a\tb"), 400, "invalid_argument")
        self.assertEqual(told["field"], "Idempotency-Key")
        told = self.problem(self.post(good | {"idempotency_key": "a"}, Idempotency_Key="b"), 400,
                            "invalid_argument")
        self.assertEqual(told["field"], "Idempotency-Key")
        self.assertEqual(self.ask("DELETE", "/v1/jobs").status, 405)
        self.assertEqual(self.ask("GET", "/v1/nothing").status, 404)
        self.assertEqual(self.ids(self.ask("GET", "/v1/jobs")), [])

    def test_large_payload_lies_in_the_object_store(self):
        job = self.ids_of(self.post({"kind": "k", "payload": "x" * 1_100_000}))[0]
        kept = list((self.here / "rwp-data/objects/payloads" / job).iterdir())
        self.assertEqual([file.stat().st_size > 1_100_000 for file in kept if file.is_file()], [True])

    def ids_of(self, answer):
        self.assertEqual(answer.status, 201, answer.body)
        return [answer.json()["id"]]

    def test_body_beyond_the_limit_is_413_before_it_is_read(self):
        with socket.create_connection(("127.0.0.1", self.pod.port), timeout=30) as connection:
            connection.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                               + self.key.encode() + b"\r\nContent-Type: application/json\r\n"
                               b"Content-Length: 100000000\r\n\r\n")
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 413 "))

    def test_wait_answers_as_it_is_when_the_time_is_up(self):
        begun = time.monotonic()
        made = self.post({"kind": "nobody.runs.this"}, path="/v1/jobs?wait=300ms")

        self.assertEqual((made.status, made.json()["state"]), (202, "ready"))
        self.assertGreaterEqual(time.monotonic() - begun, 0.3)
        looked = self.ask("GET", made.headers["Location"] + "?wait=100ms")
        self.assertEqual((looked.status, looked.json()["state"]), (200, "ready"))


class AccessTest(ApiTest):
    ROUTES = [("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", "/v1/jobs/" + NOBODYS),
              ("POST", f"/v1/jobs/{NOBODYS}/cancel"), ("POST", f"/v1/jobs/{NOBODYS}/retry"),
              ("POST", "/v1/jobs/cancel"), ("POST", "/v1/jobs/retry"), ("GET", "/v1/queues"),
              ("POST", "/v1/queues/q/pause"), ("POST", "/v1/queues/q/resume")]

    def test_every_route_asks_for_a_right_key(self):
        wrong = self.key[:-1] + ("0" if self.key[-1] != "0" else "1")
        for method, path in self.ROUTES:
            for key in (None, wrong, "x"):
                with self.subTest(path=path, key=key):
                    headers = {"Authorization": "Bearer " + key} if key else {}
                    answer = self.pod.ask(method, path, {}, headers=headers)
                    told = self.problem(answer, 401, "unauthenticated")
                    self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
                    self.assertNotIn(wrong, json.dumps(told))

    def test_every_route_asks_for_its_scope(self):
        reader = new_key(API, self.here, "acme", "jobs:read")
        writer = new_key(API, self.here, "acme", "jobs:write")
        wait_for(lambda: self.ask("GET", "/v1/jobs", key=reader).status == 200, "the new keys", 5)
        for method, path in self.ROUTES:
            with self.subTest(path=path):
                key = writer if method == "GET" else reader
                self.problem(self.ask(method, path, {}, key=key), 403, "permission_denied")

    def test_no_cache_on_the_way_keeps_an_answer(self):
        for path in ("/v1/jobs", "/v1/queues", f"/v1/jobs/{NOBODYS}", "/ready", "/none"):
            answer = self.ask("GET", path, key=self.key)
            self.assertEqual(answer.headers["Cache-Control"], "no-store", path)

    def test_tenant_never_learns_of_anothers_jobs(self):
        mine = self.post({"kind": "k", "payload": "secret"}).json()["id"]
        theirs = self.post({"kind": "k"}, key=self.other).json()["id"]

        for method, path in [("GET", "/v1/jobs/{}"), ("GET", "/v1/jobs/{}?wait=100ms"),
                             ("POST", "/v1/jobs/{}/cancel"), ("POST", "/v1/jobs/{}/retry")]:
            answers = []
            for name in (mine, NOBODYS, "nonsense", "a%20b"):
                told = self.ask(method, path.format(name), key=self.other)
                self.assertEqual(told.status, 404, path)
                answers.append({k: v for k, v in told.json().items() if k != "request_id"})
            self.assertEqual([answers[0]] * 4, answers)
        self.assertEqual(self.ids(self.ask("GET", "/v1/jobs", key=self.other)), [theirs])
        queues = self.ask("GET", "/v1/queues", key=self.other).json()["queues"]
        self.assertEqual([(q["name"], q["states"]["ready"]) for q in queues], [("default", 1)])
        cancelled = self.ask("POST", "/v1/jobs/cancel?state=ready", key=self.other)
        self.assertEqual(cancelled.json(), {"cancelled": 1})
        self.assertEqual(self.ask("GET", "/v1/jobs/" + mine).json()["state"], "ready")
        self.assertEqual(self.ask("POST", "/v1/jobs/retry?kind=k", key=self.other).json(),
                         {"retried": 1})


class LookAndSteerTest(ApiTest):
    def test_filter_with_an_empty_value_is_refused_and_changes_nothing(self):
        job = self.post({"kind": "k"}).json()["id"]

        for name in ("queue", "kind", "tag", "state", "created_from", "created_before"):
            for method, path in [("POST", "/v1/jobs/cancel"), ("POST", "/v1/jobs/retry"),
                                 ("GET", "/v1/jobs")]:
                with self.subTest(path=path, name=name):
                    told = self.problem(self.ask(method, f"{path}?{name}="), 400,
                                        "invalid_argument")
                    self.assertEqual(told["field"], name)
        self.assertEqual(self.ask("GET", "/v1/jobs/" + job).json()["state"], "ready")

    def test_page_of_large_jobs_is_short_and_the_next_goes_on(self):
        made = [self.post({"kind": "k", "payload": "x" * 900_000}).json()["id"] for _ in range(8)]

        listed, query, longest = [], "", 0
        while query is not None:
            page = self.ask("GET", "/v1/jobs?limit=1000" + query)
            listed += self.ids(page)
            longest = max(longest, len(page.body))
            cursor = page.json().get("next_cursor")
            query = "&cursor=" + cursor if cursor else None

        self.assertEqual(listed, made[::-1])
        self.assertLess(longest, 4_000_000)

    def test_paused_queue_without_own_jobs_is_shown_to_operators_alone(self):
        self.post({"kind": "k", "queue": "theirs"}, key=self.other)
        reader = new_key(API, self.here, "acme", "jobs:read")
        self.assertEqual(self.ask("POST", "/v1/queues/theirs/pause").status, 200)
        wait_for(lambda: self.ask("GET", "/v1/jobs", key=reader).status == 200, "the new key", 5)

        (queue,) = self.ask("GET", "/v1/queues").json()["queues"]
        self.assertEqual((queue["name"], queue["paused"], set(queue["states"].values())),
                         ("theirs", True, {0}))
        self.assertNotIn("oldest_ready_at", queue)
        self.assertEqual(self.ask("GET", "/v1/queues", key=reader).json()["queues"], [])

    def test_list_pages_filters_and_refuses_what_is_no_filter(self):
        made = [self.post({"kind": kind, "queue": queue, "tags": tags}).json()["id"]
                for kind, queue, tags in [("a", "q1", ["x"]), ("b", "q1", []), ("a", "q2", ["y"])]]
        self.post({"kind": "a", "queue": "q1"}, key=self.other)
        made.reverse()

        first = self.ask("GET", "/v1/jobs?limit=2")
        cursor = first.json()["next_cursor"]
        rest = self.ask("GET", "/v1/jobs?limit=2&cursor=" + cursor)
        self.assertEqual(self.ids(first) + self.ids(rest), made)
        self.assertNotIn("next_cursor", rest.json())
        self.assertEqual(self.ids(self.ask("GET", "/v1/jobs?queue=q1&kind=a")), [made[2]])
        self.assertEqual(self.ids(self.ask("GET", "/v1/jobs?tag=y")), [made[0]])
        self.assertEqual(self.ids(self.ask("GET", "/v1/jobs?state=succeeded,failed")), [])
        self.assertEqual(len(self.ids(self.ask("GET", "/v1/jobs?created_from=2020-01-01T00:00:00Z"))),
                         3)
        self.assertEqual(self.ids(self.ask("GET", "/v1/jobs?created_before=2020-01-01T00:00:00Z")),
                         [])
        for query, field in [("cursor=17", "cursor"), ("limit=0", "limit"), ("limit=1001", "limit"),
                             ("state=done", "state"), ("state=", "state"), ("kind=two%20words", "kind"),
                             ("created_from=now", "created_from"), ("tenant=globex", "tenant")]:
            told = self.problem(self.ask("GET", "/v1/jobs?" + query), 400, "invalid_argument")
            self.assertEqual(told["field"], field)
        told = self.problem(self.ask("GET", "/v1/jobs?cursor=" + cursor, key=self.other), 400,
                            "invalid_argument")
        self.assertEqual(told["field"], "cursor")

    def test_cancel_and_retry_one_and_many(self):
        job = self.post({"kind": "k"}).json()["id"]
        self.assertEqual(self.ask("POST", f"/v1/jobs/{job}/cancel").json()["outcome"], "cancelled")
        self.assertEqual(self.ask("POST", f"/v1/jobs/{job}/cancel").json()["outcome"],
                         "already_ended")
        self.assertEqual(self.ask("GET", f"/v1/jobs/{job}").json()["state"], "cancelled")
        self.assertEqual(self.ask("POST", f"/v1/jobs/{job}/retry").json()["state"], "ready")
        self.problem(self.ask("POST", "/v1/jobs/cancel"), 400, "invalid_argument")
        self.assertEqual(self.ask("POST", "/v1/jobs/cancel?kind=k").json(), {"cancelled": 1})

    def test_queue_is_paused_and_resumed(self):
        self.post({"kind": "k", "queue": "a/b"})
        self.assertEqual(self.ask("POST", "/v1/queues/a%2Fb/pause").json(),
                         {"name": "a/b", "paused": True})
        self.assertTrue(self.ask("GET", "/v1/queues").json()["queues"][0]["paused"])
        self.assertEqual(self.ask("POST", "/v1/queues/a%2Fb/resume").status, 200)
        queue = self.ask("GET", "/v1/queues").json()["queues"][0]
        self.assertEqual((queue["paused"], queue["states"]["ready"]), (False, 1))
        self.assertGreaterEqual(queue["oldest_ready_seconds"], 0)
        told = self.problem(self.ask("POST", "/v1/queues/two%20words/pause"), 400,
                            "invalid_argument")
        self.assertEqual(told["field"], "name")


class ProcessTest(PodTest):
    def test_job_that_was_answered_is_there_after_a_kill(self):
        pod = self.start_api(keys=False)
        made = [pod.ask("POST", "/v1/jobs", {"kind": "k"}) for _ in range(20)]
        pod.kill()
        again = self.start_api(keys=False)

        self.assertEqual({answer.status for answer in made}, {201})
        for answer in made:
            self.assertEqual(again.ask("GET", answer.headers["Location"]).status, 200)

    def test_drain_fails_no_request_of_a_client_that_honours_readiness(self):
        pod = self.start_api("--metrics-listen", "127.0.0.1:0", "--drain-delay", "1s", keys=False)
        failures, done = [], []

        def client():
            connection = pod.connect()
            health = pod.connect(pod.metrics_port)
            try:
                while ask_on(health, "GET", "/ready").status == 200:
                    for _ in range(5):
                        answer = ask_on(connection, "POST", "/v1/jobs", {"kind": "k"})
                        (done if answer.status == 201 else failures).append(answer.status)
            except Exception as error:  # Whatever it is, the request has failed.
                failures.append(repr(error))
            finally:
                connection.close()
                health.close()

        clients = [threading.Thread(target=client) for _ in range(8)]
        waiting = {}

        def wait_long():
            waiting["answer"] = pod.ask("POST", "/v1/jobs?wait=60s", {"kind": "k"})

        clients.append(threading.Thread(target=wait_long))
        for one in clients:
            one.start()
        wait_for(lambda: len(done) > 100, "requests")
        code = pod.end(signal.SIGTERM)
        for one in clients:
            one.join()

        self.assertEqual((code, failures), (0, []))
        self.assertEqual(waiting["answer"].status, 202)

    def test_data_directory_is_made_only_for_what_lies_in_it(self):
        pod = self.start_api("--data-dir", "/proc/nowhere", "--jobs-url", "sqlite:jobs.db",
                             keys=False)

        self.assertEqual(pod.ask("POST", "/v1/jobs", {"kind": "k"}).status, 201)
        self.assertFalse((self.here / "rwp-data").exists())

    def test_second_signal_ends_at_once(self):
        pod = self.start_api("--drain-delay", "5m", keys=False)
        pod.process.send_signal(signal.SIGTERM)
        wait_for(lambda: pod.ask("GET", "/ready").status == 503, "readiness to say no")
        begun = time.monotonic()

        self.assertEqual(pod.end(signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - begun, 20)

    def test_port_in_use_is_one_line_and_exit_1(self):
        pod = self.start_api(keys=False)
        for program in (API, WORKER):
            arguments = [program, "--listen", f"127.0.0.1:{pod.port}", "--log-level", "error"]
            if program == API:
                arguments.append("--allow-anonymous")
            result = subprocess.run(arguments, cwd=self.here, text=True, capture_output=True,
                                    timeout=30, env=clean_environment())
            self.assertEqual(result.returncode, 1, result.stderr)
            lines = result.stderr.splitlines()
            self.assertEqual(len(lines), 1, result.stderr)
            self.assertIn(f"127.0.0.1:{pod.port}", lines[0])

    def test_pod_without_keys_or_with_bad_ones_does_not_start(self):
        for arguments, code in [((), 2), (("--api-keys-file", "none"), 1),
                                (("--allow-anonymous", "--listen", ":0"), 2)]:
            result = subprocess.run([API, *arguments], cwd=self.here, text=True,
                                    capture_output=True, timeout=30, env=clean_environment())
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_metrics_have_a_port_of_their_own_when_asked(self):
        pod = self.start_api("--metrics-listen", "127.0.0.1:0", "--http-threads", "2", keys=False)

        self.assertEqual(pod.ask("GET", "/health").status, 200)
        self.assertEqual(pod.ask("GET", "/ready").status, 200)
        self.assertEqual(pod.ask("GET", "/metrics").status, 404)
        self.assertEqual(pod.ask("GET", "/health", port=pod.metrics_port).status, 200)
        ready = pod.ask("GET", "/ready", port=pod.metrics_port).json()
        self.assertEqual(ready["dependencies"]["job_store"]["status"], "up")
        self.assertEqual(pod.ask("POST", "/v1/jobs", {"kind": "k"}).status, 201)
        metrics = pod.ask("GET", "/metrics", port=pod.metrics_port).body.decode()
        self.assertIn("rwp_http_requests_total", metrics)

    def test_metrics_show_the_queues_and_no_wait_as_response_time(self):
        pod = self.start_api("--metrics-listen", "127.0.0.1:0", keys=False)
        begun = time.monotonic()
        for _ in range(3):
            pod.ask("POST", "/v1/jobs", {"kind": "k", "queue": "ads"})
        pod.ask("POST", "/v1/jobs?wait=1s", {"kind": "k", "queue": "ads"})
        elapsed = time.monotonic() - begun

        def series_with_all_four():
            text = pod.ask("GET", "/metrics", port=pod.metrics_port).body.decode()
            series = {name: float(value) for name, value in (
                line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}
            return series if series.get('rwp_queue_jobs{queue="ads",state="ready"}') == 4 else None

        series = wait_for(series_with_all_four, "four ready jobs in the metrics")
        self.assertGreater(series['rwp_queue_oldest_ready_seconds{queue="ads"}'], 0)
        self.assertEqual(series['rwp_http_request_seconds_count{route="/v1/jobs"}'], 4)
        # Of the fourth, the second that it waited is left out.
        self.assertLess(series['rwp_http_request_seconds_sum{route="/v1/jobs"}'], elapsed - 0.9)


class EdgeTest(PodTest):
    def setUp(self):
        super().setUp()
        self.key = new_key(API, self.here, "acme", ALL)
        self.other = new_key(API, self.here, "globex", ALL)

    def test_key_that_asks_too_often_is_told_when_to_come_again(self):
        pod = self.start_api("--key-requests-per-second", "1")
        self.assertEqual(pod.ask("GET", "/v1/queues", key=self.key).status, 200)

        def refused():
            answer = pod.ask("GET", "/v1/queues", key=self.key)
            return answer if answer.status == 429 else None

        answer = wait_for(refused, "a request that is refused")
        self.assertEqual(answer.json()["code"], "rate_limited")
        self.assertEqual(answer.headers["Retry-After"], "1")
        # Each key has its own rate; without a key there is none to count.
        self.assertEqual(pod.ask("GET", "/v1/queues", key=self.other).status, 200)
        self.assertEqual(pod.ask("GET", "/v1/queues").status, 401)

    def test_log_names_the_client_that_a_trusted_balancer_tells(self):
        pod = self.start_api("--log-level", "info", "--trusted-proxies", "127.0.0.0/8",
                             "--trusted-cdn", "172.64.0.0/13")
        pod.ask("GET", "/v1/queues", key=self.key,
                headers={"X-Forwarded-For": "198.51.100.9, 172.64.0.1",
                         "CF-Connecting-IP": "203.0.113.7"})
        wait_for(lambda: pod.said("203.0.113.7"), "the client's address in the log")
        self.assertEqual(pod.said("198.51.100.9"), 0)

    @unittest.skipUnless(postgres_process.is_installed(), "PostgreSQL is not installed")
    def test_write_waits_for_a_database_that_comes_back(self):
        database = postgres_process.PostgresProcess(self, self.here)
        pod = self.start_api("--jobs-url", database.url)
        first = pod.ask("POST", "/v1/jobs", {"kind": "k"}, key=self.key)
        self.assertEqual(first.status, 201, first.body)
        database.kill()
        answers = {}

        def write(name, method, path, body=None):
            answers[name] = pod.ask(method, path, body, key=self.key)

        job = first.json()["id"]
        writes = [("submit", "POST", "/v1/jobs", {"kind": "k"}),
                  ("many", "POST", "/v1/jobs", {"jobs": [{"kind": "k"}] * 3}),
                  ("cancel", "POST", f"/v1/jobs/{job}/cancel"),
                  ("pause", "POST", "/v1/queues/ads/pause")]
        threads = [threading.Thread(target=write, args=each) for each in writes]
        for thread in threads:
            thread.start()
        wait_for(lambda: pod.ask("GET", "/ready").status == 503, "a pod that says it is not ready")
        self.assertEqual(answers, {})
        database.start()
        for thread in threads:
            thread.join(timeout=60)
        self.assertEqual({name: answer.status for name, answer in answers.items()},
                         {"submit": 201, "many": 201, "cancel": 200, "pause": 200})
        listed = pod.ask("GET", "/v1/jobs", key=self.key).json()["jobs"]
        self.assertEqual(len(listed), 5)


class WorkerTest(PodTest):
    def test_jobs_of_the_system_are_not_a_tenants_to_see_or_steer(self):
        key = new_key(API, self.here, "acme", ALL)
        api = self.start_api()
        self.start_worker()
        made = api.ask("POST", "/v1/jobs?wait=30s", {"kind": "job_ad.enrich", "payload": AD}, key)
        self.assertEqual(made.status, 201, made.body)

        jobs = api.ask("GET", "/v1/jobs", key=key).json()["jobs"]
        self.assertEqual([job["kind"] for job in jobs], ["job_ad.enrich"])
        queues = api.ask("GET", "/v1/queues", key=key).json()["queues"]
        self.assertEqual([queue["name"] for queue in queues], ["default"])

    def test_ready_shows_a_model_that_is_gone_and_the_worker_stays_ready(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]  # Free again below: nobody answers there.
        worker = self.start_worker("--ai-url", f"http://127.0.0.1:{port}/v1")

        ready = worker.ask("GET", "/ready")

        self.assertEqual(ready.status, 200, ready.body)
        self.assertEqual(ready.json()["dependencies"]["model"]["status"], "down")
        self.assertEqual(ready.json()["dependencies"]["job_store"]["status"], "up")

    def test_posted_advert_is_enriched_and_the_caller_waits_for_it(self):
        api = self.start_api(keys=False)
        self.start_worker()
        made = api.ask("POST", "/v1/jobs?wait=30s", {"kind": "job_ad.enrich", "payload": AD})

        self.assertEqual(made.status, 201, made.body)
        job = made.json()
        self.assertEqual((job["state"], job["result"]["ad_id"]), ("succeeded", AD["id"]))
        self.assertTrue((self.here / "rwp-data/objects" / job["result"]["object"]).exists())
        wait_for(lambda: (self.here / "rwp-data/events.jsonl").exists(), "the event")

    def test_worker_that_is_drained_and_one_that_is_killed_lose_nothing(self):
        api = self.start_api(keys=False)
        worker = self.start_worker()
        jobs = [{"kind": "job_ad.enrich", "payload": AD | {"id": f"ad-{n}"}} for n in range(300)]
        self.assertEqual(api.ask("POST", "/v1/jobs", {"jobs": jobs}).status, 201)
        ended = lambda: api.ask("GET", "/v1/queues").json()["queues"][0]["states"]["succeeded"]
        wait_for(lambda: ended() > 0, "the first enriched advert")
        drained = worker.end(signal.SIGTERM)
        second = self.start_worker()
        second.kill()
        self.start_worker()
        wait_for(lambda: ended() == 300, "all adverts", 60)

        self.assertEqual(drained, 0)
        listed = api.ask("GET", "/v1/jobs?kind=job_ad.enrich&limit=1000").json()["jobs"]
        self.assertEqual({job["attempt"] for job in listed}, {0})
        self.assertEqual(len({job["result"]["ad_id"] for job in listed}), 300)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
