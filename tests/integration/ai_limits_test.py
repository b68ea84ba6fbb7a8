#!/usr/bin/env python3
"""ai_pod and standalone with limits, budget, cache, redaction and fallback in front of a scripted upstream.

usage: ai_limits_test.py AI_POD STANDALONE
"""

import http.server
import json
import pathlib
import sys
import tempfile
import threading
import unittest

import pod_process

AI_POD, STANDALONE = (pathlib.Path(a).resolve() for a in sys.argv[1:3])


class Upstream:
    """Answers chat completions, and keeps what it was asked."""

    def __init__(self, test):
        self.bodies = []
        self.keys = []
        self.status = 200
        self.written = 40_000
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.send(200, {"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.bodies.append(body)
                outer.keys.append(self.headers.get("Authorization"))
                if outer.status != 200:
                    return self.send(outer.status, {"error": {"message": "no", "type": "server_error"}})
                said = "you wrote: " + body["messages"][-1]["content"]
                self.send(200, {
                    "id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
                    "choices": [{"index": 0, "finish_reason": "stop",
                                 "message": {"role": "assistant", "content": said}}],
                    "usage": {"prompt_tokens": 20, "completion_tokens": outer.written,
                              "total_tokens": 20 + outer.written}})

            def send(self, status, answer):
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


class AiLimitsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-ai-limits-")
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)
        self.upstream = Upstream(self)

    def start(self, program=AI_POD, **settings):
        environment = {"RWP_AI_URL": self.upstream.url, "RWP_AI_MODEL": "gpt-4o",
                       "RWP_ALLOW_ANONYMOUS": "true", "RWP_LISTEN": "127.0.0.1:0"}
        return pod_process.Pod(self, program, cwd=self.here, environment=environment | settings)

    def chat(self, pod, text, **more):
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]} | more
        return pod.ask("POST", "/v1/chat/completions", body)

    def test_same_question_is_asked_once(self):
        pod = self.start(RWP_AI_CACHE_MEGABYTES="16")
        first = self.chat(pod, "hello")
        again = self.chat(pod, "hello")
        self.assertEqual((first.status, again.status), (200, 200))
        self.assertEqual(first.json()["choices"], again.json()["choices"])
        self.assertEqual(len(self.upstream.bodies), 1)
        self.assertIn(b'rwp_ai_cache_total{outcome="hit"} 1', pod.ask("GET", "/metrics").body)

    def test_budget_of_the_day_ends_what_it_does_not_hold(self):
        # An answer costs 40,000 tokens of $10 a million: $0.40.
        pod = self.start(RWP_AI_BUDGET_DAY="1")
        statuses = [self.chat(pod, f"n. {i}", max_completion_tokens=40_000).status for i in range(4)]
        self.assertEqual(statuses, [200, 200, 429, 429])
        refused = self.chat(pod, "n. 5", max_completion_tokens=40_000)
        self.assertEqual(refused.json()["error"]["code"], "insufficient_quota")
        self.assertGreater(int(refused.headers["Retry-After"]), 0)
        self.assertLessEqual(int(refused.headers["Retry-After"]), 86_400)
        self.assertEqual(len(self.upstream.bodies), 2)
        pod.kill()
        again = self.start(RWP_AI_BUDGET_DAY="1")
        self.assertEqual(self.chat(again, "n. 6", max_completion_tokens=40_000).status, 429)

    def test_job_waits_for_its_budget_and_burns_no_attempt(self):
        # The first job's answer is none, and takes all the money: $1.20.
        self.upstream.written = 120_000
        pod = self.start(STANDALONE, RWP_AI_BUDGET_DAY="1")

        def job(ident):
            return pod.ask("GET", "/v1/jobs/" + ident).json()

        def submit(ad):
            made = pod.ask("POST", "/v1/jobs", {"kind": "job_ad.enrich", "payload": {
                "id": ad, "title": "Nurse", "description": "Nurse wanted in Leeds."}})
            self.assertEqual(made.status, 201, made.body)
            return made.json()["id"]

        # Its second question, which asks for a better answer, is refused already.
        for ad in ("a", "b"):
            ident = submit(ad)
            pod_process.wait_for(lambda: job(ident)["state"] not in ("ready", "running"), "its end")
            waiting = job(ident)
            self.assertEqual((waiting["state"], waiting["attempt"]), ("scheduled", 0), waiting)
            self.assertGreater(waiting["run_at"], waiting["created_at"], waiting)
        self.assertEqual(len(self.upstream.bodies), 1)

    def test_personal_data_does_not_leave_and_comes_back(self):
        pod = self.start(RWP_AI_REDACT="true")
        answer = self.chat(pod, "I am at zoe@example.org")
        self.assertEqual(answer.json()["choices"][0]["message"]["content"],
                         "you wrote: I am at zoe@example.org")
        self.assertEqual(self.upstream.bodies[0]["messages"][0]["content"], "I am at [EMAIL_1]")

    def test_local_model_answers_when_the_service_cannot(self):
        self.upstream.status = 500
        pod = self.start(RWP_AI_FALLBACK_URL="local:")
        answer = self.chat(pod, "Nurse wanted in Leeds.")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json()["model"], "rwp-local")
        # The stack repeats, and not the client as well.
        self.assertEqual(len(self.upstream.bodies), 3)

    def test_another_service_answers_with_a_key_of_its_own(self):
        self.upstream.status = 503
        other = Upstream(self)
        pod = self.start(RWP_AI_FALLBACK_URL=other.url, RWP_AI_API_KEY="first-key",
                         RWP_AI_FALLBACK_API_KEY="second-key")
        self.assertEqual(self.chat(pod, "hello").status, 200)
        self.assertEqual(set(self.upstream.keys), {"Bearer first-key"})
        self.assertEqual(other.keys, ["Bearer second-key"])
        pod = self.start(RWP_AI_FALLBACK_URL=other.url, RWP_AI_API_KEY="first-key")
        self.assertEqual(self.chat(pod, "hello").status, 200)
        self.assertEqual(other.keys, ["Bearer second-key", None])

    def test_standalone_keeps_its_routes_within_the_budget(self):
        pod = pod_process.Pod(self, STANDALONE, cwd=self.here, environment={
            "RWP_AI_URL": self.upstream.url, "RWP_AI_MODEL": "gpt-4o", "RWP_ALLOW_ANONYMOUS": "true",
            "RWP_LISTEN": "127.0.0.1:0", "RWP_AI_BUDGET_DAY": "1"})
        statuses = [self.chat(pod, f"n. {i}", max_completion_tokens=40_000).status for i in range(3)]
        self.assertEqual(statuses, [200, 200, 429])

    def test_settings_out_of_their_range_stop_the_start(self):
        with self.assertRaisesRegex(AssertionError, "RWP_AI_CACHE_TTL"):
            self.start(RWP_AI_CACHE_TTL="0s")
        with self.assertRaisesRegex(AssertionError, "RWP_AI_BUDGET_DAY"):
            self.start(RWP_AI_BUDGET_DAY="-1")

    def test_tenant_that_asks_too_fast_is_told_when(self):
        pod = self.start(RWP_AI_REQUESTS_PER_MINUTE="1")
        self.assertEqual(self.chat(pod, "one").status, 200)
        refused = self.chat(pod, "two")
        self.assertEqual(refused.status, 429)
        self.assertGreater(int(refused.headers["Retry-After"]), 1)
        self.assertEqual(len(self.upstream.bodies), 1)

    def test_bad_price_file_stops_the_start_and_says_where(self):
        (self.here / "prices.json").write_text('{"prices": [{"model": "m", "input": -1, "output": 1}]}')
        with self.assertRaisesRegex(AssertionError, r"prices\[0\]\.input"):
            self.start(RWP_AI_PRICES_FILE="prices.json")
        with self.assertRaisesRegex(AssertionError, r"standalone: .*prices\[0\]\.input"):
            self.start(STANDALONE, RWP_AI_PRICES_FILE="prices.json")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
