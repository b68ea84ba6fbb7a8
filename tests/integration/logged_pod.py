"""Starts pods whose log a test reads: on free ports, and never left behind."""

import os
import re
import select
import signal
import subprocess
import time
import unittest
import urllib.request

START = 30


class Pod:
    """A pod that serves. `url`: "http://127.0.0.1:PORT"."""

    def __init__(self, program, folder, *arguments, **environment):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RWP_", "OPENAI_"))}
        self.log_path = folder / f"{program.name}-{time.monotonic_ns()}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program, "--listen", "127.0.0.1:0", *map(str, arguments)], cwd=folder,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                env=clean | environment)
        self.url = self._address()

    def _address(self):
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            told = re.search(r"serving on (\S+);", self.log())
            if told:
                return told.group(1) if "://" in told.group(1) else f"http://{told.group(1)}"
            if self.process.poll() is not None:
                break
            self._pause()
        raise AssertionError(f"the pod does not serve: {self.log()}")

    def _pause(self):
        """Until the process ends or it is time to look again."""
        select.select([], [], [], 0.02)

    def log(self):
        return self.log_path.read_text(errors="replace")

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def ready(self):
        with urllib.request.urlopen(self.url + "/ready", timeout=10) as answer:
            return answer.status == 200

    def kill(self):
        self.process.kill()
        self.process.wait(START)

    def stop(self):
        """SIGTERM; answers the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START)

    def close(self):
        if self.process.poll() is None:
            self.kill()


def start(test: unittest.TestCase, program, folder, *arguments, **environment):
    pod = Pod(program, folder, *arguments, **environment)
    test.addCleanup(pod.close)
    return pod


def new_key(api_pod, keys_file, tenant, scopes):
    made = subprocess.run(
        [api_pod, "--api-keys-file", keys_file, "--new-key", tenant, "--scopes", scopes],
        text=True, capture_output=True, timeout=START, check=False)
    if made.returncode != 0:
        raise AssertionError(made.stderr)
    return made.stdout.strip()


def wait_for(condition, seconds=START):
    """The first true answer of `condition`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to pass in time")
        select.select([], [], [], 0.02)
