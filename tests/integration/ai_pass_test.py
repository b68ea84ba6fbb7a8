#!/usr/bin/env python3
"""ai_pod in front of a service that speaks OpenAI's protocol: bytes pass as they came.

usage: ai_pass_test.py AI_POD
"""

import http.client
import json
import pathlib
import select
import socket
import sys
import tempfile
import threading
import time
import unittest

import pod_process

AI_POD = pathlib.Path(sys.argv[1]).resolve()
WAIT = 20
END = b"data: [DONE]\n\n"


def event(content=None, **more):
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
            "choices": [choice], "odd_member": {"kept": True}} | more
    return b"data:  " + json.dumps(body).encode() + b"\n\n"


USAGE = event(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13})
FINISH = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])


class Upstream:
    """Answers each request with what `script` does with its connection."""

    def __init__(self, test, script):
        self.script = script
        self.bodies = []
        self.gone = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        threading.Thread(target=self.accept, daemon=True).start()
        test.addCleanup(self.listener.close)

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            reader = connection.makefile("rb")
            while line := reader.readline():
                size = 0
                while (header := reader.readline().strip()):
                    name, _, value = header.partition(b":")
                    if name.lower() == b"content-length":
                        size = int(value)
                body = reader.read(size)
                if line.startswith(b"GET"):
                    answer(connection, 200, b'{"object":"list","data":[{"id":"gpt-4o"}]}')
                    continue
                self.bodies.append(body)
                try:
                    if self.script(self, connection) is False:
                        return
                except OSError:
                    self.gone.set()  # The pod has left, as some tests want it to.
                    return

    def wait_gone(self, connection):
        connection.settimeout(WAIT)
        try:
            if not connection.recv(1):
                self.gone.set()
        except ConnectionError:
            self.gone.set()
        except OSError:
            pass


def answer(connection, status, body, kind="application/json", extra=""):
    connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{extra}"
                       f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


def begin_stream(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n")


def send_piece(connection, piece):
    connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")


def whole_stream(*pieces):
    def script(upstream, connection):
        begin_stream(connection)
        for piece in pieces:
            send_piece(connection, piece)
        connection.sendall(b"0\r\n\r\n")
    return script


class PodTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-ai-pass-")
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)

    def start(self, script, **settings):
        self.upstream = Upstream(self, script)
        return pod_process.Pod(self, AI_POD, cwd=self.here, environment={
            "RWP_AI_URL": self.upstream.url, "RWP_AI_MODEL": "gpt-4o",
            "RWP_ALLOW_ANONYMOUS": "true", "RWP_LISTEN": "127.0.0.1:0"} | settings)

    def send(self, pod, text="hi", path="/v1/chat/completions", **more):
        """The answer and a connection that is open."""
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]} | more
        connection = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=WAIT)
        self.addCleanup(connection.close)
        self.sent = json.dumps(body).encode()
        connection.request("POST", path, self.sent, {"Content-Type": "application/json"})
        return connection.getresponse(), connection

    def ask(self, pod, text="hi", **more):
        response, _ = self.send(pod, text, **more)
        return response.status, response.read()

    def metric(self, pod, name):
        for line in pod.ask("GET", "/metrics").body.decode().splitlines():
            if line.startswith(name + " ") or line.startswith(name + "{"):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def wait_metric(self, pod, name):
        until = time.monotonic() + WAIT
        while not self.metric(pod, name):
            self.assertLess(time.monotonic(), until, name)
            time.sleep(0.02)
        return self.metric(pod, name)


