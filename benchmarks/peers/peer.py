"""What the runner asks of a driver, and the servers that drivers share."""

import abc
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Dict, List

PROCESSES = 2
# With its quotes and key, 200 bytes as JSON.
TEXT = "a" * 189
HERE = pathlib.Path(__file__).resolve().parent


class Peer(abc.ABC):
    """One job queue with its settings; made anew for each round, in a directory of its own."""

    name = ""
    # Of one round; some seconds' work.
    jobs = 10_000
    # The best of a group is what ours is held against; a group of "" informs only.
    group = ""
    settings = ""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory

    @staticmethod
    @abc.abstractmethod
    def versions() -> Dict[str, str]:
        """Of everything that takes part."""

    @abc.abstractmethod
    def open(self) -> None:
        """Starts servers; no worker runs yet."""

    @abc.abstractmethod
    def submit(self, count: int) -> None:
        """Submits jobs that do nothing, with TEXT as their argument."""

    @abc.abstractmethod
    def worker_commands(self) -> List[List[str]]:
        """One command a worker; PROCESSES processes run jobs in all."""

    @abc.abstractmethod
    def remaining(self) -> int:
        """Jobs that have not ended; called often, so it must cost little."""

    def close(self) -> None:
        """Stops servers; the workers have ended."""


class RedisServer:
    """Keeps nothing on the disk; listens on a Unix socket only."""

    settings = "Redis on a Unix socket, nothing on the disk"

    def __init__(self) -> None:
        # A socket's path is short.
        self._directory = tempfile.TemporaryDirectory(prefix="rwp-peers-")
        self.socket = pathlib.Path(self._directory.name) / "redis.sock"
        self._server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", "",
             "--appendonly", "no", "--dir", self._directory.name], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while not self.socket.exists():
            if self._server.poll() is not None or time.monotonic() > until:
                raise RuntimeError("redis-server did not start")
            time.sleep(0.01)

    @staticmethod
    def version() -> str:
        output = subprocess.run(["redis-server", "--version"], capture_output=True, text=True,
                                check=True).stdout
        return output.split("v=")[1].split()[0]

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(30)
        self._directory.cleanup()


def python_version() -> str:
    return sys.version.split()[0]
