#!/usr/bin/env python3
"""Files, batches and responses of ai_pod, in front of services that have none of them.

usage: ai_files_test.py AI_POD API_POD FAKE_OPENAI
"""

import http.client
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import logged_pod

AI_POD, API_POD, FAKE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
GUARD = 60


class Fake:
    def __init__(self, test, *arguments):
        self.process = subprocess.Popen(
            [FAKE, "--listen", "127.0.0.1:0", *arguments], stdout=subprocess.PIPE, text=True)
        test.addCleanup(self.process.stdout.close)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        self.url = re.search(r"http://\S+/v1", self.process.stdout.readline()).group(0)
        self.port = int(re.search(r":(\d+)/", self.url).group(1))

    def get(self, path):
        return call(self.port, "GET", path)[1]


class Watched:
    """Stands before the fake, and keeps what is sent to it."""

    def __init__(self, test, port):
        self.sent = []
        sent = self.sent

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                sent.append(body)
                kind = self.headers.get("Content-Type") or "application/json"
                onward = http.client.HTTPConnection("127.0.0.1", port, timeout=GUARD)
                onward.request(self.command, self.path, body, {"Content-Type": kind})
                answer = onward.getresponse()
                content = answer.read()
                onward.close()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.getheader("Content-Type"))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = forward

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        test.addCleanup(server.server_close)
        test.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}/v1"

    def bytes(self):
        return b"".join(self.sent)


def call(port, method, path, body=None, key=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GUARD)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["Authorization"] = f"Bearer {key}"
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        content = answer.read()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(content) if is_json else content
    finally:
        connection.close()


def form(content, purpose="batch", filename="in.jsonl", **fields):
    parts = [("purpose", purpose), *fields.items()]
    body = b"".join(
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in parts)
    body += (f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
             "Content-Type: application/octet-stream\r\n\r\n").encode() + content + b"\r\n--edge--\r\n"
    return body


def chat_line(number, text, **changes):
    line = {"custom_id": f"line-{number}", "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": "fake-gpt", "messages": [{"role": "user", "content": text}]}}
    return json.dumps(line | changes)


class FilesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-files-")
        self.addCleanup(folder.cleanup)
        self.here = pathlib.Path(folder.name)
        self.keys = self.here / "keys.jsonl"
        self.acme = logged_pod.new_key(API_POD, self.keys, "acme", "ai:use")
        self.other = logged_pod.new_key(API_POD, self.keys, "globex", "ai:use")

    def start(self, url, *arguments):
        return logged_pod.start(self, AI_POD, self.here, "--api-keys-file", self.keys, "--ai-url",
                                url, "--ai-files", "--drain-delay", "0s", *arguments)

    def upload(self, pod, lines, key=None):
        content = "\n".join(lines).encode() + b"\n"
        status, made = call(pod.port, "POST", "/v1/files", form(content), key or self.acme,
                            Content_Type="multipart/form-data; boundary=edge")
        self.assertEqual(status, 200, made)
        self.assertEqual((made["object"], made["bytes"]), ("file", len(content)))
        return made["id"]

    def create(self, pod, file, endpoint="/v1/chat/completions", key=None, **more):
        body = {"input_file_id": file, "endpoint": endpoint, "completion_window": "24h"} | more
        return call(pod.port, "POST", "/v1/batches", body, key or self.acme)

    def ended(self, pod, batch):
        def look():
            status, told = call(pod.port, "GET", f"/v1/batches/{batch}", key=self.acme)
            self.assertEqual(status, 200, told)
            return told if told["status"] in ("completed", "failed", "expired", "cancelled") else None
        return logged_pod.wait_for(look, GUARD)

    def lines_of(self, pod, file):
        status, content = call(pod.port, "GET", f"/v1/files/{file}/content", key=self.acme)
        self.assertEqual(status, 200, content)
        return {line["custom_id"]: line for line in map(json.loads, content.splitlines())}

    def test_batch_is_run_where_the_service_has_none(self):
        pod = self.start("local:")
        lines = [chat_line(i, f"Nurse wanted in ward {i}.") for i in range(5)]
        lines = [line.replace("fake-gpt", "rwp-local") for line in lines]
        lines.append(chat_line("no-model", "x"))
        file = self.upload(pod, lines)
        status, made = self.create(pod, file, metadata={"run": "7"})
        self.assertEqual(status, 200, made)
        self.assertIn(made["status"], ("validating", "in_progress"))
        self.assertEqual(made["metadata"], {"run": "7"})

        batch = self.ended(pod, made["id"])

        self.assertEqual(batch["status"], "completed", batch)
        self.assertEqual(batch["request_counts"], {"total": 6, "completed": 5, "failed": 1})
        answers = self.lines_of(pod, batch["output_file_id"])
        self.assertEqual(set(answers), {f"line-{i}" for i in range(5)})
        for i in range(5):
            response = answers[f"line-{i}"]["response"]
            self.assertEqual(response["status_code"], 200)
            self.assertIn(f"ward {i}", response["body"]["choices"][0]["message"]["content"])
        tokens = sum(answer["response"]["body"]["usage"]["prompt_tokens"]
                     for answer in answers.values())
        self.assertEqual(batch["usage"]["input_tokens"], tokens)
        errors = self.lines_of(pod, batch["error_file_id"])
        refused = errors["line-no-model"]["response"]
        self.assertEqual(refused["status_code"], 404)
        self.assertEqual(refused["body"]["error"]["code"], "model_not_found")
        # Nothing but the files is left in the object store.
        self.assertFalse([path for path in (self.here / "rwp-data/objects").rglob("*")
                          if path.is_file() and "ai-batches" in str(path)])

        self.check_lists(pod, file, batch)

    def check_lists(self, pod, file, batch):
        _, listed = call(pod.port, "GET", "/v1/files?purpose=batch", key=self.acme)
        self.assertEqual([one["id"] for one in listed["data"]], [file])
        _, first = call(pod.port, "GET", "/v1/files?limit=1&order=asc", key=self.acme)
        self.assertTrue(first["has_more"])
        _, rest = call(pod.port, "GET", f"/v1/files?order=asc&after={first['last_id']}", key=self.acme)
        self.assertEqual(len(rest["data"]), 2)
        self.assertFalse(rest["has_more"])
        _, batches = call(pod.port, "GET", "/v1/batches", key=self.acme)
        self.assertEqual([one["id"] for one in batches["data"]], [batch["id"]])
        # For another tenant nothing of it is there.
        for path in (f"/v1/files/{file}", f"/v1/files/{file}/content",
                     f"/v1/batches/{batch['id']}", f"/v1/files/{batch['output_file_id']}"):
            self.assertEqual(call(pod.port, "GET", path, key=self.other)[0], 404, path)
        self.assertEqual(call(pod.port, "GET", "/v1/files", key=self.other)[1]["data"], [])
        self.assertEqual(call(pod.port, "GET", "/v1/batches", key=self.other)[1]["data"], [])
        self.assertEqual(self.create(pod, file, key=self.other)[0], 400)
        self.assertEqual(call(pod.port, "DELETE", f"/v1/files/{file}", key=self.other)[0], 404)
        status, gone = call(pod.port, "DELETE", f"/v1/files/{file}", key=self.acme)
        self.assertEqual((status, gone["deleted"]), (200, True))
        self.assertEqual(call(pod.port, "GET", f"/v1/files/{file}", key=self.acme)[0], 404)
        self.assertEqual(
            call(pod.port, "POST", f"/v1/batches/{batch['id']}/cancel", key=self.acme)[0], 409)

    def test_no_file_is_kept_for_longer_than_thirty_days(self):
        fake = Fake(self)
        pod = self.start(fake.url)
        old, new = self.upload(pod, [chat_line(1, "old")]), self.upload(pod, [chat_line(1, "new")])
        _, told = call(pod.port, "GET", f"/v1/files/{new}", key=self.acme)
        self.assertEqual(told["expires_at"] - told["created_at"], 30 * 86_400)
        objects = self.here / "rwp-data/objects"
        place = {name: next(path for path in objects.rglob(name + "*") if path.is_file()) for name in (old, new)}
        left_behind = objects / "ai-batches/acme/of-one-that-died/out-0@"
        left_behind.parent.mkdir(parents=True)
        left_behind.write_text("what somebody said")
        for path in (place[old], left_behind):
            os.utime(path, (time.time() - 30 * 86_400 - 60,) * 2)

        self.start(fake.url)

        logged_pod.wait_for(lambda: not place[old].exists() and not left_behind.exists(), GUARD)
        self.assertTrue(place[new].exists())

    def test_bad_input_is_refused_and_says_which_line(self):
        pod = self.start("local:")
        wrong = {"name": ("POST", "/v1/files", form(b"x", purpose="fine-tune"), "purpose"),
                 "empty": ("POST", "/v1/files", form(b""), "file"),
                 "life": ("POST", "/v1/files",
                          form(b"x", **{"expires_after[anchor]": "created_at",
                                        "expires_after[seconds]": "60"}), "expires_after")}
        for name, (method, path, body, param) in wrong.items():
            with self.subTest(name):
                status, error = call(pod.port, method, path, body, self.acme,
                                     Content_Type="multipart/form-data; boundary=edge")
                self.assertEqual((status, error["error"]["param"]), (400, param), error)
        for body in (b"", b"--edge", b"--edge\r\n\r\n", form(b"x")[:-8]):
            status, _ = call(pod.port, "POST", "/v1/files", body, self.acme,
                             Content_Type="multipart/form-data; boundary=edge")
            self.assertEqual(status, 400, body)
        good = chat_line(1, "x")
        file = self.upload(pod, [good, "no json", good, chat_line(2, "x", url="/v1/embeddings"),
                                 chat_line(3, "x", method="GET")])
        for body, param in (({"endpoint": "/v1/images"}, "endpoint"), ({"metadata": 7}, "metadata"),
                            ({"completion_window": "1h"}, "completion_window"),
                            ({"colour": "red"}, "colour"),
                            ({"input_file_id": "file-../../x"}, "input_file_id")):
            status, error = self.create(pod, file, **body)
            self.assertEqual((status, error["error"]["param"]), (400, param), error)
        batch = self.ended(pod, self.create(pod, file)[1]["id"])
        self.assertEqual(batch["status"], "failed")
        self.assertEqual([(fault["line"], fault["code"]) for fault in batch["errors"]["data"]],
                         [(2, "invalid_json_line"), (3, "duplicate_custom_id"),
                          (4, "mismatched_endpoint"), (5, "invalid_method")])

    def test_killed_pod_goes_on_and_pays_no_line_twice(self):
        fake = Fake(self)
        pod = self.start(fake.url, "--ai-batches-concurrency", "2")
        file = self.upload(pod, [chat_line(i, f"Nurse in ward {i} wanted.") for i in range(60)])
        batch = self.create(pod, file)[1]["id"]
        on_the_wire = 0
        for least in (5, 25, 45):
            logged_pod.wait_for(lambda: fake.get("/_fake/bill")["answers"] >= least, GUARD)
            pod.kill()
            # Two are asked, and two may have their answers, but not yet in the store.
            on_the_wire += 4
            pod = self.start(fake.url, "--ai-batches-concurrency", "2")

        ended = self.ended(pod, batch)

        self.assertEqual(ended["request_counts"], {"total": 60, "completed": 60, "failed": 0})
        answers = self.lines_of(pod, ended["output_file_id"])
        self.assertEqual(len(answers), 60)
        for i in range(60):
            content = answers[f"line-{i}"]["response"]["body"]["choices"][0]["message"]["content"]
            self.assertIn(f"ward {i} ", content)
        bill = fake.get("/_fake/bill")
        self.assertEqual(bill["distinct"], 60)
        self.assertLessEqual(bill["answers"], 60 + on_the_wire)

    def test_cancelled_batch_keeps_what_was_answered(self):
        # Twelve seconds in all; that the batch is to end is seen within two.
        fake = Fake(self, "--every", "slow:300=1")
        pod = self.start(fake.url, "--ai-batches-concurrency", "1")
        file = self.upload(pod, [chat_line(i, f"Nurse in ward {i} wanted.") for i in range(40)])
        batch = self.create(pod, file)[1]["id"]
        logged_pod.wait_for(lambda: fake.get("/_fake/bill")["answers"] >= 2, GUARD)

        status, told = call(pod.port, "POST", f"/v1/batches/{batch}/cancel", key=self.acme)

        self.assertEqual((status, told["status"]), (200, "cancelling"))
        ended = self.ended(pod, batch)
        self.assertEqual(ended["status"], "cancelled")
        counts = ended["request_counts"]
        self.assertGreaterEqual(counts["completed"], 1)
        self.assertEqual(counts["completed"] + counts["failed"], 40)
        self.assertEqual(len(self.lines_of(pod, ended["output_file_id"])), counts["completed"])
        errors = self.lines_of(pod, ended["error_file_id"])
        self.assertEqual({line["error"]["code"] for line in errors.values()}, {"batch_cancelled"})

    def test_lines_go_into_the_services_own_batches_at_half_the_price(self):
        fake = Fake(self, "--model", "gpt-4.1-mini")
        pod = self.start(fake.url, "--ai-model", "gpt-4.1-mini", "--ai-usage", "--ai-batch",
                         "--ai-batch-rows", "10", "--ai-batch-poll-every", "20ms",
                         "--ai-batches-concurrency", "20")
        lines = [chat_line(i, f"Nurse in ward {i} wanted.", ).replace("fake-gpt", "gpt-4.1-mini")
                 for i in range(10)]

        ended = self.ended(pod, self.create(pod, self.upload(pod, lines))[1]["id"])

        self.assertEqual(ended["request_counts"], {"total": 10, "completed": 10, "failed": 0})
        bill = fake.get("/_fake/bill")
        self.assertEqual((bill["answers"], bill["batch_answers"]), (0, 10))
        usage = call(pod.port, "GET", "/v1/usage", key=self.acme)[1]
        half = (bill["input_tokens"] * 0.2 + bill["output_tokens"] * 0.8) / 1e6
        told = json.dumps(usage)
        dollars = float(re.search(r'"cost_usd": ?([0-9.e-]+)', told).group(1))
        self.assertAlmostEqual(dollars, half, delta=2e-5, msg=told)

    def test_line_that_no_budget_holds_is_an_error_and_the_others_go_on(self):
        fake = Fake(self, "--model", "gpt-4.1-mini")
        pod = self.start(fake.url, "--ai-model", "gpt-4.1-mini", "--ai-tenant-budget-day", "1")
        costly = json.loads(chat_line("costly", "x").replace("fake-gpt", "gpt-4.1-mini"))
        costly["body"]["max_completion_tokens"] = 5_000_000
        lines = [json.dumps(costly), chat_line(1, "Nurse.").replace("fake-gpt", "gpt-4.1-mini")]

        ended = self.ended(pod, self.create(pod, self.upload(pod, lines))[1]["id"])

        self.assertEqual(ended["request_counts"], {"total": 2, "completed": 1, "failed": 1})
        refused = self.lines_of(pod, ended["error_file_id"])["line-costly"]["response"]
        self.assertEqual((refused["status_code"], refused["body"]["error"]["code"]),
                         (429, "insufficient_quota"))

    def test_personal_data_does_not_leave_with_a_batch(self):
        fake = Fake(self, "--model", "gpt-4.1-mini")
        sent = Watched(self, fake.port)
        pod = self.start(sent.url, "--ai-model", "gpt-4.1-mini", "--ai-redact", "--ai-batch",
                         "--ai-batch-rows", "1", "--ai-batch-poll-every", "20ms")
        line = chat_line(1, "Nurse wanted in Leeds. Write to jane.doe@example.org today.")

        made = self.create(pod, self.upload(pod, [line.replace("fake-gpt", "gpt-4.1-mini")]))[1]
        ended = self.ended(pod, made["id"])

        self.assertEqual(ended["status"], "completed", ended)
        self.assertEqual(fake.get("/_fake/bill")["batch_answers"], 1)
        self.assertIn(b"Nurse wanted in Leeds", sent.bytes())
        self.assertNotIn(b"jane.doe", sent.bytes())
        [answer] = self.lines_of(pod, ended["output_file_id"]).values()
        self.assertEqual(answer["response"]["status_code"], 200, answer)

    def test_embeddings_and_responses_are_run_in_batches_too(self):
        pod = self.start("local:")
        embeds = json.dumps({"custom_id": "e", "method": "POST", "url": "/v1/embeddings",
                             "body": {"model": "rwp-local", "input": "nurse"}})
        responds = json.dumps({"custom_id": "r", "method": "POST", "url": "/v1/responses",
                               "body": {"model": "rwp-local", "input": "Nurse wanted in Leeds."}})
        for line, endpoint, kind in ((embeds, "/v1/embeddings", "list"),
                                     (responds, "/v1/responses", "response")):
            made = self.create(pod, self.upload(pod, [line]), endpoint)[1]
            ended = self.ended(pod, made["id"])
            self.assertEqual(ended["status"], "completed", ended)
            [answer] = self.lines_of(pod, ended["output_file_id"]).values()
            self.assertEqual(answer["response"]["body"]["object"], kind)

    def test_repeated_creation_with_a_key_is_one_batch(self):
        pod = self.start("local:")
        file = self.upload(pod, [chat_line(1, "x").replace("fake-gpt", "rwp-local")])
        body = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        made = {call(pod.port, "POST", "/v1/batches", body, self.acme, Idempotency_Key="k")[1]["id"]
                for _ in range(3)}
        self.assertEqual(len(made), 1)
        self.ended(pod, made.pop())


