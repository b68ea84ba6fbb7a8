"""Ours: Python handlers on sqlite: with synchronous=FULL."""

import sys
from typing import Dict, List

from peer import HERE, PROCESSES, TEXT, Peer, python_version


class Rwp(Peer):
    name = "rwp"
    jobs = 300_000
    settings = "sqlite:, synchronous=FULL, two processes on one file, each rwp.Worker as it comes"

    @staticmethod
    def versions() -> Dict[str, str]:
        import sqlite3

        import rwp
        return {"rwp": rwp.__version__, "SQLite": sqlite3.sqlite_version,
                "Python": python_version()}

    def open(self) -> None:
        import rwp
        self.url = f"sqlite:{self.directory}/jobs.db"
        self.client = rwp.Client(self.url)

    def submit(self, count: int) -> None:
        payload = {"text": TEXT}
        for answer in self.client.submit_many(("no_op", payload) for _ in range(count)):
            if isinstance(answer, Exception):
                raise answer

    def worker_commands(self) -> List[List[str]]:
        return [[sys.executable, str(HERE / "drivers/rwp_worker.py"), self.url]] * PROCESSES

    def remaining(self) -> int:
        states = self.client.counts()["default"]
        if states["failed"]:
            raise RuntimeError(f"{states['failed']} jobs failed")
        return sum(states[state] for state in ("scheduled", "ready", "running", "parked"))

    def close(self) -> None:
        self.client.close()
