"""Celery: https://docs.celeryq.dev/en/stable/userguide/optimizing.html"""

import os
import sys
from typing import Dict, List

from peer import PROCESSES, TEXT, Peer, RedisServer, python_version

WITHOUT = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


class CeleryPrefork(Peer):
    """Two pool processes under one parent that deals jobs out: how Celery is used."""

    name = "celery-prefork"
    jobs = 12_000
    group = "Celery"
    settings = ("prefork, concurrency 2, fair scheduling, prefetch 128, acknowledged early, no "
                f"result; {RedisServer.settings}")
    arguments = [["--pool", "prefork", "--concurrency", str(PROCESSES), "-O", "fair"]]

    @staticmethod
    def versions() -> Dict[str, str]:
        import celery
        import kombu
        import redis
        return {"Celery": celery.__version__, "kombu": kombu.__version__,
                "redis-py": redis.__version__, "Redis": RedisServer.version(),
                "Python": python_version()}

    def open(self) -> None:
        import redis

        from .celery_settings import make_app
        self.server = RedisServer()
        self.redis = redis.Redis(unix_socket_path=str(self.server.socket))
        broker = f"redis+socket://{self.server.socket}"
        os.environ["RWP_PEERS_BROKER"] = broker
        self.app, self.task = make_app(broker)

    def submit(self, count: int) -> None:
        with self.app.producer_pool.acquire(block=True) as producer:
            for _ in range(count):
                self.task.apply_async((TEXT,), producer=producer)

    def worker_commands(self) -> List[List[str]]:
        return [[sys.executable, "-m", "celery", "-A", "drivers.celery_app", "worker",
                 "--loglevel", "ERROR", "-n", f"w{number}@%h", *WITHOUT, *one]
                for number, one in enumerate(self.arguments)]

    def remaining(self) -> int:
        with self.redis.pipeline(transaction=False) as pipe:
            waiting, taken = pipe.llen("celery").hlen("unacked").execute()
        return int(waiting) + int(taken)

    def close(self) -> None:
        self.app.close()
        self.redis.close()
        self.server.close()


class CeleryPreforkEach(CeleryPrefork):
    """Two workers, each with a pool of one process."""

    name = "celery-prefork-each"
    settings = CeleryPrefork.settings.replace("prefork, concurrency 2",
                                              "two workers of prefork, concurrency 1")
    arguments = [["--pool", "prefork", "--concurrency", "1", "-O", "fair"]] * PROCESSES


class CelerySolo(CeleryPrefork):
    """Two workers that run jobs in their own process."""

    name = "celery-solo"
    settings = (f"two workers of pool solo, prefetch 128, acknowledged early, no result; "
                f"{RedisServer.settings}")
    arguments = [["--pool", "solo"]] * PROCESSES
