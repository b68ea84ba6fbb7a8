"""What the tests of rwpctl share. They take RWPCTL API_POD WORKER_POD SOURCE_ROOT, then unittest's
arguments."""

import json
import pathlib
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from pod_process import clean_environment, folder_of

CTL = pathlib.Path(sys.argv[1]).resolve()
API = pathlib.Path(sys.argv[2]).resolve()
WORKER = pathlib.Path(sys.argv[3]).resolve()
ADS = (pathlib.Path(sys.argv[4]).resolve() / "examples/data/job_ads.jsonl").read_text().splitlines()
NOBODYS = "01a21718-6d91-7715-93b6-3af21d441f08"

DONE, FAILED, USAGE, NOT_FOUND, UNREACHABLE, REFUSED, FINDINGS = range(7)
JOBS_FAILED, TIMED_OUT, REJECTED = 7, 8, 9


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class CtlTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="rwp-ctl-")
        self.addCleanup(temporary.cleanup)
        self.here = folder_of(temporary)
        self.environment = {"RWP_JOBS_URL": "sqlite:jobs.db", "RWP_OBJECTS_URL": "file:objects",
                            "RWP_API_KEYS_FILE": "keys"}

    def ctl(self, *arguments, code=DONE, stdin=None, **environment):
        run = subprocess.run(
            [CTL, *map(str, arguments)], cwd=self.here, text=True, capture_output=True, input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL, timeout=120,
            env=clean_environment() | self.environment | environment)
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        return run

    def json(self, *arguments, **more):
        run = self.ctl(*arguments, "-o", "json", **more)
        return json.loads(run.stdout)

    def rows(self, *arguments, **more):
        run = self.ctl(*arguments, "-o", "ndjson", **more)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def write(self, name, lines):
        (self.here / name).write_text("".join(line + "\n" for line in lines))
        return name

    def sql(self, *statements):
        with sqlite3.connect(self.here / "jobs.db", timeout=30) as database:
            for statement in statements:
                database.execute(statement)
        database.close()

    def states(self):
        return {queue["name"]: {k: v for k, v in queue["states"].items() if v}
                for queue in self.rows("queues", "list")}


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])