class AiPassTest(PodTest):
    def test_what_is_not_known_here_goes_both_ways(self):
        body = json.dumps({"id": "c1", "object": "chat.completion", "model": "gpt-4o", "odd": [1.50],
                           "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
                               "role": "assistant", "content": None, "tool_calls": [{
                                   "id": "t1", "type": "function",
                                   "function": {"name": "find", "arguments": "{}"}}]}}],
                           "usage": {"prompt_tokens": 3, "completion_tokens": 2}}, indent=1).encode()
        pod = self.start(lambda _, connection: answer(connection, 200, body))
        tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
        status, got = self.ask(pod, tools=[tool], logit_bias={"50256": -100}, vendor_only={"a": 1.0})
        self.assertEqual((status, got), (200, body))
        self.assertEqual(self.upstream.bodies, [self.sent])

    def test_stream_is_the_bytes_that_came(self):
        pieces = [event("Hel"), b": keep-alive\n\n", event("lo")[:20], event("lo")[20:], FINISH, USAGE, END]
        pod = self.start(whole_stream(*pieces))
        status, got = self.ask(pod, stream=True, stream_options={"include_usage": True})
        self.assertEqual((status, got), (200, event("Hel") + event("lo") + FINISH + USAGE + END))
        # Who did not ask for the usage does not get the event without a choice.
        status, got = self.ask(pod, stream=True)
        self.assertEqual((status, got), (200, event("Hel") + event("lo") + FINISH + END))
        self.assertEqual(json.loads(self.upstream.bodies[1])["stream_options"], {"include_usage": True})

    def test_refusal_of_a_request_is_told_as_it_came(self):
        refusal = b'{"error": {"message": "bad tool", "type": "invalid_request_error", "param": "tools", "code": "odd"}}'
        pod = self.start(lambda _, connection: answer(connection, 400, refusal))
        self.assertEqual(self.ask(pod), (400, refusal))
        self.assertEqual(self.ask(pod, stream=True), (400, refusal))

    def test_early_failure_keeps_its_status_or_falls_back(self):
        error = b'{"error":{"message":"later","type":"server_error"}}'
        def script(_, connection):
            answer(connection, 503, error)
        pod = self.start(script)
        self.assertEqual(self.ask(pod, stream=True)[0], 503)
        pod = self.start(script, RWP_AI_FALLBACK_URL="local:")
        status, got = self.ask(pod, "Nurse wanted in Leeds.", stream=True)
        self.assertEqual(status, 200)
        self.assertIn(b'"model":"rwp-local"', got)
        self.assertTrue(got.endswith(END))
        # What the local model cannot be asked for is not left out.
        status, got = self.ask(pod, tools=[{"type": "function", "function": {"name": "f"}}])
        self.assertEqual(status, 503, got)

    def test_late_failure_ends_in_an_error_event(self):
        def cut(_, connection):
            begin_stream(connection)
            send_piece(connection, event("Hel") + event("lo")[:30])
            return False
        pod = self.start(cut, RWP_AI_FALLBACK_URL="local:")
        response, _ = self.send(pod, stream=True)
        self.assertEqual(response.status, 200)
        got = b""
        with self.assertRaises(http.client.IncompleteRead) as raised:
            got = response.read()
        got = raised.exception.partial
        first, _, rest = got.partition(b"\n\n")
        self.assertEqual(first + b"\n\n", event("Hel"))
        self.assertEqual(json.loads(rest.removeprefix(b"data: "))["error"]["code"], "model_unavailable")

    def test_event_that_is_none_is_not_handed_on(self):
        pod = self.start(whole_stream(event("Hel"), b"data: {broken\n\n", END))
        response, _ = self.send(pod, stream=True)
        with self.assertRaises(http.client.IncompleteRead) as raised:
            response.read()
        self.assertNotIn(b"{broken", raised.exception.partial)
        self.assertIn(b"bad_model_answer", raised.exception.partial)

    def test_silence_is_filled_with_comments(self):
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        def script(_, connection):
            begin_stream(connection)
            go_on.wait(WAIT)
            send_piece(connection, event("late") + FINISH + USAGE + END)
            connection.sendall(b"0\r\n\r\n")
        pod = self.start(script, RWP_AI_PING_EVERY="20ms")
        response, _ = self.send(pod, stream=True)
        self.assertEqual(response.status, 200)
        self.assertEqual(response.readline(), b": ping\n")
        self.assertEqual(response.readline(), b"\n")
        go_on.set()
        self.assertTrue(response.read().endswith(event("late") + FINISH + END))

    def test_client_that_leaves_ends_the_call_and_is_billed(self):
        def script(upstream, connection):
            begin_stream(connection)
            for word in ("one", "two", "three"):
                send_piece(connection, event(word))
            upstream.wait_gone(connection)
            return False
        pod = self.start(script, RWP_AI_BUDGET_DAY="5")
        response, connection = self.send(pod, stream=True, max_completion_tokens=1000)
        response.readline()
        response.close()
        connection.close()
        self.assertTrue(self.upstream.gone.wait(WAIT))
        # Three tokens and the input, not a thousand.
        cost = self.wait_metric(pod, "rwp_ai_unsettled_usd_total")
        self.assertGreater(cost, 0.00002)
        self.assertLess(cost, 0.001)

    def test_same_call_comes_from_the_cache_as_it_came(self):
        pod = self.start(whole_stream(event("Hel"), FINISH, USAGE, END), RWP_AI_CACHE_MEGABYTES="8")
        first = self.ask(pod, stream=True, seed=1)
        self.assertEqual(self.ask(pod, stream=True, seed=1, user="another"), first)
        self.assertEqual(len(self.upstream.bodies), 1)
        self.ask(pod, stream=True, seed=2)
        self.assertEqual(len(self.upstream.bodies), 2)

    def test_responses_pass_and_are_accounted_for(self):
        done = {"type": "response.completed", "response": {
            "id": "r1", "model": "gpt-4o", "status": "completed", "output": [],
            "usage": {"input_tokens": 100_000, "output_tokens": 90_000}}}
        events = (b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"x"}\n\n'
                  b"event: response.completed\ndata: " + json.dumps(done).encode() + b"\n\n")
        pod = self.start(whole_stream(events), RWP_AI_BUDGET_DAY="1")
        response, _ = self.send(pod, path="/v1/responses", input="hi", stream=True, messages=None,
                                max_output_tokens=50_000)
        self.assertEqual((response.status, response.read()), (200, events))
        response, _ = self.send(pod, path="/v1/responses", input="hi", messages=None,
                                max_output_tokens=50_000)
        self.assertEqual(response.status, 429, response.read())
        response, _ = self.send(pod, path="/v1/responses", input="hi", previous_response_id="r1")
        self.assertEqual(response.status, 400)

    def test_budget_bounds_what_is_unbounded_and_all_choices_count(self):
        pod = self.start(whole_stream(event("x"), FINISH, USAGE, END), RWP_AI_BUDGET_DAY="1")
        self.assertEqual(self.ask(pod, stream=True)[0], 200)
        self.assertEqual(json.loads(self.upstream.bodies[0])["max_completion_tokens"], 16384)
        self.assertEqual(self.ask(pod, stream=True, n=100)[0], 429)
        # Some services take these as no bound.
        for unbounded in ({"max_tokens": -1}, {"max_completion_tokens": 0}, {"n": 1000}, {"n": "9"}):
            self.assertEqual(self.ask(pod, stream=True, **unbounded)[0], 400, unbounded)
        self.assertEqual(len(self.upstream.bodies), 1)
        self.assertEqual(self.ask(pod, stream=True, max_completion_tokens=None)[0], 200)
        self.assertEqual(json.loads(self.upstream.bodies[1])["max_completion_tokens"], 16384)


