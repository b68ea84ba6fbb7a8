"""RQ: https://python-rq.org/docs/workers/#performance-notes"""

import sys
from typing import Dict, List

from peer import PROCESSES, TEXT, Peer, RedisServer, python_version

from . import tasks


class RqSimple(Peer):
    """Runs jobs in the worker's own process, which RQ offers for speed; no result is kept."""

    name = "rq-simple"
    jobs = 6_000
    group = "RQ"
    worker_class = "rq.SimpleWorker"
    settings = f"SimpleWorker, burst, result_ttl=0; {RedisServer.settings}"

    @staticmethod
    def versions() -> Dict[str, str]:
        import redis
        import rq
        return {"RQ": rq.__version__, "redis-py": redis.__version__,
                "Redis": RedisServer.version(), "Python": python_version()}

    def open(self) -> None:
        import redis
        import rq
        self.server = RedisServer()
        self.redis = redis.Redis(unix_socket_path=str(self.server.socket))
        self.queue = rq.Queue(connection=self.redis)

    def submit(self, count: int) -> None:
        import rq
        for begin in range(0, count, 1_000):
            self.queue.enqueue_many([
                rq.Queue.prepare_data(tasks.no_op, args=(TEXT,), result_ttl=0)
                for _ in range(min(1_000, count - begin))])

    def worker_commands(self) -> List[List[str]]:
        return [[sys.executable, "-m", "rq.cli", "worker", "--burst", "--quiet",
                 "--disable-job-desc-logging", "--worker-class", self.worker_class,
                 "--url", f"unix://{self.server.socket}"]] * PROCESSES

    def remaining(self) -> int:
        # A job that runs is in the registry of started ones.
        with self.redis.pipeline(transaction=False) as pipe:
            waiting, running, failed = (pipe.llen("rq:queue:default")
                                        .zcard("rq:wip:default").zcard("rq:failed:default")
                                        .execute())
        if failed:
            raise RuntimeError(f"{failed} jobs failed")
        return int(waiting) + int(running)

    def close(self) -> None:
        self.redis.close()
        self.server.close()


class RqFork(RqSimple):
    """RQ's default: a process forked for each job."""

    name = "rq-fork"
    jobs = 600
    group = ""
    worker_class = "rq.Worker"
    settings = f"Worker (forks for each job), burst, result_ttl=0; {RedisServer.settings}"