class ResponsesTest(unittest.TestCase):
    """What the npm SDK does not ask for; see openai_sdk_test.py."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-responses-")
        self.addCleanup(folder.cleanup)
        self.pod = logged_pod.start(self, AI_POD, pathlib.Path(folder.name), "--allow-anonymous",
                                    "--ai-url", "local:")

    def ask(self, **body):
        return call(self.pod.port, "POST", "/v1/responses",
                    {"model": "rwp-local", "input": "Nurse wanted."} | body)

    def test_what_chats_do_not_have_is_refused_by_name(self):
        cases = {
            "previous_response_id": {"previous_response_id": "resp_1"},
            "conversation": {"conversation": "conv_1"},
            "background": {"background": True},
            "store": {"store": True},
            "truncation": {"truncation": "auto"},
            "tools[0].type": {"tools": [{"type": "web_search"}]},
            "reasoning.summary": {"reasoning": {"summary": "auto"}},
            "input[0].type": {"input": [{"type": "item_reference", "id": "x"}]},
            "input[0].content[0].file_id": {"input": [{"role": "user", "content": [
                {"type": "input_image", "file_id": "f"}]}]},
            "include[0]": {"include": ["file_search_call.results"]},
            "colour": {"colour": "red"},
            "input": {"input": None},
            "text.format.schema": {"text": {"format": {"type": "json_schema", "name": "a"}}},
        }
        for param, body in cases.items():
            with self.subTest(param):
                status, error = self.ask(**body)
                self.assertEqual((status, error["error"]["param"]), (400, param), error)

    def test_answer_says_what_was_asked(self):
        status, told = self.ask(instructions="Be brief.", metadata={"a": "b"}, temperature=0.5)
        self.assertEqual(status, 200, told)
        self.assertEqual((told["object"], told["status"]), ("response", "completed"))
        self.assertEqual((told["instructions"], told["metadata"], told["temperature"]),
                         ("Be brief.", {"a": "b"}, 0.5))
        self.assertFalse(told["store"])
        [item] = told["output"]
        self.assertEqual((item["type"], item["content"][0]["type"]), ("message", "output_text"))
        usage = told["usage"]
        self.assertEqual(usage["total_tokens"], usage["input_tokens"] + usage["output_tokens"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