def chat_answer(_, connection):
    answer(connection, 200, json.dumps({
        "id": "c1", "object": "chat.completion", "model": "gpt-4o",
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": "hello"}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 1000}}).encode())


class AiTenantsTest(PodTest):
    """One configuration file for what tenants may do, and what they are told of it."""

    def write(self, tenants):
        self.write_text(json.dumps({"tenants": tenants}))

    def write_text(self, text):
        (self.here / "tenants.json.new").write_text(text)
        (self.here / "tenants.json.new").rename(self.here / "tenants.json")

    def start_with(self, tenants, **settings):
        self.write(tenants)
        return self.start(chat_answer, RWP_AI_TENANTS_FILE="tenants.json", **settings)

    def until(self, holds):
        end = time.monotonic() + WAIT
        while not holds():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def test_models_are_a_tenants_own_and_change_with_the_file(self):
        pod = self.start_with({"*": {"models": ["gpt-3*"]}})
        status, got = self.ask(pod)
        self.assertEqual((status, json.loads(got)["error"]["code"]), (404, "model_not_found"))
        self.assertEqual(pod.ask("GET", "/v1/models").json()["data"], [])
        self.write({"*": {"models": ["gpt-4*"]}})
        self.until(lambda: self.ask(pod)[0] == 200)
        self.assertEqual(len(pod.ask("GET", "/v1/models").json()["data"]), 1)
        # A bad file keeps the old one, and the log says of each what is wrong.
        for bad, place in (("{", "tenants file is bad"), ('{"tenants": {"*": {"modles": []}}}', "tenants.*.modles"),
                           ('{"tenants": {"*": {"weight": -1}}}', "weight")):
            self.assertEqual(pod.said(place), 0)
            self.write_text(bad)
            self.until(lambda: self.ask(pod)[0] != 200 or pod.said(place))
            self.assertEqual(self.ask(pod)[0], 200)
        self.write({"*": {"models": []}})
        self.until(lambda: self.ask(pod)[0] == 404)

    def test_bad_file_stops_the_start_and_says_where(self):
        for tenants, place in (({"acme": {"wieght": 2}}, r"tenants\.acme\.wieght"),
                               ({"acme": {"weight": 0}}, "weight")):
            with self.assertRaisesRegex(AssertionError, place):
                self.start_with(tenants)

    def test_limit_is_told_with_each_answer_and_the_wait_when_it_is_reached(self):
        pod = self.start_with({"*": {"requests_per_minute": 6, "tokens_per_minute": 600_000}})
        response, _ = self.send(pod)
        response.read()
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["x-ratelimit-limit-requests"], "6")
        self.assertEqual(response.headers["x-ratelimit-remaining-requests"], "0")
        self.assertRegex(response.headers["x-ratelimit-reset-requests"], r"^\d+(ms|s)$")
        self.assertEqual(response.headers["x-ratelimit-limit-tokens"], "600000")
        # Some may wait for their time; those whose wait would be too long are told so at once.
        waiting = [self.send_and_leave(pod) for _ in range(12)]
        ready, _, _ = select.select([one.sock for one in waiting], [], [], WAIT)
        refused = next(one for one in waiting if one.sock in ready).getresponse()
        self.assertEqual(refused.status, 429)
        self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
        self.assertEqual(refused.headers["x-ratelimit-remaining-requests"], "0")

    def send_and_leave(self, pod):
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": str(time.monotonic())}]}
        connection = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=WAIT)
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/chat/completions", json.dumps(body),
                           {"Content-Type": "application/json"})
        return connection

    def test_budget_of_a_tenant_is_shown_and_kept(self):
        # An answer costs 1,000 tokens of $2.50 and 1,000 of $10 a million: $0.0125.
        pod = self.start_with({"*": {"budget_day_usd": 0.02}})
        self.assertEqual(self.ask(pod, "one", max_completion_tokens=1000)[0], 200)
        self.assertEqual(self.ask(pod, "two", max_completion_tokens=1000)[0], 429)
        budgets = pod.ask("GET", "/v1/budgets").json()["data"]
        self.assertEqual([(one["scope"], one["period"], one["limit_usd"]) for one in budgets],
                         [("tenant", "day", 0.02)])
        self.assertGreaterEqual(budgets[0]["used_usd"], 0.01)
        usage = pod.ask("GET", "/v1/usage").json()
        self.assertEqual((usage["calls"], usage["input_tokens"], usage["output_tokens"]), (1, 1000, 1000))
        self.assertAlmostEqual(usage["cost_usd"], 0.0125)
        self.assertEqual(pod.ask("GET", "/v1/usage?from=yesterday").status, 400)
        self.write({"*": {"budget_day_usd": 1}})
        self.until(lambda: self.ask(pod, "two", max_completion_tokens=1000)[0] == 200)

    def test_what_is_asked_for_is_kept_as_objects(self):
        pod = self.start_with({"*": {"keep_artefacts": True}})
        self.assertEqual(self.ask(pod, "keep me")[0], 200)
        found = lambda: [path for path in self.here.rglob("*.json*")
                         if path.is_file() and b"keep me" in path.read_bytes()]
        self.until(found)
        self.assertIn(b"hello", found()[0].read_bytes())

    def test_repeated_key_is_answered_once(self):
        pod = self.start(chat_answer)
        def ask(key, text):
            body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
            connection = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=WAIT)
            self.addCleanup(connection.close)
            connection.request("POST", "/v1/chat/completions", body,
                               {"Content-Type": "application/json", "Idempotency-Key": key})
            response = connection.getresponse()
            return response.status, response.read()
        first = ask("k1", "hi")
        self.assertEqual(ask("k1", "hi"), first)
        self.assertEqual(len(self.upstream.bodies), 1)
        self.assertEqual(ask("k1", "other")[0], 409)
        self.assertEqual(ask("k2", "hi")[0], 200)
        self.assertEqual(len(self.upstream.bodies), 2)

    def test_call_goes_on_for_who_asks_again_with_its_key(self):
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        def script(upstream, connection):
            go_on.wait(WAIT)
            chat_answer(upstream, connection)
        pod = self.start(script)
        body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]})
        headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
        gone = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=WAIT)
        gone.request("POST", "/v1/chat/completions", body, headers)
        self.until(lambda: self.upstream.bodies)
        gone.close()
        again = http.client.HTTPConnection("127.0.0.1", pod.port, timeout=WAIT)
        self.addCleanup(again.close)
        again.request("POST", "/v1/chat/completions", body, headers)
        go_on.set()
        self.assertEqual(again.getresponse().status, 200)
        self.assertEqual(len(self.upstream.bodies), 1)

    def test_metrics_have_the_names_of_opentelemetry(self):
        pod = self.start(chat_answer)
        self.assertEqual(self.ask(pod)[0], 200)
        metrics = pod.ask("GET", "/metrics").body.decode()
        self.assertIn('gen_ai_client_token_usage_count{gen_ai_operation_name="chat",'
                      'gen_ai_response_model="gpt-4o",gen_ai_token_type="input"} 1', metrics)
        self.assertIn("gen_ai_client_operation_duration_seconds_count{", metrics)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
