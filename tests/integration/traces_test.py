#!/usr/bin/env python3
"""One trace from a request to the API pod through its job and the call of a model to the AI pod, read
back from a collector.

usage: traces_test.py API_POD WORKER_POD AI_POD
"""

import http.server
import json
import pathlib
import signal
import sys
import tempfile
import threading
import unittest

import pod_process

API_POD, WORKER_POD, AI_POD = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


class Collector:
    """Takes OTLP/HTTP posts and keeps their spans by name."""

    def __init__(self, test):
        self.spans = []
        self.held = False
        self.free = threading.Event()
        self.free.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.free.wait()
                if outer.held:
                    return
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for resource in body["resourceSpans"]:
                    service = attributes(resource["resource"])["service.name"]
                    for scope in resource["scopeSpans"]:
                        outer.spans += [span | {"service": service} for span in scope["spans"]]
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)
        test.addCleanup(self.free.set)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def hold(self):
        """Takes posts from now on, and answers none."""
        self.held = True
        self.free.clear()

    def of_trace(self, trace):
        return [span for span in self.spans if span["traceId"] == trace]


def attributes(thing):
    return {a["key"]: a["value"]["stringValue"] for a in thing.get("attributes", [])}


class TracesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-traces-")
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)
        self.collector = Collector(self)

    def start(self, program, **settings):
        environment = {"RWP_LISTEN": "127.0.0.1:0", "RWP_DRAIN_DELAY": "0s",
                       "RWP_TRACES_URL": self.collector.url}
        if program != WORKER_POD:
            environment["RWP_ALLOW_ANONYMOUS"] = "true"
        return pod_process.Pod(self, program, cwd=self.here, environment=environment | settings)

    def enrich(self, api, traceparent):
        made = api.ask("POST", "/v1/jobs", {"kind": "job_ad.enrich", "payload": {
            "id": "ad-1", "title": "Nurse", "description": "Nurse wanted in Leeds."}},
            headers={"traceparent": traceparent})
        self.assertEqual(made.status, 201, made.body)
        path = "/v1/jobs/" + made.json()["id"]
        pod_process.wait_for(lambda: api.ask("GET", path).json()["state"] == "succeeded", "the job")

    def start_all(self, **settings):
        ai = self.start(AI_POD, RWP_AI_URL="local:", **settings)
        worker = self.start(WORKER_POD, RWP_AI_URL=f"http://127.0.0.1:{ai.port}/v1",
                            RWP_AI_MODEL="rwp-local", **settings)
        return self.start(API_POD, **settings), worker, ai

    def test_one_trace_leads_from_the_request_to_the_model(self):
        pods = self.start_all()
        self.enrich(pods[0], f"00-{TRACE}-{CALLER}-01")
        # What they still hold is sent before they end.
        for pod in pods:
            self.assertEqual(pod.end(signal.SIGTERM), 0)

        # The job's event is delivered by a job of its own, perhaps before the end.
        spans = [s for s in self.collector.of_trace(TRACE) if "rwp.outbox" not in s["name"]]
        chain = []
        parent = CALLER
        while True:
            children = [s for s in spans if s.get("parentSpanId") == parent]
            if not children:
                break
            self.assertEqual(len(children), 1, children)
            chain.append(children[0])
            parent = children[0]["spanId"]
        self.assertEqual(len(chain), len(spans), spans)
        names = [(span["service"], span["name"].split(" ")[0], span["kind"]) for span in chain]
        self.assertEqual(names, [
            ("rwp-api_pod", "POST", 2), ("rwp-api_pod", "submit", 4), ("rwp-worker_pod", "claim", 5),
            ("rwp-worker_pod", "job", 5), ("rwp-worker_pod", "chat", 3), ("rwp-ai_pod", "POST", 2),
            ("rwp-ai_pod", "chat", 3)])
        self.assertEqual(chain[0]["name"], "POST /v1/jobs")
        self.assertEqual(chain[3]["name"], "job job_ad.enrich")
        self.assertEqual(attributes(chain[3])["rwp.job.outcome"], "succeeded")
        # The same job all along.
        self.assertEqual(len({attributes(span)["rwp.job.id"] for span in chain[1:4]}), 1)
        self.assertEqual(chain[5]["name"], "POST /v1/chat/completions")
        called = attributes(chain[6])
        self.assertEqual(called["gen_ai.operation.name"], "chat")
        self.assertGreater(int(called["gen_ai.usage.input_tokens"]), 0)
        for span in chain:
            self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))

    def test_trace_that_its_caller_does_not_sample_is_not_sent(self):
        pods = self.start_all()
        self.enrich(pods[0], f"00-{TRACE}-{CALLER}-00")
        for pod in pods:
            self.assertEqual(pod.end(signal.SIGTERM), 0)
        self.assertEqual(self.collector.of_trace(TRACE), [])

    def test_collector_that_is_away_is_in_nobodys_way(self):
        self.collector.url = "http://127.0.0.1:1/v1/traces"
        pods = self.start_all()
        self.enrich(pods[0], f"00-{TRACE}-{CALLER}-01")
        for pod in pods:
            self.assertEqual(pod.end(signal.SIGTERM), 0)


    def test_span_of_a_refused_submit_has_nothing_of_what_was_sent(self):
        api = self.start(API_POD)
        made = api.ask("POST", "/v1/jobs", {"kind": "x" * 100_000, "payload": {}},
                       headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
        self.assertEqual(made.status, 400, made.body)
        self.assertEqual(api.end(signal.SIGTERM), 0)
        names = sorted(span["name"] for span in self.collector.of_trace(TRACE))
        self.assertEqual(names, ["POST /v1/jobs", "submit"])

    def test_collector_that_does_not_answer_is_in_nobodys_way(self):
        self.collector.hold()
        pods = self.start_all()
        self.enrich(pods[0], f"00-{TRACE}-{CALLER}-01")
        for pod in pods:
            self.assertEqual(pod.end(signal.SIGTERM), 0)
        self.assertEqual(self.collector.of_trace(TRACE), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
