#!/usr/bin/env python3
"""Hostile and ordinary clients of ai_pod, over real sockets.

usage: ai_pod_test.py AI_POD API_POD SCRIPTED_AI_POD
"""

import http.client
import http.server
import json
import pathlib
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import logged_pod

AI_POD, API_POD, SCRIPTED = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
CHAT = {"model": "rwp-local", "messages": [{"role": "user", "content": "Nurse wanted in Leeds."}]}


class AiPodTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-ai-")
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)

    def start(self, program=AI_POD, *arguments):
        return logged_pod.start(self, program, self.here, "--allow-anonymous", *arguments)

    def send(self, pod, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=20)
        self.addCleanup(connection.close)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Content-Type": "application/json"} | names)
        answer = connection.getresponse()
        return answer, answer.read()

    def refused(self, pod, status, code, method, path, body=None, **headers):
        """Refused with an OpenAI error object of this status and code."""
        answer, text = self.send(pod, method, path, body, **headers)
        self.assertEqual(answer.status, status, text)
        error = json.loads(text)["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertEqual(error["code"], code, error)
        self.assertTrue(error["message"] and error["type"])
        self.assertTrue(answer.headers["X-Request-Id"])
        return error

    def raw(self, pod, data, half_close=False):
        """What the pod answers to these bytes."""
        with socket.create_connection(("127.0.0.1", pod.port), timeout=20) as client:
            try:
                client.sendall(data)
                if half_close:
                    client.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # Refused before all of it was sent.
            got = b""
            try:
                while piece := client.recv(65536):
                    got += piece
            except OSError:
                pass
            return got


class HostileInputTest(AiPodTest):
    def test_each_route_refuses_what_it_cannot_read(self):
        pod = self.start()
        deep = "[" * 100_000 + "]" * 100_000
        for path in ("/v1/chat/completions", "/v1/embeddings"):
            self.refused(pod, 400, "invalid_json", "POST", path, "{")
            self.refused(pod, 400, "invalid_json", "POST", path, "")
            self.refused(pod, 400, "invalid_json", "POST", path, b'{"model":"\xff\xfe"}')
            self.refused(pod, 400, "invalid_json", "POST", path, '{"model":"a"' + "\0}")
            self.refused(pod, 400, "invalid_json", "POST", path, deep)
            self.refused(pod, 400, "invalid_json", "POST", path, "[" * 1000 + "]" * 1000)
            self.refused(pod, 400, "invalid_type", "POST", path, "7")
            self.refused(pod, 400, "missing_required_parameter", "POST", path, {})
            self.refused(pod, 415, "unsupported_media_type", "POST", path, "{}",
                         Content_Type="text/html")
            good = CHAT if "chat" in path else {"model": "rwp-local", "input": "x"}
            error = self.refused(pod, 400, "unknown_parameter", "POST", path,
                                 good | {"x" * 10_000: 1})
            self.assertLess(len(error["message"]), 300)
            answer, _ = self.send(pod, "GET", path)
            self.assertEqual(answer.status, 405)
            self.assertIn("POST", answer.headers["Allow"])
        self.refused(pod, 404, "model_not_found", "GET", "/v1/models/..%2F..%2Fetc%2Fpasswd")
        self.refused(pod, 404, "not_found", "GET", "/v1/nothing")
        self.refused(pod, 404, "not_found", "DELETE", "/")
        answer, _ = self.send(pod, "DELETE", "/v1/models")
        self.assertEqual(answer.status, 405)
        self.assertTrue(pod.ready())

    def test_huge_bodies_are_refused_without_being_kept(self):
        pod = self.start()
        before = self.memory(pod)
        for path in ("/v1/chat/completions", "/v1/embeddings"):
            told = self.raw(pod, f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n"
                                 "Content-Type: application/json\r\n\r\n".encode() + b"x" * 100_000)
            self.assertTrue(told.startswith(b"HTTP/1.1 413 "), told[:200])
            self.assertIn(b'{"error":{', told)
            chunked = (f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                       "Content-Type: application/json\r\n\r\n".encode() +
                       b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
            told = self.raw(pod, chunked + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 12)
            self.assertTrue(told == b"" or told.startswith(b"HTTP/1.1 413 "), told[:200])
        many = {"model": "rwp-local", "input": ["x"] * 2049}
        self.refused(pod, 400, "invalid_value", "POST", "/v1/embeddings", many)
        self.refused(pod, 400, "invalid_value", "POST", "/v1/chat/completions",
                     CHAT | {"messages": CHAT["messages"] * 1001})
        nodes = '{"model":' + "[" + "[]," * 2_000_000 + "0]}"
        self.refused(pod, 400, "request_too_large", "POST", "/v1/chat/completions", nodes)
        self.assertLess(self.memory(pod) - before, 100 << 20)
        self.assertTrue(pod.ready())

    def memory(self, pod):
        status = pathlib.Path(f"/proc/{pod.process.pid}/status").read_text()
        pages = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(pages.split()[1]) * 1024

    def test_broken_http_is_answered_or_closed(self):
        pod = self.start()
        for data in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                     b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"GET /v1/models HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 100_000 + b"\r\n\r\n"):
            told = self.raw(pod, data, half_close=True)
            self.assertTrue(told == b"" or told.startswith(b"HTTP/1.1 4") or
                            told.startswith(b"HTTP/1.1 505"), (data[:60], told[:100]))
        half = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        told = self.raw(pod, half, half_close=True)
        self.assertTrue(told == b"" or told.startswith(b"HTTP/1.1 4"), told[:100])
        self.assertTrue(pod.ready())

    def test_schema_that_would_take_forever_does_not(self):
        pod = self.start()

        def asked(schema):
            return CHAT | {"response_format": {"type": "json_schema", "json_schema": {
                "name": "x", "schema": schema}}}

        nested = {"type": "string", "minLength": 9000}
        for _ in range(10):
            nested = {"type": "array", "minItems": 90, "items": nested}
        self.refused(pod, 400, "unsupported_value", "POST", "/v1/chat/completions", asked(nested))
        self.refused(pod, 400, "invalid_json_schema", "POST", "/v1/chat/completions",
                     asked({"type": "string", "pattern": "(a+)+$"}))
        self.assertTrue(pod.ready())


class KeysTest(AiPodTest):
    def test_only_keys_of_the_scope_are_let_in(self):
        keys = self.here / "keys.jsonl"
        good = logged_pod.new_key(API_POD, keys, "acme", "ai:use")
        other = logged_pod.new_key(API_POD, keys, "acme", "jobs:read")
        pod = logged_pod.start(self, AI_POD, self.here, "--api-keys-file", keys)
        for method, path in (("POST", "/v1/chat/completions"), ("POST", "/v1/embeddings"),
                             ("GET", "/v1/models"), ("GET", "/v1/models/rwp-local")):
            self.refused(pod, 401, "invalid_api_key", method, path)
            for wrong in ("Bearer sk-wrong", "Basic abc", "Bearer", "Bearer " + "k" * 5000,
                          "Bearer " + good[:-1]):
                self.refused(pod, 401, "invalid_api_key", method, path, Authorization=wrong)
            self.refused(pod, 403, "permission_denied", method, path,
                         Authorization="Bearer " + other)
        answer, _ = self.send(pod, "GET", "/v1/models", Authorization="Bearer " + good)
        self.assertEqual(answer.status, 200)
        self.assertNotIn(good, pod.log())
        self.assertNotIn("sk-wrong", pod.log())


class ReadyTest(AiPodTest):
    def serve_models(self, status):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b'{"object":"list","data":[{"id":"m","object":"model"}]}')

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/v1", asked

    def told(self, *arguments):
        pod = self.start(AI_POD, *arguments)
        answer, text = self.send(pod, "GET", "/ready")
        self.assertEqual(answer.status, 200, text)
        told = json.loads(text)
        self.assertEqual(told["status"], "ready")
        return told["dependencies"]

    def test_service_behind_is_shown_and_its_outage_leaves_the_pod_ready(self):
        url, asked = self.serve_models(200)
        self.assertEqual(self.told("--ai-url", url)["model"]["status"], "up")
        self.assertEqual(asked, ["/v1/models"])
        lists_none, _ = self.serve_models(404)
        self.assertEqual(self.told("--ai-url", lists_none)["model"]["status"], "up")
        for broken in (self.serve_models(401)[0], self.serve_models(500)[0], "http://127.0.0.1:1/v1"):
            model = self.told("--ai-url", broken)["model"]
            self.assertEqual(model["status"], "down", broken)
            self.assertIn("127.0.0.1", model["error"])

    def test_model_of_its_own_is_no_dependency(self):
        self.assertEqual(self.told(), {})


class StreamTest(AiPodTest):
    def test_stream_that_breaks_is_cut_after_an_error_event(self):
        pod = self.start(SCRIPTED, "--ai-url", "scripted:broken")
        body = json.dumps(CHAT | {"stream": True}).encode()
        told = self.raw(pod, b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                             b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                        % (len(body), body))
        self.assertTrue(told.startswith(b"HTTP/1.1 200 "))
        self.assertIn(b"A beginning", told)
        self.assertIn(b'data: {"error":{', told)
        self.assertNotIn(b"[DONE]", told)
        self.assertFalse(told.endswith(b"0\r\n\r\n"), "the body was ended as if it were whole")

    def test_failure_before_the_first_piece_has_its_own_status(self):
        pod = self.start(SCRIPTED, "--ai-url", "scripted:limited")
        answer, text = self.send(pod, "POST", "/v1/chat/completions", CHAT | {"stream": True})
        self.assertEqual(answer.status, 429, text)
        self.assertEqual(answer.headers["Retry-After"], "2")


class DrainTest(AiPodTest):
    def test_requests_in_flight_are_answered(self):
        pod = self.start(AI_POD, "--drain-delay", "1s")
        statuses = []

        def ask():
            answer, _ = self.send(pod, "POST", "/v1/chat/completions",
                                  CHAT | {"messages": [{"role": "user", "content":
                                                        "Nurse wanted in Leeds. " * 9_000}]})
            statuses.append(answer.status)

        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        logged_pod.wait_for(lambda: statuses)
        code = pod.stop()
        for asker in askers:
            asker.join(20)

        self.assertEqual(code, 0, pod.log())
        self.assertEqual(set(statuses), {200})

    def test_port_in_use_is_one_line_and_exit_code_1(self):
        pod = self.start()
        second = subprocess.run([AI_POD, "--allow-anonymous", "--listen", f"127.0.0.1:{pod.port}"],
                                cwd=self.here, text=True, capture_output=True, timeout=20,
                                check=False)
        self.assertEqual(second.returncode, 1)
        self.assertEqual(len(second.stderr.strip().splitlines()), 1, second.stderr)
        self.assertIn(str(pod.port), second.stderr)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
