#!/usr/bin/env python3
"""Lets the official openai SDK, unchanged, talk to ai_pod.

usage: openai_sdk_test.py AI_POD API_POD SCRIPTED_AI_POD CACHE_FOLDER

The SDK is installed with `npm ci` into CACHE_FOLDER once for each lock file.
"""

import hashlib
import http.server
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import logged_pod

AI_POD, API_POD, SCRIPTED, CACHE = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
HERE = pathlib.Path(__file__).resolve().parent / "openai_sdk"


def install():
    """The folder with the SDK and the driver."""
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = CACHE / digest
    done = folder / "installed"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "drive.mjs"):
        shutil.copy(HERE / name, folder / name)
    if done.exists():
        return folder
    for attempt in range(3):
        result = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder, text=True, capture_output=True, timeout=90, check=False)
        if result.returncode == 0:
            done.touch()
            return folder
        print(f"npm ci, try {attempt + 1}: {result.stdout}{result.stderr}")
    raise AssertionError("the SDK could not be installed")


class Service:
    """Speaks as much of the protocol as the driver asks for, tools and responses too."""

    def __init__(self, test, responses=True):
        self.left = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.answer(200, {"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.endswith("/responses"):
                    if not responses:
                        return self.answer(404, {"detail": "Not Found"})
                    return self.respond(body)
                if any(tool["type"] != "function" for tool in body.get("tools", [])):
                    return self.answer(400, {"error": {
                        "message": "odd", "type": "invalid_request_error", "param": "tools[0].type",
                        "code": "odd_tool"}})
                last = body["messages"][-1]
                call = {"id": "call_1", "type": "function",
                        "function": {"name": "find_ad", "arguments": '{"town":"Leeds"}'}}
                if last["role"] == "tool":
                    message = {"role": "assistant", "content": "heard: " + last["content"]}
                elif body.get("tools"):
                    message = {"role": "assistant", "content": None, "tool_calls": [call]}
                else:
                    message = {"role": "assistant", "content": '{"town":"Leeds"}', "refusal": None}
                reason = "tool_calls" if "tool_calls" in message else "stop"
                if not body.get("stream"):
                    return self.answer(200, {
                        "id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
                        "choices": [{"index": 0, "finish_reason": reason, "message": message}],
                        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
                self.begin()
                if last["content"] == "endless":
                    try:
                        while True:
                            self.event(self.chunk({"content": "on "}))
                    except OSError:
                        outer.left.set()
                        self.close_connection = True
                        return
                head = {"index": 0, **call, "function": {"name": "find_ad", "arguments": ""}}
                self.event(self.chunk({"role": "assistant", "content": None, "tool_calls": [head]}))
                for part in ('{"town":', '"Leeds"}'):
                    self.event(self.chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}))
                self.event(self.chunk({}, reason))
                self.piece(b"data: [DONE]\n\n")
                self.piece(b"")

            def respond(self, body):
                item = {"type": "message", "id": "m1", "role": "assistant", "status": "completed",
                        "content": [{"type": "output_text", "text": "hello", "annotations": []}]}
                whole = {"id": "r1", "object": "response", "created_at": 1, "status": "completed",
                         "model": "gpt-4o", "output": [item],
                         "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}
                if not body.get("stream"):
                    return self.answer(200, whole)
                self.begin()
                for event in ({"type": "response.output_text.delta", "delta": "hello", "item_id": "m1",
                               "output_index": 0, "content_index": 0, "sequence_number": 0},
                              {"type": "response.completed", "response": whole, "sequence_number": 1}):
                    self.event(event)
                self.piece(b"")

            def begin(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()

            @staticmethod
            def chunk(delta, reason=None):
                return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
                        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

            def event(self, body):
                name = f"event: {body['type']}\n" if "type" in body else ""
                self.piece((name + "data: " + json.dumps(body) + "\n\n").encode())

            def piece(self, data):
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

            def answer(self, status, body):
                text = json.dumps(body).encode()
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


class OpenAiSdkTest(unittest.TestCase):
    def test_official_sdk_gets_answers_and_typed_errors(self):
        folder = tempfile.TemporaryDirectory(prefix="rwp-sdk-")
        self.addCleanup(folder.cleanup)
        here = pathlib.Path(folder.name)
        sdk = install()
        keys = here / "keys.jsonl"
        good = logged_pod.new_key(API_POD, keys, "acme", "ai:use")
        other = logged_pod.new_key(API_POD, keys, "acme", "jobs:read")
        pod = logged_pod.start(self, AI_POD, here, "--api-keys-file", keys, "--ai-files")
        limited = logged_pod.start(self, SCRIPTED, here, "--api-keys-file", keys,
                                    "--ai-url", "scripted:limited")
        broken = logged_pod.start(self, SCRIPTED, here, "--api-keys-file", keys,
                                   "--ai-url", "scripted:broken")

        service = Service(self)
        passing = logged_pod.start(self, AI_POD, here, "--api-keys-file", keys,
                                    "--ai-url", service.url, "--ai-model", "gpt-4o")
        chats = Service(self, responses=False)
        over_chats = logged_pod.start(self, AI_POD, here, "--api-keys-file", keys,
                                      "--ai-url", chats.url, "--ai-model", "gpt-4o")

        driven = subprocess.run(
            ["node", "drive.mjs", pod.url + "/v1", good, other, limited.url + "/v1",
             broken.url + "/v1", passing.url + "/v1", over_chats.url + "/v1"],
            cwd=sdk, text=True, capture_output=True, timeout=60, check=False)

        print(driven.stdout)
        self.assertEqual(driven.returncode, 0, driven.stdout + driven.stderr)
        self.assertEqual(driven.stdout.count("ok  "), 28, driven.stdout)
        self.assertTrue(service.left.wait(20))
        self.assertTrue(chats.left.wait(20))
        for one in (pod, limited, broken, passing, over_chats):
            for key in (good, other, "sk-wrong"):
                self.assertNotIn(key, one.log())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])
