"""What the tests of the pods share: programs that are started on free ports, and plain HTTP."""

import collections
import http.client
import json
import os
import pathlib
import re
import subprocess
import threading
import time


def clean_environment():
    return {k: v for k, v in os.environ.items() if not k.startswith(("RWP_", "OPENAI_", "GA4_"))}


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Pod:
    """A running program that serves; killed when the test ends."""

    def __init__(self, test, program, *arguments, cwd, environment=None):
        self.process = subprocess.Popen(
            [program, *map(str, arguments)], cwd=cwd, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=clean_environment() | (environment or {}))
        test.addCleanup(self.process.stderr.close)
        test.addCleanup(self.drain_to_end)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        self.port = None
        self.drain = None
        self.log = collections.deque(maxlen=1000)
        lines = []
        while self.port is None:
            line = self.process.stderr.readline()
            lines.append(line)
            if not line:
                raise AssertionError("did not start: " + "".join(lines))
            found = re.search(r"serving on 127\.0\.0\.1:(\d+)(?:, metrics on 127\.0\.0\.1:(\d+))?", line)
            if found:
                self.port = int(found.group(1))
                self.metrics_port = int(found.group(2) or 0)
        # A pod that nobody reads from would stop at a full pipe.
        self.drain = threading.Thread(target=self.read_on, daemon=True)
        self.drain.start()

    def read_on(self):
        for line in self.process.stderr:
            self.log.append(line)

    def said(self, what):
        """How many of the latest lines of its log hold the text."""
        return sum(what in line for line in list(self.log))

    def drain_to_end(self):
        if self.drain:
            self.drain.join()

    def connect(self, port=None):
        return http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)

    def ask(self, method, path, body=None, key=None, headers=None, port=None):
        connection = self.connect(port)
        try:
            return ask_on(connection, method, path, body, key, headers)
        finally:
            connection.close()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self, signal):
        self.process.send_signal(signal)
        return self.process.wait(timeout=60)


def ask_on(connection, method, path, body=None, key=None, headers=None):
    fields = dict(headers or {})
    if key:
        fields["Authorization"] = "Bearer " + key
    if body is not None:
        fields.setdefault("Content-Type", "application/json")
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
    connection.request(method, path, body=body, headers=fields)
    return Answer(connection.getresponse())


def wait_for(condition, what, seconds=30):
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError("waited in vain for " + what)
        time.sleep(0.02)


def new_key(program, folder, tenant, scopes):
    made = subprocess.run(
        [program, "--new-key", tenant, "--scopes", scopes, "--api-keys-file", "keys"], cwd=folder,
        text=True, capture_output=True, timeout=30, check=True, env=clean_environment())
    return made.stdout.strip()


def folder_of(temporary):
    return pathlib.Path(temporary.name)
