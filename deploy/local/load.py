"""Clients that submit jobs through the load balancer, and what became of them."""

import collections
import http.client
import json
import subprocess
import threading
import time

AD = {"title": "Staff nurse", "description": "Nights and weekends in Leeds. You hold a registration with the "
      "NMC and have worked on a ward for two years. We offer training, a pension and 30 days of leave."}
PATIENCE_SECONDS = 180


class Load:
    """Submits `rate` jobs a second until it is stopped; each is tried until it is acknowledged."""

    def __init__(self, plan, rate, clients=12):
        self.plan = plan
        self.rate = rate
        self.key = (plan.dir / "key").read_text().strip()
        self.run = f"load-{int(time.time())}"
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.number = 0
        self.begun = time.monotonic()
        self.acknowledged = {}
        self.acknowledged_at = []
        self.requests = 0
        self.failures = collections.Counter()
        self.unacknowledged = 0
        self.threads = [threading.Thread(target=self.client, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def take_turn(self):
        """The next job's number, when it is due; None at the end."""
        while not self.stopping.is_set():
            with self.lock:
                due = self.begun + self.number / self.rate
                if time.monotonic() >= due:
                    self.number += 1
                    return self.number
            self.stopping.wait(0.01)
        return None

    def client(self):
        connection = None
        while (number := self.take_turn()) is not None:
            body = json.dumps({"kind": "job_ad.enrich", "idempotency_key": f"{self.run}/{number}",
                               "payload": AD | {"id": f"{self.run}-{number}"}})
            until = time.monotonic() + PATIENCE_SECONDS
            while True:
                connection, status, answer = self.exchange(connection, "POST", "/v1/jobs", body)
                if status in (200, 201):
                    with self.lock:
                        self.acknowledged[json.loads(answer)["id"]] = number
                        self.acknowledged_at.append(time.monotonic())
                    break
                if time.monotonic() > until:
                    with self.lock:
                        self.unacknowledged += 1
                    break
                time.sleep(0.2)
            if number % 5 == 0:
                connection, *_ = self.exchange(connection, "GET", "/v1/jobs?limit=5")
        if connection:
            connection.close()

    def exchange(self, connection, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        for fresh in (False, True):
            reused = connection is not None
            connection = connection or http.client.HTTPConnection(
                "127.0.0.1", self.plan.port("balanced-api"), timeout=80)
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                answer = response.read()
                with self.lock:
                    self.requests += 1
                    if response.status >= 500:
                        self.failures[str(response.status)] += 1
                return connection, response.status, answer
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                connection = None
                # An idle connection may be closed at any time: every client asks again on a new one.
                if reused and not fresh and isinstance(error, http.client.RemoteDisconnected):
                    continue
                with self.lock:
                    self.requests += 1
                    self.failures[type(error).__name__] += 1
                return None, 0, b""
        return None, 0, b""

    def failed(self):
        with self.lock:
            return sum(self.failures.values())

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS + 90)

    def longest_gap(self, begin=0.0, end=float("inf")):
        """The longest time without an acknowledged submit."""
        with self.lock:
            times = [t for t in self.acknowledged_at if begin <= t <= end]
        return max((b - a for a, b in zip(times, times[1:])), default=0.0)


def outcome(plan, load, environment, seconds=240):
    """Waits for the jobs' ends; how many are lost, failed, recorded twice."""
    ctl = [plan.programs / "rwpctl"]

    def states():
        listed = subprocess.run([*ctl, "jobs", "list", "--all", "--kind", "job_ad.enrich", "-o", "ndjson"],
                                text=True, capture_output=True, timeout=120, env=environment)
        found = {}
        for line in listed.stdout.splitlines():
            job = json.loads(line)
            found[job["id"]] = job["state"]
        return found

    until = time.monotonic() + seconds
    while True:
        found = states()
        open_ = [i for i in load.acknowledged if found.get(i, "gone") not in ("succeeded", "failed", "gone")]
        if not open_ or time.monotonic() > until:
            break
        time.sleep(1)
    lost = [i for i in load.acknowledged if i not in found]
    failed = [i for i in load.acknowledged if found.get(i) == "failed"]
    events = collections.Counter()
    path = plan.dir / "events.jsonl"
    if path.exists():
        for line in path.read_text().splitlines():
            event = json.loads(line)
            events[event.get("id") or event.get("event_id")] += 1
    verified = subprocess.run([*ctl, "verify"], text=True, capture_output=True, timeout=300, env=environment)
    return {"lost": len(lost), "not ended": len(open_), "failed": len(failed),
            "twice recorded": sum(1 for count in events.values() if count > 1),
            "verify": "nothing is wrong" if verified.returncode == 0 else verified.stdout[-500:]}
