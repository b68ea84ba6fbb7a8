#!/usr/bin/env python3
"""Requests per CPU second of the OpenAI client, beside a bare libcurl loop and OpenAI's SDK for Node.

usage: run.py PROGRAM [--node-modules DIR] [--calls N] [--concurrent N] [--rounds N]

PROGRAM is ai_client_load. nginx, which answers each request with the same chat completion, is the
upstream; each client's CPU time is its own process's. The best of the rounds counts, as others'
work on the machine only makes a round dearer.
"""

import argparse
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ANSWER = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1760000000, "model": "fake-gpt",
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": {
        "role": "assistant", "content": "A community nurse in Leeds plans care at home.",
        "refusal": None, "annotations": []}}],
    "usage": {"prompt_tokens": 40, "completion_tokens": 11, "total_tokens": 51}})

NGINX = """
daemon off; pid {here}/nginx.pid; error_log {here}/error.log; worker_processes 1;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_temp_path {here}/body;
  proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
  server {{ listen 127.0.0.1:{port}; default_type application/json;
    location / {{ return 200 '{answer}'; }} }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("nginx did not start")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--node-modules")
    parser.add_argument("--calls", type=int, default=20000)
    parser.add_argument("--concurrent", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    source = pathlib.Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory(prefix="rwp-ai-client-") as here:
        port = free_port()
        conf = pathlib.Path(here, "nginx.conf")
        conf.write_text(NGINX.format(here=here, port=port, answer=ANSWER))
        nginx = subprocess.Popen(["nginx", "-c", conf, "-p", here], stderr=subprocess.DEVNULL)
        try:
            wait_for(port)
            url = f"http://127.0.0.1:{port}/v1"
            clients = {"rwp": [options.program, "chat"], "libcurl multi": [options.program, "curl"],
                       "rwp, 1 kB": [options.program, "chat_1kB"],
                       "rwp, 1 kB from its cache": [options.program, "hit_1kB"]}
            if options.node_modules:
                script = pathlib.Path(here, "openai_sdk.mjs")
                shutil.copy(source / "openai_sdk.mjs", script)
                pathlib.Path(here, "node_modules").symlink_to(pathlib.Path(options.node_modules).resolve())
                clients["openai (npm)"] = ["node", script]
            best = {}
            for _ in range(options.rounds):
                for name, command in clients.items():
                    calls = options.calls // 10 if "npm" in name else options.calls
                    run = subprocess.run([*map(str, command), url, str(calls), str(options.concurrent)],
                                         capture_output=True, text=True, timeout=300, check=True)
                    told = json.loads(run.stdout)
                    if told["good"] != calls:
                        sys.exit(f"{name}: {calls - told['good']} of {calls} calls failed")
                    rate = calls / told["cpu_seconds"]
                    best[name] = max(best.get(name, 0), rate)
            for name, rate in best.items():
                print(json.dumps({"client": name, "requests_per_cpu_second": round(rate),
                                  "of_ours": round(rate / best["rwp"], 3)}))
        finally:
            nginx.terminate()
            nginx.wait()


if __name__ == "__main__":
    main()
